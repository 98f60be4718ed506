"""Tables that are not part of a backup: no restore, undo or truncating backup changes a row of theirs."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of
from tests.support.names import COLLECTION, DOCS, EMBEDDING

SYNC = {"strategy": "sync"}
REPLACE = {"truncate_before_restore": True}
CHOSEN = {**REPLACE, "collections": ["docs"]}
ACTIONS = (
    *("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"),
    *("NO ACTION DEFERRABLE INITIALLY DEFERRED", "CASCADE DEFERRABLE INITIALLY DEFERRED"),
)
ORDERS = "SELECT * FROM orders ORDER BY 1"
AUDIT = """
CREATE TABLE audit (id bigserial PRIMARY KEY, what text NOT NULL);
INSERT INTO audit (what) VALUES ('old');
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action}; RETURN NULL; END $$;
CREATE TRIGGER note AFTER {events} ON langchain_pg_embedding {deferred} FOR EACH ROW EXECUTE FUNCTION note();
"""


def refused(response: Any, *tables: tuple[str, int]) -> dict[str, Any]:
    """A refusal that names these tables, and how many rows of theirs it is about."""
    data = data_of(response, 409)
    assert data["error_type"] == "DEPENDENT_ROWS", data
    found = [(one["table"], one["rows"]) for one in data["details"]["tables"]]
    assert found == list(tables)
    assert all(table in data["response"] and str(rows) in data["response"] for table, rows in tables)
    return data


def foreseen(client: Client, body: dict[str, Any], *tables: tuple[str, int]) -> str:
    """The same problem in a dry run, and no other; returns what it says."""
    data = data_of(client.restore(**body, dry_run=True))
    assert data["would_succeed"] is False
    (problem,) = data["problems"]
    assert problem["error_type"] == "DEPENDENT_ROWS"
    assert [(one["table"], one["rows"]) for one in problem["details"]["tables"]] == list(tables)
    text: str = problem["error"]
    return text


def refer(database: TestDatabase, action: str = "CASCADE", row: str = "extra") -> None:
    """An order for a row that the backup doesn't have, and one for a row that it has."""
    database.execute("INSERT INTO langchain_pg_embedding (id, collection_id) VALUES ('extra', %s)", (DOCS,))
    database.execute(
        "CREATE TABLE orders (n int PRIMARY KEY, item varchar DEFAULT 'plain'"
        f" REFERENCES langchain_pg_embedding ON DELETE {action})"
    )
    database.execute("INSERT INTO orders VALUES (1, %s), (2, 'plain')", (row,))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("mode", [SYNC, {**SYNC, "collections": ["docs"]}], ids=["sync", "sync of a collection"])
def test_a_row_that_others_refer_to_is_not_deleted(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, action: str, mode: dict[str, Any]
) -> None:
    refer(database, action)
    before, orders = bits(database), database.fetch(ORDERS)
    foreseen(client, saved | mode, ("public.orders", 1))
    assert refused(client.restore(**saved, **mode), ("public.orders", 1))["rolled_back"] is True
    assert (bits(database), database.fetch(ORDERS)) == (before, orders)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_chosen_collection_is_not_replaced_under_those_who_refer_to_it(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, action: str
) -> None:
    refer(database, action)
    before, orders = bits(database), database.fetch(ORDERS)
    foreseen(client, saved | CHOSEN, ("public.orders", 2))
    refused(client.restore(**saved, **CHOSEN), ("public.orders", 2))
    assert (bits(database), database.fetch(ORDERS)) == (before, orders)


@pytest.mark.parametrize("mode", [SYNC, CHOSEN], ids=["sync", "replace of a collection"])
def test_where_no_row_refers_to_ours_they_may_go(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, mode: dict[str, Any]
) -> None:
    before = bits(database)
    refer(database)
    database.execute("UPDATE orders SET item = NULL")
    assert data_of(client.restore(**saved, **mode, dry_run=True))["would_succeed"] is True
    data_of(client.restore(**saved, **mode))
    assert bits(database) == before


