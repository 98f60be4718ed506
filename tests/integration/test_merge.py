"""`on_conflict` and `collection_suffix`: a backup's rows beside the live ones."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client, restored
from tests.support.answers import failure
from tests.support.names import COLLECTION, DOCS, EMBEDDING

EMPTY = "22222222-2222-4222-8222-222222222222"
NEW = "33333333-3333-4333-8333-333333333333"


@pytest.fixture(params=["csv", "binary"])
def saved(client: Client, database: TestDatabase, fill: Any, request: Any) -> dict[str, Any]:
    """A filled database; the body that restores its backup."""
    fill(database)
    done = client.backup(format=request.param).get_json()["data"]
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def counts(answer: dict[str, Any], table: str) -> tuple[int, ...]:
    """Inserted, updated, skipped."""
    result = answer["restore_results"][table]
    assert result["rows_restored"] == result["rows_inserted"] + result["rows_updated"]
    return tuple(result[f"rows_{what}"] for what in ("inserted", "updated", "skipped"))


def drift(database: TestDatabase) -> None:
    """One embedding deleted, one changed, one added; the collection's description changed."""
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute("UPDATE langchain_pg_embedding SET document = 'mine' WHERE id = 'empty text'")
    database.execute("INSERT INTO langchain_pg_embedding VALUES ('added', %s, '[9,9,9]', 'mine', NULL)", (DOCS,))
    database.execute("UPDATE langchain_pg_collection SET cmetadata = '{}' WHERE name = 'docs'")


def documents(database: TestDatabase) -> dict[str, str]:
    return dict(database.fetch("SELECT id, document FROM langchain_pg_embedding"))


def test_skip_keeps_the_live_rows(client: Client, database: TestDatabase, saved: dict[str, Any]) -> None:
    drift(database)
    answer = restored(client, saved, on_conflict="skip")
    assert (counts(answer, COLLECTION), counts(answer, EMBEDDING)) == ((0, 0, 2), (1, 0, 5))
    found = documents(database)
    assert (found["empty text"], found["added"], found["plain"]) == ("mine", "mine", "一段普通的文本")
    assert answer["truncate_performed"] is False


def test_update_gives_rows_that_differ_the_backup_s_values(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    drift(database)
    answer = restored(client, saved, on_conflict="update")
    assert (counts(answer, COLLECTION), counts(answer, EMBEDDING)) == ((0, 1, 1), (1, 1, 4))
    found = documents(database)
    assert (found["empty text"], found["added"], found["plain"]) == ("", "mine", "一段普通的文本")


@pytest.mark.parametrize("way", ["skip", "update"])
def test_embeddings_go_to_the_collection_that_has_the_name_now(
    client: Client, database: TestDatabase, saved: dict[str, Any], way: str
) -> None:
    database.execute("DELETE FROM langchain_pg_collection WHERE name = 'docs'")
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'docs', NULL)", (NEW,))
    answer = restored(client, saved, on_conflict=way)
    assert counts(answer, COLLECTION) == ((0, 0, 2) if way == "skip" else (0, 1, 1))
    owners = "SELECT DISTINCT collection_id::text FROM langchain_pg_embedding WHERE collection_id IS NOT NULL"
    assert database.fetch(owners) == [(NEW,)]
    assert database.fetch("SELECT count(*) FROM langchain_pg_collection") == [(2,)]


def test_embeddings_alone_are_merged_by_the_names_of_their_collections(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("DELETE FROM langchain_pg_collection WHERE name = 'docs'")
    gone = bits(database)
    assert failure(client.restore(**saved, on_conflict="skip", tables=[EMBEDDING])) == (422, "ORPHAN_ROWS")
    assert bits(database) == gone
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'docs', NULL)", (NEW,))
    answer = restored(client, saved, on_conflict="skip", tables=[EMBEDDING])
    assert list(answer["restore_results"]) == [EMBEDDING]
    assert counts(answer, EMBEDDING) == (5, 0, 1)


