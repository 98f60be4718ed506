"""Which rows an operation is about: those of some collections, or all."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Identifier, Literal

from data_pipeline.storage.naming import COLLECTION


@dataclass(frozen=True)
class Scope:
    """Collections, and the embeddings in them: the names they were chosen by, and their uuids. None stands for all."""

    names: Sequence[str] | None
    uuids: Sequence[str] | None

    def condition(self, table: str, alias: str) -> Composable:
        """What a row of the table, under its alias, has to fulfil."""
        if self.uuids is None:
            return SQL("TRUE")
        column = "uuid" if table == COLLECTION else "collection_id"
        return SQL("{} OPERATOR(pg_catalog.=) ANY({}::pg_catalog.uuid[])").format(
            Identifier(alias, column), Literal(list(self.uuids))
        )


EVERYTHING = Scope(None, None)
