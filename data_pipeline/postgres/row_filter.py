"""Which rows an operation is about: those of some owners (LangChain's collections), those with some values in a column,
or all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from data_pipeline.layouts.base import TableLayout


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
