"""Triggers and rules on the two tables: what they do to a restore's rows is found, and they can be switched off."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of
from tests.support.names import COLLECTION, DOCS, EMBEDDING

SYNC = {"strategy": "sync"}
REPLACE = {"truncate_before_restore": True}
MODES: dict[str, dict[str, Any]] = {
    "sync": SYNC,
    "replace": REPLACE,
    "replace of a collection": {**REPLACE, "collections": ["docs"]},
    "sync of a collection": {**SYNC, "collections": ["docs"]},
    "update": {"on_conflict": "update"},
    "skip": {"on_conflict": "skip"},
    "copy": {"collection_suffix": "_copy"},
    "append": {"atomic": True},
}
CHANGES = {
    "changes a value": ("BEFORE", "NEW.embedding := NULL; RETURN NEW"),
    "drops a row": ("BEFORE", "RETURN NULL"),
    "changes the row afterwards": ("AFTER", "UPDATE langchain_pg_embedding SET document = 'x' WHERE id = NEW.id"),
    "deletes the row afterwards": ("AFTER", "DELETE FROM langchain_pg_embedding WHERE id = NEW.id"),
    "changes another row": ("AFTER", "UPDATE langchain_pg_embedding SET document = 'x' WHERE id = 'bystander'"),
}
STATES = "SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"


def make_trigger(database: TestDatabase, timing: str, action: str, name: str = "meddle") -> None:
    ending = "" if "RETURN" in action else "; RETURN NULL"
    database.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action}{ending}; END $$;"
        f"CREATE TRIGGER {name} {timing} INSERT OR UPDATE ON langchain_pg_embedding"
        " FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND NEW.id IN ('plain', 'plain_copy'))"
        f" EXECUTE FUNCTION {name}()"
    )


def damage(database: TestDatabase, mode: dict[str, Any]) -> None:
    """What the restore has to write: the row 'plain', beside a row that the backup doesn't have."""
    if "atomic" in mode:
        database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    elif mode.get("on_conflict") == "update" or mode == SYNC:
        database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = 'plain'")
    else:
        database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute("INSERT INTO langchain_pg_embedding (id, document) VALUES ('bystander', 'mine')")


