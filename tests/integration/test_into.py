"""LangChain's collections as tables of PGVectorStore, and back: the library's own classes read, search and write."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_postgres import Column as StoreColumn
from langchain_postgres import PGEngine, PGVector, PGVectorStore
from langchain_postgres.v2.hybrid_search_config import HybridSearchConfig
from langchain_postgres.v2.indexes import HNSWIndex
from sqlalchemy import create_engine

from data_pipeline.postgres.converting import metadata
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_langchain import HashEmbeddings, fill_as_langchain_community
from tests.support.answers import data_of
from tests.support.names import EMBEDDING

MANUAL = [
    Document(
        id="refund", page_content="refund in 14 days", metadata={"source": "a.pdf", "page": 3, "seen": "2026-1-2"}
    ),
    Document(
        id="语句", page_content="退款应在十四天内完成。", metadata={"source": "b.pdf", "page": "four", "标签": ["退款"]}
    ),
    Document(id="tall", page_content="it's :tall", metadata={"source": None, "page": 2.5, "nested": {"a": [1, None]}}),
    Document(id="empty", page_content="", metadata={}),
]
TYPES = {"source": "text", "page": "integer", "seen": "DATE"}
HYBRID = HybridSearchConfig(tsv_column="正文_tsv", tsv_lang="pg_catalog.english")
HNSW = (
    "CREATE INDEX old_hnsw ON langchain_pg_embedding USING hnsw ((embedding::vector(32)) vector_cosine_ops) WITH (m=8)"
)


@pytest.fixture
def store_engine(database: TestDatabase) -> Iterator[PGEngine]:
    engine = PGEngine.from_connection_string(database.url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
def collection(database: TestDatabase) -> Iterator[Callable[[str], PGVector]]:
    engine = create_engine(database.url.replace("postgresql://", "postgresql+psycopg://"))
    yield lambda name: PGVector(HashEmbeddings(), connection=engine, collection_name=name)
    engine.dispose()


def saved(client: Client, **body: Any) -> dict[str, str]:
    """The body that restores a backup."""
    done = data_of(client.backup(**body))
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def store_of(engine: PGEngine, table: str, **more: Any) -> PGVectorStore:
    return PGVectorStore.create_sync(engine, HashEmbeddings(), table, **more)


def tables(database: TestDatabase) -> list[str]:
    return [name for (name,) in database.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                                               "'public'::regnamespace ORDER BY 1")]  # fmt: skip


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_the_library_reads_searches_and_writes_the_tables_of_its_collections(
    client: Client, database: TestDatabase, collection: Any, store_engine: PGEngine, bits: Any, file_format: str
) -> None:
    collection("manual").add_documents(MANUAL)
    collection("my notes").add_documents([Document(page_content=f"note {n}", metadata={"n": n}) for n in range(9)])
    database.execute(HNSW)
    before = bits(database)
    body = {**saved(client, format=file_format), "into": {
        "layout": "pgvectorstore", "tables": {"manual": "kb.manual"}, "metadata_columns": TYPES}}  # fmt: skip
    plan = data_of(client.restore(**body, dry_run=True))
    assert (plan["problems"], tables(database)) == ([], ["langchain_pg_collection", EMBEDDING])
    done = data_of(client.restore(**body))
    assert (plan["converted"], done["warnings"]) == (done["converted"], [])
    manual, notes = done["converted"]
    assert (manual["table"], manual["rows"], manual["id_type"], manual["dimensions"]) == ("kb.manual", 4, "varchar", 32)
    assert (notes["table"], notes["id_type"]) == ("public.my notes", "uuid")
    counts = {"converted": 1, "changed": 0, "missing": 1, "not_convertible": 2}
    assert manual["metadata_columns"]["page"] == {"type": "int4", **counts}
    assert manual["metadata_columns"]["seen"] == {
        "type": "date", "converted": 1, "changed": 1, "missing": 3, "not_convertible": 0}  # fmt: skip
    assert done["created"]["tables"] == ["kb.manual", "public.my notes"]
    assert set(done["created"]["indexes"]) == {"manuallangchainvectorindex", "my noteslangchainvectorindex"}
    assert bits(database) == before

    store = store_of(store_engine, "manual", schema_name="kb", metadata_columns=["source"])
    for document in MANUAL:
        (found, score), *_ = store.similarity_search_with_score(document.page_content, k=1)
        assert (found.id, found.page_content) == (document.id, document.page_content)
        assert score == pytest.approx(0, abs=1e-6)
        kept = {key: value for key, value in document.metadata.items() if key != "page" or value != 3}
        assert found.metadata == {"source": None} | kept
    assert {d.id for d in store.similarity_search("any", k=9, filter={"source": {"$in": ["a.pdf", "b.pdf"]}})} == {
        "refund", "语句"}  # fmt: skip
    index = database.fetch("SELECT indexdef FROM pg_indexes WHERE indexname = 'manuallangchainvectorindex'")
    assert "USING hnsw (embedding vector_cosine_ops) WITH (m='8')" in index[0][0]
    assert database.fetch("SELECT count(*) FROM pg_constraint WHERE conname = 'manual_pkey'") == [(1,)]
    store.add_documents([Document(id="new", page_content="new text", metadata={"source": "c.pdf"})])
    store.delete(["refund"])
    assert store.similarity_search("new text", k=1)[0].id == "new"
    mine = store_of(store_engine, "my notes")
    mine.add_documents([Document(page_content="another")])
    assert len(mine.similarity_search("note 3", k=20)) == 10


def test_tables_as_the_library_makes_them(client: Client, database: TestDatabase, collection: Any,
                                          store_engine: PGEngine) -> None:  # fmt: skip
    """Column by column; but for the names of its NOT NULL constraints."""
    columns: list[Any] = [StoreColumn("source", "TEXT"), StoreColumn("page", "INTEGER"), StoreColumn("seen", "DATE")]
    store_engine.init_vectorstore_table(
        "theirs", 32, metadata_columns=columns, id_column=StoreColumn("langchain_id", "VARCHAR"))  # fmt: skip
    collection("ours").add_documents(MANUAL)
    data_of(client.restore(**saved(client), into={"layout": "pgvectorstore", "metadata_columns": TYPES}))
    described = """SELECT attname, format_type(atttypid, atttypmod), attnotnull, attnum, atthasdef, i.indisprimary
        FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND a.attnum = ANY(i.indkey)
        WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(described, ("theirs",))
        theirs = cursor.fetchall()
        cursor.execute(described, ("ours",))
        assert cursor.fetchall() == theirs


