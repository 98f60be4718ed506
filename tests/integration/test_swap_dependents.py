"""What a swap can't carry over is found before anything is made, and named with the ways that would work."""

from typing import Any

import pytest

from data_pipeline.operations.restore import advice
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.connection_url import from_url
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.schema import vector_tables
from data_pipeline.postgres.swapping import leftovers
from data_pipeline.postgres.swapping.names import MARK, PREFIX
from tests.conftest import TestDatabase
from tests.integration.belongings import belongings
from tests.integration.conftest import Client
from tests.support.answers import data_of, failure
from tests.support.names import TABLES

SWAP = {"strategy": "swap"}
KINDS: dict[str, tuple[str, str, str]] = {
    "materialized view": (
        "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM langchain_pg_embedding",
        "public.counted",
        "DROP MATERIALIZED VIEW counted",
    ),
    "table constraint": (
        "CREATE TABLE notes (id varchar CONSTRAINT noted REFERENCES langchain_pg_embedding)",
        "noted on public.notes",
        "DROP TABLE notes",
    ),
    "publication": ("CREATE PUBLICATION told FOR TABLE langchain_pg_embedding", "told", "DROP PUBLICATION told"),
    "publication, all": ("CREATE PUBLICATION told FOR ALL TABLES", "told", "DROP PUBLICATION told"),
    "publication, schema": (
        "CREATE PUBLICATION told FOR TABLES IN SCHEMA public",
        "told",
        "DROP PUBLICATION told",
    ),
    "subscription": (
        "INSERT INTO pg_subscription_rel VALUES (1, 'langchain_pg_embedding'::regclass, 'r', NULL)",
        "public.langchain_pg_embedding",
        "DELETE FROM pg_subscription_rel",
    ),
    "parent table": (
        "CREATE TABLE parent (LIKE langchain_pg_embedding); ALTER TABLE langchain_pg_embedding INHERIT parent",
        "public.parent",
        "ALTER TABLE langchain_pg_embedding NO INHERIT parent; DROP TABLE parent",
    ),
    "table": ("CREATE TABLE whole (one langchain_pg_embedding)", "public.whole", "DROP TABLE whole"),
    "view": (
        "CREATE VIEW whole AS SELECT e AS one FROM langchain_pg_embedding e",
        "public.whole",
        "DROP VIEW whole",
    ),
    "function": (
        "CREATE FUNCTION taken(langchain_pg_embedding) RETURNS text LANGUAGE sql AS 'SELECT $1.id'",
        "public.taken(public.langchain_pg_embedding)",
        "DROP FUNCTION taken",
    ),
    "function, atomic": (
        "CREATE FUNCTION counted() RETURNS bigint LANGUAGE sql"
        " BEGIN ATOMIC SELECT count(*) FROM langchain_pg_embedding; END",
        "public.counted()",
        "DROP FUNCTION counted",
    ),
    "rule": (
        "CREATE RULE told AS ON DELETE TO langchain_pg_embedding DO ALSO NOTIFY told",
        "told on public.langchain_pg_embedding",
        "DROP RULE told ON langchain_pg_embedding",
    ),
    "policy": (
        "CREATE TABLE notes (id varchar); CREATE POLICY seen ON notes"
        " USING (EXISTS (SELECT FROM langchain_pg_embedding e WHERE e.id = notes.id))",
        "seen on public.notes",
        "DROP TABLE notes",
    ),
    "default value": (
        "ALTER TABLE langchain_pg_embedding ADD n bigint GENERATED ALWAYS AS IDENTITY;"
        "CREATE TABLE notes (n bigint DEFAULT nextval('langchain_pg_embedding_n_seq'))",
        "for public.notes.n",
        "DROP TABLE notes; ALTER TABLE langchain_pg_embedding DROP n",
    ),
    "type": (
        "CREATE TYPE shape AS (uuid uuid, name varchar, cmetadata json); ALTER TABLE langchain_pg_collection OF shape",
        "public.shape",
        "ALTER TABLE langchain_pg_collection NOT OF; DROP TYPE shape",
    ),
    "extension": (
        "ALTER EXTENSION vector ADD TABLE langchain_pg_embedding",
        "vector",
        "ALTER EXTENSION vector DROP TABLE langchain_pg_embedding",
    ),
    "invalid index": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_cmetadata_gin'::regclass",
        "public.ix_cmetadata_gin",
        "UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'ix_cmetadata_gin'::regclass",
    ),
    "disabled foreign key": (
        "ALTER TABLE langchain_pg_embedding DISABLE TRIGGER ALL",
        "",
        "ALTER TABLE langchain_pg_embedding ENABLE TRIGGER ALL",
    ),
}


