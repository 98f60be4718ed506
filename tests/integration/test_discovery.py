"""What tables a database has, whose they are, and which of them can be backed up."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from langchain_postgres import Column as StoreColumn
from langchain_postgres import PGEngine
from langchain_postgres.v2.hybrid_search_config import HybridSearchConfig

from data_pipeline.engine import Engine
from data_pipeline.layouts.recognise import recognise
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.connection_url import from_url
from data_pipeline.postgres.discovery import relations
from data_pipeline.postgres.discovery.relations import Relation
from data_pipeline.postgres.schema import vector_tables
from data_pipeline.settings import Settings
from tests.conftest import TestDatabase
from tests.support.names import COLLECTION, EMBEDDING

LONG = "表" * 21
"""63 bytes."""
ODD = ('quo"ted', "do.tted", "Capitals", "知识库", LONG, "a b%s{}'", "\\")


@contextmanager
def session_of(database: TestDatabase, url: str | None = None) -> Iterator[Session]:
    timeouts = Engine.build(Settings.load({"DATABASE_URL": database.url})).timeouts
    with transaction(from_url(url or database.url, "config"), timeouts, snapshot=True, read_only=True) as session:
        yield session


def found(database: TestDatabase, url: str | None = None) -> dict[str, Relation]:
    """The relations, by their names with the schema."""
    with session_of(database, url) as session:
        return {one.shape.name: one for one in relations.find(session)}


def labels(database: TestDatabase) -> dict[str, str]:
    known = recognise([one.shape for one in found(database).values()])
    return {f"{schema}.{name}": label for (schema, name), label in known.items()}


def test_a_table_is_told_with_all_it_has(database: TestDatabase) -> None:
    database.execute(
        "CREATE SCHEMA kb; CREATE TABLE kb.sources (id int PRIMARY KEY, name text UNIQUE);"
        "CREATE DOMAIN kb.meaning AS halfvec(2); CREATE DOMAIN kb.deeper AS kb.meaning;"
        "CREATE TABLE kb.articles ("
        "  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source int NOT NULL REFERENCES kb.sources,"
        "  body varchar(20) DEFAULT 'x', size int GENERATED ALWAYS AS (length(body)) STORED, gone int,"
        "  embedding vector(3), any_ vector, half kb.deeper, several vector(3)[]);"
        "ALTER TABLE kb.articles DROP COLUMN gone;"
        "CREATE INDEX near ON kb.articles USING hnsw (embedding vector_cosine_ops) WITH (m = 8) WHERE n > 0;"
        "CREATE INDEX by_expression ON kb.articles (lower(body), source) INCLUDE (size);"
        "CREATE TRIGGER silent BEFORE UPDATE ON kb.articles FOR EACH ROW"
        "  EXECUTE FUNCTION suppress_redundant_updates_trigger();"
        "ALTER TABLE kb.articles DISABLE TRIGGER silent"
    )
    database.execute(
        "INSERT INTO kb.sources VALUES (1, 'a');"
        "INSERT INTO kb.articles (source, embedding) SELECT 1, '[1,2,3]' FROM generate_series(1, 50);"
        "ANALYZE kb.articles"
    )
    table = found(database)["kb.articles"]
    assert (table.kind, table.rows, table.why_not) == ("table", 50, None)
    assert table.bytes == database.fetch("SELECT pg_table_size('kb.articles')")[0][0] > 0
    assert [(one.name, one.shown, one.not_null, one.by_itself) for one in table.columns] == [
        ("n", "bigint", True, "identity"),
        ("source", "integer", True, None),
        ("body", "character varying(20)", False, "default"),
        ("size", "integer", False, "generated"),
        ("embedding", "vector(3)", False, None),
        ("any_", "vector", False, None),
        ("half", "kb.deeper", False, None),
        ("several", "vector(3)[]", False, None),
    ]
    vectors = {one.name: (one.vector.type, one.vector.dimensions) for one in table.columns if one.vector}
    assert vectors == {"embedding": ("vector", 3), "any_": ("vector", None), "half": ("halfvec", 2)}
    assert [one.name for one in table.indexes] == ["articles_pkey", "by_expression", "near"]
    primary, expression, near = table.indexes
    assert (table.primary_key, primary.unique, primary.method) == (("n",), True, "btree")
    assert expression.columns == ("expression", "source")
    assert (near.method, near.operator_classes, near.options, near.partial) == (
        "hnsw",
        ("vector_cosine_ops",),
        {"m": "8"},
        True,
    )
    (reference,) = table.references
    assert (reference.columns, reference.table, reference.referenced) == (("source",), "kb.sources", ("id",))
    assert [(one.name, one.enabled) for one in table.triggers] == [("silent", False)]
    assert [(one.name, one.column) for one in table.sequences] == [("kb.articles_n_seq", "n")]
    assert [note.code for note in table.notes] == ["column_types_unknown"]
    assert table.notes[0].params == {"columns": ("half (kb.deeper)",)}


def test_every_table_of_an_application_is_there_and_no_other(database: TestDatabase) -> None:
    database.execute(
        "CREATE SCHEMA vector_jobs; CREATE TABLE vector_jobs.jobs (id int);"
        "CREATE TABLE plain (n int); CREATE UNLOGGED TABLE quick (n int PRIMARY KEY);"
        "CREATE VIEW seen AS SELECT embedding FROM langchain_pg_embedding; CREATE VIEW numbers AS SELECT 1 AS n;"
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM seen;"
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;"
        "CREATE FOREIGN TABLE far (embedding vector(3)) SERVER nowhere; CREATE FOREIGN TABLE f (n int) SERVER nowhere;"
        "CREATE TABLE part_of_it (embedding vector(3)); ALTER EXTENSION vector ADD TABLE part_of_it"
    )
    with closing(database.connect()) as other:
        other.cursor().execute("CREATE TEMPORARY TABLE passing (embedding vector(3))")
        tables = found(database)
    refused = {name.partition(".")[2]: one.why_not.code for name, one in tables.items() if one.why_not}
    assert refused == {
        "far": "is_a_foreign_table",
        "kept": "is_a_materialized_view",
        "seen": "is_a_view",
    }
    assert sorted(tables.keys() - {f"public.{name}" for name in refused}) == [
        f"public.{COLLECTION}",
        f"public.{EMBEDDING}",
        "public.plain",
        "public.quick",
    ]
    assert [note.code for note in tables["public.plain"].notes] == ["no_key_to_sync_by"]
    assert tables["public.quick"].notes == ()


def test_a_partitioned_table_is_told_once_with_the_rows_of_its_partitions(database: TestDatabase) -> None:
    database.execute(
        "CREATE TABLE split (n int, embedding vector(3)) PARTITION BY RANGE (n);"
        "CREATE TABLE low PARTITION OF split FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (n);"
        "CREATE TABLE lowest PARTITION OF low FOR VALUES FROM (0) TO (5);"
        "CREATE TABLE high PARTITION OF split FOR VALUES FROM (10) TO (20);"
        "INSERT INTO split SELECT n, '[1,2,3]' FROM generate_series(0, 4) n; INSERT INTO split VALUES (11, NULL);"
        "CREATE TABLE parent (n int); CREATE TABLE child () INHERITS (parent);"
        "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1), (2); ANALYZE"
    )
    tables = found(database)
    split, parent, child = (tables[f"public.{name}"] for name in ("split", "parent", "child"))
    assert not {"public.low", "public.lowest", "public.high"} & tables.keys()
    assert (split.kind, split.rows, split.partitions) == ("partitioned", 6, ("public.high", "public.low"))
    sizes = database.fetch("SELECT pg_table_size('lowest') + pg_table_size('high')")
    assert split.bytes == sizes[0][0]
    assert (parent.rows, child.rows, child.parents, parent.parents) == (1, 2, ("public.parent",), ())
    assert (split.plain, parent.plain, child.plain) == (False, False, True)


def test_what_a_role_may_not_read_is_told_with_the_reason(database: TestDatabase, role: Any) -> None:
    database.execute(
        f"CREATE SCHEMA hidden; CREATE TABLE hidden.one (n int); GRANT SELECT ON hidden.one TO {role.name};"
        f"CREATE TABLE secret (n int); CREATE TABLE by_row (n int); ALTER TABLE by_row ENABLE ROW LEVEL SECURITY;"
        f"CREATE TABLE open (n int); GRANT SELECT ON by_row, open TO {role.name}"
    )
    tables = found(database, role.url)
    told = {name: one.why_not.code for name, one in tables.items() if one.why_not and EMBEDDING[:9] not in name}
    assert told == {
        "hidden.one": "schema_privilege_lacking",
        "public.by_row": "row_security_hides_rows",
        "public.secret": "privileges_lacking",
    }
    assert tables["public.open"].why_not is None
    assert found(database)["public.by_row"].why_not is None


def test_a_table_that_another_session_has_to_itself_is_told_without_its_size(database: TestDatabase) -> None:
    database.execute(
        "CREATE TABLE busy (n int DEFAULT 1, m int); CREATE INDEX ON busy ((n + 1)); CREATE TABLE free (n int)"
    )
    with closing(database.connect()) as other:
        other.cursor().execute("LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
        tables = found(database)
    assert (tables["public.busy"].bytes, tables["public.free"].bytes) == (None, 0)
    assert tables["public.busy"].indexes[0].columns == ("expression",)


def test_names_come_as_they_are(database: TestDatabase) -> None:
    for name in ODD:
        quoted = '"{}"'.format(name.replace('"', '""'))
        database.execute(
            f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} vector(3))".replace("%", "%%"), ()
        )
    with session_of(database) as session:
        tables = relations.find(session)
    odd = [(one.schema, one.name, one.columns[0].name) for one in tables if one.schema != "public"]
    assert sorted(odd) == sorted((name, name, name) for name in ODD)


def test_names_that_are_no_text_fail_nothing(databases: Any, empty_database: TestDatabase) -> None:
    with closing(empty_database.connect()) as connection:
        connection.autocommit = True
        name = f"{empty_database.dbname}_ascii"
        cursor = connection.cursor()
        cursor.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    ascii_database = TestDatabase(empty_database.server, name)
    try:
        broken = "convert_from('\\xff'::bytea, 'SQL_ASCII')"
        ascii_database.execute(f"DO $$ BEGIN EXECUTE format('CREATE TABLE %I (n int)', {broken}); END $$")
        assert list(found(ascii_database)) == ["public.\ufffd"]
    finally:
        databases.remove(ascii_database)


def test_the_tables_that_a_backup_leaves_out_are_among_them(database: TestDatabase) -> None:
    database.execute(
        "CREATE SCHEMA kb; CREATE DOMAIN kb.meaning AS vector(3); CREATE TABLE kb.domained (e kb.meaning);"
        "CREATE TABLE kb.split (n int, e vector(3)) PARTITION BY RANGE (n);"
        "CREATE TABLE kb.low PARTITION OF kb.split FOR VALUES FROM (0) TO (10); CREATE TABLE kb.plain (n int);"
        "CREATE TEMPORARY TABLE passing (e vector(3)); CREATE VIEW kb.seen AS SELECT * FROM kb.split"
    )
    with session_of(database) as session:
        beside, _ = vector_tables.find(session.cursor, (), 100)
        tables = relations.find(session)
    with_vectors = {one.shape.name for one in tables if one.kind in ("table", "partitioned") if one.shape.vectors}
    assert {one.name for one in beside} == with_vectors == {f"public.{EMBEDDING}", "kb.domained", "kb.split"}


# Whose they are


@pytest.fixture
def store_engine(database: TestDatabase) -> Iterator[PGEngine]:
    engine = PGEngine.from_connection_string(database.url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    asyncio.run(engine.close())


def test_pgvectorstores_are_known_whatever_their_columns_are_called(
    database: TestDatabase, store_engine: PGEngine
) -> None:
    store_engine.init_vectorstore_table("plain", 3)
    database.execute("CREATE SCHEMA kb")
    store_engine.init_vectorstore_table(
        'Odd "name".表',
        3,
        schema_name="kb",
        content_column="正文",
        embedding_column="The vector",
        metadata_columns=[StoreColumn("len", "INTEGER", nullable=True), StoreColumn("source", "TEXT", nullable=False)],
        id_column=StoreColumn("Key", "VARCHAR"),
        store_metadata=False,
        hybrid_search_config=HybridSearchConfig(tsv_lang="pg_catalog.english"),
    )
    store_engine.init_vectorstore_table("numbered", 3, id_column=StoreColumn("id", "INTEGER"))
    expected = {"public.plain": "pgvectorstore", 'kb.Odd "name".表': "pgvectorstore"}
    both = dict.fromkeys((f"public.{COLLECTION}", f"public.{EMBEDDING}"), "langchain")
    assert labels(database) == {**expected, **both}


LIBRARIES = {
    "llamaindex": "CREATE TABLE public.data_kb (id bigserial PRIMARY KEY, text varchar NOT NULL, metadata_ json,"
    " node_id varchar, embedding vector(3),"
    " text_search_tsv tsvector GENERATED ALWAYS AS (to_tsvector('english', text)) STORED)",
    "dify": "CREATE TABLE embedding_vector_index_4c1d_node (id uuid PRIMARY KEY, text text NOT NULL,"
    " meta jsonb NOT NULL, embedding vector(3) NOT NULL) USING heap",
    "open_webui": "CREATE TABLE document_chunk (id text PRIMARY KEY, vector vector(3), collection_name text NOT NULL,"
    " text text, vmetadata jsonb)",
    "langchain_js": "CREATE TABLE testlangchainjs (id uuid NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,"
    " content text, metadata jsonb, embedding vector)",
    "supabase": "CREATE TABLE documents (id bigserial PRIMARY KEY, content text, metadata jsonb, embedding vector(3))",
}


@pytest.mark.parametrize("label", LIBRARIES)
def test_other_libraries_are_known_by_what_they_make(empty_database: TestDatabase, label: str) -> None:
    empty_database.execute(LIBRARIES[label])
    assert list(labels(empty_database).values()) == [label]


def test_older_tables_and_those_of_go_are_known(old_database: TestDatabase) -> None:
    both = (f"public.{COLLECTION}", f"public.{EMBEDDING}")
    assert labels(old_database) == dict.fromkeys(both, "langchain_legacy")
    old_database.execute(f"ALTER TABLE {EMBEDDING} DROP COLUMN custom_id")
    assert labels(old_database) == dict.fromkeys(both, "langchaingo")


def test_a_decoyed_database_is_read_all_the_same(decoyed_database: TestDatabase) -> None:
    tables = found(decoyed_database)
    assert {f"public.{COLLECTION}", f"public.{EMBEDDING}"} <= tables.keys()
    (vector,) = [one.vector for one in tables[f"public.{EMBEDDING}"].columns if one.vector]
    assert (vector.type, vector.dimensions) == ("vector", None)


def test_a_database_without_pgvector_has_tables_too(empty_database: TestDatabase) -> None:
    empty_database.execute("DROP EXTENSION vector; CREATE TABLE plain (n int)")
    assert list(found(empty_database)) == ["public.plain"]
