"""What a layout says of its tables; those known only at run time are made here as a catalog would name them."""

import pytest

from common.errors import InvalidParams
from data_pipeline.layouts import langchain_legacy
from data_pipeline.layouts.base import Layout, Reference, TableLayout
from data_pipeline.layouts.registry import DOCUMENTED, LAYOUTS

COLLECTION, EMBEDDING = DOCUMENTED.names


def table(name: str, *refers_to: str) -> TableLayout:
    """A table of the schema `app`, by its whole name."""
    references = tuple(Reference((f"{other}_id",), other, ("id",)) for other in refers_to)
    return TableLayout(name, ("tenant", "id"), references=references, schema="app")


SHOP = Layout(
    "tables",
    "tables",
    (table("app.shops"), table("app.items", "app.shops"), table("app.notes", "app.items"), table("app.logs")),
)


def test_what_is_documented_is_what_nothing_else_is_named() -> None:
    assert LAYOUTS["langchain"] is DOCUMENTED
    assert langchain_legacy.LAYOUT not in LAYOUTS.values()
    assert DOCUMENTED.names == ("langchain_pg_collection", "langchain_pg_embedding")
    assert (DOCUMENTED.owner, DOCUMENTED.member) == DOCUMENTED.names


def test_chosen_tables_come_in_load_order() -> None:
    assert DOCUMENTED.in_order([EMBEDDING, COLLECTION]) == [COLLECTION, EMBEDDING]
    assert SHOP.in_order(["app.notes", "app.shops"]) == ["app.shops", "app.notes"]


@pytest.mark.parametrize("names", [[], [EMBEDDING, EMBEDDING], [EMBEDDING, "pg_class"]])
def test_no_other_names_are_taken(names: list[str]) -> None:
    with pytest.raises(InvalidParams, match="langchain_pg_collection, langchain_pg_embedding"):
        DOCUMENTED.in_order(names)


def test_what_is_emptied_takes_along_all_that_refer_to_it() -> None:
    assert DOCUMENTED.with_referring([COLLECTION]) == [COLLECTION, EMBEDDING]
    assert DOCUMENTED.with_referring([EMBEDDING]) == [EMBEDDING]
    assert SHOP.with_referring(["app.shops"]) == ["app.shops", "app.items", "app.notes"]


def test_tables_that_refer_to_one_another_in_a_circle_take_each_other_along() -> None:
    circle = Layout("tables", "tables", (table("app.a", "app.b"), table("app.b", "app.a"), table("app.c", "app.c")))
    assert circle.with_referring(["app.b"]) == ["app.a", "app.b"]
    assert circle.with_referring(["app.c"]) == ["app.c"]


@pytest.mark.parametrize(
    ("columns", "shape"),
    [
        ({EMBEDDING: ["id", "collection_id"]}, DOCUMENTED),
        ({EMBEDDING: ["uuid", "custom_id", "id"]}, DOCUMENTED),
        ({COLLECTION: ["uuid"], EMBEDDING: ["uuid", "custom_id"]}, langchain_legacy.LAYOUT),
        ({EMBEDDING: ["document"]}, DOCUMENTED),
        ({}, DOCUMENTED),
    ],
)
def test_a_shape_is_told_by_the_keys_that_the_tables_have(columns: dict[str, list[str]], shape: Layout) -> None:
    assert DOCUMENTED.shaped(columns) is shape
    assert shape.family == DOCUMENTED.family


def test_a_conversion_leads_from_columns_that_the_older_shape_has() -> None:
    for conversion in DOCUMENTED.conversions:
        older = {column.name: column.type for column in conversion.older[conversion.table].columns}
        newer = {column.name: column.type for column in DOCUMENTED[conversion.table].columns}
        assert set(conversion.ids) <= older.keys()
        assert conversion.key in newer
        assert {name: (older[name], newer[name]) for name in conversion.types} == conversion.types


def test_a_table_of_a_schema_is_named_with_it() -> None:
    assert SHOP["app.items"].relation == "items"
    assert SHOP.relations("public") == {("app", "shops"), ("app", "items"), ("app", "notes"), ("app", "logs")}
    assert DOCUMENTED.relations("kb") == {("kb", COLLECTION), ("kb", EMBEDDING)}


def stem(schema: str, relation: str) -> str:
    return TableLayout(f"{schema}.{relation}", (), schema=schema).stem


def test_files_are_named_by_what_every_system_can_write() -> None:
    assert [table.stem for table in DOCUMENTED.tables] == [COLLECTION, EMBEDDING]
    assert stem("public", "items-2_b") == "public.items-2_b"
    assert stem("public", "Items") == "public.%49tems"
    assert stem("a.b", "c") == "a%2Eb.c"
    assert stem("public", 'x"/\\%') == "public.x%22%2F%5C%25"


def test_no_two_tables_share_a_name_of_files() -> None:
    names = ["items", "Items", "a.b", "a%2eb", "a%2Eb", "a~b", "表" * 21, "表" * 20 + "面", "x" * 63, "x" * 62 + "X"]
    places = [(schema, relation) for schema in names for relation in names]
    stems = {stem(*place) for place in places}
    assert len(stems) == len(places) == len({one.lower() for one in stems})
    assert max(map(len, stems)) <= 201
