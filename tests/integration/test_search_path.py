"""A hostile search path: a decoy of everything stands in front, pgvector is in no schema of it, and all works the same.

The path is the application's too: its triggers and column defaults see it unchanged while rows are written.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.postgres import connection, writer_lock
from data_pipeline.postgres.connection import Timeouts, transaction
from data_pipeline.postgres.connection_url import from_url
from data_pipeline.postgres.link import vitals
from data_pipeline.postgres.link.line import Asking
from data_pipeline.postgres.schema import index_build, indexes, tables, unique_keys
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from tests.conftest import TestDatabase
from tests.integration.conftest import Client, new_role
from tests.integration.decoys import SCHEMA
from tests.support.names import DOCS, TABLES

PREFIX = "/api/v0/data_pipeline/vector"
PATH = f"{SCHEMA}, pg_catalog, public"
NOTES = "33333333-3333-4333-8333-333333333333"
TIMEOUTS = Timeouts(5, 5, 60, 60, 1000)
REPLACE: dict[str, Any] = {"truncate_before_restore": True}

# The table is named without a schema, and its default says which path was set when a row came.
AUDIT = """
CREATE TABLE public.audit (
  path text DEFAULT pg_catalog.current_setting('search_path'), who text DEFAULT session_user, operation text);
CREATE FUNCTION public.record_it() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO audit (operation) VALUES (TG_OP); RETURN NULL; END';
"""
TRIGGERS = """
CREATE TRIGGER at_once AFTER INSERT OR UPDATE OR DELETE ON {schema}.langchain_pg_embedding
  FOR EACH ROW EXECUTE FUNCTION public.record_it();
CREATE CONSTRAINT TRIGGER at_the_end AFTER INSERT OR UPDATE OR DELETE ON {schema}.langchain_pg_collection
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.record_it();
"""
INDEXES = """
CREATE INDEX nearest ON {schema}.langchain_pg_embedding
  USING hnsw ((embedding::extensions.vector(8)) extensions.vector_cosine_ops) WITH (m = 8);
CREATE INDEX some_halves ON {schema}.langchain_pg_embedding
  USING hnsw ((embedding::extensions.halfvec(8)) extensions.halfvec_l2_ops)
  WHERE pg_catalog.length(document) OPERATOR(pg_catalog.>) 3;
CREATE INDEX spelt ON {schema}.langchain_pg_embedding
  ((pg_catalog.lower(document) OPERATOR(pg_catalog.||) id::pg_catalog.text) COLLATE pg_catalog."C");
COMMENT ON INDEX {schema}.nearest IS 'kept';
"""
ROWS = """
INSERT INTO {schema}.langchain_pg_collection VALUES (%(docs)s, 'docs', '{{"a" : 1}}'), (%(notes)s, 'notes', NULL);
INSERT INTO {schema}.langchain_pg_embedding
SELECT 'row ' || n, CASE WHEN n <= 20 THEN %(notes)s ELSE %(docs)s END::uuid,
       ARRAY(SELECT sin(n * 10 + d) FROM generate_series(1, 8) d)::real[]::extensions.vector,
       'text ' || n, '{{"n": 1.0}}'
