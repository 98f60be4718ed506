"""What a backup doesn't do: mix two states, hide rows, leave half a set, or lose a row written meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from data_pipeline.postgres import writer_lock
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import TABLES

NEW = "33333333-3333-4333-8333-333333333333"


def expect_nothing_new(client: Client, directory: Path) -> None:
    assert {path.name for path in directory.iterdir()} <= {"vector_backup_log.txt"}
    assert client.list().get_json()["data"]["backup_locations"] == []


@pytest.fixture
def between_the_tables(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something when the collection table has been copied and the embedding table has not."""
    copy_out = tables.copy_out

    def install(action: Callable[[], object]) -> None:
        def copy_and_act(cursor: Cursor, table: Table, *rest: Any) -> int:
            if table.name == TABLES[1]:
                action()
            return copy_out(cursor, table, *rest)

        monkeypatch.setattr(tables, "copy_out", copy_and_act)

    return install


def test_both_tables_come_from_one_snapshot(
    client: Client, database: TestDatabase, fill: Any, bits: Any, between_the_tables: Any
) -> None:
    fill(database)
    before = bits(database)

    def commit_something() -> None:
        database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'late')", (NEW,))
        database.execute("INSERT INTO langchain_pg_embedding VALUES ('late', %s)", (NEW,))
        database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")

    between_the_tables(commit_something)
    answer = client.backup().get_json()["data"]
    assert bits(database) != before
    body = {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}
    assert client.restore(**body, truncate_before_restore=True).status_code == 200
    assert bits(database) == before


def test_the_snapshot_is_younger_than_a_truncate_it_waited_for(
    client: Client, database: TestDatabase, fill: Any, bits: Any, background: Any, wait_for_lock: Any
) -> None:
    fill(database)
    other = database.connect()
    other.cursor().execute("TRUNCATE langchain_pg_embedding")
    other.cursor().execute("INSERT INTO langchain_pg_embedding (id) VALUES ('after')")
    running = background(client.twin().backup)
    wait_for_lock(database)
    other.commit()
    answer = running.result().get_json()["data"]
    assert answer["tables_backed_up"][TABLES[1]]["row_count"] == 1


def test_nobody_writes_between_a_backup_and_its_truncate(
    client: Client, database: TestDatabase, fill: Any, between_the_tables: Any
) -> None:
    fill(database)
    refused = []

    def try_to_write() -> None:
        connection = database.connect()
        connection.cursor().execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable) as caught:
            connection.cursor().execute("INSERT INTO langchain_pg_embedding (id) VALUES ('late')")
        refused.append(caught.value)

    between_the_tables(try_to_write)
    assert client.backup(truncate_vector_tables=True).status_code == 200
    assert len(refused) == 1


def test_readers_and_writers_go_on_during_a_backup(
    client: Client, database: TestDatabase, fill: Any, between_the_tables: Any
) -> None:
    fill(database)
    between_the_tables(lambda: database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('late')"))
    assert client.backup().get_json()["data"]["tables_backed_up"][TABLES[1]]["row_count"] == 6
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(7,)]


@pytest.mark.parametrize("truncate", [False, True])
def test_a_connection_lost_midway_leaves_nothing(
    client: Client,
    database: TestDatabase,
    fill: Any,
    bits: Any,
    output_dir: Path,
    between_the_tables: Any,
    truncate: bool,
) -> None:
    fill(database)
    before = bits(database)
    between_the_tables(
        lambda: database.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'vector-restore' AND datname = current_database()"
        )
    )
    response = client.backup(truncate_vector_tables=truncate)
    assert failure(response) == (500, "DATABASE_ERROR")
    assert response.get_json()["data"]["can_retry"] is True
    assert bits(database) == before
    expect_nothing_new(client, output_dir / "vector_bak")


def test_rows_that_a_policy_hides_are_no_smaller_backup(
    client: Client, database: TestDatabase, role: Any, fill: Any, output_dir: Path
) -> None:
    fill(database)
    role.may("SELECT")
    database.execute("ALTER TABLE langchain_pg_embedding ENABLE ROW LEVEL SECURITY")
    database.execute("CREATE POLICY hide ON langchain_pg_embedding USING (id = 'plain')")
    response = client.backup(pg_conn=role.url)
    assert failure(response) == (403, "PERMISSION_DENIED")
    assert response.get_json()["data"]["target"]["user"] == role.name
    expect_nothing_new(client, output_dir / "vector_bak")
    assert "失败 PERMISSION_DENIED" in (output_dir / "vector_bak" / "vector_backup_log.txt").read_text(encoding="utf-8")


