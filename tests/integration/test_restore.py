"""POST /restore with truncate_before_restore: the tables hold exactly the backup afterwards."""

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from data_pipeline.postgres.writing import copy_in
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import COLLECTION, DOCS, EMBEDDING

ROOT = "./data_pipeline/training_data"


def restored(response: Any) -> dict[str, Any]:
    """The data of an answer that must be a success."""
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


@pytest.fixture
def backed_up(client: Client, database: TestDatabase, fill: Any) -> dict[str, Any]:
    """Awkward rows, backed up by the service; the body that puts them back in place of others."""
    fill(database)
    data = client.backup().get_json()["data"]
    return {
        "backup_path": data["backup_directory"],
        "timestamp": data["backup_timestamp"],
        "truncate_before_restore": True,
    }


def damage(database: TestDatabase) -> None:
    """Change, remove and add rows of both tables."""
    database.execute("DELETE FROM langchain_pg_embedding WHERE id IN ('plain', 'no text')")
    database.execute("UPDATE langchain_pg_embedding SET document = 'damaged', embedding = '[9]'")
    database.execute("INSERT INTO langchain_pg_embedding (id) SELECT n FROM generate_series(1, 10) n")
    database.execute("UPDATE langchain_pg_collection SET name = 'damaged' WHERE name = 'docs'")


def test_every_row_is_as_it_was_to_the_bit(
    client: Client, database: TestDatabase, bits: Any, backed_up: dict[str, Any]
) -> None:
    before = bits(database)
    damage(database)
    assert bits(database) != before
    restored(client.restore(**backed_up))
    assert bits(database) == before


def test_the_answer_says_what_was_removed_and_what_was_written(
    client: Client, database: TestDatabase, backed_up: dict[str, Any]
) -> None:
    damage(database)
    data = restored(client.restore(**backed_up))
    timestamp = backed_up["timestamp"]
    assert data["response"] == "Vector表恢复完成"
    assert (data["restore_performed"], data["truncate_performed"], data["errors"]) == (True, True, [])
    assert data["backup_info"]["backup_path"] == f"{ROOT}/vector_bak"
    assert data["backup_info"]["timestamp"] == timestamp
    date = data["backup_info"]["backup_date"]
    assert date.translate(str.maketrans({"-": "", ":": "", " ": "_"})) == timestamp
    for table, rows_before, rows in ((COLLECTION, 2, 2), (EMBEDDING, 14, 6)):
        emptied, written = data["truncate_results"][table], data["restore_results"][table]
        assert (emptied["success"], emptied["rows_before"], emptied["rows_after"]) == (True, rows_before, 0)
        assert (written["success"], written["rows_restored"]) == (True, rows)
        assert written["source_file"] == f"{table}_{timestamp}.csv"
        assert emptied["duration"] >= 0
        assert written["duration"] >= 0
    assert data["target"]["dbname"] == database.dbname
    assert data["warnings"] == []


def test_readers_were_blocked_for_part_of_the_time(client: Client, backed_up: dict[str, Any]) -> None:
    data = restored(client.restore(**backed_up))
    assert 0 < data["readers_blocked_seconds"] <= data["duration"]


def test_readers_wait_while_a_replace_runs(
    client: Client, database: TestDatabase, backed_up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    load, refused = copy_in.load, []

    def read_meanwhile(*args: Any) -> int:
        connection = database.connect()
        connection.cursor().execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable) as caught:
            connection.cursor().execute("SELECT FROM langchain_pg_embedding")
        refused.append(caught.value)
        return load(*args)

    monkeypatch.setattr(copy_in, "load", read_meanwhile)
    restored(client.restore(**backed_up))
    assert len(refused) == 2


def test_a_repeatable_read_older_than_the_replace_sees_empty_tables(
    client: Client, database: TestDatabase, backed_up: dict[str, Any]
) -> None:
    reader = database.connect()
    reader.set_session(isolation_level="REPEATABLE READ")
    cursor = reader.cursor()
    cursor.execute("SELECT 1")
    restored(client.restore(**backed_up))
    cursor.execute("SELECT count(*) FROM langchain_pg_embedding")
    assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("truncate", [True, False])