FROM generate_series(1, 60) n;
"""


@dataclass
class Hostile:
    """The database as its administrator sees it, and the service in front of it as a role whose path is PATH."""

    database: TestDatabase
    schema: str
    url: str
    client: Client

    def execute(self, sql: str, **parameters: str) -> None:
        self.database.execute(sql.format(schema=self.schema), parameters or None)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.database.fetch(sql.format(schema=self.schema))
        return found

    def rows(self) -> list[bytes]:
        each = [f"SELECT {n}, record_send(t) FROM {self.schema}.{name} t" for n, name in enumerate(TABLES)]
        return [row[1].tobytes() for row in self.fetch(f"{' UNION ALL '.join(each)} ORDER BY 1, 2")]

    def definitions(self) -> list[tuple[Any, ...]]:
        return self.fetch(
            "SELECT indexdef, obj_description(format('%I.%I', schemaname, indexname)::regclass) FROM pg_indexes"
            " WHERE schemaname = '{schema}' ORDER BY 1"
        )

    def paths(self) -> list[tuple[Any, ...]]:
        """Those that were set when the triggers ran for the service."""
        return self.fetch("SELECT DISTINCT path FROM public.audit WHERE who LIKE 'role%'")

    def drift(self) -> None:
        self.execute(
            "DELETE FROM {schema}.langchain_pg_embedding WHERE id LIKE '%%7';"
            "UPDATE {schema}.langchain_pg_embedding SET document = 'changed' WHERE id LIKE '%%5';"
            "UPDATE {schema}.langchain_pg_collection SET name = 'renamed', cmetadata = '1' WHERE uuid = %(docs)s;"
            "INSERT INTO {schema}.langchain_pg_embedding VALUES ('new', %(docs)s, '[1,2,3,4,5,6,7,8]', 'new', NULL)",
            docs=DOCS,
        )

    def saved(self, **body: Any) -> dict[str, str]:
        done = answered(self.client.backup(**body))
        return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}

    def restored(self, saved: dict[str, str], **body: Any) -> dict[str, Any]:
        return answered(self.client.restore(**saved, **body))


def answered(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


def post(client: Client, path: str, body: Any = None) -> dict[str, Any]:
    return answered(client.post(f"{PREFIX}{path}", data=json.dumps(body or {})))


@pytest.fixture(params=["public", "app"])
def hostile(request: Any, decoyed_database: TestDatabase, make_client: Callable[..., Client]) -> Iterator[Hostile]:
    schema = request.param
    if schema != "public":
        decoyed_database.execute(f"CREATE SCHEMA {schema}")
        for table in TABLES:
            decoyed_database.execute(f"ALTER TABLE {table} SET SCHEMA {schema}")
    with new_role(decoyed_database) as role:
        client = make_client(DATABASE_URL=role.url, PGVECTOR_SCHEMA=schema)
        yield _made_hostile(Hostile(decoyed_database, schema, role.url, client), role.name)


def _made_hostile(one: Hostile, role: str) -> Hostile:
    one.execute(ROWS, docs=DOCS, notes=NOTES)
    one.execute(f"{AUDIT} {INDEXES} {TRIGGERS}")
    for table in TABLES:
        one.execute(f"ALTER TABLE {{schema}}.{table} OWNER TO {role}")
    one.execute(
        f"GRANT USAGE ON SCHEMA extensions TO {role}; GRANT ALL ON SCHEMA {{schema}}, public TO {role};"
        f"GRANT INSERT ON public.audit TO {role}; ALTER ROLE {role} SET search_path = {PATH}"
    )
    return one


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_a_backup_is_taken_verified_and_restored_with_its_indexes(hostile: Hostile, file_format: str) -> None:
    rows, definitions = hostile.rows(), hostile.definitions()
    done = answered(hostile.client.backup(format=file_format, probes=6))
    assert (done["probes"]["count"], done["probes"]["distance"]) == (6, "cosine")
    saved = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    post(hostile.client, f"/backups/global/{saved['timestamp']}/verify")
    hostile.drift()
    answer = hostile.restored(saved, **REPLACE)
    check = answer["search_check"]
    assert (check["exact_matches"], check["recall"]) == (6, done["probes"]["recall"])
    assert check["recall"] > 0
    assert {"nearest", "some_halves", "spelt"} <= answer["index_results"].keys()
    assert (hostile.rows(), hostile.definitions()) == (rows, definitions)
    assert hostile.paths() == [(PATH,)]


@pytest.mark.parametrize(
    "body",
    [
        {"strategy": "sync"},
        {"strategy": "sync", "tables": [TABLES[1]]},
        {**REPLACE, "collections": ["docs", "notes"]},
        {"strategy": "sync", "collections": ["docs", "notes"]},
    ],
    ids=str,
)
def test_rows_come_back_whatever_the_mode(hostile: Hostile, body: dict[str, Any]) -> None:
    rows, saved = hostile.rows(), hostile.saved()
    hostile.drift()
    if "tables" in body or "collections" in body:
        hostile.execute(
            "UPDATE {schema}.langchain_pg_collection SET name = 'docs', cmetadata = '{{\"a\" : 1}}'"
            " WHERE name = 'renamed'"
        )
    rehearsed = hostile.restored(saved, **body, dry_run=True)
    assert (rehearsed["problems"], rehearsed["dry_run"]) == ([], True)
    done = hostile.restored(saved, **body)
    assert done["restore_results"].keys() == rehearsed["restore_results"].keys()
    assert hostile.rows() == rows
    assert hostile.paths() == [(PATH,)]


def test_a_swap_gives_the_new_tables_what_the_old_ones_had(hostile: Hostile) -> None:
    """Their triggers fire again afterwards, not for the rows that it loads."""
    rows, definitions, saved = hostile.rows(), hostile.definitions(), hostile.saved()
    hostile.drift()
    assert hostile.restored(saved, strategy="swap")["swap_performed"] is True
    assert (hostile.rows(), hostile.definitions(), hostile.paths()) == (rows, definitions, [])
    hostile.drift()
    hostile.restored(saved, strategy="sync")
    assert (hostile.rows(), hostile.paths()) == (rows, [(PATH,)])


@pytest.mark.parametrize("on_conflict", ["skip", "update"])
def test_rows_are_merged(hostile: Hostile, on_conflict: str) -> None:
    saved = hostile.saved()
    hostile.drift()
    hostile.execute("UPDATE {schema}.langchain_pg_collection SET name = 'docs' WHERE name = 'renamed'")
    rehearsed = hostile.restored(saved, on_conflict=on_conflict, dry_run=True)
    assert rehearsed["problems"] == []
    done = hostile.restored(saved, on_conflict=on_conflict)["restore_results"][TABLES[1]]
    assert (done["rows_inserted"], done["rows_updated"]) == (6, 6 if on_conflict == "update" else 0)
    assert hostile.fetch("SELECT count(*) FROM {schema}.langchain_pg_embedding WHERE document = 'changed'") == [
        (0 if on_conflict == "update" else 6,)
    ]
    assert hostile.paths() == [(PATH,)]


def test_a_collection_is_copied(hostile: Hostile) -> None:
    saved = hostile.saved(probes=3)
    assert hostile.restored(saved, collection_suffix=" copy", dry_run=True)["problems"] == []
    answer = hostile.restored(saved, collection_suffix=" copy")
    assert answer["search_check"]["exact_matches"] == 3
    assert hostile.fetch("SELECT name FROM {schema}.langchain_pg_collection ORDER BY 1") == [
        ("docs",),
        ("docs copy",),
        ("notes",),
        ("notes copy",),
    ]
    assert hostile.fetch("SELECT count(*) FROM {schema}.langchain_pg_embedding WHERE id LIKE '% copy'") == [(60,)]
    assert hostile.paths() == [(PATH,)]


def test_a_rehearsed_replace_measures_its_indexes(hostile: Hostile) -> None:
    saved = hostile.saved()
    answer = hostile.restored(saved, **REPLACE, dry_run=True)
    assert answer["problems"] == []
    assert {"nearest", "some_halves", "spelt"} <= answer["expected"]["indexes"].keys()


def test_what_is_undone_is_as_before(hostile: Hostile) -> None:
    saved = hostile.saved()
    hostile.drift()
    rows, definitions = hostile.rows(), hostile.definitions()
    undo = hostile.restored(saved, **REPLACE, backup_before_restore=True)["undo"]
    assert hostile.rows() != rows
    hostile.restored(undo)
    assert (hostile.rows(), hostile.definitions()) == (rows, definitions)


def test_differences_are_told(hostile: Hostile) -> None:
    first = hostile.saved()
    assert post(hostile.client, "/compare", first)["identical"] is True
    hostile.drift()
    hostile.execute("UPDATE {schema}.langchain_pg_collection SET name = 'docs' WHERE name = 'renamed'")
    second = hostile.saved()
    for other in (None, second):
        docs = post(hostile.client, "/compare", {**first, "with": other})["collections"][0]
        assert [docs[kind] for kind in ("only_in_backup", "only_in_other", "different", "same")] == [4, 1, 4, 32]


def test_a_table_is_emptied_once_its_rows_are_safe(hostile: Hostile) -> None:
    rows = hostile.rows()
    saved = hostile.saved(truncate_vector_tables=True)
    assert hostile.fetch("SELECT count(*) FROM {schema}.langchain_pg_embedding") == [(0,)]
    hostile.restored(saved, tables=[TABLES[1]])
    assert hostile.rows() == rows
    assert hostile.paths() == [(PATH,)]


def test_tables_are_made(hostile: Hostile) -> None:
    """`spelt` and `some_halves`, over an expression and over some rows, are of no kind that is made from a file."""
    saved = hostile.saved()
    rows = hostile.rows()
    hostile.execute(f"DROP TABLE {', '.join(f'{{schema}}.{name}' for name in TABLES)}")
    rehearsed = hostile.restored(saved, create_tables=True, dry_run=True)
    assert rehearsed["problems"] == []
    hostile.restored(saved, create_tables=True)
    assert hostile.rows() == rows
    made = " ".join(text for text, _ in hostile.definitions())
    assert "((embedding)::extensions.vector(8)) extensions.vector_cosine_ops" in made
    assert "jsonb_path_ops" in made


def test_the_extension_is_made_beside_the_tables(hostile: Hostile) -> None:
    saved = hostile.saved()
    hostile.execute(f"DROP TABLE {', '.join(f'{{schema}}.{name}' for name in TABLES)}; DROP EXTENSION vector CASCADE")
    hostile.database.execute(f"ALTER ROLE {from_url(hostile.url, 'pg_conn').user} SUPERUSER")
    hostile.restored(saved, create_tables=True)
    assert hostile.fetch("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'") == [
        (hostile.schema,)
    ]


def test_rows_of_the_old_schema_are_converted(hostile: Hostile, backups: Any) -> None:
    body = backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode(),
        "uuid,collection_id,embedding,document,cmetadata,custom_id\n"
        f'{NOTES},{DOCS},"[1,2,3,4,5,6,7,8]",first,{{}},mine\n{DOCS},{DOCS},"[8,7,6,5,4,3,2,1]",second,{{}},\n'.encode(),
    )
    hostile.restored(body, **REPLACE)
    assert hostile.fetch("SELECT id FROM {schema}.langchain_pg_embedding ORDER BY 1") == [(DOCS,), ("mine",)]
    hostile.restored(body, strategy="sync")
    assert post(hostile.client, "/compare", body)["identical"] is True
    assert hostile.paths() == [(PATH,)]


def test_narrower_columns_are_filled_and_compared(hostile: Hostile) -> None:
    saved = hostile.saved()
    hostile.execute(
        "DROP INDEX {schema}.nearest, {schema}.some_halves;"
        "ALTER TABLE {schema}.langchain_pg_embedding ALTER embedding TYPE extensions.halfvec(8)"
    )
    rows = hostile.rows()
    hostile.drift()
    assert hostile.restored(saved, **REPLACE, allow_lossy=True)["restore_results"][TABLES[1]]["rows_lossy"] == 60
    assert hostile.rows() == rows
    answer = post(hostile.client, "/compare", saved)
    assert [entry["different"] for entry in answer["collections"]] == [40, 20]
    assert hostile.paths() == [(PATH,)]


def test_a_column_default_sees_the_path_of_the_role(hostile: Hostile) -> None:
    saved = hostile.saved()
    hostile.execute(
        "ALTER TABLE {schema}.langchain_pg_embedding ADD path text DEFAULT pg_catalog.current_setting('search_path')"
    )
    hostile.restored(saved, **REPLACE)
    assert hostile.fetch("SELECT DISTINCT path FROM {schema}.langchain_pg_embedding") == [(PATH,)]


def test_temporary_tables_stand_in_front_of_nothing(hostile: Hostile) -> None:
    """Of a session that a pooler has given to others before."""
    names = ("pg_class", "pg_attribute", "pg_index", "pg_type", "pg_extension", "pg_constraint", "pg_locks")
    with transaction(from_url(hostile.url, "pg_conn"), TIMEOUTS) as session:
        for name in names:
            session.cursor.execute(f"CREATE TEMPORARY TABLE {name} (decoy pg_catalog.int4)")
        writer_lock.take(session.cursor)
        live = tables.inspect(session.cursor, hostile.schema, DOCUMENTED)
        assert live[TABLES[1]].column("embedding").type == "vector"  # type: ignore[union-attr]
        assert indexes.refuses_orphans(session.cursor, live)
        assert [key.columns for key in unique_keys.of(session.cursor, live[TABLES[1]].oid)] == [("id",)]


def test_a_type_of_the_same_name_is_not_pgvectors(hostile: Hostile) -> None:
    hostile.execute(
        "ALTER TABLE {schema}.langchain_pg_embedding ADD decoy evil.vector, ADD half extensions.halfvec,"
        " ADD sparse extensions.sparsevec"
    )
    with transaction(from_url(hostile.url, "pg_conn"), TIMEOUTS) as session:
        found = tables.expect_there(session.cursor, hostile.schema, DOCUMENTED[TABLES[1]])
    types = {column.name: column.type for column in found.columns}
    assert [types[name] for name in ("embedding", "half", "sparse", "decoy")] == [
        "vector",
        "halfvec",
        "sparsevec",
        "evil.vector",
    ]


def test_the_outcome_of_a_commit_and_of_an_index_are_asked_for(hostile: Hostile) -> None:
    """Over connections of their own, outside of any transaction of ours."""
    target = from_url(hostile.url, "pg_conn")
    with transaction(target, TIMEOUTS) as session:
        session.cursor.execute("CREATE TEMPORARY TABLE written (n pg_catalog.int4)")
        written = connection._transaction_id(session.cursor)
    assert written is not None
    assert connection._was_committed(target, TIMEOUTS, written)
    with closing(connection.connect(target, TIMEOUTS)) as watcher:
        assert index_build.built(watcher.cursor(cursor_factory=Asking), 1) is None
        seen = vitals.read(watcher, watcher.info.backend_pid)
        assert seen is not None
        assert seen.doing == "working"
        vitals.cancel(watcher, 1)


OBSTACLES = """
INSERT INTO {schema}.langchain_pg_embedding VALUES ('twin', NULL, NULL, 'text 1', NULL);
ALTER TABLE {schema}.langchain_pg_embedding
  ADD CONSTRAINT longer CHECK (pg_catalog.length(document) OPERATOR(pg_catalog.>) 6) NOT VALID;