def test_community_tables_become_stores(
    make_client: Callable[..., Client], old_database: TestDatabase, database: TestDatabase, store_engine: PGEngine,
    client: Client,
) -> None:  # fmt: skip
    fill_as_langchain_community(old_database)
    body = saved(make_client(DATABASE_URL=old_database.url))
    done = data_of(client.restore(**body, collections=["manual"], into={"layout": "pgvectorstore"}))
    assert [one["collection"] for one in done["converted"]] == ["manual"]
    store = store_of(store_engine, "manual")
    (found,) = store.similarity_search("note 7: it's 😀", k=1)
    assert (found.id, found.metadata) == ("note 7", {"number": 7})
    assert database.fetch('SELECT count(*) FROM "manual"') == [(done["converted"][0]["rows"],)]


def test_stores_become_collections_whatever_their_columns_are_called(
    client: Client, database: TestDatabase, store_engine: PGEngine, collection: Any
) -> None:
    store_engine.init_vectorstore_table(
        "odd", 32, content_column="正文", embedding_column="The vector", metadata_json_column="more",
        metadata_columns=[StoreColumn("len", "INTEGER"), StoreColumn("source", "TEXT")],
        id_column=StoreColumn("Key", "VARCHAR"), hybrid_search_config=HYBRID,
    )  # fmt: skip
    store_engine.init_vectorstore_table("plain", 32)
    odd = store_of(
        store_engine, "odd", content_column="正文", embedding_column="The vector", metadata_json_column="more",
        id_column="Key", metadata_columns=["len", "source"],
        hybrid_search_config=HYBRID,
    )  # fmt: skip
    documents = [
        Document(id=f"d{n}", page_content=f"text {n}", metadata={"len": n, "x": {"y": None}}) for n in range(5)
    ]
    odd.add_documents(documents)
    plain = store_of(store_engine, "plain")
    plain.add_documents([Document(page_content="plain")])
    plain.apply_vector_index(HNSWIndex())
    body = saved(client, layout="pgvectorstore", tables=["odd", "plain"])
    database.execute(f"DROP TABLE odd, plain, {EMBEDDING}, langchain_pg_collection")
    into = {"layout": "langchain", "tables": {"奇 odd": "public.odd"}}
    plan = data_of(client.restore(**body, into=into, dry_run=True))
    assert (plan["problems"], tables(database)) == ([], [])
    done = data_of(client.restore(**body, into=into))
    assert plan["converted"] == done["converted"]
    first, second = done["converted"]
    assert (first["collection"], first["content_column"], first["json_column"]) == ("奇 odd", "正文", "more")
    assert first["metadata_columns"]["source"]["missing"] == 5
    assert second["collection"] == "plain"
    assert any("正文_tsv" in warning for warning in done["warnings"])
    assert list(done["created"]["indexes"]) == [f"{EMBEDDING}_hnsw"]
    found = collection("奇 odd")
    assert sorted(found.similarity_search("any", k=9), key=lambda one: str(one.id)) == documents
    found.add_documents([Document(id="new", page_content="new")])
    assert [one.page_content for one in collection("plain").similarity_search("any", k=9)] == ["plain"]
    refused = data_of(client.restore(**body, into=into), 409)
    assert refused["error_type"] == "DUPLICATE_ROWS"
    assert refused["details"]["collections"] == ["plain", "奇 odd"]


