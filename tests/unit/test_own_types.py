"""Columns that a file has in another type than the table: which are converted, which refused, how they are shown."""

from typing import Any

import pytest

from common.errors import SchemaMismatch
from data_pipeline.formats import csv_reader
from data_pipeline.layouts.base import TableLayout
from data_pipeline.postgres.schema.tables import Column, Table
from data_pipeline.sets.tables import own_types
from data_pipeline.sets.tables.own_types import OwnType
from data_pipeline.sets.tables.table_facts import ColumnFact, TableFact

Kind = tuple[str, int]


def found(old: Kind, new: Kind, *, name: str = "c", file_format: Any = "csv", allow: bool = True) -> dict[str, OwnType]:
    told = ColumnFact(name=name, type=old[0], modifier=old[1], not_null=False)
    fact = TableFact(
        file="f", format=file_format, bytes=0, rows=0, columns=[told], blocks=[], indexes=[], foreign_keys=[]
    )
    live = Column(name, new[0], new[1], not_null=False, has_default=False)
    table = Table("public", "t", 1, (live,), TableLayout("t", ("c",), owner_column="owner"))
    read = [csv_reader.Column(name, new[0])]
    return own_types.of(file_format, fact, read, table, (), allow_lossy=allow)


def test_a_narrower_column_is_refused_with_both_types_unless_it_is_allowed() -> None:
    with pytest.raises(SchemaMismatch) as refused:
        found(("numeric", -1), ("numeric", 4 + (10 << 16 | 2)), allow=False)
    types = {"c": {"backup": "numeric", "live": "numeric(10,2)"}}
    expected = {"table": "t", "columns": ["c"], "types": types, "option": "allow_lossy"}
    assert refused.value.data["details"] == expected
    assert found(("numeric", -1), ("numeric", 4 + (10 << 16 | 2)))["c"].lossy


@pytest.mark.parametrize(
    ("old", "new", "file_format", "converted"),
    [
        (("float4", -1), ("float8", -1), "csv", None),
        (("float4", -1), ("float8", -1), "binary", ("float4", False)),
        (("varchar", 9), ("text", -1), "binary", None),
        (("public.vector[]", -1), ("_vector", -1), "binary", None),
        (("public.halfvec", 3), ("halfvec", 3), "csv", None),
        (("float8", -1), ("float4", -1), "binary", ("float8", True)),
        (("public.mood", -1), ("uuid", -1), "csv", ("text", True)),
        (("public.mood", -1), ("text", -1), "csv", None),
    ],
)
def test_what_is_converted_is_read_as_the_backups_type(
    old: Kind, new: Kind, file_format: str, converted: tuple[str, bool] | None
) -> None:
    one = found(old, new, file_format=file_format).get("c")
    assert (one and (one.type, one.lossy)) == converted


@pytest.mark.parametrize(
    ("old", "new"), [(("public.mood", -1), ("text", -1)), (("_vector", -1), ("_halfvec", -1))], ids=str
)
def test_binary_values_that_only_their_own_database_understands_are_refused(old: Kind, new: Kind) -> None:
    with pytest.raises(SchemaMismatch) as refused:
        found(old, new, file_format="binary")
    assert refused.value.data["details"] == {"table": "t", "columns": ["c"]}


def test_the_column_of_the_owner_is_read_as_the_table_has_it() -> None:
    assert found(("text", -1), ("uuid", -1), name="owner", allow=False) == {}
    with pytest.raises(SchemaMismatch):
        found(("text", -1), ("uuid", -1), name="owner", file_format="binary")


@pytest.mark.parametrize(
    ("name", "modifier", "shown"),
    [
        ("vector", 3, "vector(3)"),
        ("public.halfvec", 3, "halfvec(3)"),
        ("_float8", -1, "float8[]"),
        ("_varchar", 9, "varchar(5)[]"),
        ("timestamp", 0, "timestamp(0)"),
        ("public.mood", -1, "public.mood"),
    ],
)
def test_types_are_shown_as_sql_has_them(name: str, modifier: int, shown: str) -> None:
    assert own_types.shown(name, modifier) == shown
