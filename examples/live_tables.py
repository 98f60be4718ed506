"""LangChain's two tables as the database has them, seen past the service."""

from dataclasses import dataclass
from typing import Any

import psycopg2

from data_pipeline.postgres.target import Target

# A row as text is the row to the bit: a vector's numbers are printed so that each float4 has a text of its own,
# and NULL looks different from an empty string.
ROWS = """
SELECT 'collection ' || uuid, c::text FROM langchain_pg_collection c
UNION ALL SELECT 'embedding ' || id, e::text FROM langchain_pg_embedding e
"""
DOCUMENTS = """
SELECT c.name || ' ' || e.id, row(e.embedding, e.document, e.cmetadata)::text
FROM langchain_pg_embedding e JOIN langchain_pg_collection c ON c.uuid = e.collection_id
"""
NEAREST = """
SELECT id, document, embedding <=> %(embedding)s::vector AS distance
FROM langchain_pg_embedding ORDER BY distance LIMIT 1
"""

Rows = dict[str, str]
"""The text of every row, by table and key."""


@dataclass(frozen=True)
class Difference:
    """How many rows are the same, gone, changed, or were not there before."""

    same: int
    missing: int
    changed: int
    extra: int

    @classmethod
    def between(cls, before: Rows, after: Rows) -> "Difference":
        both = before.keys() & after.keys()
        changed = sum(before[key] != after[key] for key in both)
        return cls(len(both) - changed, len(before) - len(both), changed, len(after) - len(both))

    def __str__(self) -> str:
        return f"{self.same} rows are the same, {self.missing} missing, {self.changed} changed, {self.extra} extra"


class LiveTables:
    """A connection of the demo's own."""

    def __init__(self, target: Target) -> None:
        self._connection = psycopg2.connect(**target.parameters())
        self._connection.autocommit = True  # a transaction left open would hold locks against the restore

    def close(self) -> None:
        self._connection.close()

    def rows(self) -> Rows:
        """Both tables, whole."""
        return dict(self._fetch(ROWS))

    def documents(self) -> Rows:
        """The rows of each collection by its name: made anew, it has another uuid."""
        return dict(self._fetch(DOCUMENTS))

    def nearest(self, embedding: list[float]) -> tuple[str, str, float]:
        """Id, document and cosine distance of the embedding nearest to this one."""
        ((key, document, distance),) = self._fetch(NEAREST, {"embedding": str(embedding)})
        return key, document, distance

    def execute(self, sql: str) -> int:
        """Run one statement; returns the rows it changed."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return int(cursor.rowcount)

    def _fetch(self, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