CREATE TABLE public.sources (name varchar PRIMARY KEY);
GRANT SELECT ON public.sources TO PUBLIC;
ALTER TABLE {schema}.langchain_pg_collection
  ADD CONSTRAINT from_source FOREIGN KEY (name) REFERENCES public.sources NOT VALID;
CREATE INDEX left_over ON {schema}.langchain_pg_embedding (pg_catalog.lower(document))
  WHERE id OPERATOR(pg_catalog.<>) '';
UPDATE pg_index SET indisunique = true, indisvalid = false WHERE indexrelid = '{schema}.left_over'::regclass;
"""


def test_what_keeps_rows_from_coming_back_is_told(hostile: Hostile) -> None:
    hostile.execute(OBSTACLES)
    rows = hostile.rows()
    told = {name: text for text in answered(hostile.client.backup())["warnings"] for name in LEFT if name in text}
    assert told.keys() == LEFT.keys()
    assert all(count in told[name] for name, count in LEFT.items())
    response = hostile.client.backup(truncate_vector_tables=True)
    assert response.status_code == 422
    assert len(response.get_json()["data"]["details"]["obstacles"]) == len(LEFT)
    hostile.execute(
        "ALTER TABLE {schema}.langchain_pg_embedding DROP CONSTRAINT longer; DROP INDEX {schema}.left_over;"
        " ALTER TABLE {schema}.langchain_pg_collection DROP CONSTRAINT from_source"
    )
    assert hostile.rows() == rows
    assert answered(hostile.client.backup(truncate_vector_tables=True))["truncate_performed"] is True


LEFT = {"longer": "10 ", "from_source": "2 ", "left_over": "2 "}
"""How many rows each of them would refuse."""


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_a_row_that_no_message_can_hold_is_named(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    """The server says no more than 54000: program limit exceeded."""
    hostile.execute("UPDATE {schema}.langchain_pg_embedding SET document = repeat('x', 10000) WHERE id = 'row 33'")
    copy_out = tables.copy_out

    def refused(cursor: Cursor, table: Table, *more: Any) -> int:
        if table.name == TABLES[1]:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '54000'; END $$")
        return copy_out(cursor, table, *more)

    monkeypatch.setattr(tables, "copy_out", refused)
    response = hostile.client.backup(format=file_format)
    assert response.status_code == 422
    assert response.get_json()["data"]["details"]["key"] == "row 33"


def test_triggers_are_switched_off_and_on_again(hostile: Hostile) -> None:
    states = "SELECT tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'at_%' ORDER BY 1"
    rows, saved = hostile.rows(), hostile.saved()
    hostile.execute("ALTER TABLE {schema}.langchain_pg_embedding ENABLE ALWAYS TRIGGER at_once")
    for body in (REPLACE, {"strategy": "sync"}):
        hostile.drift()
        before = hostile.fetch(states)
        hostile.restored(saved, **body, triggers="disable")
        assert (hostile.rows(), hostile.fetch(states)) == (rows, before)
    assert hostile.paths() == []


def test_rows_that_others_refer_to_stay(hostile: Hostile) -> None:
    saved = hostile.saved()
    hostile.drift()
    hostile.execute(
        'CREATE TABLE public.orders (item varchar COLLATE pg_catalog."C" REFERENCES {schema}.langchain_pg_embedding'
        " ON DELETE CASCADE); INSERT INTO public.orders VALUES ('new'), ('new'), ('row 1');"
        "GRANT SELECT ON public.orders TO PUBLIC"
    )
    rows = hostile.rows()
    for body in ({"strategy": "sync"}, {**REPLACE, "collections": ["renamed"]}, REPLACE):
        for response in (
            hostile.client.restore(**saved, **body, dry_run=True),
            hostile.client.restore(**saved, **body),
        ):
            data = response.get_json()["data"]
            found = data.get("problems", [data])[0]
            if "collections" not in body:
                assert found["error_type"] == "DEPENDENT_ROWS", found
                rows_of = 3 if body == REPLACE else 2
                assert found["details"]["tables"] == [{"table": "public.orders", "rows": rows_of}]
    assert hostile.rows() == rows
    assert hostile.fetch("SELECT count(*) FROM public.orders") == [(3,)]


def test_a_trigger_that_changes_rows_elsewhere_is_found_out(hostile: Hostile) -> None:
    saved = hostile.saved()
    hostile.drift()
    hostile.execute(
        "INSERT INTO public.audit (operation) VALUES ('old'); GRANT UPDATE, SELECT ON public.audit TO PUBLIC;"
        "CREATE FUNCTION public.overwrite() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN UPDATE public.audit SET operation = 'new' WHERE operation OPERATOR(pg_catalog.=) 'old';"
        " RETURN NULL; END $$;"
        "CREATE TRIGGER overwrite AFTER INSERT ON {schema}.langchain_pg_embedding"
        " EXECUTE FUNCTION public.overwrite()"
    )
    rows = hostile.rows()
    for body in (REPLACE, {"strategy": "sync"}):
        response = hostile.client.restore(**saved, **body)
        assert response.status_code == 409, response.text
        (found,) = response.get_json()["data"]["details"]["tables"]
        assert (found["table"], found["rows_updated"]) == ("public.audit", 1)
    assert hostile.rows() == rows


def test_a_trigger_that_changes_what_is_written_is_found_out(hostile: Hostile) -> None:
    saved = hostile.saved()
    hostile.drift()
    hostile.execute(
        "CREATE FUNCTION public.clear() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.document := NULL; RETURN NEW; END';"
        "CREATE TRIGGER clear BEFORE INSERT OR UPDATE ON {schema}.langchain_pg_embedding"
        " FOR EACH ROW EXECUTE FUNCTION public.clear()"
    )
    rows = hostile.rows()
    for body in (REPLACE, {"strategy": "sync"}):
        data = hostile.client.restore(**saved, **body).get_json()["data"]
        assert data["error_type"] == "TRIGGER_CHANGED_ROWS", data
    assert hostile.rows() == rows


OWN_EQUALITY = """
CREATE FUNCTION app.alike(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql RETURN lower($1) = lower($2);
CREATE FUNCTION app.ordered(text, text) RETURNS integer IMMUTABLE LANGUAGE sql
  RETURN sign(hashtext(lower($1))::bigint - hashtext(lower($2)));
CREATE OPERATOR app.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = app.alike);
CREATE OPERATOR CLASS app.any_case FOR TYPE text USING btree AS OPERATOR 3 app.===, FUNCTION 1 app.ordered(text, text);
CREATE UNIQUE INDEX any_case ON {schema}.langchain_pg_embedding (document app.any_case);
"""


def test_a_key_is_compared_by_the_operator_of_its_index(hostile: Hostile) -> None:
    """It is found in the catalog, since the path doesn't lead to it."""
    saved = hostile.saved()
    hostile.execute(f"CREATE SCHEMA IF NOT EXISTS app; {OWN_EQUALITY}")
    hostile.execute("UPDATE {schema}.langchain_pg_embedding SET id = 'other ' || id, document = upper(document)")
    hostile.execute(f"GRANT USAGE ON SCHEMA app TO {from_url(hostile.url, 'pg_conn').user}")
    problem = hostile.restored(saved, tables=[TABLES[1]], dry_run=True)["problems"][0]
    assert problem["error_type"] == "DUPLICATE_ROWS"
    assert (problem["details"]["columns"], problem["details"]["rows"]) == (["document"], 60)


