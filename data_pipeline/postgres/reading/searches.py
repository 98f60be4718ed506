"""Searches in a vector column, of a collection or of the whole table: exact ones, and those through a vector index.

They go by the distance of the vector index there is, or by cosine, LangChain's default, where there is none.
Nothing here changes a row. Each search stands in a savepoint, under a limit of time for all of them together.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2.sql import SQL, Composable, Composed, Identifier

from data_pipeline.postgres.connection import Session, scratch
from data_pipeline.postgres.schema.ddl_types import DISTANCE_CLASSES, OPERATORS, extension_schema
from data_pipeline.postgres.schema.tables import Column, Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.sets.manifest import Distance, NeighbourFact

NEIGHBOURS = 10
SECONDS = 60
"""For all searches together. One exact search reads every embedding of a collection."""

SEARCHED = frozenset({"vector", "halfvec"})
"""The types whose columns can be searched."""

EXACTLY = {"enable_indexscan": "off"}
BY_INDEX = {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off"}

VECTOR_INDEXES = """
SELECT c.relname, o.opcname, pg_get_indexdef(i.indexrelid, 1, false), format_type(o.opcintype, -1),
       ARRAY(SELECT a.attname::text FROM pg_depend d
             JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
             AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
JOIN pg_opclass o ON o.oid = i.indclass[0]
JOIN pg_extension e ON e.extname = 'vector' AND e.extnamespace = o.opcnamespace
WHERE i.indrelid = %s AND i.indisvalid AND i.indisready AND am.amname IN ('hnsw', 'ivfflat') ORDER BY c.relname
"""

TIMEOUT = "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'"

# Sorted before the embeddings are made text: the sort then carries no vector.
SOME = """
SELECT {key}::text, {column}::text FROM (
  SELECT {key}, {column} FROM {table} WHERE {owned}
  AND {column} IS NOT NULL AND {key} IS NOT NULL ORDER BY random() LIMIT %(limit)s) chosen
"""

NEAREST = """
SELECT {key}::text, {column} {operator} {vector} FROM {table}
WHERE {owned} AND {dimensions}({column}) = {dimensions}({vector})
ORDER BY {column} {operator} {vector}, {key}::text COLLATE "C" LIMIT %(limit)s
"""

FOUND = """
SELECT {key}::text, {column} {operator} {vector} FROM (
  SELECT {key}, {column} FROM {table} WHERE {owned}
  ORDER BY {expression} {operator} {typed} LIMIT %(limit)s) found
"""

PLAN = f"EXPLAIN (FORMAT JSON) {FOUND}"


@dataclass(frozen=True)
class VectorIndex:
    """An index a search may go through. `expression` and `type` are the server's own text."""

    name: str
    distance: Distance
    expression: str
    type: str


@dataclass(frozen=True, eq=False)
class Searches:
    """The searches of one column by one distance. Each raises ServiceError; the transaction goes on.

    schema: pgvector's. indexes: those by this distance. deadline: when all of them end, on the monotonic clock. A
    collection of None is the whole table, whose rows have no owners.
    """

    session: Session
    table: Table
    column: Column
    schema: str
    distance: Distance
    indexes: tuple[VectorIndex, ...]
    deadline: float

    @classmethod
    def of(
        cls, session: Session, table: Table, column: str, deadline: float, distance: Distance | None = None
    ) -> "Searches | None":
        """Searches by `distance`, or by that of the first vector index; None if there is nothing to search, or no
        single column tells the rows apart."""
        schema, found = extension_schema(session.cursor), table.column(column)
        if schema is None or found is None or found.type not in SEARCHED or len(table.layout.key) != 1:
            return None
        indexes = _indexes(session.cursor, table, column)
        wanted = distance or (indexes[0].distance if indexes else "cosine")
        by_it = tuple(index for index in indexes if index.distance == wanted)
        return cls(session, table, found, schema, wanted, by_it, deadline)

    @property
    def key(self) -> str:
        """The column that tells rows apart."""
        return self.table.layout.key[0]

    def some(self, collection: str | None, count: int) -> list[tuple[str, str]]:
        """Random rows of a collection: id and embedding, as text."""
        return self._rows(SOME, {"collection": collection, "limit": count}, {})

    def exact(self, collection: str | None, key: str, embedding: str) -> list[NeighbourFact]:
        """The ten nearest of an embedding, without the row itself; of equally near ones the lower id."""
        return _others(self._rows(NEAREST, _parameters(collection, embedding), EXACTLY), key)

    def by_index(self, collection: str | None, key: str, embedding: str) -> list[NeighbourFact] | None:
        """The same as the first index that can be used finds it; None if there is none."""
        parameters = _parameters(collection, embedding)
        for index in self.indexes:
            plan = self._rows(PLAN, parameters, BY_INDEX, index)
            if index.name in _index_names(plan[0][0]):
                return _others(self._rows(FOUND, parameters, BY_INDEX, index), key)
        return None

    def _rows(
        self,
        template: str,
        parameters: Mapping[str, Any],
        settings: Mapping[str, str],
        index: VectorIndex | None = None,
    ) -> list[Any]:
        cursor = self.session.cursor
        left = max(1, int(1000 * (self.deadline - time.monotonic())))
        with scratch(self.session, "search", {**settings, "statement_timeout": f"{left}ms"}):
            cursor.execute(self._sql(template, index), parameters)
            return list(cursor.fetchall())

    def _sql(self, template: str, index: VectorIndex | None) -> Composed:
        schema = Identifier(self.schema)
        return SQL(template).format(
            key=Identifier(self.key),
            column=Identifier(self.column.name),
            owned=self._owned(),
            table=self.table.rows,
            vector=SQL("%(embedding)s::{}").format(Identifier(self.schema, self.column.type)),
            operator=SQL("OPERATOR({}.{})").format(schema, SQL(OPERATORS[self.distance])),
            dimensions=SQL("{}.vector_dims").format(schema),
            expression=SQL(f"({_literal(index.expression)})" if index else ""),
            typed=SQL(f"%(embedding)s::{_literal(index.type)}" if index else ""),
        )

    def _owned(self) -> Composable:
        """Of one owner's rows, where rows have owners."""
        column = self.table.layout.owner_column
        return SQL("{} = %(collection)s::uuid").format(Identifier(column)) if column else SQL("TRUE")


def deadline(session: Session) -> float:
    """When searches that begin now have to end, on the monotonic clock."""
    return time.monotonic() + min(SECONDS, _statement_timeout(session.cursor) or SECONDS)


def _statement_timeout(cursor: Cursor) -> float:
    """The limit of this session in seconds, 0 for none."""
    cursor.execute(TIMEOUT)
    return int(cursor.value()) / 1000


def _indexes(cursor: Cursor, table: Table, column: str) -> list[VectorIndex]:
    """Those over this vector column and no other, themselves or by an expression."""
    cursor.execute(VECTOR_INDEXES, (table.oid,))
    return [
        VectorIndex(name, DISTANCE_CLASSES[operator_class], expression, type_name)
        for name, operator_class, expression, type_name, columns in cursor.fetchall()
        if operator_class in DISTANCE_CLASSES and {column, *table.layout.vectors} & set(columns) == {column}
    ]


def _parameters(collection: str | None, embedding: str) -> dict[str, Any]:
    return {"collection": collection, "embedding": embedding, "limit": NEIGHBOURS + 1}


def _others(rows: list[tuple[str, float | None]], key: str) -> list[NeighbourFact]:
    """The nearest but the row itself. What has no distance (cosine of a zero vector) is no neighbour."""
    found = [
        NeighbourFact(id=other, distance=distance)
        for other, distance in rows
        if other not in (key, None) and distance is not None and math.isfinite(distance)
    ]
    return found[:NEIGHBOURS]


def _index_names(plan: Any) -> set[str]:
    """The indexes in a plan, as EXPLAIN's JSON has it."""
    if isinstance(plan, list):
        return {name for part in plan for name in _index_names(part)}
    if isinstance(plan, dict):
        own = {plan["Index Name"]} if "Index Name" in plan else set()
        return own | _index_names(list(plan.values()))
    return set()


def _literal(text: str) -> str:
    """The server's text in a statement that has parameters."""
    return text.replace("%", "%%")
