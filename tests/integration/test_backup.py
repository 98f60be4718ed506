"""POST /backup: both tables into one set, and the manifest that vouches for it."""

import hashlib
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure

TABLES = COLLECTION, EMBEDDING = ("langchain_pg_collection", "langchain_pg_embedding")
ROOT = "./data_pipeline/training_data"


def set_files(directory: Path) -> set[str]:
    """All that backups leave in a directory but the log."""
    return {path.name for path in directory.iterdir()} - {"vector_backup_log.txt"}


def body_of(answer: dict[str, Any]) -> dict[str, str]:
    """What restores the set that an answer speaks of."""
    (name,) = {answer["tables_backed_up"][TABLES[0]]["backup_file"]}
    return {"backup_path": answer["backup_directory"], "timestamp": re.search(r"\d{8}_\d{6}", name)[0]}  # type: ignore[index]


def test_the_answer_says_what_was_written_and_from_where(
    client: Client, database: TestDatabase, fill: Any, output_dir: Path
) -> None:
    fill(database)
    answer = client.backup().get_json()["data"]
    timestamp = body_of(answer)["timestamp"]
    assert answer["response"] == "Vector表备份完成"
    assert (answer["backup_performed"], answer["truncate_performed"]) == (True, False)
    assert answer["backup_directory"] == f"{ROOT}/vector_bak"
    for table, rows in zip(TABLES, (2, 6), strict=True):
        entry = answer["tables_backed_up"][table]
        size = (output_dir / "vector_bak" / f"{table}_{timestamp}.csv").stat().st_size
        assert (entry["success"], entry["row_count"], entry["file_size"]) == (True, rows, f"{size} B")
        assert entry["backup_file"] == f"{table}_{timestamp}.csv"
        assert entry["duration"] >= 0
    assert (answer["truncate_results"], answer["errors"]) == ({}, [])
    assert answer["duration"] >= 0
    server = database.server
    assert answer["target"] == {
        "host": server.host,
        "port": server.port,
        "dbname": database.dbname,
        "user": server.user,
        "source": "config",
    }


def test_what_was_backed_up_is_listed_with_its_manifest(client: Client) -> None:
    body = body_of(client.backup().get_json()["data"])
    (place,) = client.list().get_json()["data"]["backup_locations"]
    (found,) = place["backups"]
    assert (place["relative_path"], found["timestamp"]) == (body["backup_path"], body["timestamp"])
    assert (found["has_manifest"], found["has_log"], found["format"]) == (True, True, "csv")


def test_the_files_hold_what_copy_writes(client: Client, database: TestDatabase, fill: Any, output_dir: Path) -> None:
    fill(database)
    timestamp = body_of(client.backup().get_json()["data"])["timestamp"]
    for table in TABLES:
        path = output_dir / "expected"
        with open(path, "wb") as file:
            database.connect().cursor().copy_expert(f"COPY {table} TO STDOUT (FORMAT csv, HEADER)", file)
        assert (output_dir / "vector_bak" / f"{table}_{timestamp}.csv").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("task_id", ["task_20250721_213627", "manual_1"])
def test_a_tasks_backup_goes_into_its_directory(client: Client, output_dir: Path, task_id: str) -> None:
    (output_dir / task_id).mkdir()
    answer = client.backup(task_id=task_id).get_json()["data"]
    assert answer["backup_directory"] == f"{ROOT}/{task_id}/vector_bak"
    assert len(set_files(output_dir / task_id / "vector_bak")) == 3
    assert set_files(output_dir / "vector_bak") == set()
    assert client.restore(**body_of(answer), truncate_before_restore=True).status_code == 200