def test_there_and_back(client: Client, database: TestDatabase, collection: Any, bits: Any) -> None:
    """What was in the rows is in them again, but for where a number was written another way."""
    collection("manual").add_documents(MANUAL)
    rows = "SELECT id, embedding, document, cmetadata - 'seen' FROM langchain_pg_embedding ORDER BY id"
    before = database.fetch(rows)
    data_of(client.restore(**saved(client), into={"layout": "pgvectorstore", "metadata_columns": TYPES}))
    back = saved(client, layout="pgvectorstore", tables=["manual"])
    database.execute("DELETE FROM langchain_pg_collection")
    data_of(client.restore(**back, into={"layout": "langchain"}))
    assert database.fetch(rows) == before


@pytest.mark.parametrize(
    ("given", "status", "named"),
    [
        ({"truncate_before_restore": True}, 400, "into"),
        ({"backup_before_restore": True}, 400, "backup_before_restore"),
        ({"create_tables": True}, 400, "create_tables"),
        ({"collections": ["nothing"]}, 404, "nothing"),
        ({"into": {"layout": "langchain"}}, 400, "langchain"),
        ({"into": {"layout": "pgvectorstore", "tables": {"nothing": "x"}}}, 404, "nothing"),
        ({"into": {"layout": "pgvectorstore", "tables": {"docs": "a", "空集合": "a"}}}, 400, "a"),
        ({"into": {"layout": "pgvectorstore", "tables": {"docs": "pg_catalog.x"}}}, 409, "pg_catalog.x"),
        ({"into": {"layout": "pgvectorstore", "metadata_columns": {"a": "text; DROP TABLE x"}}}, 400, "text; drop"),
        ({"into": {"layout": "pgvectorstore", "metadata_columns": {"content": "text"}}}, 400, "content"),
        ({"into": {"layout": "pgvectorstore", "tables": {"docs": EMBEDDING}}}, 409, EMBEDDING),
        ({"into": {"layout": "elsewhere"}}, 400, "into"),
    ],
)
def test_what_is_refused_changes_nothing(
    client: Client, database: TestDatabase, fill: Any, bits: Any, given: dict[str, Any], status: int, named: str
) -> None:
    fill(database)
    before = bits(database), tables(database)
    body = {**saved(client), "into": {"layout": "pgvectorstore"}, **given}
    assert named in str(data_of(client.restore(**body), status)).lower()
    assert (bits(database), tables(database)) == before


