"""Whose tables they are, by their shape alone."""

import pytest

from data_pipeline.layouts import langchain, langchain_legacy
from data_pipeline.layouts.base import Column, TableLayout
from data_pipeline.layouts.recognise import LAYOUTS, SHAPES, recognise
from data_pipeline.layouts.registry import LAYOUTS as REGISTERED
from tests.support.names import COLLECTION, EMBEDDING

VECTORS = ("vector", "halfvec", "sparsevec")


def made(columns: str, name: str = "docs", schema: str = "public", key: str | None = None) -> TableLayout:
    """A table of `name type` pairs with commas between; `!` behind a type is NOT NULL, and so is the key: the first
    column, if not said otherwise."""
    found = [pair.split() for pair in columns.split(",")]
    keys = (found[0][0],) if key is None else tuple(key.split())
    return TableLayout(
        name=f"{schema}.{name}",
        schema=schema,
        key=keys,
        columns=tuple(Column(one, kind.rstrip("!"), kind.endswith("!") or one in keys) for one, kind in found),
        vectors=tuple(one for one, kind in found if kind.rstrip("!") in VECTORS),
    )


def label(table: TableLayout) -> str | None:
    return recognise([table]).get((table.schema, table.relation))


@pytest.mark.parametrize(
    ("expected", "table"),
    [
        ("pgvectorstore", made("langchain_id uuid, content text!, embedding vector!, langchain_metadata json")),
        ("pgvectorstore", made("id text, body text!, v vector!")),
        ("pgvectorstore", made("id varchar, 正文 text!, 向量 vector!, 正文_tsv tsvector!, source varchar!, page int4")),
        ("pgvectorstore", made("id uuid, embedding vector!, title text!, content text!, metadata jsonb")),
        ("llamaindex", made("id int8, text varchar!, metadata_ json, node_id varchar, embedding vector", "data_kb")),
        (
            "llamaindex",
            made(
                "id int8, text varchar!, metadata_ jsonb, node_id varchar, embedding halfvec,text_search_tsv tsvector"
            ),
        ),
        ("dify", made("id uuid, text text!, meta jsonb!, embedding vector!", "embedding_vector_index_1_node")),
        (
            "open_webui",
            made(
                "id text, vector vector, collection_name text!, text text, vmetadata jsonb",
                "document_chunk",
            ),
        ),
        ("open_webui", made("id text, vector vector, collection_name text!, text bytea, vmetadata bytea")),
        ("supabase", made("id int8, content text, metadata jsonb, embedding vector", "documents")),
        ("supabase", made("id uuid, content text, metadata jsonb, embedding vector", "documents")),
        ("supabase", made("id varchar, vec vector!, metadata jsonb!", "articles", "vecs")),
        ("langchain_js", made("id uuid, content text, metadata jsonb, embedding vector", "testlangchainjs")),
        ("langchain_js", made("key uuid, text text, about jsonb, v vector, collection_id uuid")),
    ],
)
def test_a_library_is_known_by_what_it_makes(expected: str, table: TableLayout) -> None:
    assert label(table) == expected


@pytest.mark.parametrize(
    "table",
    [
        made("id int8, content text!, embedding vector!"),  # a number
        made("id uuid, page int4, content text!, embedding vector!", key="id page"),
        made("id uuid, content text!, embedding vector!", key=""),
        made("id uuid, content text, embedding vector!"),
        made("id uuid, content varchar!, embedding vector!"),
        made("id uuid, content text!, embedding vector"),
        made("id uuid, content text!, embedding halfvec!"),
        made("id uuid, content text!, title vector!, body vector!"),
        made("id text, embedding vector!"),  # the id is no content
        made("id uuid, content text!"),
        made("id uuid, content text, metadata jsonb, embedding vector, owner text"),
        made("id varchar, vec vector!, metadata jsonb!"),  # not in the schema of `vecs`
        made("uuid uuid, name varchar, cmetadata json", COLLECTION, key="uuid"),
        made("id varchar, collection_id uuid, embedding vector, document varchar, cmetadata jsonb", EMBEDDING),
    ],
)
def test_what_only_looks_like_it_is_not(table: TableLayout) -> None:
    assert label(table) is None


def pair(embedding: str, key: str, schema: str = "public") -> list[TableLayout]:
    collections = made("uuid uuid, name varchar, cmetadata json", COLLECTION, schema, "uuid")
    return [collections, made(embedding, EMBEDDING, schema, key)]


NEW = "id varchar, collection_id uuid, embedding vector, document varchar, cmetadata jsonb"
OLD = "collection_id uuid, embedding vector, document varchar, cmetadata json, custom_id varchar, uuid uuid"
GO = "collection_id uuid, embedding vector, document varchar, cmetadata json, uuid uuid"


def test_the_two_tables_of_pgvector_are_known_with_their_generation_in_each_schema() -> None:
    tables = [*pair(NEW, "id"), *pair(OLD, "uuid", "old"), *pair(GO, "uuid", "go"), *pair("n int4", "n", "other")]
    expected = {"public": "langchain", "old": "langchain_legacy", "go": "langchaingo"}
    found = {(schema, name): label for schema, label in expected.items() for name in (COLLECTION, EMBEDDING)}
    assert recognise(tables) == found


def test_tables_are_told_apart_that_read_the_same_with_their_schemas() -> None:
    store = "id uuid, content text!, embedding vector!"
    one, other = made(store, "b.c", "a"), made("n int4", "c", "a.b", "n")
    assert one.name == other.name
    assert recognise([one, other]) == {("a", "b.c"): "pgvectorstore"}


def test_every_layout_that_a_label_names_is_one() -> None:
    assert set(LAYOUTS.values()) <= {*REGISTERED, "pgvectorstore"}
    assert {langchain.LAYOUT.name, langchain_legacy.LAYOUT.name} <= LAYOUTS.keys()
    assert LAYOUTS.keys() - SHAPES.keys() == {"langchain", "langchain_legacy", "langchaingo"}