@pytest.mark.parametrize("task_id", ["task_20250721_213627", "vector_bak", "global", "task_link", "task_file"])
def test_an_unknown_task_is_not_made(client: Client, output_dir: Path, tmp_path: Path, task_id: str) -> None:
    (output_dir / "task_link").symlink_to(tmp_path)
    (output_dir / "task_file").write_bytes(b"")
    before = sorted(output_dir.rglob("*"))
    response = client.backup(task_id=task_id)
    assert failure(response) == (404, "RESOURCE_NOT_FOUND")
    assert response.get_json()["data"]["response"] == f"指定的任务目录不存在: {task_id}"
    assert sorted(output_dir.rglob("*")) == before


@pytest.mark.parametrize("name", ["pg_conn", "db_connection"])
def test_a_request_names_another_database_by_either_name(
    client: Client, second_database: TestDatabase, fill: Any, name: str
) -> None:
    fill(second_database)
    answer = client.backup(**{name: second_database.url}).get_json()["data"]
    assert answer["tables_backed_up"][TABLES[1]]["row_count"] == 6
    assert (answer["target"]["dbname"], answer["target"]["source"]) == (second_database.dbname, "pg_conn")


def test_both_names_at_once_are_refused(client: Client, database: TestDatabase, output_dir: Path) -> None:
    response = client.backup(pg_conn=database.url, db_connection=database.url)
    assert failure(response) == (400, "INVALID_PARAMS")
    assert set_files(output_dir / "vector_bak") == set()


def test_neither_backup_nor_truncate_is_nothing_to_do(client: Client) -> None:
    assert failure(client.backup(backup_vector_tables=False)) == (400, "INVALID_PARAMS")


def test_truncating_empties_the_embedding_table_alone(
    client: Client, database: TestDatabase, fill: Any, bits: Any
) -> None:
    fill(database)
    collections, embeddings = bits(database, TABLES[0]), bits(database, TABLES[1])
    answer = client.backup(truncate_vector_tables=True, backup_vector_tables=False).get_json()["data"]
    assert (answer["backup_performed"], answer["truncate_performed"]) == (True, True)
    result = answer["truncate_results"]
    assert result[TABLES[1]].pop("duration") >= 0
    assert result == {TABLES[1]: {"success": True, "rows_before": 6, "rows_after": 0}}
    assert (bits(database, TABLES[0]), bits(database, TABLES[1])) == (collections, [])
    client.restore(**body_of(answer), tables=[TABLES[1]])
    assert bits(database, TABLES[1]) == embeddings


@pytest.mark.parametrize("truncate", [False, True])
def test_empty_tables_are_backed_up_and_restored(
    client: Client, database: TestDatabase, bits: Any, fill: Any, truncate: bool
) -> None:
    answer = client.backup(truncate_vector_tables=truncate).get_json()["data"]
    assert [entry["row_count"] for entry in answer["tables_backed_up"].values()] == [0, 0]
    fill(database)
    assert client.restore(**body_of(answer), truncate_before_restore=True).status_code == 200
    assert bits(database) == []


def test_the_old_tables_are_backed_up_and_restored(
    make_client: Callable[..., Client], old_database: TestDatabase, bits: Any
) -> None:
    client = make_client(DATABASE_URL=old_database.url)
    uuid = "11111111-1111-4111-8111-111111111111"
    old_database.execute("INSERT INTO langchain_pg_collection VALUES ('docs', '{\"a\" :  1.0}', %s)", (uuid,))
    old_database.execute(
        "INSERT INTO langchain_pg_embedding VALUES (%s, '[1,-0]', '', '[ ]', '', %s)", (uuid, uuid.replace("1", "2"))
    )
    before = bits(old_database)
    answer = client.backup().get_json()["data"]
    old_database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    assert client.restore(**body_of(answer)).status_code == 200
    assert bits(old_database) == before


def test_the_tables_may_be_in_another_schema(
    make_client: Callable[..., Client], database: TestDatabase, fill: Any, bits: Any
) -> None:
    fill(database)
    before = bits(database)
    database.execute("CREATE SCHEMA rag")
    for table in TABLES:
        database.execute(f"ALTER TABLE {table} SET SCHEMA rag")
    client = make_client(DATABASE_URL=database.url, PGVECTOR_SCHEMA="rag")
    answer = client.backup(truncate_vector_tables=True).get_json()["data"]
    assert client.restore(**body_of(answer), truncate_before_restore=True).status_code == 200
    assert bits(database, *(f"rag.{table}" for table in TABLES)) == before


