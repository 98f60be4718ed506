"""Who may write, and when: one writer at a time, locks that are waited for, and roles of all kinds."""

from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.postgres import writer_lock
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import TABLES

REPLACE = {"truncate_before_restore": True}


@pytest.fixture
def before(database: TestDatabase, fill: Any, bits: Any) -> list[bytes]:
    """The rows that must be there after a failure."""
    fill(database)
    found: list[bytes] = bits(database)
    return found


@pytest.mark.parametrize("mode", [REPLACE, {}], ids=["replace", "append"])
def test_a_second_writer_is_refused_at_once_and_told_who_holds_the_database(
    client: Client,
    database: TestDatabase,
    bits: Any,
    before: list[bytes],
    small_set: dict[str, str],
    mode: dict[str, bool],
) -> None:
    holder = database.connect()
    cursor = holder.cursor()
    cursor.execute("SET application_name = 'another writer'")
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (writer_lock.KEY,))
    response = client.restore(**small_set, **mode)
    assert failure(response) == (409, "OPERATION_IN_PROGRESS")
    data = response.get_json()["data"]
    assert (data["can_retry"], data["target"]["dbname"]) == (True, database.dbname)
    assert (data["holder"]["pid"], data["holder"]["application_name"]) == (holder.info.backend_pid, "another writer")
    assert data["holder"]["since"].endswith("Z")
    assert bits(database) == before
    holder.rollback()
    assert client.restore(**small_set, **REPLACE).status_code == 200


def test_of_two_restores_one_works_and_one_is_refused(
    client: Client,
    database: TestDatabase,
    before: list[bytes],
    small_set: dict[str, str],
    background: Any,
    wait_for_lock: Any,
) -> None:
    reader = database.connect()
    reader.cursor().execute("LOCK TABLE langchain_pg_embedding IN ACCESS SHARE MODE")
    first = background(lambda: client.twin().restore(**small_set, **REPLACE))
    wait_for_lock(database)
    second = client.restore(**small_set, **REPLACE)
    assert failure(second) == (409, "OPERATION_IN_PROGRESS")
    assert second.get_json()["data"]["holder"]["application_name"] == "vector-restore"
    reader.rollback()
    assert first.result().status_code == 200
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(2,)]


def test_restores_of_two_databases_do_not_wait_for_each_other(
    client: Client, database: TestDatabase, second_database: TestDatabase, small_set: dict[str, str]
) -> None:
    database.connect().cursor().execute("SELECT pg_advisory_xact_lock(%s)", (writer_lock.KEY,))
    assert client.restore(**small_set, pg_conn=second_database.url).status_code == 200


def test_a_lock_that_is_not_to_be_had_in_time_changes_nothing(
    make_client: Callable[..., Client],
    database: TestDatabase,
    bits: Any,
    before: list[bytes],
    small_set: dict[str, str],
) -> None:
    client = make_client(DATABASE_URL=database.url, PG_LOCK_TIMEOUT="1")
    reader = database.connect()
    reader.cursor().execute("SELECT FROM langchain_pg_embedding")
    response = client.restore(**small_set, **REPLACE)
    assert failure(response) == (409, "LOCK_TIMEOUT")
    data = response.get_json()["data"]
    assert (data["can_retry"], data["rolled_back"]) == (True, True)
    reader.rollback()
    assert bits(database) == before


def test_a_connection_lost_midway_changes_nothing(
    client: Client, database: TestDatabase, bits: Any, before: list[bytes], small_set: dict[str, str], monkeypatch: Any
) -> None:
    copy_in = tables.copy_in

    def lose_connection(cursor: Cursor, table: Table, *rest: Any) -> int:
        if table.name == TABLES[1]:
            database.fetch("SELECT pg_terminate_backend(%s)", (cursor.connection.info.backend_pid,))
        return copy_in(cursor, table, *rest)

    monkeypatch.setattr(tables, "copy_in", lose_connection)
    response = client.restore(**small_set, **REPLACE)
    assert failure(response) == (500, "DATABASE_ERROR")
    assert response.get_json()["data"]["can_retry"] is True
    assert response.get_json()["data"]["rolled_back"] is True
    assert bits(database) == before


GRANTS = {
    "nothing": "",
    "reading": "SELECT",
    "reading and adding": "SELECT, INSERT",
    "all but adding": "SELECT, UPDATE, DELETE, TRUNCATE",
}


@pytest.mark.parametrize("grants", GRANTS.values(), ids=GRANTS)
def test_a_role_that_may_not_do_it_all_does_nothing(
    client: Client,
    database: TestDatabase,
    bits: Any,
    role: Any,
    before: list[bytes],
    small_set: dict[str, str],
    grants: str,
) -> None:
    if grants:
        role.may(grants)
    response = client.restore(**small_set, **REPLACE, pg_conn=role.url)
    assert failure(response) == (403, "PERMISSION_DENIED")
    data = response.get_json()["data"]
    assert (data["rolled_back"], data["target"]["user"], data["target"]["source"]) == (True, role.name, "pg_conn")
    assert bits(database) == before


def test_a_role_that_does_not_own_the_tables_replaces_them_and_is_warned(
    client: Client, database: TestDatabase, role: Any, before: list[bytes], small_set: dict[str, str]
) -> None:
    role.may("SELECT, INSERT, UPDATE, DELETE, TRUNCATE")
    numbers = database.fetch("SELECT indexrelid FROM pg_index ORDER BY 1")
    response = client.restore(**small_set, **REPLACE, pg_conn=role.url)
    assert response.status_code == 200, response.text
    data = response.get_json()["data"]
    assert data["index_results"] == {}
    assert any("不是表的所有者" in warning for warning in data["warnings"])
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(2,)]
    assert database.fetch("SELECT indexrelid FROM pg_index ORDER BY 1") == numbers


def test_a_role_that_may_add_rows_adds_them(
    client: Client, database: TestDatabase, role: Any, small_set: dict[str, str]
) -> None:
    role.may("SELECT, INSERT")
    response = client.restore(**small_set, pg_conn=role.url)
    assert response.status_code == 200, response.text
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(2,)]


def test_rows_that_a_policy_hides_are_neither_removed_nor_counted_as_gone(
    client: Client, database: TestDatabase, bits: Any, role: Any, before: list[bytes], small_set: dict[str, str]
) -> None:
    role.may("SELECT, INSERT, UPDATE, DELETE, TRUNCATE")
    database.execute("ALTER TABLE langchain_pg_embedding ENABLE ROW LEVEL SECURITY")
    database.execute("CREATE POLICY hide ON langchain_pg_embedding USING (id = 'plain')")
    assert failure(client.restore(**small_set, **REPLACE, pg_conn=role.url)) == (403, "PERMISSION_DENIED")
    assert bits(database) == before
