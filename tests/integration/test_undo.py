"""`backup_before_restore`: what was there is saved under the restore's own locks, and `undo` brings it back."""

import errno
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import DOCS, EMBEDDING

FIRST = {"backup_before_restore": True}
MODES = {
    "append": {"tables": [EMBEDDING]},
    "replace": {"truncate_before_restore": True},
    "sync": {"strategy": "sync"},
    "skip": {"on_conflict": "skip"},
    "update": {"on_conflict": "update"},
    "suffix": {"collection_suffix": "_old"},
    "replace one": {"truncate_before_restore": True, "collections": ["docs"]},
    "sync one": {"strategy": "sync", "collections": ["docs"]},
    "update one": {"on_conflict": "update", "collections": ["docs"]},
    "copy one": {"collection_suffix": "_old", "collections": ["docs"]},
}


@pytest.fixture
def saved(small_set: dict[str, str], database: TestDatabase, fill: Any) -> dict[str, Any]:
    """A filled database, and the body that restores another state of the collection docs."""
    fill(database)
    return small_set


def answered(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_undo_gives_the_tables_as_they_were(
    client: Client, database: TestDatabase, saved: dict[str, Any], mode: dict[str, Any], bits: Any
) -> None:
    before = bits(database)
    answer = answered(client.restore(**saved, **mode, **FIRST))
    assert bits(database) != before
    undo = answer["undo"]
    assert undo["expect_database"] == database.dbname
    assert undo.get("tables") == mode.get("tables")
    assert {"backup_path": undo["backup_path"], "timestamp": undo["timestamp"]} == answer["backup_before_restore"]
    answered(client.restore(**undo))
    assert bits(database) == before


def test_progress_counts_the_backups_rows_and_not_those_saved_first(client: Client, saved: dict[str, Any]) -> None:
    answer = client.restore(**saved, strategy="sync", **FIRST)
    assert answer.status_code == 200
    history = client.get(f"{PREFIX}/jobs", query_string={"request_id": answer.headers["X-Request-ID"]})
    (job,) = history.get_json()["data"]["jobs"]
    assert job["progress"]["bytes_done"] == job["progress"]["bytes_total"]
    assert job["progress"]["rows_done"] == 3


def test_undo_of_one_collection_leaves_what_the_others_wrote_since(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    undo = answered(client.restore(**saved, truncate_before_restore=True, collections=["docs"], **FIRST))["undo"]
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('since')")
    answered(client.restore(**undo))
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding WHERE id = 'since'") == [(1,)]


def test_undo_removes_a_collection_that_was_not_there(
    client: Client, database: TestDatabase, small_set: dict[str, str], bits: Any
) -> None:
    undo = answered(client.restore(**small_set, collections=["docs"], **FIRST))["undo"]
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(2,)]
    answered(client.restore(**undo))
    assert bits(database) == []


def test_undo_can_be_undone(client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any) -> None:
    undo = answered(client.restore(**saved, truncate_before_restore=True, **FIRST))["undo"]
    after = bits(database)
    redo = answered(client.restore(**undo, **FIRST))["undo"]
    answered(client.restore(**redo))
    assert bits(database) == after


def test_undo_is_refused_by_another_database(
    client: Client, database: TestDatabase, second_database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    undo = answered(client.restore(**saved, truncate_before_restore=True, **FIRST))["undo"]
    second_database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('theirs')")
    before = bits(second_database)
    assert failure(client.restore(**undo, pg_conn=second_database.url)) == (409, "SCHEMA_MISMATCH")
    assert bits(second_database) == before


def test_undo_of_a_named_database_leaves_its_password_out(
    client: Client, second_database: TestDatabase, small_set: dict[str, str]
) -> None:
    undo = answered(client.restore(**small_set, pg_conn=second_database.url, **FIRST))["undo"]
    parts = urlsplit(undo["pg_conn"])
    whole = urlsplit(second_database.url)
    assert parts.password is None
    assert (parts.username, parts.hostname, parts.port, parts.path) == (
        whole.username,
        whole.hostname,
        whole.port,
        whole.path,
    )


def test_undo_of_a_configured_target_names_it(
    make_client: Callable[..., Client], database: TestDatabase, small_set: dict[str, str]
) -> None:
    client = make_client(DATABASE_URL=database.url, TARGETS=f'{{"staging": "{database.url}"}}')
    undo = answered(client.restore(**small_set, pg_conn="staging", **FIRST))["undo"]
    assert undo["pg_conn"] == "staging"
    answered(client.restore(**undo))
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]


def test_a_restore_that_fails_changes_nothing_and_names_the_backup_it_took(
    client: Client, database: TestDatabase, saved: dict[str, Any], backups: Any, bits: Any
) -> None:
    broken = backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,\n".encode(),
        f'id,collection_id,embedding,document,cmetadata\na,{DOCS},"[1,2,3]",x,\nb,{DOCS},"[oops]",x,\n'.encode(),
        timestamp="20250101_000000",
    )
    before = bits(database)
    response = client.restore(**broken, truncate_before_restore=True, **FIRST)
    assert failure(response) == (422, "INVALID_BACKUP")
    assert bits(database) == before
    taken = response.get_json()["data"]["backup_before_restore"]
    answered(client.restore(**taken, truncate_before_restore=True))
    assert bits(database) == before