def test_a_role_that_may_only_read_can_back_up_but_not_truncate(
    client: Client, database: TestDatabase, role: Any, fill: Any, bits: Any
) -> None:
    fill(database)
    role.may("SELECT")
    before = bits(database)
    assert client.backup(pg_conn=role.url).status_code == 200
    assert failure(client.backup(pg_conn=role.url, truncate_vector_tables=True)) == (403, "PERMISSION_DENIED")
    assert bits(database) == before


def test_a_role_without_privileges_is_forbidden(client: Client, role: Any, output_dir: Path) -> None:
    assert failure(client.backup(pg_conn=role.url)) == (403, "PERMISSION_DENIED")
    expect_nothing_new(client, output_dir / "vector_bak")


def test_a_missing_table_is_a_conflict(
    make_client: Callable[..., Client], empty_database: TestDatabase, output_dir: Path
) -> None:
    client = make_client(DATABASE_URL=empty_database.url)
    assert failure(client.backup()) == (409, "SCHEMA_MISMATCH")
    expect_nothing_new(client, output_dir / "vector_bak")


def test_a_table_that_inherits_from_ours_is_left_alone(
    client: Client, database: TestDatabase, fill: Any, small_set: dict[str, str]
) -> None:
    """COPY would save the rows of our table alone, TRUNCATE would empty both."""
    fill(database)
    database.execute("CREATE TABLE archive () INHERITS (langchain_pg_embedding)")
    database.execute("INSERT INTO archive (id) VALUES ('kept')")
    assert failure(client.backup(truncate_vector_tables=True)) == (409, "SCHEMA_MISMATCH")
    assert failure(client.restore(**small_set, truncate_before_restore=True)) == (409, "SCHEMA_MISMATCH")
    assert failure(client.restore(**small_set, strategy="sync")) == (409, "SCHEMA_MISMATCH")
    assert database.fetch("SELECT id FROM archive") == [("kept",)]
    assert database.fetch("SELECT count(*) FROM ONLY langchain_pg_embedding") == [(6,)]


def test_a_partitioned_table_is_refused_before_anything_is_done(
    client: Client, database: TestDatabase, fill: Any, small_set: dict[str, str]
) -> None:
    """COPY saves no partitions."""
    database.execute("DROP TABLE langchain_pg_embedding")
    database.execute(
        "CREATE TABLE langchain_pg_embedding (id varchar, collection_id uuid, embedding vector, document varchar,"
        " cmetadata jsonb) PARTITION BY HASH (id)"
    )
    assert failure(client.backup()) == (409, "SCHEMA_MISMATCH")
    assert failure(client.restore(**small_set, truncate_before_restore=True)) == (409, "SCHEMA_MISMATCH")


def test_a_table_that_refers_to_ours_forbids_truncating_it(
    client: Client, database: TestDatabase, fill: Any, bits: Any
) -> None:
    """The backup was made before that was known; the answer says which one it is."""
    fill(database)
    database.execute("CREATE TABLE notes (id varchar REFERENCES langchain_pg_embedding)")
    before = bits(database)
    answer = client.backup(truncate_vector_tables=True)
    assert failure(answer) == (409, "DEPENDENT_ROWS")
    assert bits(database) == before
    (listed,) = client.list().get_json()["data"]["backup_locations"][0]["backups"]
    assert answer.get_json()["data"]["backup_timestamp"] == listed["timestamp"]


def test_a_truncating_backup_is_a_writer_and_there_is_one_at_a_time(
    client: Client, database: TestDatabase, fill: Any, bits: Any, output_dir: Path
) -> None:
    fill(database)
    before = bits(database)
    database.connect().cursor().execute("SELECT pg_advisory_xact_lock(%s)", (writer_lock.KEY,))
    assert failure(client.backup(truncate_vector_tables=True)) == (409, "OPERATION_IN_PROGRESS")
    assert bits(database) == before
    expect_nothing_new(client, output_dir / "vector_bak")
    assert client.backup().status_code == 200


def test_a_table_that_stays_locked_is_a_timeout(
    make_client: Callable[..., Client], database: TestDatabase, fill: Any, bits: Any, output_dir: Path
) -> None:
    fill(database)
    client = make_client(DATABASE_URL=database.url, PG_LOCK_TIMEOUT="1")
    locker = database.connect()
    locker.cursor().execute("LOCK TABLE langchain_pg_embedding IN ACCESS EXCLUSIVE MODE")
    assert failure(client.backup()) == (409, "LOCK_TIMEOUT")
    locker.rollback()
    expect_nothing_new(client, output_dir / "vector_bak")