@pytest.mark.parametrize(
    ("row", "text"),
    [("'x', NULL, 'no vector', '{}'", "1"), ("'x', '[1,2]', 'short', '{}'", "2")],
)
def test_rows_that_no_store_can_have_are_named(
    client: Client, database: TestDatabase, fill: Any, row: str, text: str
) -> None:
    fill(database)
    database.execute(
        f"INSERT INTO {EMBEDDING} (id, embedding, document, cmetadata, collection_id)"
        f" SELECT {row}, uuid FROM langchain_pg_collection WHERE name = 'docs'"
    )
    body = {**saved(client), "into": {"layout": "pgvectorstore"}}
    plan = data_of(client.restore(**body, dry_run=True))
    refused = data_of(client.restore(**body), 409)
    assert [one["error"] for one in plan["problems"]] == [refused["response"]]
    assert (refused["error_type"], refused["details"]["collection"]) == ("SCHEMA_MISMATCH", "docs")
    assert text in refused["response"]
    assert tables(database) == ["langchain_pg_collection", EMBEDDING]


def test_awkward_rows_of_files_without_a_manifest(client: Client, database: TestDatabase, backups: Any) -> None:
    uuid = "11111111-1111-4111-8111-111111111111"
    body = backups.write(
        f"uuid,name,cmetadata\r\n{uuid},docs,\"{{'a': 1}}\"\r\n".encode(),
        "id,collection_id,embedding,document,cmetadata\r\n"
        f'a,{uuid},"[1,2,3]",,"{{\'page\': 7, \'x\': None}}"\r\nb,{uuid},"[4,5,6]",second,\r\n'.encode(),
    )
    done = data_of(client.restore(**body, into={"layout": "pgvectorstore", "metadata_columns": {"page": "int"}}))
    assert done["converted"][0]["rows"] == 2
    assert database.fetch("SELECT langchain_id, content, page, langchain_metadata FROM docs ORDER BY 1") == [
        ("a", "", 7, {"x": None}), ("b", "second", None, None)]  # fmt: skip


def test_ids_in_several_tables_are_named(client: Client, database: TestDatabase) -> None:
    for name in ("one", "two"):
        database.execute(f"CREATE TABLE {name} (id text PRIMARY KEY, body text NOT NULL, v vector(2) NOT NULL)")
        database.execute(f"INSERT INTO {name} VALUES ('same', 'x', '[1,2]'), ('{name}', 'y', '[3,4]')")
    body = {**saved(client, layout="tables", tables=["one", "two"]), "into": {"layout": "langchain"}}
    refused = data_of(client.restore(**body), 409)
    assert (refused["error_type"], refused["details"]["ids"]) == ("DUPLICATE_ROWS", ["same"])
    done = data_of(client.restore(**body, layout="tables", tables=["two"]))
    assert [one["collection"] for one in done["converted"]] == ["two"]
    assert database.fetch(f"SELECT id FROM {EMBEDDING} ORDER BY 1") == [("same",), ("two",)]


def test_a_trigger_that_makes_other_rows_undoes_all(client: Client, database: TestDatabase, bits: Any) -> None:
    database.execute("CREATE TABLE one (id text PRIMARY KEY, body text NOT NULL, v vector(2) NOT NULL)")
    database.execute("INSERT INTO one VALUES ('a', 'x', '[1,2]')")
    body = {**saved(client, layout="pgvectorstore"), "into": {"layout": "langchain"}}
    database.execute(
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.document = upper(NEW.document); RETURN NEW; END $$;"
        f"CREATE TRIGGER shouting BEFORE INSERT ON {EMBEDDING} FOR EACH ROW EXECUTE FUNCTION shout()"
    )
    before = bits(database)
    refused = data_of(client.restore(**body), 409)
    assert refused["error_type"] == "TRIGGER_CHANGED_ROWS"
    assert "shouting" in refused["response"]
    assert bits(database) == before


def test_a_value_that_jsonb_cant_hold_is_dropped_on_request(
    make_client: Any, old_database: TestDatabase, client: Client, database: TestDatabase
) -> None:
    fill_as_langchain_community(old_database)
    old_database.execute(f"UPDATE {EMBEDDING} SET cmetadata = '{{\"a\": \"b\\u0000c\"}}' WHERE custom_id = 'note 7'")
    body = {**saved(make_client(DATABASE_URL=old_database.url)), "into": {"layout": "pgvectorstore"}}
    assert data_of(client.restore(**body), 422)["error_type"] == "INVALID_BACKUP"
    assert "manual" not in tables(database)
    data_of(client.restore(**body, strip_nul=True))
    row = "SELECT langchain_metadata ->> 'a' FROM manual WHERE langchain_id = 'note 7'"
    assert database.fetch(row) == [("bc",)]