@pytest.mark.parametrize(
    "path", ['"Odd, ""one""", public', "''", '"$user"', "no_such_schema, pg_temp, public", "'a%b'"]
)
def test_the_path_comes_back_as_it_was(database: TestDatabase, role: Any, path: str) -> None:
    database.execute(f"ALTER ROLE {role.name} SET search_path = {path}")
    target = from_url(role.url, "pg_conn")
    with closing(connection.connect(target, TIMEOUTS)) as plain, plain.cursor() as cursor:
        cursor.execute("SHOW search_path")
        (own,) = cursor.fetchall()
    with transaction(target, TIMEOUTS) as session:
        session.cursor.execute("SELECT current_setting('search_path'), %s", (1,))
        assert session.cursor.fetchone() == ("pg_catalog, pg_temp", 1)
        session.cursor.in_own_path("SELECT pg_catalog.current_setting('search_path'), %s", (1,))
        assert session.cursor.fetchone() == (*own, 1)
        session.cursor.execute("SHOW search_path")
        assert session.cursor.fetchone() == own


def test_a_row_that_must_be_there_is_never_none(database: TestDatabase) -> None:
    with transaction(from_url(database.url, "pg_conn"), TIMEOUTS) as session:
        session.cursor.execute("SELECT n, n + 1 FROM generate_series(1, 3, 2) n")
        assert session.cursor.one() == (1, 2)
        assert session.cursor.value() == 3
        with pytest.raises(LookupError):
            session.cursor.one()