def test_undo_deletes_no_row_that_others_refer_to_by_then(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    undo = data_of(client.restore(**saved, on_conflict="skip", backup_before_restore=True))["undo"]
    database.execute("CREATE TABLE orders (item varchar REFERENCES langchain_pg_embedding ON DELETE CASCADE)")
    database.execute("INSERT INTO orders VALUES ('plain')")
    refused(client.restore(**undo), ("public.orders", 1))
    assert database.fetch(ORDERS) == [("plain",)]


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"])
@pytest.mark.parametrize("mode", [SYNC, {"on_conflict": "update"}], ids=["sync", "update"])
def test_a_key_that_others_refer_to_is_not_changed(
    client: Client, database: TestDatabase, saved: dict[str, Any], mode: dict[str, Any], action: str
) -> None:
    """A key of any unique column is one: here the name of a collection that has another one in the backup."""
    database.execute("CREATE TABLE orders (name varchar DEFAULT 'docs')")
    database.execute("INSERT INTO orders VALUES ('old name')")
    database.execute("UPDATE langchain_pg_collection SET name = 'old name' WHERE name = '空集合'")
    database.execute(
        "ALTER TABLE orders ADD FOREIGN KEY (name) REFERENCES langchain_pg_collection (name)"
        f" ON UPDATE {action} ON DELETE {action}"
    )
    body = saved | mode
    foreseen(client, body, ("public.orders", 1))
    refused(client.restore(**body), ("public.orders", 1))
    assert database.fetch("SELECT count(*) FROM orders") == [(1,)]


def test_rows_of_every_partition_that_refers_to_ours_are_counted_once(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('extra')")
    database.execute(
        "CREATE TABLE orders (n int, item varchar REFERENCES langchain_pg_embedding ON DELETE CASCADE)"
        " PARTITION BY RANGE (n);"
        "CREATE TABLE few PARTITION OF orders FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE many PARTITION OF orders FOR VALUES FROM (10) TO (100);"
        "INSERT INTO orders VALUES (1, 'extra'), (11, 'extra'), (12, 'plain')"
    )
    foreseen(client, saved | SYNC, ("public.orders", 2))
    refused(client.restore(**saved, **SYNC), ("public.orders", 2))
    assert database.fetch("SELECT count(*) FROM orders") == [(3,)]


def test_every_table_that_refers_to_ours_is_named(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    """Also one of several columns, and one whose collation isn't ours."""
    refer(database)
    database.execute("ALTER TABLE langchain_pg_embedding ADD UNIQUE (id, collection_id)")
    database.execute(
        'CREATE SCHEMA shop; CREATE TABLE shop."Cart" (item varchar COLLATE "C", owner uuid,'
        " FOREIGN KEY (item, owner) REFERENCES langchain_pg_embedding (id, collection_id) ON DELETE SET NULL)"
    )
    database.execute("""INSERT INTO shop."Cart" VALUES ('extra', %s), ('extra', NULL)""", (DOCS,))
    refused(client.restore(**saved, **SYNC), ("public.orders", 1), ("shop.Cart", 1))


@pytest.mark.parametrize("hidden", ["schema", "table", "rows"])
def test_a_table_that_may_not_be_looked_at_is_not_risked(
    make_client: Callable[..., Client], database: TestDatabase, saved: dict[str, Any], bits: Any, role: Any, hidden: str
) -> None:
    refer(database)
    database.execute("CREATE SCHEMA private; ALTER TABLE orders SET SCHEMA private")
    role.may("SELECT, INSERT, UPDATE, DELETE")
    if hidden != "schema":
        database.execute(f"GRANT USAGE ON SCHEMA private TO {role.name}")
    if hidden == "rows":
        database.execute(f"GRANT SELECT ON private.orders TO {role.name}")
        database.execute("ALTER TABLE private.orders ENABLE ROW LEVEL SECURITY")
    before = bits(database)
    client = make_client(DATABASE_URL=role.url)
    (problem,) = data_of(client.restore(**saved, **SYNC, dry_run=True))["problems"]
    data = data_of(client.restore(**saved, **SYNC), 403)
    for found in (problem, data):
        assert (found["error_type"], found["details"]["tables"]) == ("PERMISSION_DENIED", ["private.orders"])
    assert "private.orders" in data["response"]
    assert (bits(database), database.fetch("SELECT count(*) FROM private.orders")) == (before, [(2,)])


def test_a_reference_that_is_being_made_is_waited_for(
    client: Client, database: TestDatabase, saved: dict[str, Any], background: Any, wait_for_lock: Any
) -> None:
    refer(database, row="plain")
    writer = database.connect()
    with writer.cursor() as cursor:
        cursor.execute("INSERT INTO orders VALUES (3, 'extra')")
        waiting = background(lambda: client.twin().restore(**saved, **SYNC))
        wait_for_lock(database)
        writer.commit()
    refused(waiting.result(), ("public.orders", 1))
    assert database.fetch("SELECT count(*) FROM orders") == [(3,)]


def test_what_cannot_be_replaced_is_told_of_sync_only_where_that_passes(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    refer(database)
    assert "sync" not in foreseen(client, saved | REPLACE, ("public.orders", 2))
    for mode in (REPLACE, CHOSEN):
        data = refused(client.restore(**saved, **mode), ("public.orders", 2))
        assert "sync" not in data["response"]
    database.execute("DELETE FROM orders WHERE item = 'extra'")
    assert "sync" in foreseen(client, saved | REPLACE, ("public.orders", 1))
    for mode in (REPLACE, CHOSEN):
        data = refused(client.restore(**saved, **mode), ("public.orders", 1))
        assert "sync" in data["response"]
    data_of(client.restore(**saved, **SYNC))
    assert database.fetch(ORDERS) == [(2, "plain")]


def test_a_truncating_backup_names_who_refers_to_ours(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    refer(database)
    data = refused(client.backup(truncate_vector_tables=True), ("public.orders", 2))
    assert "sync" not in data["response"]


@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize(
    ("action", "rows"),
    [
        ("UPDATE audit SET what = 'new'", (1, 0)),
        ("DELETE FROM audit", (0, 1)),
        ("INSERT INTO audit (what) VALUES ('x'); DELETE FROM audit", (0, 2)),
    ],
)
@pytest.mark.parametrize("mode", [SYNC, REPLACE, CHOSEN, {"on_conflict": "skip"}, {}], ids=str)
def test_a_trigger_that_changes_rows_elsewhere_undoes_everything(
    client: Client,
    database: TestDatabase,
    saved: dict[str, Any],
    bits: Any,
    mode: dict[str, Any],
    action: str,
    rows: tuple[int, int],
    deferred: bool,
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    if not mode:
        database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    waits = "DEFERRABLE INITIALLY DEFERRED" if deferred else ""
    trigger = AUDIT.format(action=f"IF NEW.id = 'plain' THEN {action}; END IF", events="INSERT", deferred=waits)
    database.execute(trigger.replace("CREATE TRIGGER", "CREATE CONSTRAINT TRIGGER") if deferred else trigger)
    before, audit = bits(database), database.fetch("SELECT * FROM audit")
    response = client.restore(**saved, **mode, **({} if mode else {"atomic": True}))
    data = data_of(response, 409)
    assert data["error_type"] == "DEPENDENT_ROWS"
    (found,) = data["details"]["tables"]
    updated, deleted = rows
    assert found == {
        "table": "public.audit",
        "rows": updated + deleted,
        "rows_updated": updated,
        "rows_deleted": deleted,
    }
    assert "public.audit" in data["response"]
    assert (bits(database), database.fetch("SELECT * FROM audit")) == (before, audit)


def test_a_trigger_that_empties_a_table_elsewhere_undoes_everything(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute(AUDIT.format(action="TRUNCATE audit", events="INSERT", deferred=""))
    data = data_of(client.restore(**saved, **SYNC), 409)
    assert (data["error_type"], data["details"]["tables"][0]["table"]) == ("DEPENDENT_ROWS", "public.audit")
    assert database.fetch("SELECT what FROM audit") == [("old",)]


@pytest.mark.parametrize("mode", [SYNC, REPLACE], ids=["sync", "replace"])
def test_rows_that_a_trigger_adds_elsewhere_are_told_of(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, mode: dict[str, Any]
) -> None:
    before = bits(database)
    database.execute("DELETE FROM langchain_pg_embedding")
    database.execute(AUDIT.format(action="INSERT INTO audit (what) VALUES (TG_OP)", events="INSERT", deferred=""))
    warnings = data_of(client.restore(**saved, **mode))["warnings"]
    assert any("public.audit" in warning and "6" in warning for warning in warnings), warnings
    assert bits(database) == before
    assert database.fetch("SELECT count(*) FROM audit") == [(7,)]


def test_a_table_of_an_append_that_fails_for_what_its_trigger_does_fails_alone(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    database.execute(AUDIT.format(action="UPDATE audit SET what = 'new'", events="INSERT", deferred=""))
    results = data_of(client.restore(**saved))["restore_results"]
    assert results[COLLECTION]["success"] is True
    assert (results[EMBEDDING]["success"], results[EMBEDDING]["error_type"]) == (False, "DEPENDENT_ROWS")
    assert database.fetch("SELECT what FROM audit") == [("old",)]
    assert database.fetch("SELECT count(*) FROM langchain_pg_collection") == [(2,)]


def test_a_trigger_on_one_table_may_not_touch_the_one_that_is_not_restored(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("UPDATE langchain_pg_collection SET cmetadata = NULL")
    database.execute(
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN UPDATE langchain_pg_embedding SET document = 'touched'; RETURN NULL; END $$;"
        "CREATE TRIGGER touch AFTER UPDATE ON langchain_pg_collection EXECUTE FUNCTION touch()"
    )
    before = bits(database)
    data = data_of(client.restore(**saved, **SYNC, tables=[COLLECTION]), 409)
    assert data["error_type"] == "DEPENDENT_ROWS"
    assert data["details"]["tables"][0]["table"] == f"public.{EMBEDDING}"
    assert bits(database) == before


def test_a_truncating_backup_empties_no_other_table(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    database.execute(
        "CREATE TABLE audit (what text); INSERT INTO audit VALUES ('old');"
        "CREATE FUNCTION clear() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM audit; RETURN NULL; END';"
        "CREATE TRIGGER clear AFTER TRUNCATE ON langchain_pg_embedding EXECUTE FUNCTION clear()"
    )
    data = data_of(client.backup(truncate_vector_tables=True), 409)
    assert data["error_type"] == "DEPENDENT_ROWS"
    assert database.fetch("SELECT (SELECT count(*) FROM audit), (SELECT count(*) FROM langchain_pg_embedding)") == [
        (1, 6)
    ]


def test_what_a_pooled_session_did_before_is_not_taken_for_the_restores(
    database: TestDatabase, saved: dict[str, Any], make_client: Callable[..., Client], monkeypatch: Any
) -> None:
    """A pooler hands on a session whose last transaction's counts the server has not yet published."""
    from data_pipeline.postgres import connection

    database.execute("CREATE TABLE audit (what text); INSERT INTO audit VALUES ('old')")
    connect = connection.connect

    def pooled(*arguments: Any) -> Any:
        session = connect(*arguments)
        with session, session.cursor() as cursor:
            cursor.execute("DELETE FROM audit")
        return session

    database.execute("UPDATE langchain_pg_embedding SET document = 'changed'")
    database.execute(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO audit VALUES (TG_OP); RETURN NULL; END $$;"
        "CREATE TRIGGER note AFTER UPDATE ON langchain_pg_embedding EXECUTE FUNCTION note()"
    )
    monkeypatch.setattr(connection, "connect", pooled)
    data_of(make_client(DATABASE_URL=database.url).restore(**saved, **SYNC))


@pytest.fixture
def uncounted(database: TestDatabase) -> None:
    database.execute(f"ALTER DATABASE {database.dbname} SET track_counts = off")


def test_where_changes_are_not_counted_triggers_are_not_risked(
    client: Client, database: TestDatabase, saved: dict[str, Any], uncounted: None, bits: Any
) -> None:
    before = bits(database)
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    data_of(client.restore(**saved, **SYNC))
    database.execute(AUDIT.format(action="INSERT INTO audit (what) VALUES ('x')", events="INSERT", deferred=""))
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    (problem,) = data_of(client.restore(**saved, **SYNC, dry_run=True))["problems"]
    data = data_of(client.restore(**saved, **SYNC), 409)
    for found in (problem["error"], data["response"]):
        assert "track_counts" in found
        assert "note" in found
    data_of(client.restore(**saved, **SYNC, triggers="disable"))
    assert bits(database) == before


# A table can be read and written only through its wrapper's handler, but what is prepared has locked it by then.
NO_HANDLER = """
CREATE FOREIGN DATA WRAPPER remote; CREATE SERVER elsewhere FOREIGN DATA WRAPPER remote;
CREATE FOREIGN TABLE far (what text) SERVER elsewhere;
"""
WRITES_FAR = "EXECUTE 'PREPARE far_away AS INSERT INTO far VALUES (''x'')'; DEALLOCATE far_away"


@pytest.mark.parametrize("mode", [SYNC, REPLACE, CHOSEN, {"on_conflict": "skip"}, {"atomic": True}], ids=str)
def test_a_trigger_that_may_have_written_a_foreign_table_undoes_everything(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, mode: dict[str, Any]
) -> None:
    """The server counts nothing of it, so what it did can't be told."""
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    if mode == {"atomic": True}:
        database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    database.execute(NO_HANDLER + AUDIT.format(action=WRITES_FAR, events="INSERT", deferred=""))
    before = bits(database)
    data = data_of(client.restore(**saved, **mode), 409)
    assert (data["error_type"], data["rolled_back"]) == ("DEPENDENT_ROWS", True)
    (found,) = data["details"]["tables"]
    assert (found["table"], found["rows"]) == ("public.far", None)
    assert "public.far" in data["response"]
    assert bits(database) == before


@pytest.fixture
def far(database: TestDatabase, second_database: TestDatabase) -> Any:
    """Another database, one of whose tables is a foreign table `far` of this one."""
    if not database.fetch("SELECT 1 FROM pg_available_extensions WHERE name = 'postgres_fdw'"):
        pytest.skip("this PostgreSQL has no postgres_fdw")
    server = database.server
    second_database.execute("CREATE TABLE far (what text); INSERT INTO far VALUES ('old')")
    database.execute(
        "CREATE EXTENSION postgres_fdw;"
        f"CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw"
        f" OPTIONS (host '{server.host}', port '{server.port}', dbname '{second_database.dbname}');"
        f"CREATE USER MAPPING FOR PUBLIC SERVER elsewhere"
        f" OPTIONS (user '{server.user}', password '{server.password or ''}');"
        "CREATE FOREIGN TABLE far (what text) SERVER elsewhere"
    )
    return second_database


@pytest.mark.parametrize("action", ["INSERT INTO far VALUES ('x')", "DELETE FROM far", "UPDATE far SET what = 'new'"])
@pytest.mark.parametrize("mode", [SYNC, REPLACE, CHOSEN], ids=str)
def test_a_trigger_that_writes_another_database_undoes_everything_there_too(
    client: Client,
    database: TestDatabase,
    saved: dict[str, Any],
    bits: Any,
    far: Any,
    mode: dict[str, Any],
    action: str,
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute(AUDIT.format(action=action, events="INSERT", deferred=""))
    before = bits(database)
    data = data_of(client.restore(**saved, **mode), 409)
    assert data["error_type"] == "DEPENDENT_ROWS"
    assert data["details"]["tables"][0]["table"] == "public.far"
    assert bits(database) == before
    assert far.fetch("SELECT what FROM far") == [("old",)]
    data_of(client.restore(**saved, **mode, triggers="disable"))
    assert far.fetch("SELECT what FROM far") == [("old",)]


def test_a_trigger_that_reads_another_database_is_no_change(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, far: Any
) -> None:
    before = bits(database)
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute(AUDIT.format(action="PERFORM what FROM far", events="INSERT", deferred=""))
    data_of(client.restore(**saved, **SYNC))
    assert bits(database) == before