def test_what_can_not_be_carried_over_is_named_by_a_run_and_a_rehearsal(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advice, "working", lambda *_: ())
    rows, before = bits(database), belongings(database, *TABLES)
    for title, (make, name, remove) in KINDS.items():
        if "SCHEMA" in make and database.connect().server_version < 150000:
            continue
        database.execute(make)
        depending = belongings(database, *TABLES)
        refused = data_of(client.restore(**saved, **SWAP), 409)
        (problem,) = data_of(client.restore(**saved, **SWAP, dry_run=True))["problems"]
        assert (refused["error_type"], refused["rolled_back"]) == ("DEPENDENT_ROWS", True), title
        assert (problem["error_type"], problem["details"]) == ("DEPENDENT_ROWS", refused["details"])
        found = refused["details"]["objects"]
        assert {one["kind"] for one in found} == {title.partition(",")[0]}, refused
        assert any(name in one["name"] for one in found), refused
        assert belongings(database, *TABLES) == depending
        database.execute(remove)
    assert belongings(database, *TABLES) == before
    assert data_of(client.restore(**saved, **SWAP))["swap_performed"] is True
    assert bits(database) == rows


@pytest.mark.parametrize(
    ("kind", "ways"),
    [("table constraint", ["strategy: sync"]), ("materialized view", ["strategy: sync", "truncate_before_restore"])],
)
def test_the_ways_that_work_are_named(
    client: Client, database: TestDatabase, saved: dict[str, Any], kind: str, ways: list[str]
) -> None:
    database.execute(KINDS[kind][0])
    refused = data_of(client.restore(**saved, **SWAP), 409)["response"]
    (problem,) = data_of(client.restore(**saved, **SWAP, dry_run=True))["problems"]
    assert problem["error"] == refused
    assert [way for way in ("strategy: sync", "truncate_before_restore") if way in refused] == ways


def test_only_the_owner_may_swap_and_a_rehearsal_says_so(
    client: Client, database: TestDatabase, saved: dict[str, Any], role: Any, make_client: Any, bits: Any
) -> None:
    role.may("SELECT, INSERT, UPDATE, DELETE, TRUNCATE")
    limited = make_client(DATABASE_URL=role.url)
    assert failure(limited.restore(**saved, **SWAP)) == (403, "PERMISSION_DENIED")
    plan = data_of(limited.restore(**saved, **SWAP, dry_run=True))
    assert {one["error_type"] for one in plan["problems"]} == {"PERMISSION_DENIED"}
    for table in TABLES:
        database.execute(f"ALTER TABLE {table} OWNER TO {role.name}")
    refused = data_of(limited.restore(**saved, **SWAP), 403)
    assert refused["details"] == {"schema": "public", "privileges": ["CREATE"]}
    database.execute(f"GRANT CREATE ON SCHEMA public TO {role.name}")
    before = belongings(database, *TABLES)
    assert data_of(limited.restore(**saved, **SWAP, dry_run=True))["problems"] == []
    assert data_of(limited.restore(**saved, **SWAP))["swap_performed"] is True
    assert belongings(database, *TABLES) == before


def test_staging_tables_are_no_tables_of_the_database(database: TestDatabase) -> None:
    """Known by name and mark: a table that has one of the two alone is another one."""
    database.execute(f"CREATE TABLE {PREFIX}1_0 (v vector); CREATE TABLE mine (v vector)")
    database.execute(f"COMMENT ON TABLE mine IS '{MARK}'")
    timeouts = Timeouts(connect=5, lock=5, statement=0, idle=0, client_check=500)
    for others in ({f"{PREFIX}1_0", "mine"}, {"mine"}):
        with transaction(from_url(database.url, "config"), timeouts) as session:
            found, _ = vector_tables.find(session.cursor, [("public", name) for name in TABLES], 10)
            left = len(leftovers.find(session.cursor))
        assert ({one.relation for one in found}, left) == (others, 2 - len(others))
        database.execute(f"COMMENT ON TABLE {PREFIX}1_0 IS '{MARK}'")
