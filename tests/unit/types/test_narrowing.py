"""Which changes of a type can lose something."""

import pytest

from data_pipeline.formats import types
from data_pipeline.formats.types.narrowing import loses


def numeric(precision: int, scale: int) -> int:
    """atttypmod, as numerictypmodin packs it."""
    return 4 + (precision << 16 | scale & 0x7FF)


def characters(count: int) -> int:
    return 4 + count


Type = tuple[str, int]

LOSES: list[tuple[Type, Type]] = [
    (("vector", 3), ("halfvec", 3)),
    (("sparsevec", -1), ("vector", -1)),
    (("_vector", -1), ("_halfvec", -1)),
    (("float8", -1), ("float4", -1)),
    (("_float8", -1), ("_float4", -1)),
    (("float4", -1), ("numeric", -1)),
    (("numeric", -1), ("float8", -1)),
    (("numeric", -1), ("int8", -1)),
    (("numeric", numeric(10, 2)), ("int4", -1)),
    (("int4", -1), ("float4", -1)),
    (("int8", -1), ("float8", -1)),
    (("int4", -1), ("numeric", numeric(3, -2))),
    (("numeric", -1), ("numeric", numeric(10, 2))),
    (("numeric", numeric(10, 3)), ("numeric", numeric(20, 2))),
    (("timestamptz", -1), ("date", -1)),
    (("timestamptz", -1), ("timestamp", -1)),
    (("timestamp", -1), ("timestamptz", -1)),
    (("date", -1), ("timestamptz", -1)),
    (("timestamp", -1), ("timestamp", 3)),
    (("time", 6), ("time", 0)),
    (("interval", -1), ("interval", 0x7FFF0003)),
    (("text", -1), ("varchar", characters(5))),
    (("varchar", characters(6)), ("varchar", characters(5))),
    (("varchar", characters(3)), ("bpchar", characters(5))),
    (("bpchar", characters(6)), ("bpchar", characters(5))),
    (("text", -1), ("name", -1)),
    (("text", -1), ("char", -1)),
    (("json", -1), ("varchar", characters(100))),
    (("text", -1), ("uuid", -1)),
    (("text", -1), ("jsonb", -1)),
    (("text", -1), ("bytea", -1)),
    (("public.mood", -1), ("public.feeling", -1)),
    (("text", -1), ("public.email", -1)),
    (("public.geometry", 8), ("public.geometry", 12)),
]

KEEPS: list[tuple[Type, Type]] = [
    (("halfvec", 3), ("vector", 3)),
    (("vector", -1), ("vector", 3)),
    (("float4", -1), ("float8", -1)),
    (("int4", -1), ("int8", -1)),
    (("int8", -1), ("int4", -1)),  # one that is out of range is refused
    (("int2", -1), ("float4", -1)),
    (("int4", -1), ("float8", -1)),
    (("int8", -1), ("numeric", -1)),
    (("int8", -1), ("numeric", numeric(3, 0))),
    (("numeric", numeric(10, 0)), ("int4", -1)),
    (("numeric", numeric(10, 2)), ("numeric", -1)),
    (("numeric", numeric(10, 2)), ("numeric", numeric(5, 2))),
    (("date", -1), ("timestamp", -1)),
    (("timestamp", 0), ("timestamp", 3)),
    (("timestamp", 6), ("timestamp", -1)),
    (("timestamp", -1), ("timestamp", 6)),
    (("varchar", characters(5)), ("text", -1)),
    (("varchar", characters(5)), ("varchar", -1)),
    (("varchar", characters(5)), ("varchar", characters(5))),
    (("bpchar", characters(5)), ("bpchar", characters(6))),
    (("bpchar", characters(5)), ("varchar", characters(5))),
    (("name", -1), ("varchar", characters(63))),
    (("uuid", -1), ("varchar", characters(36))),
    (("uuid", -1), ("bpchar", characters(36))),
    (("int4", -1), ("varchar", characters(2))),  # one that is longer is refused
    (("text", -1), ("json", -1)),
    (("json", -1), ("jsonb", -1)),
    (("jsonb", -1), ("json", -1)),
    (("bit", 3), ("bit", 4)),
    (("bit", 3), ("varbit", 2)),
    (("public.mood", -1), ("text", -1)),
    (("public.geometry", 8), ("public.geometry", -1)),
    (("_int4", -1), ("_int8", -1)),
    (("_int4", -1), ("text", -1)),
]


@pytest.mark.parametrize(("old", "new"), LOSES, ids=str)
def test_what_loses_something(old: Type, new: Type) -> None:
    assert loses(*old, *new)


@pytest.mark.parametrize(("old", "new"), KEEPS, ids=str)
def test_what_loses_nothing(old: Type, new: Type) -> None:
    assert not loses(*old, *new)


@pytest.mark.parametrize("name", [*types.SCALARS, *types.ARRAYS])
def test_the_same_type_and_text_hold_every_value(name: str) -> None:
    assert not loses(name, -1, name, -1)
    assert not loses(name, -1, "text", -1)