def test_the_planners_statistics_describe_the_new_rows(
    client: Client, database: TestDatabase, small_set: dict[str, str], truncate: bool
) -> None:
    database.execute("ANALYZE langchain_pg_collection, langchain_pg_embedding")
    restored(client.restore(**small_set, truncate_before_restore=truncate))
    sizes = "SELECT relname, reltuples::int FROM pg_class WHERE relname = ANY(%s) ORDER BY 1"
    assert database.fetch(sizes, ([COLLECTION, EMBEDDING],)) == [(COLLECTION, 1), (EMBEDDING, 2)]
    seen = "SELECT n_distinct FROM pg_stats WHERE tablename = %s AND attname = 'id'"
    assert database.fetch(seen, (EMBEDDING,)) == [(-1.0,)]


@pytest.mark.parametrize(
    ("count", "options", "steps"),
    [
        (3000, "autovacuum_enabled = true", 100),
        (3001, "autovacuum_enabled = true", 10),
        (3001, "autovacuum_enabled = false", 100),
        (3001, "autovacuum_analyze_threshold = 3001", 100),
        (3001, "autovacuum_analyze_scale_factor = 2", 100),
    ],
)
def test_the_statistics_of_many_rows_are_finer_where_autovacuum_will_not_refine_them(
    client: Client, database: TestDatabase, backups: Any, count: int, options: str, steps: int
) -> None:
    rows = "".join(f'{number},{DOCS},"[1,2,3]",text,{{}}\n' for number in range(count))
    body = backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode(),
        f"id,collection_id,embedding,document,cmetadata\n{rows}".encode(),
    )
    database.execute(f"ALTER TABLE {EMBEDDING} SET ({options})")
    restored(client.restore(**body, truncate_before_restore=True))
    bounds = "SELECT cardinality(histogram_bounds::text::text[]) FROM pg_stats WHERE tablename = %s AND attname = 'id'"
    assert database.fetch(bounds, (EMBEDDING,)) == [(steps + 1,)]


@pytest.mark.parametrize("tables", [[COLLECTION, EMBEDDING], [EMBEDDING, COLLECTION]])
def test_the_order_of_tables_means_nothing(
    client: Client, database: TestDatabase, bits: Any, backed_up: dict[str, Any], tables: list[str]
) -> None:
    before = bits(database)
    damage(database)
    data = restored(client.restore(**backed_up, tables=tables))
    assert list(data["restore_results"]) == [COLLECTION, EMBEDDING]
    assert bits(database) == before


def test_the_embedding_table_can_be_replaced_alone(
    client: Client, database: TestDatabase, bits: Any, backed_up: dict[str, Any]
) -> None:
    embeddings = bits(database, EMBEDDING)
    damage(database)
    collections = bits(database, COLLECTION)
    data = restored(client.restore(**backed_up, tables=[EMBEDDING]))
    assert data["restore_results"].keys() == data["truncate_results"].keys() == {EMBEDDING}
    assert (bits(database, COLLECTION), bits(database, EMBEDDING)) == (collections, embeddings)


def test_embeddings_alone_need_their_collection(
    client: Client, database: TestDatabase, bits: Any, backed_up: dict[str, Any]
) -> None:
    database.execute("UPDATE langchain_pg_embedding SET collection_id = NULL")
    database.execute("DELETE FROM langchain_pg_collection WHERE name = 'docs'")
    before = bits(database)
    assert failure(client.restore(**backed_up, tables=[EMBEDDING])) == (422, "ORPHAN_ROWS")
    assert bits(database) == before