def test_every_block_of_the_manifest_has_the_checksum_of_its_bytes(
    client: Client, database: TestDatabase, fill: Any, output_dir: Path
) -> None:
    fill(database)
    # Three blocks of 2 MB, and a bit.
    database.execute(
        "INSERT INTO langchain_pg_embedding SELECT 'big ' || n, NULL, NULL, repeat(E'x\"\\n', 50000), NULL"
        " FROM generate_series(1, 40) n"
    )
    timestamp = body_of(client.backup().get_json()["data"])["timestamp"]
    directory = output_dir / "vector_bak"
    document = json.loads((directory / f"vector_backup_{timestamp}.json").read_bytes())
    assert len(document["tables"][TABLES[1]]["blocks"]) > 3
    for name, table in document["tables"].items():
        data = (directory / f"{name}_{timestamp}.csv").read_bytes()
        assert (table["file"], table["bytes"]) == (f"{name}_{timestamp}.csv", len(data))
        end = 0
        for block in table["blocks"]:
            assert block["offset"] == end
            end += block["bytes"]
            assert block["sha256"] == hashlib.sha256(data[block["offset"] : end]).hexdigest()
            assert data[:end].count(b'"') % 2 == 0
            assert data[:end].endswith(b"\n")
        assert end == len(data)
    promised = document.pop("sha256")
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert promised == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_manifest_describes_tables_and_collections_as_facts(
    client: Client, database: TestDatabase, fill: Any, output_dir: Path
) -> None:
    fill(database)
    timestamp = body_of(client.backup().get_json()["data"])["timestamp"]
    document = json.loads((output_dir / "vector_bak" / f"vector_backup_{timestamp}.json").read_bytes())
    assert (document["database"], document["timestamp"]) == (database.dbname, timestamp)
    assert [(found["name"], found["rows"], found["dimensions"]) for found in document["collections"]] == [
        ("docs", 5, [3]),
        ("空集合", 0, []),
    ]
    embedding = document["tables"][TABLES[1]]
    assert [(column["name"], column["type"]) for column in embedding["columns"]] == [
        ("id", "varchar"),
        ("collection_id", "uuid"),
        ("embedding", "vector"),
        ("document", "varchar"),
        ("cmetadata", "jsonb"),
    ]
    gin = next(index for index in embedding["indexes"] if index["name"] == "ix_cmetadata_gin")
    assert (gin["method"], gin["keys"], gin["operator_classes"]) == ("gin", ["cmetadata"], ["jsonb_path_ops"])
    (key,) = embedding["foreign_keys"]
    assert (key["columns"], key["referenced_columns"], key["on_delete"]) == (["collection_id"], ["uuid"], "cascade")


def test_backups_at_once_each_have_a_second_of_their_own(client: Client, output_dir: Path) -> None:
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda twin: twin.backup(), [client.twin() for _ in range(18)]))
    assert {answer.status_code for answer in answers} == {200}
    timestamps = {body_of(answer.get_json()["data"])["timestamp"] for answer in answers}
    assert len(timestamps) == 18
    (place,) = client.list().get_json()["data"]["backup_locations"]
    assert {found["timestamp"] for found in place["backups"]} == timestamps
    assert len(set_files(output_dir / "vector_bak")) == 3 * 18


def test_the_log_has_a_line_for_each_run_and_the_newest_is_last(
    client: Client, database: TestDatabase, fill: Any, output_dir: Path
) -> None:
    client.backup()
    fill(database)
    database.execute("ALTER TABLE langchain_pg_embedding RENAME TO gone")
    assert failure(client.backup()) == (409, "SCHEMA_MISMATCH")
    database.execute("ALTER TABLE gone RENAME TO langchain_pg_embedding")
    newest = client.backup().get_json()["data"]["tables_backed_up"][TABLES[1]]["backup_file"]
    lines = (output_dir / "vector_bak" / "vector_backup_log.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d ", line) for line in lines)
    assert [line.split()[1] for line in lines] == ["成功", "失败", "成功"]
    assert "SCHEMA_MISMATCH" in lines[1]
    assert (newest in lines[2], "6行" in lines[2]) == (True, True)