def test_a_row_written_while_the_restore_waits_for_its_locks_is_in_the_backup(
    client: Client, database: TestDatabase, saved: dict[str, Any], background: Any, wait_for_lock: Any, bits: Any
) -> None:
    """An application changes a row of the chosen collection and adds another; it commits when the restore waits."""
    application = database.connect()
    with application.cursor() as cursor:
        cursor.execute("INSERT INTO langchain_pg_embedding (id, collection_id) VALUES ('late', %s)", (DOCS,))
        cursor.execute("UPDATE langchain_pg_embedding SET document = 'late' WHERE id = 'plain'")
    mode = {"truncate_before_restore": True, "collections": ["docs"], **FIRST}
    restoring = background(lambda: client.twin().restore(**saved, **mode))
    wait_for_lock(database)
    application.commit()
    before = bits(database)
    undo = answered(restoring.result())["undo"]
    assert bits(database) != before
    answered(client.restore(**undo))
    assert bits(database) == before


def test_an_update_of_a_row_that_was_just_saved_waits(
    client: Client, database: TestDatabase, saved: dict[str, Any], background: Any, wait_for_lock: Any
) -> None:
    """The restore is held up after its backup, before it removes rows: what is written then is not lost to undo."""
    database.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;"
        "CREATE TRIGGER wait BEFORE DELETE ON langchain_pg_embedding EXECUTE FUNCTION wait()"
    )
    gate = database.connect()
    gate.cursor().execute("SELECT pg_advisory_lock(42)")
    mode = {"truncate_before_restore": True, "collections": ["docs"], **FIRST}
    restoring = background(lambda: client.twin().restore(**saved, **mode))
    wait_for_lock(database)
    writing = database.connect()
    writing.cursor().execute("SET lock_timeout = '200ms'")
    with pytest.raises(Exception, match="lock timeout"):
        writing.cursor().execute("UPDATE langchain_pg_embedding SET document = 'lost?' WHERE id = 'plain'")
    gate.cursor().execute("SELECT pg_advisory_unlock(42)")
    gate.commit()
    answered(restoring.result())


def test_tables_without_a_key_are_undone_too(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_pkey")
    database.execute("INSERT INTO langchain_pg_embedding SELECT * FROM langchain_pg_embedding")
    before = bits(database)
    for mode in ({"tables": [EMBEDDING]}, {"on_conflict": "update"}, {"on_conflict": "skip", "collections": ["docs"]}):
        undo = answered(client.restore(**saved, **mode, **FIRST))["undo"]
        answered(client.restore(**undo))
        assert bits(database) == before


def test_a_backup_directory_without_room_changes_nothing(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    before = bits(database)
    monkeypatch.setattr(os, "fsync", full)
    response = client.restore(**saved, truncate_before_restore=True, **FIRST)
    assert failure(response) == (507, "STORAGE_FULL")
    assert bits(database) == before
