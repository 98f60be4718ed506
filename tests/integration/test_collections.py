"""`collections`: some of them are backed up, or restored, and the others are left as they are."""

import time
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client, restored
from tests.support.answers import failure
from tests.support.names import COLLECTION, EMBEDDING

A, B, C, D = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "abcd")
REPLACE, SYNC = {"truncate_before_restore": True}, {"strategy": "sync"}
ROWS = (
    "SELECT c.name, e.id, e.document FROM langchain_pg_embedding e JOIN langchain_pg_collection c "
    "ON uuid = collection_id ORDER BY 1, 2"
)


def put(database: TestDatabase, *rows: tuple[str, str, str, str]) -> None:
    """Rows as collection uuid, its name, id, document; the collection is made where it isn't there."""
    for uuid, name, id_, document in rows:
        database.execute(
            "INSERT INTO langchain_pg_collection VALUES (%s, %s, '{}') ON CONFLICT DO NOTHING", (uuid, name)
        )
        database.execute(
            "INSERT INTO langchain_pg_embedding VALUES (%s, %s, '[1,2,3]', %s, '{}')", (id_, uuid, document)
        )


@pytest.fixture
def three(database: TestDatabase) -> None:
    """Collections docs, notes and 笔记, two embeddings each, and one embedding in none."""
    for uuid, name in ((A, "docs"), (B, "notes"), (C, "笔记")):
        put(database, *((uuid, name, f"{name} {number}", "old") for number in (1, 2)))
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('in none')")


@pytest.fixture(params=["csv", "binary"])
def saved(client: Client, three: None, request: Any) -> dict[str, Any]:
    """The body that restores a backup of all of it."""
    return back_up(client, format=request.param)


def back_up(client: Client, **body: Any) -> dict[str, Any]:
    response = client.backup(**body)
    assert response.status_code == 200, response.text
    done = response.get_json()["data"]
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def rows_of(database: TestDatabase, *names: str) -> list[Any]:
    """Every bit of the chosen collections and their embeddings."""
    return database.fetch(
        "SELECT encode(record_send(c), 'hex') FROM langchain_pg_collection c WHERE name = ANY(%(names)s) UNION ALL "
        "SELECT encode(record_send(e), 'hex') FROM langchain_pg_embedding e JOIN langchain_pg_collection c "
        "ON uuid = collection_id WHERE name = ANY(%(names)s) ORDER BY 1",
        {"names": list(names)},
    )


@pytest.mark.parametrize("mode", [REPLACE, SYNC], ids=["replace", "sync"])
def test_one_collection_goes_back_and_the_others_keep_what_was_written_since(
    client: Client, database: TestDatabase, saved: dict[str, Any], mode: dict[str, Any]
) -> None:
    before = rows_of(database, "docs")
    database.execute("UPDATE langchain_pg_embedding SET document = 'new'")
    database.execute("UPDATE langchain_pg_collection SET cmetadata = '{\"new\": 1}'")
    put(database, (A, "docs", "added", "new"), (B, "notes", "added too", "new"))
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'docs 1'")
    others = rows_of(database, "notes", "笔记")
    answer = restored(client, saved, **mode, collections=["docs"])
    assert rows_of(database, "docs") == before
    assert rows_of(database, "notes", "笔记") == others
    assert answer["collections"] == ["docs"]
    assert database.fetch("SELECT document FROM langchain_pg_embedding WHERE id = 'in none'") == [("new",)]