def test_a_backup_of_a_database_that_is_not_there_leaves_nothing_but_a_line_in_the_log(
    make_client: Callable[..., Client], output_dir: Path
) -> None:
    client = make_client(DATABASE_URL="postgresql://ann:pa55-word@127.0.0.1:1/docs")
    assert failure(client.backup()) == (500, "DATABASE_ERROR")
    assert set_files(output_dir / "vector_bak") == set()
    log = (output_dir / "vector_bak" / "vector_backup_log.txt").read_text(encoding="utf-8")
    assert ("失败 DATABASE_ERROR" in log, "pa55-word" in log) == (True, False)


def test_a_table_without_a_key_is_backed_up_and_its_manifest_says_so(
    client: Client, database: TestDatabase, fill: Any, backups: Any
) -> None:
    fill(database)
    database.execute("ALTER TABLE langchain_pg_embedding DROP COLUMN id")
    answer = client.backup()
    assert answer.status_code == 200
    stamp = answer.get_json()["data"]["backup_timestamp"]
    manifest = json.loads((backups.directory() / f"vector_backup_{stamp}.json").read_bytes())
    facts = {name: (fact["key"], fact["references"]) for name, fact in manifest["tables"].items()}
    reference = {"columns": ["collection_id"], "table": COLLECTION, "referenced_columns": ["uuid"]}
    assert facts == {COLLECTION: (["uuid"], []), EMBEDDING: ([], [reference])}
    assert (manifest["layout"], manifest["load_order"]) == ("langchain", [COLLECTION, EMBEDDING])


def test_the_manifest_of_old_tables_says_by_what_their_rows_are_known(
    make_client: Callable[..., Client], old_database: TestDatabase, backups: Any
) -> None:
    answer = make_client(DATABASE_URL=old_database.url).backup()
    stamp = answer.get_json()["data"]["backup_timestamp"]
    manifest = json.loads((backups.directory() / f"vector_backup_{stamp}.json").read_bytes())
    assert (manifest["layout"], manifest["tables"][EMBEDDING]["key"]) == ("langchain", ["uuid"])


DOMAINS = {
    "in another schema": "CREATE SCHEMA app; CREATE DOMAIN app.vector AS {type}",
    "where pgvector's own was": (
        "CREATE SCHEMA moved; ALTER TYPE public.vector SET SCHEMA moved; CREATE DOMAIN public.vector AS {type}"
    ),
}


@pytest.mark.parametrize("over", ["text", "vector"])
@pytest.mark.parametrize("statements", DOMAINS.values(), ids=DOMAINS)
@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_a_domain_of_pgvectors_name_is_not_taken_for_its_type(
    client: Client, database: TestDatabase, fill: Any, bits: Any, file_format: str, statements: str, over: str
) -> None:
    fill(database)
    moved = "moved" in statements
    plain = "moved.vector" if moved else "public.vector"
    database.execute(statements.format(type=plain if over == "vector" else over))
    database.execute(
        f"ALTER TABLE langchain_pg_embedding ALTER embedding TYPE {'public' if moved else 'app'}.vector"
        f" USING embedding::{'public' if moved else 'app'}.vector"
    )
    before = bits(database)
    response = client.backup(format=file_format, probes=2, truncate_vector_tables=True)
    assert response.status_code == 200, response.text
    data = response.get_json()["data"]
    named = {"backup_path": data["backup_directory"], "timestamp": data["backup_timestamp"]}
    assert client.restore(**named, truncate_before_restore=True).status_code == 200
    assert bits(database) == before
