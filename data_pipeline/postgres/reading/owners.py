"""The rows that own others (LangChain's collections): which there are, and what they own."""

from collections.abc import Sequence
from typing import Any

from psycopg2.sql import SQL, Identifier

from data_pipeline.layouts.base import Ownership
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import ddl_types
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.search_path import Cursor

FACTS = """
WITH sizes AS (
  SELECT {column} AS owner, {size} AS size, count(*) AS rows, min(ctid) AS sample FROM {members} e
  WHERE {owned} GROUP BY 1, 2
), counted AS (
  SELECT s.owner, sum(s.rows)::bigint AS rows,
         array_agg(DISTINCT {dimensions}) FILTER (WHERE {dimensions} IS NOT NULL) AS dimensions
  FROM sizes s JOIN {members} e ON e.ctid = s.sample GROUP BY 1
)
SELECT c.{key}::text, c.{name}, coalesce(n.rows, 0), coalesce(n.dimensions, ARRAY[]::int[])
FROM {owners} c LEFT JOIN counted n ON n.owner = c.{key} WHERE {owning} ORDER BY c.{name}, c.{key}
"""


def facts(cursor: Cursor, live: Live, scope: Scope) -> list[dict[str, Any]]:
    """Per owner: uuid, name, number of rows, and which dimensions their vectors have. None without an ownership.

    vector_dims reads a whole vector; the stored size does not. Vectors of one stored size have one number of
    dimensions (unless compression was switched on), so one of each size is asked.
    """
    ownership = live.layout.ownership
    if ownership is None:
        return []
    vector = next(filter(None, map(live.members.column, live.members.layout.vectors)), None)
    sizes, dimensions = SQL("0").format(), SQL("NULL::int").format()
    if vector and vector.type == "vector":
        sizes = SQL("pg_column_size({})").format(Identifier("e", vector.name))
        function = Identifier(ddl_types.extension_schema(cursor) or "", "vector_dims")
        dimensions = SQL("{}({})").format(function, Identifier("e", vector.name))
    cursor.execute(
        SQL(FACTS).format(
            **_names(ownership),
            owners=live.owner.identifier,
            members=live.members.identifier,
            size=sizes,
            dimensions=dimensions,
            owned=scope.condition(live.members.layout, "e"),
            owning=scope.condition(live.owner.layout, "c"),
        )
    )
    names = ("uuid", "name", "rows", "dimensions")
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def keys(cursor: Cursor, tables: Sequence[Table], ownership: Ownership) -> frozenset[bytes]:
    """The 16 bytes of every uuid in tables of owners."""
    each = [SQL("SELECT uuid_send({key}) FROM {}").format(one.identifier, **_names(ownership)) for one in tables]
    cursor.execute(SQL(" UNION ALL ").join(each))
    return frozenset(bytes(row[0]) for row in cursor.fetchall())


def named(cursor: Cursor, table: Table, ownership: Ownership) -> dict[str, str | None]:
    """Every owner's uuid and name."""
    statement = SQL("SELECT {key}::text, {name} FROM {} ORDER BY {key}")
    cursor.execute(statement.format(table.identifier, **_names(ownership)))
    return dict(cursor.fetchall())


def _names(ownership: Ownership) -> dict[str, Identifier]:
    names = {"key": ownership.key, "name": ownership.name, "column": ownership.column}
    return {gap: Identifier(name) for gap, name in names.items()}