@pytest.mark.parametrize(("timing", "action"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_rows_that_a_trigger_changes_are_found(
    client: Client,
    database: TestDatabase,
    saved: dict[str, Any],
    bits: Any,
    mode: dict[str, Any],
    timing: str,
    action: str,
) -> None:
    damage(database, mode)
    if "bystander" in action and mode in (SYNC, REPLACE):
        action = "INSERT INTO langchain_pg_embedding (id) VALUES ('more') ON CONFLICT DO NOTHING"
    make_trigger(database, timing, action)
    before = bits(database)
    data = data_of(client.restore(**saved, **mode), 409)
    assert data["error_type"] == "TRIGGER_CHANGED_ROWS", data
    assert (data["details"]["table"], data["details"]["rows"]) == (EMBEDDING, 1)
    assert data["details"]["triggers"] == [f"{EMBEDDING}.meddle"]
    assert "meddle" in data["response"]
    assert data["rolled_back"] is True
    assert bits(database) == before


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_triggers_that_change_nothing_are_named_and_go_on(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, mode: dict[str, Any]
) -> None:
    damage(database, mode)
    make_trigger(database, "BEFORE", "RETURN NEW")
    for more in ({"dry_run": True}, {}):
        answer = data_of(client.restore(**saved, **mode, **more))
        assert any("meddle" in warning for warning in answer["warnings"]), answer["warnings"]
        assert answer["errors"] == []
    if mode in (SYNC, REPLACE):
        assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(6,)]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_triggers_can_be_switched_off_and_are_as_they_were_afterwards(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, mode: dict[str, Any]
) -> None:
    whole = bits(database)
    damage(database, mode)
    make_trigger(database, "BEFORE", "NEW.embedding := NULL; RETURN NEW")
    for name, state in (("always", "ENABLE ALWAYS"), ("replica", "ENABLE REPLICA"), ("off", "DISABLE")):
        make_trigger(database, "BEFORE", "NEW.embedding := NULL; RETURN NEW", name)
        database.execute(f"ALTER TABLE langchain_pg_embedding {state} TRIGGER {name}")
    states = database.fetch(STATES)
    assert {state for _, state in states} == {"O", "A", "R", "D"}
    answer = data_of(client.restore(**saved, **mode, triggers="disable", dry_run=True))
    assert answer["would_succeed"] is True
    assert database.fetch(STATES) == states
    answer = data_of(client.restore(**saved, **mode, triggers="disable"))
    (warning,) = [one for one in answer["warnings"] if "meddle" in one]
    assert "always" in warning
    assert "replica" not in warning
    assert database.fetch(STATES) == states
    if mode in (SYNC, REPLACE):
        assert bits(database) == whole


def test_switched_off_triggers_are_as_they_were_after_a_failure(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    make_trigger(database, "BEFORE", "RETURN NEW")
    states = database.fetch(STATES)
    database.execute("ALTER TABLE langchain_pg_embedding ADD CHECK (id <> 'plain') NOT VALID")
    data_of(client.restore(**saved, **REPLACE, triggers="disable"), 422)
    assert database.fetch(STATES) == states


def test_rules_are_found_and_switched_off_too(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    whole = bits(database)
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute("CREATE RULE nothing AS ON INSERT TO langchain_pg_embedding DO INSTEAD NOTHING")
    rules = "SELECT ev_enabled::text FROM pg_rewrite WHERE rulename = 'nothing'"
    database.execute("ALTER TABLE langchain_pg_embedding ENABLE ALWAYS RULE nothing")
    data = data_of(client.restore(**saved, **SYNC), 409)
    assert (data["error_type"], data["details"]["rows"]) == ("TRIGGER_CHANGED_ROWS", 1)
    assert data["details"]["triggers"] == [f"{EMBEDDING}.nothing"]
    data_of(client.restore(**saved, **SYNC, triggers="disable"))
    assert bits(database) == whole
    assert database.fetch(rules) == [("A",)]


def test_a_trigger_that_waits_for_the_commit_is_found_too(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = 'plain'")
    database.execute(
        "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN UPDATE langchain_pg_embedding SET embedding = NULL WHERE id = NEW.id; RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON langchain_pg_embedding DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (NEW.embedding IS NOT NULL) EXECUTE FUNCTION late()"
    )
    before = bits(database)
    data = data_of(client.restore(**saved, **SYNC), 409)
    assert data["error_type"] == "TRIGGER_CHANGED_ROWS"
    assert bits(database) == before


def test_who_does_not_own_the_tables_cannot_switch_triggers_off(
    make_client: Callable[..., Client], database: TestDatabase, saved: dict[str, Any], role: Any, bits: Any
) -> None:
    make_trigger(database, "BEFORE", "RETURN NEW")
    role.may("SELECT, INSERT, UPDATE, DELETE, TRUNCATE")
    before = bits(database)
    client = make_client(DATABASE_URL=role.url)
    (problem,) = data_of(client.restore(**saved, **SYNC, triggers="disable", dry_run=True))["problems"]
    data = data_of(client.restore(**saved, **SYNC, triggers="disable"), 403)
    for found in (problem, data):
        assert found["error_type"] == "PERMISSION_DENIED"
        assert found["details"]["table"] == EMBEDDING
    assert "所有者" in data["response"]
    assert bits(database) == before


def test_without_triggers_nothing_has_to_be_owned(
    make_client: Callable[..., Client], database: TestDatabase, saved: dict[str, Any], role: Any
) -> None:
    role.may("SELECT, INSERT, UPDATE, DELETE")
    data_of(make_client(DATABASE_URL=role.url).restore(**saved, **SYNC, triggers="disable"))


def test_a_trigger_on_a_table_that_is_not_written_is_none_of_ours(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    make_trigger(database, "BEFORE", "NEW.embedding := NULL; RETURN NEW")
    answer = data_of(client.restore(**saved, **SYNC, tables=[COLLECTION]))
    assert not any("meddle" in warning for warning in answer["warnings"])


def test_a_table_of_an_append_whose_trigger_changes_rows_fails_alone(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    make_trigger(database, "BEFORE", "RETURN NULL")
    results = data_of(client.restore(**saved))["restore_results"]
    assert results[COLLECTION]["success"] is True
    failed = results[EMBEDDING]
    assert (failed["success"], failed["error_type"]) == (False, "TRIGGER_CHANGED_ROWS")
    assert failed["details"]["triggers"] == [f"{EMBEDDING}.meddle"]
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]


def test_rows_of_the_old_schema_are_compared_as_they_are_converted(
    make_client: Callable[..., Client], old_database: TestDatabase, database: TestDatabase, output_dir: Any
) -> None:
    old_database.execute("INSERT INTO langchain_pg_collection VALUES ('docs', '{}', %s)", (DOCS,))
    old_database.execute(
        "INSERT INTO langchain_pg_embedding (collection_id, embedding, document, cmetadata, custom_id, uuid)"
        """ VALUES (%s, '[1]', 'text', '{"a": 1,  "b": 2}', 'plain', gen_random_uuid())""",
        (DOCS,),
    )
    done = data_of(make_client(DATABASE_URL=old_database.url).backup())
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    client = make_client(DATABASE_URL=database.url)
    make_trigger(database, "BEFORE", "IF TG_OP = 'INSERT' THEN NEW.document := 'x'; END IF; RETURN NEW")
    for mode in ({"atomic": True}, REPLACE, SYNC):
        data = data_of(client.restore(**body, **mode), 409)
        assert (data["error_type"], data["details"]["rows"]) == ("TRIGGER_CHANGED_ROWS", 1)
        data_of(client.restore(**body, **mode, triggers="disable"))
        assert database.fetch("SELECT document FROM langchain_pg_embedding") == [("text",)]
        database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")


def test_rows_of_one_id_are_no_trouble_where_the_table_has_no_key(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_pkey")
    database.execute("INSERT INTO langchain_pg_embedding SELECT * FROM langchain_pg_embedding")
    done = data_of(client.backup())
    before = bits(database)
    make_trigger(database, "BEFORE", "RETURN NEW")
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    data_of(client.restore(**named, **REPLACE))
    assert bits(database) == before


def test_undo_treats_triggers_as_the_restore_did(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    make_trigger(database, "BEFORE", "NEW.embedding := NULL; RETURN NEW")
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'line\r\nends'")
    before = bits(database)
    answer = data_of(client.restore(**saved, **SYNC, triggers="disable", backup_before_restore=True))
    assert answer["undo"]["triggers"] == "disable"
    data_of(client.restore(**answer["undo"]))
    assert bits(database) == before


@pytest.mark.parametrize("value", ["off", True, ""])
def test_only_two_values_are_known(client: Client, saved: dict[str, Any], value: Any) -> None:
    assert data_of(client.restore(**saved, triggers=value), 400)["error_type"] == "INVALID_PARAMS"
