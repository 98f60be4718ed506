"""The types that a metadata column can be given, as a request writes them."""

import re
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Identifier

from common.errors import InvalidParams
from common.messages import say

KNOWN = frozenset(
    {
        *("text", "varchar", "int2", "int4", "int8", "float4", "float8", "numeric", "bool", "date", "time"),
        *("timestamp", "timestamptz", "uuid", "json", "jsonb"),
    }
)
OTHER_NAMES = {
    "smallint": "int2",
    "integer": "int4",
    "int": "int4",
    "bigint": "int8",
    "real": "float4",
    "float": "float8",
    "double precision": "float8",
    "decimal": "numeric",
    "boolean": "bool",
    "character varying": "varchar",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
}
"""PostgreSQL's other spellings, and `float` as the library writes it."""

WRITTEN = re.compile(r"(?P<name>[a-z][a-z0-9 ]*?)\s*(?:\(\s*(?P<first>\d{1,8})\s*(?:,\s*(?P<second>\d{1,4})\s*)?\))?")
MOST_CHARACTERS = 10_485_760
MOST_DIGITS = 1000


@dataclass(frozen=True)
class ColumnType:
    """name: PostgreSQL's own; modifiers: what stands in brackets."""

    name: str
    modifiers: tuple[int, ...] = ()

    @property
    def is_json(self) -> bool:
        return self.name in ("json", "jsonb")

    @property
    def is_time(self) -> bool:
        return self.name in ("date", "time", "timestamp", "timestamptz")

    @property
    def sql(self) -> Composable:
        return SQL(f"{{}}{self._brackets}").format(Identifier("pg_catalog", self.name))

    @property
    def text(self) -> str:
        """For an answer."""
        return f"{self.name}{self._brackets}"

    @property
    def qualified(self) -> str:
        """For the server to read."""
        return f"pg_catalog.{self.text}"

    @property
    def _brackets(self) -> str:
        return f"({','.join(map(str, self.modifiers))})" if self.modifiers else ""


def parse(column: str, written: str) -> ColumnType:
    """The type of a column. Raises InvalidParams for one that isn't among these."""
    found = WRITTEN.fullmatch(" ".join(written.lower().split()))
    if found:
        name = OTHER_NAMES.get(found["name"], found["name"])
        modifiers = tuple(int(number) for number in (found["first"], found["second"]) if number is not None)
        if name in KNOWN and _may_have(name, modifiers):
            return ColumnType(name, modifiers)
    text = say("into_column_type", column=column, type=written[:64], known=", ".join(sorted(KNOWN)))
    raise InvalidParams(text, details={"field": "into.metadata_columns"})


def _may_have(name: str, modifiers: tuple[int, ...]) -> bool:
    if not modifiers:
        return True
    if name == "varchar":
        return len(modifiers) == 1 and 0 < modifiers[0] <= MOST_CHARACTERS
    return name == "numeric" and 0 < modifiers[0] <= MOST_DIGITS and (modifiers[-1] <= modifiers[0])
