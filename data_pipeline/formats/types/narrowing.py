"""Which changes of a column's type lose something without an error.

PostgreSQL's input functions and casts round, cut and leave out silently: where a vector becomes a halfvec, or a
timestamp a date. What a type refuses is not lost: a restore of such a value fails and names it (integers out of range,
vectors of other dimensions, bits of another length, text that is no JSON).

Of two types that nothing is known of together, the change is taken for one that loses. json becomes jsonb without being
asked, as from LangChain's old tables: the JSON stays the same, its white space does not.
"""

from data_pipeline.formats.types.column_type import length
from data_pipeline.formats.types.numeric import Numeric
from data_pipeline.formats.types.text import LONGEST, LONGEST_NAME

INTEGERS = {"int2": 15, "int4": 31, "int8": 63}
"""Bits of the largest number."""

FLOATS = {"float4": 24, "float8": 53}
"""Bits of the significand: integers up to there are exact."""

STRINGS = frozenset({"text", "varchar", "bpchar", "name", "char"})
BITS = frozenset({"bit", "varbit"})
MOST_DECIMALS = 6
"""Of a second."""

UNPADDED = frozenset(
    {"bool", "uuid", "bytea", "numeric", "jsonb", "interval", "vector", "halfvec", "sparsevec", *INTEGERS, *FLOATS}
    | {"date", "time", "timetz", "timestamp", "timestamptz", *BITS}
)
"""Types whose texts never end in blanks, which a shorter string would drop without an error."""

OTHERS = {
    "float8": frozenset({"float4"}),
    "timestamp": frozenset({"date"}),
    "json": frozenset({"jsonb", "text", "varchar"}),
    "jsonb": frozenset({"json"}),
    "vector": frozenset({"halfvec"}),
    "bit": BITS,
    "varbit": BITS,
}
"""By type, what comes back from it unchanged, with any modifiers."""


def loses(old: str, old_modifier: int, new: str, new_modifier: int) -> bool:
    """Whether a value of the old type may be stored as another one in a column of the new type, without an error.

    Types are named as in pg_type, modifiers are atttypmod. Text is what both have in common: a value is the same if its
    text is read as the same value when the old type reads it again.
    """
    if old.startswith("_") and new.startswith("_"):
        return loses(old[1:], old_modifier, new[1:], new_modifier)
    if old == new:
        return _narrower(old, old_modifier, new_modifier)
    if new in STRINGS:
        return _cuts(old, old_modifier, new, new_modifier)
    if new in INTEGERS or new == "numeric":
        return not (old in INTEGERS or old == "numeric") or (_scale(old, old_modifier) > _scale(new, new_modifier))
    if old in INTEGERS and new in FLOATS:
        return INTEGERS[old] > FLOATS[new]
    return old not in OTHERS.get(new, ())


def _narrower(name: str, old: int, new: int) -> bool:
    """The same of one type with two modifiers."""
    if name in STRINGS:
        return _longest(name, new) < _longest(name, old)
    if name == "numeric":
        return _scale(name, new) < _scale(name, old)
    if name in ("time", "timetz", "timestamp", "timestamptz"):
        return _decimals(new) < _decimals(old)
    known = name in UNPADDED or name in ("json", "oid")
    return new not in (-1, old) and (name == "interval" or not known)


def _cuts(old: str, old_modifier: int, new: str, new_modifier: int) -> bool:
    """The same of a string type that is made of another type. Blanks at the end are no part of a bpchar."""
    if new in ("name", "char"):
        return True
    if new != "bpchar" and _longest(new, new_modifier) == LONGEST:
        return False
    if old in STRINGS:
        return new == "bpchar" or _longest(new, new_modifier) < _longest(old, old_modifier)
    return old not in UNPADDED and not old.startswith("_")


def _longest(name: str, modifier: int) -> int:
    """Characters that a string may have."""
    if name in ("name", "char"):
        return LONGEST_NAME if name == "name" else 1
    return next(iter(length(modifier, LONGEST)), LONGEST)


def _scale(name: str, modifier: int) -> float:
    """Decimals that a number keeps."""
    if name in INTEGERS:
        return 0
    precision_and_scale = Numeric().modifiers(modifier)
    return precision_and_scale[1] if precision_and_scale else float("inf")


def _decimals(modifier: int) -> int:
    return modifier if 0 <= modifier < MOST_DECIMALS else MOST_DECIMALS