def test_the_collection_table_is_not_replaced_under_its_embeddings(
    client: Client, database: TestDatabase, bits: Any, backed_up: dict[str, Any]
) -> None:
    damage(database)
    before = bits(database)
    response = client.restore(**backed_up, tables=[COLLECTION])
    assert failure(response) == (409, "DEPENDENT_ROWS")
    assert response.get_json()["data"]["rolled_back"] is True
    assert bits(database) == before


def test_the_collection_table_can_be_replaced_alone_when_there_are_no_embeddings(
    client: Client, database: TestDatabase, bits: Any, backed_up: dict[str, Any]
) -> None:
    collections = bits(database, COLLECTION)
    damage(database)
    database.execute("TRUNCATE langchain_pg_embedding")
    data = restored(client.restore(**backed_up, tables=[COLLECTION]))
    assert data["truncate_results"].keys() == {COLLECTION}
    assert bits(database) == collections


def test_embeddings_of_no_collection_come_back_too(
    client: Client, database: TestDatabase, bits: Any, backed_up: dict[str, Any]
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding")
    restored(client.restore(**backed_up))
    assert database.fetch("SELECT id FROM langchain_pg_embedding WHERE collection_id IS NULL") == [(" spaces ",)]


def test_columns_of_somebody_else_come_back_too(client: Client, database: TestDatabase, fill: Any, bits: Any) -> None:
    fill(database)
    database.execute("ALTER TABLE langchain_pg_embedding ADD added timestamptz DEFAULT now(), ADD tags text[]")
    database.execute("UPDATE langchain_pg_embedding SET tags = '{a,\"b,c\",NULL}' WHERE id = 'plain'")
    before = bits(database)
    answer = client.backup(truncate_vector_tables=True).get_json()["data"]
    body = {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}
    restored(client.restore(**body, truncate_before_restore=True))
    assert bits(database) == before


def test_a_file_larger_than_one_process_parses_comes_back_whole(
    make_client: Callable[..., Client], database: TestDatabase, fill: Any, bits: Any
) -> None:
    client = make_client(DATABASE_URL=database.url, LOAD_WORKERS="2")
    fill(database)
    database.execute(
        "INSERT INTO langchain_pg_embedding SELECT 'big ' || n, %s, '[1,2,3]', repeat(E'x\"\\n', 50000), NULL"
        " FROM generate_series(1, 60) n",
        (DOCS,),
    )
    before = bits(database)
    answer = client.backup(truncate_vector_tables=True).get_json()["data"]
    body = {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}
    data = restored(client.restore(**body, truncate_before_restore=True))
    assert data["restore_results"][EMBEDDING]["file_size"] == "11.4 MB"
    assert bits(database) == before


@pytest.mark.parametrize("strange", ["20250722_999999", "99999999_000000"])
def test_a_file_that_is_missing_is_not_found_before_anything_is_touched(
    client: Client, database: TestDatabase, bits: Any, backed_up: dict[str, Any], strange: str
) -> None:
    before = bits(database)
    response = client.restore(**{**backed_up, "timestamp": strange})
    assert failure(response) == (404, "RESOURCE_NOT_FOUND")
    assert response.get_json()["message"] == "资源未找到"
    missing = f"{ROOT}/vector_bak/langchain_pg_collection_{strange}.csv"
    assert response.get_json()["data"]["response"] == f"备份文件不存在: {missing}"
    assert bits(database) == before


@pytest.mark.parametrize("truncate", [True, False])
def test_half_a_set_restores_the_table_it_has_and_is_not_found_for_both(
    client: Client, database: TestDatabase, backups: Any, truncate: bool
) -> None:
    backups.file("langchain_pg_collection_20250722_010318.csv", f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode())
    body = {**backups.named(), "truncate_before_restore": truncate}
    response = client.restore(**body)
    assert failure(response) == (404, "RESOURCE_NOT_FOUND")
    assert "langchain_pg_embedding_20250722_010318.csv" in response.get_json()["data"]["response"]
    restored(client.restore(**body, tables=[COLLECTION]))
    assert database.fetch("SELECT name FROM langchain_pg_collection") == [("docs",)]
