"""A value of the backup's type as one of the live column's, and back, in SQL.

It goes by its text, as COPY would take it, so that a file in either format becomes the same; but the text of a fraction
is no integer, and that of one kind of vector none of another: there the server's own cast is used. So it is on the way
back wherever there is one: `0.1` is the shortest text of a float4, and read as a float8 it is another number.
"""

from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Composed, Identifier

from data_pipeline.formats import types
from data_pipeline.formats.types.narrowing import INTEGERS, STRINGS
from data_pipeline.postgres.schema import ddl_types
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.sets.tables.own_types import OwnType

TEXT = SQL("pg_catalog.text")

# Of two array types the cast is that of their elements.
HAS_CAST = """
SELECT EXISTS (
  SELECT FROM pg_type s, pg_type t, pg_cast c
  WHERE s.oid = %s::regtype AND t.oid = %s::regtype AND (c.castsource, c.casttarget) IN
    ((s.oid, t.oid), (CASE t.typcategory WHEN 'A' THEN s.typelem END, CASE s.typcategory WHEN 'A' THEN t.typelem END)))
"""
OF_COLUMN = """
SELECT n.nspname::text, t.typname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_namespace n ON n.oid = t.typnamespace WHERE a.attrelid = %s::regclass AND a.attname = %s
"""


@dataclass(frozen=True)
class Casts:
    """Of one column: its type in the backup and in the table, and which way goes by text."""

    backup: Composable
    live: Composable
    by_text: bool
    back_by_text: bool

    def value(self, expression: Composable) -> Composed:
        """An expression of the backup's type, as the table's."""
        return _cast(expression, self.live, by_text=self.by_text)

    def back(self, expression: Composable) -> Composed:
        """An expression of the table's type, as the backup's."""
        return _cast(expression, self.backup, by_text=self.back_by_text)


def of(cursor: Cursor, own: OwnType, table: Table) -> Casts:
    """table: the one that the values go into, or a temporary one with a column of that type."""
    schema = ddl_types.extension_schema(cursor)
    backup = ddl_types.column_type(own.type, own.modifier, schema)
    live = _live_type(cursor, own, table, schema)
    new = ddl_types.plain(own.live.type)
    string = not STRINGS.isdisjoint({new, own.type})  # there the server's cast is by text
    special = new in INTEGERS or types.is_vector(new) or types.is_vector(own.type)
    by_text = string or not (special and _has_cast(cursor, backup, live))
    back_by_text = new != own.type and not string and not _has_cast(cursor, live, backup)
    return Casts(backup, live, by_text, back_by_text)


def _live_type(cursor: Cursor, own: OwnType, table: Table, schema: str | None) -> Composable:
    """One that is unknown here has no modifier: it is applied where the value is written."""
    try:
        return ddl_types.column_type(own.live.type, own.live.modifier, schema)
    except ddl_types.UnsupportedType:
        cursor.execute(OF_COLUMN, (table.identifier.as_string(cursor), own.live.name))
        return Identifier(*cursor.one())


def _has_cast(cursor: Cursor, source: Composable, target: Composable) -> bool:
    cursor.execute(HAS_CAST, (source.as_string(cursor), target.as_string(cursor)))
    return bool(cursor.value())


def _cast(expression: Composable, target: Composable, *, by_text: bool) -> Composed:
    given = SQL("CAST({} AS {})").format(expression, TEXT) if by_text else expression
    return SQL("CAST({} AS {})").format(given, target)
