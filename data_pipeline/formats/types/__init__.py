"""PostgreSQL's types, one file a type or a kind of types: their texts, and their bytes in binary COPY.

Each module lists its types as TYPES; with that they are known everywhere. Each has an array type as well. Nothing here
asks a server, and a text is never guessed at: what a codec doesn't know for certain, it declines.
"""

import pkgutil
from functools import lru_cache
from importlib import import_module

from data_pipeline.formats.types.array import Array
from data_pipeline.formats.types.column_type import ColumnType

SCALARS: dict[str, ColumnType] = {
    one.name: one
    for module in pkgutil.walk_packages(__path__, f"{__name__}.")
    for one in getattr(import_module(module.name), "TYPES", ())
}
"""By the name in pg_type."""

ARRAYS = {f"_{name}": Array(one) for name, one in SCALARS.items()}
BUILT_IN = frozenset(array for name, one in SCALARS.items() if one.oid for array in (name, f"_{name}"))
"""Types of PostgreSQL itself, arrays included."""

VECTORS = frozenset(name for name, one in SCALARS.items() if one.oid is None)
"""pgvector's types."""


@lru_cache(maxsize=1024)
def find(name: str, element_oid: int | None = None) -> ColumnType | None:
    """The type of a name in pg_type, or None for one that nothing is known of here.

    element_oid: that of an array's elements, for types that have no oid of their own here. Without it no text of such
    an array is encoded.
    """
    array = ARRAYS.get(name)
    return array.of(element_oid) if array and element_oid else array or SCALARS.get(name)


def is_vector(name: str) -> bool:
    """Whether it is a type of pgvector's, no array."""
    return name in VECTORS


def is_json(name: str) -> bool:
    return name in SCALARS and SCALARS[name].json


def may_be_empty(name: str) -> bool:
    """Whether COPY can write a value of the type as an empty text; of an unknown type it is assumed."""
    found = find(name)
    return found is None or found.empty_text


def same_bytes(one: str, other: str) -> bool:
    """Whether two types' values have the same binary form."""
    found = find(one)
    return one == other or (found is not None and other in found.receives)
