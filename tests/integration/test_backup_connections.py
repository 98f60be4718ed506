"""A large table is read over several connections: the backup is the same, and goes on where there are fewer."""

from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.postgres.reading import ctid_ranges, snapshot_readers
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import DOCS

MANY_ROWS = """
INSERT INTO langchain_pg_embedding (id, collection_id, embedding, document, cmetadata)
SELECT 'row ' || n, %s, ('[' || n || ',0.1,-0]')::vector, repeat('文本', n %% 400), jsonb_build_object('n', n)
FROM generate_series(1, 600) n
"""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few hundred rows count as a large table of many parts."""
    monkeypatch.setattr(snapshot_readers, "WORTH_SHARING", 0)
    monkeypatch.setattr(ctid_ranges, "PART_PAGES", 1)


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """How many parts of the embedding table each backend has been asked for."""
    copy_out, found = tables.copy_out, dict[int, int]()

    def counted(cursor: Cursor, table: Table, *rest: Any) -> int:
        if table.name == "langchain_pg_embedding":
            pid = cursor.connection.get_backend_pid()
            found[pid] = found.get(pid, 0) + 1
        return copy_out(cursor, table, *rest)

    monkeypatch.setattr(tables, "copy_out", counted)
    return found


@pytest.fixture
def filled(database: TestDatabase, fill: Callable[..., None]) -> Any:
    fill(database)
    database.execute(MANY_ROWS, (DOCS,))
    return database


def back_up(client: Client, **body: Any) -> dict[str, str]:
    response = client.backup(**body)
    assert response.status_code == 200, response.text
    data = response.get_json()["data"]
    assert data["tables_backed_up"]["langchain_pg_embedding"]["row_count"] == 606
    return {"backup_path": data["backup_directory"], "timestamp": data["backup_timestamp"]}


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_several_connections_save_every_row_once(
    make_client: Callable[..., Client], filled: Any, bits: Any, readers: dict[int, int], file_format: str
) -> None:
    client = make_client(DATABASE_URL=filled.url, BACKUP_CONNECTIONS="3")
    before = bits(filled)
    where = back_up(client, format=file_format)
    assert 2 <= len(readers) <= 3  # all parts may be read before the last connection's turn comes
    assert sum(readers.values()) > 10
    assert client.post(f"/api/v0/data_pipeline/vector/backups/global/{where['timestamp']}/verify").status_code == 200
    filled.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    assert client.restore(**where, truncate_before_restore=True).status_code == 200
    assert bits(filled) == before


def test_they_read_over_the_columns_of_a_table_of_ones_own(
    make_client: Callable[..., Client], filled: Any, bits: Any, readers: dict[int, int]
) -> None:
    filled.execute("""ALTER TABLE langchain_pg_embedding ADD "a ""name"", with all" text DEFAULT 'x'""")
    client = make_client(DATABASE_URL=filled.url)
    before = bits(filled)
    where = back_up(client)
    assert len(readers) == 2
    assert client.restore(**where, truncate_before_restore=True).status_code == 200
    assert bits(filled) == before


def test_all_of_them_see_the_snapshot_of_the_first(
    make_client: Callable[..., Client], filled: Any, bits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bits(filled)
    export = snapshot_readers.export_snapshot

    def export_and_write(cursor: Cursor) -> str:
        snapshot = export(cursor)
        filled.execute("DELETE FROM langchain_pg_embedding WHERE id LIKE 'row %5'")
        filled.execute("INSERT INTO langchain_pg_embedding VALUES ('late', %s)", (DOCS,))
        return snapshot

    monkeypatch.setattr(snapshot_readers, "export_snapshot", export_and_write)
    client = make_client(DATABASE_URL=filled.url)
    where = back_up(client)
    assert bits(filled) != before
    assert client.restore(**where, truncate_before_restore=True).status_code == 200
    assert bits(filled) == before


def test_where_the_server_gives_no_further_connection_one_does_it_all(
    make_client: Callable[..., Client], filled: Any, role: Any, readers: dict[int, int]
) -> None:
    role.may("SELECT", "langchain_pg_collection", "langchain_pg_embedding")
    filled.execute(f"ALTER ROLE {role.name} CONNECTION LIMIT 1")
    back_up(make_client(DATABASE_URL=role.url))
    assert len(readers) == 1


def test_a_lock_that_somebody_waits_for_does_not_stop_the_backup_that_is_in_its_way(
    make_client: Callable[..., Client],
    filled: Any,
    readers: dict[int, int],
    background: Any,
    wait_for_lock: Any,
    monkeypatch: Any,
) -> None:
    export = snapshot_readers.export_snapshot

    def export_while_somebody_waits(cursor: Cursor) -> str:
        background(lambda: filled.execute("LOCK TABLE langchain_pg_embedding IN ACCESS EXCLUSIVE MODE"))
        wait_for_lock(filled)
        return export(cursor)

    monkeypatch.setattr(snapshot_readers, "export_snapshot", export_while_somebody_waits)
    back_up(make_client(DATABASE_URL=filled.url))
    assert len(readers) == 1


@pytest.mark.parametrize("whose", [0, 1])
def test_a_connection_that_is_lost_ends_the_backup(
    make_client: Callable[..., Client], filled: Any, monkeypatch: pytest.MonkeyPatch, whose: int
) -> None:
    copy_out, seen = tables.copy_out, list[int]()

    def kill(cursor: Cursor, table: Table, *rest: Any) -> int:
        pid = cursor.connection.get_backend_pid()
        if table.name == "langchain_pg_embedding" and pid not in seen:
            seen.append(pid)
            if len(seen) == whose + 1:
                filled.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        return copy_out(cursor, table, *rest)

    monkeypatch.setattr(tables, "copy_out", kill)
    client = make_client(DATABASE_URL=filled.url)
    answer = client.backup()
    assert answer.status_code == 500
    assert answer.get_json()["data"]["error_type"] == "DATABASE_ERROR"
    assert answer.get_json()["data"]["can_retry"] is True
    assert client.list().get_json()["data"]["backup_locations"] == []


def test_nobody_reads_along_where_rows_are_removed_afterwards(
    make_client: Callable[..., Client], filled: Any, readers: dict[int, int]
) -> None:
    back_up(make_client(DATABASE_URL=filled.url), truncate_vector_tables=True)
    assert len(readers) == 1