def test_a_replace_of_one_collection_says_what_it_removed_and_wrote(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    put(database, (A, "docs", "added", "new"))
    answer = restored(client, saved, **REPLACE, collections=["docs"])
    assert [answer["truncate_results"][name]["rows_before"] for name in (COLLECTION, EMBEDDING)] == [1, 3]
    assert [answer["restore_results"][name]["rows_restored"] for name in (COLLECTION, EMBEDDING)] == [1, 2]
    assert (answer["index_results"], answer["readers_blocked_seconds"]) == ({}, 0)


def test_a_sync_of_one_collection_counts_its_rows_only(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    put(database, (A, "docs", "added", "new"))
    database.execute("UPDATE langchain_pg_embedding SET document = 'new' WHERE id IN ('docs 1', 'notes 1')")
    result = restored(client, saved, **SYNC, collections=["docs"])["restore_results"][EMBEDDING]
    assert {name: count for name, count in result.items() if name.startswith("rows_")} == {
        "rows_restored": 1,
        "rows_inserted": 0,
        "rows_updated": 1,
        "rows_deleted": 1,
        "rows_unchanged": 1,
    }


def test_a_collection_is_appended_alone(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    before = rows_of(database, "docs")
    database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    answer = restored(client, saved, collections=["docs"])
    assert [answer["restore_results"][name]["rows_restored"] for name in (COLLECTION, EMBEDDING)] == [1, 2]
    assert rows_of(database, "docs") == before
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(2,)]


@pytest.mark.parametrize("mode", [REPLACE, SYNC], ids=["replace", "sync"])
def test_a_collection_deleted_and_made_anew_under_its_name_is_replaced(
    client: Client, database: TestDatabase, saved: dict[str, Any], mode: dict[str, Any]
) -> None:
    before = rows_of(database, "docs")
    database.execute("DELETE FROM langchain_pg_collection WHERE name = 'docs'")
    put(database, (D, "docs", "after", "new"))
    others = rows_of(database, "notes", "笔记")
    restored(client, saved, **mode, collections=["docs"])
    assert rows_of(database, "docs") == before
    assert rows_of(database, "notes", "笔记") == others
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding WHERE id = 'after'") == [(0,)]


@pytest.mark.parametrize("mode", [REPLACE, SYNC], ids=["replace", "sync"])
def test_two_that_swapped_their_names_get_them_back_together_and_not_one_alone(
    client: Client, database: TestDatabase, saved: dict[str, Any], mode: dict[str, Any], bits: Any
) -> None:
    before = rows_of(database, "docs", "notes")
    database.execute("UPDATE langchain_pg_collection SET name = 'x' WHERE name = 'docs'")
    database.execute("UPDATE langchain_pg_collection SET name = 'docs' WHERE name = 'notes'")
    database.execute("UPDATE langchain_pg_collection SET name = 'notes' WHERE name = 'x'")
    swapped = bits(database)
    response = client.restore(**saved, **mode, collections=["docs"])
    assert failure(response) == (409, "DUPLICATE_ROWS")
    assert response.get_json()["data"]["details"] == {"collections": ["notes"]}
    assert bits(database) == swapped
    restored(client, saved, **mode, collections=["notes", "docs"])
    assert rows_of(database, "docs", "notes") == before


@pytest.mark.parametrize(
    "mode",
    [{}, REPLACE, SYNC, {"on_conflict": "update"}, {"tables": [EMBEDDING], **REPLACE}, {"collection_suffix": "x"}],
)
def test_an_unknown_name_is_answered_with_the_names_there_are(
    client: Client, database: TestDatabase, saved: dict[str, Any], mode: dict[str, Any], bits: Any
) -> None:
    before = bits(database)
    response = client.restore(**saved, **mode, collections=["docs", "dosc"])
    assert failure(response) == (404, "RESOURCE_NOT_FOUND")
    data = response.get_json()["data"]
    assert data["details"] == {"unknown": ["dosc"], "collections": ["docs", "notes", "笔记"]}
    assert "笔记" in data["response"]
    assert bits(database) == before


@pytest.mark.parametrize("mode", [REPLACE, SYNC], ids=["replace", "sync"])
def test_an_id_that_another_collection_has_by_now_is_a_conflict(
    client: Client, database: TestDatabase, saved: dict[str, Any], mode: dict[str, Any], bits: Any
) -> None:
    database.execute("UPDATE langchain_pg_embedding SET collection_id = %s WHERE id = 'docs 1'", (B,))
    before = bits(database)
    assert failure(client.restore(**saved, **mode, collections=["docs"])) == (409, "DUPLICATE_ROWS")
    assert bits(database) == before


def test_embeddings_of_one_collection_alone(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    before = bits(database)
    database.execute("UPDATE langchain_pg_embedding SET document = 'new' WHERE id LIKE 'docs%'")
    answer = restored(client, saved, **REPLACE, tables=[EMBEDDING], collections=["docs"])
    assert list(answer["restore_results"]) == [EMBEDDING]
    assert bits(database) == before
    database.execute("DELETE FROM langchain_pg_collection WHERE name = 'docs'")
    gone = bits(database)
    response = client.restore(**saved, **REPLACE, tables=[EMBEDDING], collections=["docs"])
    assert failure(response) == (422, "ORPHAN_ROWS")
    assert bits(database) == gone


def test_one_collection_alone_without_its_embeddings(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    before = bits(database)
    database.execute("UPDATE langchain_pg_collection SET cmetadata = NULL WHERE name = 'docs'")
    restored(client, saved, **REPLACE, tables=[COLLECTION], collections=["docs"])
    assert bits(database) == before
    database.execute("DELETE FROM langchain_pg_collection WHERE name = 'docs'")
    put(database, (D, "docs", "after", "new"))
    recreated = bits(database)
    response = client.restore(**saved, **REPLACE, tables=[COLLECTION], collections=["docs"])
    assert failure(response) == (409, "DEPENDENT_ROWS")
    assert bits(database) == recreated


def test_the_collection_file_is_verified_when_only_embeddings_are_restored(
    client: Client, database: TestDatabase, saved: dict[str, Any], backups: Any, bits: Any
) -> None:
    (file,) = backups.directory().glob("langchain_pg_collection_*")
    data = bytearray(file.read_bytes())
    data[-30] ^= 1
    file.write_bytes(data)
    before = bits(database)
    response = client.restore(**saved, **REPLACE, tables=[EMBEDDING], collections=["docs"])
    assert failure(response) == (422, "INVALID_BACKUP")
    file.unlink()
    response = client.restore(**saved, **REPLACE, tables=[EMBEDDING], collections=["docs"])
    assert failure(response) == (404, "RESOURCE_NOT_FOUND")
    assert bits(database) == before


def test_damage_in_a_row_of_another_collection_is_noticed(
    client: Client, database: TestDatabase, saved: dict[str, Any], backups: Any, bits: Any
) -> None:
    (file,) = backups.directory().glob("langchain_pg_embedding_*")
    file.write_bytes(file.read_bytes().replace(b"notes 2", b"notes 3"))
    before = bits(database)
    assert failure(client.restore(**saved, **REPLACE, collections=["docs"])) == (422, "INVALID_BACKUP")
    assert bits(database) == before


def test_a_backup_of_some_collections_replaces_no_others(
    client: Client, database: TestDatabase, three: None, bits: Any
) -> None:
    body = back_up(client, collections=["docs", "笔记"])
    before = bits(database)
    database.execute(
        "UPDATE langchain_pg_embedding SET document = 'new' WHERE id NOT LIKE 'notes%' AND id <> 'in none'"
    )
    for mode in (REPLACE, SYNC):
        answer = restored(client, body, **mode)
        assert answer["collections"] == ["docs", "笔记"]
        assert any("部分collection" in warning for warning in answer["warnings"])
        assert bits(database) == before


def test_a_backup_of_some_collections_holds_them_and_nothing_else(
    client: Client, database: TestDatabase, three: None
) -> None:
    response = client.backup(collections=["notes"], format="binary")
    data = response.get_json()["data"]
    assert data["collections"] == ["notes"]
    assert [data["tables_backed_up"][name]["row_count"] for name in (COLLECTION, EMBEDDING)] == [1, 2]
    shown = client.get(f"/api/v0/data_pipeline/vector/backups/global/{data['backup_timestamp']}")
    manifest = shown.get_json()["data"]["manifest"]
    assert [(one["name"], one["rows"]) for one in manifest["collections"]] == [("notes", 2)]
    assert manifest["chosen_collections"] == ["notes"]


def test_a_backup_of_an_unknown_collection_leaves_nothing_behind(
    client: Client, database: TestDatabase, three: None, backups: Any
) -> None:
    response = client.backup(collections=["notes", "nobody's"])
    assert failure(response) == (404, "RESOURCE_NOT_FOUND")
    assert response.get_json()["data"]["details"]["collections"] == ["docs", "notes", "笔记"]
    assert client.list().get_json()["data"]["backup_locations"] == []


def test_emptying_the_table_after_saving_a_part_of_it_is_refused(
    client: Client, database: TestDatabase, three: None, bits: Any
) -> None:
    before = bits(database)
    response = client.backup(collections=["docs"], truncate_vector_tables=True)
    assert failure(response) == (400, "INVALID_PARAMS")
    assert all(name in response.get_json()["data"]["response"] for name in ("collections", "truncate_vector_tables"))
    assert bits(database) == before


@pytest.mark.parametrize("value", [[], [""], "docs", ["docs", "docs"], ["\0"], ["\ud800"], [1], {}], ids=str)
def test_names_that_no_collection_can_have_are_refused(client: Client, saved: dict[str, Any], value: Any) -> None:
    for send in (client.restore, client.backup):
        body = saved if send == client.restore else {}
        response = send(**body, collections=value)
        assert failure(response) == (400, "INVALID_PARAMS")
        assert "collections" in response.get_json()["data"]["response"]


def test_an_application_that_waits_to_add_to_the_collection_finds_it_again(
    client: Client, database: TestDatabase, three: None, background: Any, wait_for_lock: Any
) -> None:
    """Others read all the while, and write into other collections; nobody gets an error."""
    body = back_up(client)
    database.execute("UPDATE langchain_pg_embedding SET document = 'new'")
    database.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;"
        "CREATE TRIGGER wait AFTER DELETE ON langchain_pg_embedding EXECUTE FUNCTION wait()"
    )
    gate = database.connect()
    gate.cursor().execute("SELECT pg_advisory_lock(42)")
    restore = background(lambda: client.twin().restore(**body, **REPLACE, collections=["docs"]))
    wait_for_lock(database)
    assert len(database.fetch(ROWS)) == 6
    put(database, (B, "notes", "meanwhile", "new"), (D, "made meanwhile", "meanwhile 2", "new"))
    database.execute("UPDATE langchain_pg_embedding SET document = 'newer' WHERE id = 'notes 1'")
    waited = "INSERT INTO langchain_pg_embedding (id, collection_id) VALUES ('waited', %s) RETURNING id"
    adding = background(lambda: database.fetch(waited, (A,)))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    deadline = time.monotonic() + 60
    while database.fetch(waiting) != [(2,)]:
        assert time.monotonic() < deadline
    gate.cursor().execute("SELECT pg_advisory_unlock(42)")
    gate.commit()
    assert restore.result().status_code == 200
    assert adding.result() == [("waited",)]
    assert [row[1:] for row in database.fetch(ROWS) if row[0] == "docs"] == [
        ("docs 1", "old"),
        ("docs 2", "old"),
        ("waited", None),
    ]
    assert ("notes", "notes 1", "newer") in database.fetch(ROWS)


def test_a_third_table_that_refers_to_embeddings_is_not_cascaded_into(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    database.execute(
        "CREATE TABLE likes (id varchar REFERENCES langchain_pg_embedding ON DELETE CASCADE);"
        "INSERT INTO likes VALUES ('docs 1')"
    )
    assert failure(client.restore(**saved, **REPLACE, collections=["docs"])) == (409, "DEPENDENT_ROWS")
    assert restored(client, saved, **SYNC, collections=["docs"])
    assert database.fetch("SELECT * FROM likes") == [("docs 1",)]


def test_without_a_foreign_key_a_writer_is_waited_for_all_the_same(
    client: Client, database: TestDatabase, saved: dict[str, Any], background: Any, wait_for_lock: Any
) -> None:
    before = rows_of(database, "docs")
    database.execute(
        "ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_collection_id_fkey;"
        "ALTER TABLE langchain_pg_collection DROP CONSTRAINT langchain_pg_collection_name_key"
    )
    application = database.connect()
    application.cursor().execute("INSERT INTO langchain_pg_embedding (id, collection_id) VALUES ('late', %s)", (A,))
    restoring = background(lambda: client.twin().restore(**saved, **REPLACE, collections=["docs"]))
    wait_for_lock(database)
    application.commit()
    assert restoring.result().status_code == 200
    assert rows_of(database, "docs") == before


def test_tables_without_keys_are_restored_by_collection_too(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    before = rows_of(database, "docs")
    database.execute(
        "ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_collection_id_fkey;"
        "ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_pkey;"
        "INSERT INTO langchain_pg_embedding SELECT * FROM langchain_pg_embedding"
    )
    others = rows_of(database, "notes", "笔记")
    restored(client, saved, **REPLACE, collections=["docs"])
    assert rows_of(database, "docs") == before
    assert rows_of(database, "notes", "笔记") == others
