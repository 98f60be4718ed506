"""Which rows an operation is about: those of some owners (LangChain's collections), or all."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Identifier, Literal

from data_pipeline.layouts.base import TableLayout


@dataclass(frozen=True)
class Scope:
    """Owners, and the rows they own: the names they were chosen by, and their uuids. None stands for all."""

    names: Sequence[str] | None
    uuids: Sequence[str] | None

    def condition(self, table: TableLayout, alias: str) -> Composable:
        """What a row of the table, under its alias, has to fulfil."""
        if self.uuids is None or table.owner_column is None:
            return SQL("TRUE")
        return SQL("{} OPERATOR(pg_catalog.=) ANY({}::pg_catalog.uuid[])").format(
            Identifier(alias, table.owner_column), Literal(list(self.uuids))
        )


EVERYTHING = Scope(None, None)
