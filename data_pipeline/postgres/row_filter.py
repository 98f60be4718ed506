"""Which rows an operation is about: those of some owners (LangChain's collections), those with some values in a column,
or all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.layouts.base import TableLayout

if TYPE_CHECKING:
    from data_pipeline.postgres.schema.tables import Table
    from data_pipeline.postgres.search_path import Cursor

TYPES = frozenset(
    ("int2", "int4", "int8", "numeric", "text", "varchar", "bpchar", "uuid", "bool", "date", "timestamp", "timestamptz")
)
"""Of columns that rows are chosen by: their `=` is PostgreSQL's own, and tells values apart as people do."""


@dataclass(frozen=True)
class Values:
    """A column, and the values that chosen rows have in it, as text; types: the column's, by each table's place."""

    column: str
    given: tuple[str, ...]
    types: Mapping[str, str]

    def condition(self, table: TableLayout, alias: str) -> Composed:
        """What a row of the table has to fulfil. The values become the column's type, so that an index serves."""
        return SQL("{} OPERATOR(pg_catalog.=) ANY({}::pg_catalog.{}[])").format(
            Identifier(alias, self.column), Literal(list(self.given)), Identifier(self.types[table.place])
        )


@dataclass(frozen=True)
class Scope:
    """Owners, and the rows they own: the names they were chosen by, and their uuids. None stands for all.

    values: of any tables, the rows that have them.
    """

    names: Sequence[str] | None
    uuids: Sequence[str] | None
    values: Values | None = None

    def condition(self, table: TableLayout, alias: str) -> Composable:
        """What a row of the table, under its alias, has to fulfil."""
        if self.values is not None:
            return self.values.condition(table, alias)
        if self.uuids is None or table.owner_column is None:
            return SQL("TRUE")
        return SQL("{} OPERATOR(pg_catalog.=) ANY({}::pg_catalog.uuid[])").format(
            Identifier(alias, table.owner_column), Literal(list(self.uuids))
        )


EVERYTHING = Scope(None, None)


def by_values(cursor: "Cursor", tables: Iterable["Table"], column: str, given: Sequence[str]) -> Scope:
    """The rows that have one of these values in a column. Raises InvalidParams, naming the table, for a table without
    the column, for a column of a type that rows can't be chosen by, and for a value that is none of the type's."""
    types = {}
    for table in tables:
        found = table.column(column)
        if found is None:
            raise _unfit(say("where_column_missing", table=table.name, column=column), table.name)
        if found.type not in TYPES:
            raise _unfit(say("where_type_unfit", table=table.name, column=column, type=found.type), table.name)
        types[table.layout.place] = found.type
        _expect_values(cursor, table, found.type, given)
    return Scope(None, None, Values(column, tuple(given), types))


def _expect_values(cursor: "Cursor", table: "Table", type_name: str, given: Sequence[str]) -> None:
    cursor.execute("SAVEPOINT chosen")
    try:
        cursor.execute(SQL("SELECT %s::pg_catalog.{}[]").format(Identifier(type_name)), (list(given),))
    except psycopg2.DataError:
        cursor.execute("ROLLBACK TO SAVEPOINT chosen")
        raise _unfit(say("where_value_unfit", table=table.name, type=type_name), table.name) from None
    cursor.execute("RELEASE SAVEPOINT chosen")


def _unfit(text: str, table: str) -> InvalidParams:
    return InvalidParams(text, details={"field": "where", "table": table})