def test_names_mean_what_they_say_under_a_hostile_path(
    make_client: Any, decoyed_database: TestDatabase, fill: Any
) -> None:
    client = make_client(DATABASE_URL=decoyed_database.url)
    fill(decoyed_database)
    into = {"layout": "pgvectorstore", "tables": {"docs": "kb.docs"}, "metadata_columns": {"n": "integer"}}
    done = data_of(client.restore(**saved(client), collections=["docs"], into=into))
    assert done["converted"][0]["metadata_columns"]["n"]["converted"] == 1
    back = {**saved(client, layout="pgvectorstore", tables=["kb.docs"]), "into": {"layout": "langchain"}}
    decoyed_database.execute(f"DELETE FROM public.{EMBEDDING}; DELETE FROM public.langchain_pg_collection")
    assert data_of(client.restore(**back))["converted"][0]["rows"] == done["converted"][0]["rows"]


def test_servers_before_16_convert_the_same(
    client: Client, database: TestDatabase, collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection("manual").add_documents(MANUAL)
    body = {**saved(client), "into": {"layout": "pgvectorstore", "metadata_columns": {**TYPES, "标签": "varchar(3)"}}}
    asked = data_of(client.restore(**body, dry_run=True))["converted"]
    monkeypatch.setattr(metadata, "TELLS_VALIDITY", 1_000_000)
    assert data_of(client.restore(**body))["converted"] == asked


def test_what_is_of_the_layout_already_is_refused_before_a_job_exists(
    client: Client, database: TestDatabase, fill: Any
) -> None:
    fill(database)
    body = {**saved(client), "into": {"layout": "pgvectorstore"}}
    refused = data_of(client.restore(**{**body, "into": {"layout": "langchain"}}, **{"async": True}), 400)
    assert refused["details"]["field"] == "into"


def test_files_that_turn_out_to_be_python_s_are_read_again(
    client: Client, database: TestDatabase, backups: Any
) -> None:
    uuid = "11111111-1111-4111-8111-111111111111"
    body = backups.write(
        f"uuid,name,cmetadata\n{uuid},docs,{{}}\n".encode(),
        "id,collection_id,embedding,document,cmetadata\n"
        f"a,{uuid},\"[1,2,3]\",text,\"{{'day': 'today', 'at': '2026-01-02'}}\"\n".encode(),
    )
    columns = {"day": "date", "at": "date"}
    for more in ({"dry_run": True}, {}):
        into = {"layout": "pgvectorstore", "metadata_columns": columns}
        (docs,) = data_of(client.restore(**body, into=into, **more))["converted"]
        assert docs["metadata_columns"]["day"]["not_convertible"] == docs["metadata_columns"]["at"]["converted"] == 1
    assert database.fetch("SELECT at::text, day, langchain_metadata FROM docs") == [
        ("2026-01-02", None, {"day": "today"})
    ]


def test_an_id_that_a_file_has_twice_undoes_all(client: Client, database: TestDatabase, backups: Any) -> None:
    uuid = "11111111-1111-4111-8111-111111111111"
    row = f'a,{uuid},"[1,2,3]",text,{{}}\n'
    body = backups.write(
        f"uuid,name,cmetadata\n{uuid},docs,{{}}\n".encode(),
        f"id,collection_id,embedding,document,cmetadata\n{row}{row}".encode(),
    )
    plan = data_of(client.restore(**body, into={"layout": "pgvectorstore"}, dry_run=True))
    refused = data_of(client.restore(**body, into={"layout": "pgvectorstore"}), 409)
    assert refused["error_type"] == "DUPLICATE_ROWS"
    assert [one["error"] for one in plan["problems"]] == [refused["response"]]
    assert tables(database) == ["langchain_pg_collection", EMBEDDING]


def test_one_table_is_one_collection(client: Client, database: TestDatabase) -> None:
    database.execute("CREATE TABLE one (id text PRIMARY KEY, body text NOT NULL, v vector(2) NOT NULL)")
    body = saved(client, layout="pgvectorstore")
    for given in ({"a": "one", "b": "public.one"}, {"a": "public.two"}):
        refused = data_of(client.restore(**body, into={"layout": "langchain", "tables": given}), 400)
        assert refused["error_type"] == "INVALID_PARAMS"
