"""What the columns of a PGVectorStore table are for, its name, and the types that its metadata columns can have."""

import pytest

from common.errors import InvalidParams
from data_pipeline.layouts import vector_store
from data_pipeline.layouts.base import Column, TableLayout
from data_pipeline.layouts.vector_store import Roles
from data_pipeline.postgres.converting import column_types


def table(*columns: str) -> TableLayout:
    """A table of `name type`, with `!` for NOT NULL; the first column is the key."""
    found = []
    for written in columns:
        name, type_ = written.split()
        found.append(Column(name, type_.rstrip("!"), not_null=type_.endswith("!")))
    vectors = tuple(column.name for column in found if column.type == "vector")
    return TableLayout("public.t", (found[0].name,), columns=tuple(found), vectors=vectors, schema="public")


@pytest.mark.parametrize(
    ("made", "roles"),
    [
        (
            table("langchain_id uuid!", "content text!", "embedding vector!", "langchain_metadata json"),
            Roles("langchain_id", "content", "embedding", "langchain_metadata", (), ()),
        ),
        (
            table("k varchar!", "正文 text!", "v vector!", "正文_tsv tsvector!", "a text!", "b jsonb", "more json"),
            Roles("k", "正文", "v", "more", ("正文_tsv",), ("a", "b")),
        ),
        (
            table("k text!", "title text!", "content text!", "v vector!", "own jsonb", "n int4"),
            Roles("k", "content", "v", None, (), ("title", "own", "n")),
        ),
        (table("k text!", "t text", "v vector!"), None),
        (table("k text!", "t text!", "v vector!", "w vector!"), None),
        (table("k int4!", "t text!", "v vector!"), None),
    ],
)
def test_roles(made: TableLayout, roles: Roles | None) -> None:
    assert vector_store.roles(made) == roles


@pytest.mark.parametrize(
    ("collection", "name"),
    [
        ("docs", "docs"),
        ("我的 文档-1.x", "我的 文档-1.x"),
        ('a"b:c/d', "a_b_c_d"),
        (None, "collection_u"),
        ("", "collection_u"),
    ],
)
def test_names_of_tables(collection: str | None, name: str) -> None:
    assert vector_store.table_name(collection, "u") == name


def test_long_names_stay_apart_and_whole() -> None:
    one, other = (vector_store.table_name("文" * 30 + end, "u") for end in "ab")
    assert one != other
    assert max(len(one.encode()), len(other.encode())) <= 63
    assert vector_store.index_name(one) is None


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("TEXT", "text"),
        ("integer", "int4"),
        ("double  precision", "float8"),
        ("character varying (12)", "varchar(12)"),
        ("numeric(10, 2)", "numeric(10,2)"),
        ("timestamp with time zone", "timestamptz"),
    ],
)
def test_types_as_they_are_written(written: str, text: str) -> None:
    assert column_types.parse("c", written).text == text


@pytest.mark.parametrize(
    "written", ["", "texts", "text; DROP TABLE x", "text[]", "int(4)", "varchar(0)", "numeric(2,3)", "vector", "bytea"]
)
def test_types_that_are_refused(written: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        column_types.parse("c", written)
    assert refused.value.data["details"] == {"field": "into.metadata_columns"}