def test_a_chosen_collection_is_merged_and_no_other(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    drift(database)
    database.execute("DELETE FROM langchain_pg_collection WHERE name = '空集合'")
    restored(client, saved, on_conflict="update", collections=["docs"])
    assert database.fetch("SELECT name FROM langchain_pg_collection") == [("docs",)]
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'other', NULL)", (NEW,))
    database.execute("UPDATE langchain_pg_embedding SET collection_id = %s, document = 'x' WHERE id = 'plain'", (NEW,))
    response = client.restore(**saved, on_conflict="update", collections=["docs"])
    assert failure(response) == (409, "DUPLICATE_ROWS")
    assert documents(database)["plain"] == "x"
    assert counts(restored(client, saved, on_conflict="skip", collections=["docs"]), EMBEDDING) == (0, 0, 5)


def test_tables_without_a_key_are_merged_by_id(client: Client, database: TestDatabase, saved: dict[str, Any]) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_pkey")
    drift(database)
    assert counts(restored(client, saved, on_conflict="update"), EMBEDDING) == (1, 1, 4)
    assert counts(restored(client, saved, on_conflict="update"), EMBEDDING) == (0, 0, 6)


def test_readers_go_on_while_rows_are_merged(
    client: Client, database: TestDatabase, saved: dict[str, Any], background: Any, wait_for_lock: Any, bits: Any
) -> None:
    drift(database)
    before = bits(database)
    database.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;"
        "CREATE TRIGGER wait AFTER UPDATE ON langchain_pg_embedding EXECUTE FUNCTION wait()"
    )
    gate = database.connect()
    gate.cursor().execute("SELECT pg_advisory_lock(42)")
    merging = background(lambda: client.twin().restore(**saved, on_conflict="update"))
    wait_for_lock(database)
    assert bits(database) == before
    gate.rollback()
    gate.cursor().execute("SELECT pg_advisory_unlock_all()")
    gate.commit()
    assert merging.result().status_code == 200


def test_copies_stand_beside_the_originals_with_uuids_and_ids_of_their_own(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    before = bits(database)
    answer = restored(client, saved, collection_suffix="_恢复")
    assert answer["collections"] == ["docs_恢复", "空集合_恢复"]
    assert [answer["restore_results"][name]["rows_restored"] for name in (COLLECTION, EMBEDDING)] == [2, 5]
    assert answer["warnings"] == ["1 行embedding不属于任何collection,未恢复"]
    assert set(before) < set(bits(database))
    assert database.fetch(
        "SELECT count(*) FROM langchain_pg_embedding l JOIN langchain_pg_embedding c ON c.id = l.id || '_恢复' "
        "WHERE record_send(row(l.document, l.embedding, l.cmetadata)) "
        "= record_send(row(c.document, c.embedding, c.cmetadata)) AND l.collection_id <> c.collection_id"
    ) == [(5,)]
    database.execute("DELETE FROM langchain_pg_collection WHERE name LIKE '%_恢复'")
    assert bits(database) == before


def test_a_second_copy_conflicts_instead_of_doubling(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    restored(client, saved, collection_suffix=" 2", collections=["docs"])
    before = bits(database)
    response = client.restore(**saved, collection_suffix=" 2", collections=["docs"])
    assert failure(response) == (409, "DUPLICATE_ROWS")
    assert response.get_json()["data"]["details"] == {"collections": ["docs 2"]}
    database.execute("UPDATE langchain_pg_collection SET name = 'renamed' WHERE name = 'docs 2'")
    before = bits(database)
    assert failure(client.restore(**saved, collection_suffix=" 2", collections=["docs"])) == (409, "DUPLICATE_ROWS")
    assert bits(database) == before


def test_a_copy_of_old_tables_has_new_uuids_and_custom_ids(
    make_client: Callable[..., Client], old_database: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=old_database.url)
    old_database.execute("INSERT INTO langchain_pg_collection (name, uuid) VALUES ('docs', %s)", (DOCS,))
    old_database.execute(
        "INSERT INTO langchain_pg_embedding (uuid, collection_id, custom_id) VALUES (%s, %s, 'a')", (NEW, DOCS)
    )
    done = client.backup().get_json()["data"]
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    restored(client, body, collection_suffix="2")
    assert old_database.fetch("SELECT custom_id, uuid <> %s FROM langchain_pg_embedding ORDER BY 1", (NEW,)) == [
        ("a", False),
        ("a2", True),
    ]
    assert failure(client.restore(**body, collection_suffix="2")) == (409, "DUPLICATE_ROWS")
