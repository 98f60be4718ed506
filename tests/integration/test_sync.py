"""strategy "sync": the tables equal the backup afterwards, and only what differed was written."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.postgres.connection import Timeouts, prefer, transaction
from data_pipeline.postgres.connection_url import from_url
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import COLLECTION, DOCS, EMBEDDING

EMPTY = "22222222-2222-4222-8222-222222222222"
NEW = "33333333-3333-4333-8333-333333333333"
PLACES = "SELECT id, ctid::text FROM langchain_pg_embedding ORDER BY id"


@pytest.fixture(params=["csv", "binary"])
def saved(client: Client, database: TestDatabase, fill: Any, bits: Any, request: Any) -> dict[str, Any]:
    """A filled database and its backup: the body that syncs it, and every bit of both tables."""
    fill(database)
    done = client.backup(format=request.param).get_json()["data"]
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"], "strategy": "sync"}
    return {"body": body, "bits": bits(database)}


def sync(client: Client, saved: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = client.restore(**saved["body"], **more)
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


def counts(answer: dict[str, Any], table: str) -> tuple[int, ...]:
    """Inserted, updated, deleted, unchanged."""
    result = answer["restore_results"][table]
    return tuple(result[f"rows_{what}"] for what in ("inserted", "updated", "deleted", "unchanged"))


def test_rows_that_are_the_same_are_not_written(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    before = database.fetch(PLACES)
    answer = sync(client, saved)
    assert counts(answer, COLLECTION) == (0, 0, 0, 2)
    assert counts(answer, EMBEDDING) == (0, 0, 0, 6)
    assert answer["truncate_performed"] is False
    assert "readers_blocked_seconds" not in answer
    assert database.fetch(PLACES) == before  # where a row lies changes with every write


def test_rows_are_inserted_updated_and_deleted_as_the_backup_has_them(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id IN ('plain', ' spaces ')")
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = 'no text'")
    database.execute("INSERT INTO langchain_pg_embedding (id, embedding) VALUES ('extra', '[9,9,9]')")
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'extra', NULL)", (NEW,))
    answer = sync(client, saved)
    assert bits(database) == saved["bits"]
    assert counts(answer, EMBEDDING) == (2, 1, 1, 3)
    assert counts(answer, COLLECTION) == (0, 0, 1, 2)
    assert answer["restore_results"][EMBEDDING]["rows_restored"] == 3


OPTIONS = f"ALTER TABLE {EMBEDDING} SET"
OTHER = f"UPDATE {EMBEDDING} SET document = 'other' WHERE id IN (SELECT 'more ' || generate_series(1, %s))"
MANY = f"""
INSERT INTO {EMBEDDING} (id, collection_id, embedding, document)
SELECT 'more ' || n, '{DOCS}', '[1,2,3]', 'text' FROM generate_series(1, 600) n
"""


@pytest.mark.parametrize(
    ("before", "changed", "analyzed"),
    [
        (f"ANALYZE {EMBEDDING}", 3, 0),
        (f"ANALYZE {EMBEDDING}", 200, 1),
        (f"{OPTIONS} (autovacuum_enabled = false); ANALYZE", 3, 1),
        (f"{OPTIONS} (autovacuum_analyze_threshold = 2, autovacuum_analyze_scale_factor = 0); ANALYZE", 3, 1),
        ("SELECT 1", 3, 1),
    ],
    ids=["few", "many", "few without autovacuum", "few by the table's own thresholds", "never analyzed"],
)
def test_statistics_are_left_to_autovacuum_where_few_rows_have_changed(
    client: Client, database: TestDatabase, fill: Any, before: str, changed: int, analyzed: int
) -> None:
    fill(database)
    database.execute(MANY)
    done = client.backup().get_json()["data"]
    database.execute(before)
    database.execute(OTHER, (changed,))
    count = f"SELECT analyze_count FROM pg_stat_user_tables WHERE relname = '{EMBEDDING}'"
    ((seen,),) = database.fetch(count)
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"], "strategy": "sync"}
    assert client.restore(**body).get_json()["data"]["restore_results"][EMBEDDING]["rows_updated"] == changed
    assert database.fetch(count) == [(seen + analyzed,)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE langchain_pg_embedding SET embedding = '[0,0,1e-45]' WHERE id = 'empty text'",
        """UPDATE langchain_pg_embedding SET cmetadata = jsonb_set(cmetadata, '{n}', '1.0') WHERE id = 'plain'""",
        "UPDATE langchain_pg_embedding SET document = '' WHERE id = 'no text'",
        "UPDATE langchain_pg_collection SET cmetadata = '{\"b\":1,\"a\":[1.0,2]}' WHERE name = 'docs'",
    ],
    ids=["minus zero", "1 and 1.0", "NULL and nothing", "spaces in json"],
)
def test_a_difference_that_equality_does_not_see_is_put_right(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, change: str
) -> None:
    database.execute(change)
    assert bits(database) != saved["bits"]
    sync(client, saved)
    assert bits(database) == saved["bits"]


def test_collections_that_swapped_their_names_get_them_back(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("UPDATE langchain_pg_collection SET name = 'x' WHERE uuid = %s", (DOCS,))
    database.execute("UPDATE langchain_pg_collection SET name = 'docs' WHERE uuid = %s", (EMPTY,))
    database.execute("UPDATE langchain_pg_collection SET name = '空集合' WHERE uuid = %s", (DOCS,))
    assert counts(sync(client, saved), COLLECTION) == (0, 2, 0, 0)
    assert bits(database) == saved["bits"]


def test_a_collection_that_was_made_anew_under_its_name_goes(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("DELETE FROM langchain_pg_collection")
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'docs', NULL)", (NEW,))
    database.execute("INSERT INTO langchain_pg_embedding VALUES ('fresh', %s, '[1,1,1]', 'new', NULL)", (NEW,))
    answer = sync(client, saved)
    assert bits(database) == saved["bits"]
    assert counts(answer, COLLECTION) == (2, 0, 1, 0)


def test_the_vector_index_is_kept_and_finds_what_was_put_back(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("CREATE INDEX h ON langchain_pg_embedding USING hnsw ((embedding::vector(3)) vector_l2_ops)")
    number = database.fetch("SELECT 'h'::regclass::oid, pg_relation_filenode('h')")
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    answer = sync(client, saved)
    assert "index_results" not in answer
    assert database.fetch("SELECT 'h'::regclass::oid, pg_relation_filenode('h')") == number
    assert bits(database) == saved["bits"]


def test_collections_alone_are_not_synced_when_embeddings_would_go_with_one(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'mine', NULL)", (NEW,))
    database.execute("INSERT INTO langchain_pg_embedding VALUES ('kept', %s, '[1,1,1]', 'mine', NULL)", (NEW,))
    before = bits(database)
    response = client.restore(**saved["body"], tables=[COLLECTION])
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (409, "DEPENDENT_ROWS")
    assert response.get_json()["data"]["rolled_back"] is True
    assert bits(database) == before


def test_embeddings_alone_are_synced_with_the_collections_there_are(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("UPDATE langchain_pg_collection SET name = 'renamed' WHERE uuid = %s", (DOCS,))
    database.execute("DELETE FROM langchain_pg_embedding")
    answer = sync(client, saved, tables=[EMBEDDING])
    assert list(answer["restore_results"]) == [EMBEDDING]
    assert database.fetch("SELECT name FROM langchain_pg_collection WHERE uuid = %s", (DOCS,)) == [("renamed",)]
    assert bits(database, EMBEDDING) == [row for row in saved["bits"] if row in bits(database, EMBEDDING)]
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(6,)]


def test_a_key_that_stands_twice_in_the_file_changes_nothing(
    client: Client, database: TestDatabase, fill: Any, bits: Any, backups: Any
) -> None:
    fill(database)
    before = bits(database)
    body = backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,\n".encode(),
        f'id,collection_id,embedding,document,cmetadata\na,{DOCS},"[1,2,3]",x,\na,{DOCS},"[1,2,3]",x,\n'.encode(),
    )
    response = client.restore(**body, strategy="sync")
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (409, "DUPLICATE_ROWS")
    assert bits(database) == before


def test_a_reader_is_never_blocked_and_sees_old_rows_then_new_rows(
    client: Client,
    database: TestDatabase,
    fill: Any,
    bits: Any,
    background: Callable[..., Any],
    wait_for_lock: Callable[..., Any],
) -> None:
    """The sync is held up by a writer right before its locks, and by a trigger in the middle of its writing."""
    fill(database)
    done = client.backup().get_json()["data"]
    new = bits(database)
    database.execute("DELETE FROM langchain_pg_embedding WHERE id <> 'plain'")
    database.execute("UPDATE langchain_pg_embedding SET document = 'old'")
    old = bits(database)
    database.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;"
        "CREATE TRIGGER wait AFTER INSERT ON langchain_pg_embedding EXECUTE FUNCTION wait()"
    )
    gate = database.connect()
    gate.cursor().execute("SELECT pg_advisory_lock(42)")
    restore = background(
        lambda: client.twin().restore(
            backup_path=done["backup_directory"], timestamp=done["backup_timestamp"], strategy="sync"
        )
    )
    wait_for_lock(database)
    seen: list[list[bytes]] = []
    reading = threading.Thread(target=lambda: seen.append(bits(database)), daemon=True)
    reading.start()
    reading.join(60)
    assert seen == [old]
    gate.cursor().execute("SELECT pg_advisory_unlock(42)")
    gate.commit()
    assert restore.result().status_code == 200
    assert bits(database) == new


def test_clashing_fields_are_refused(client: Client, database: TestDatabase, small_set: dict[str, str]) -> None:
    for more in ({"truncate_before_restore": True}, {"atomic": False}):
        response = client.restore(**small_set, strategy="sync", **more)
        assert (response.status_code, response.get_json()["data"]["error_type"]) == (400, "INVALID_PARAMS")
        assert "strategy" in response.get_json()["data"]["response"]


def test_a_setting_the_server_refuses_is_done_without(database: TestDatabase) -> None:
    """temp_buffers, once a session has used temporary tables: one that a pool gave us may have."""
    with transaction(from_url(database.url, "pg_conn"), Timeouts(5, 5, 60, 60, 1000)) as session:
        session.cursor.execute("CREATE TEMPORARY TABLE used AS SELECT 1; SHOW temp_buffers")
        before = session.cursor.one()
        for _ in range(2):
            prefer(session.cursor, "temp_buffers", "64MB")
        session.cursor.execute("SHOW temp_buffers")
        assert session.cursor.one() == before
