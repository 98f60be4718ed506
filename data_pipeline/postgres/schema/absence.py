"""Why tables can't be had: not there, in a schema that isn't there or may not be used, or not this role's to read.

The answer says what was looked for, where, and which tables with vectors are there instead: applications move to
others, and a connection may lead to another database than was meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import PermissionDenied, SchemaMismatch, ServiceError
from common.messages import say
from data_pipeline.formats import types
from data_pipeline.layouts.base import TableLayout
from data_pipeline.postgres.search_path import Cursor

MOST_OTHERS = 20
"""Of the tables that are there instead, an answer lists no more."""

SCHEMA = """
SELECT current_database(), n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'USAGE'), false)
FROM (VALUES (%s)) v (name) LEFT JOIN pg_namespace n ON n.nspname = v.name
"""
MAY_READ = """
SELECT has_table_privilege(c.oid, 'SELECT') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""
OTHERS = """
SELECT n.nspname, c.relname, greatest(c.reltuples, 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND EXISTS (
  SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND t.typname = ANY(%s))
ORDER BY 3 DESC, 1, 2 LIMIT %s
"""


@dataclass(frozen=True)
class Place:
    """A schema in the connected database, whether it is there, and whether this role may use it."""

    database: str
    schema: str
    exists: bool
    usable: bool

    @classmethod
    def of(cls, cursor: Cursor, schema: str) -> "Place":
        cursor.execute(SCHEMA, (schema,))
        database, exists, usable = cursor.one()
        return cls(database, schema, exists, usable)


def of(cursor: Cursor, schema: str, sought: Sequence[TableLayout]) -> ServiceError | None:
    """What keeps a role from tables; None if they are there and it may read them."""
    lacking = []
    for table in sought:
        place = Place.of(cursor, table.schema or schema)
        if place.exists and not place.usable:
            details = {"schema": place.schema, "privileges": ["USAGE"]}
            text = say("schema_privilege_lacking", schema=place.schema, privilege="USAGE")
            return PermissionDenied(text, can_retry=False, details=details)
        cursor.execute(MAY_READ, (place.schema, table.relation))
        found = cursor.fetchone()
        if found is None:
            lacking.append(table)
        elif not found[0]:
            text = say("privileges_lacking", table=table.name, privileges="SELECT")
            return PermissionDenied(text, can_retry=False, details={"table": table.name, "privileges": ["SELECT"]})
    return missing(cursor, schema, lacking) if lacking else None


def missing(cursor: Cursor, schema: str, sought: Sequence[TableLayout]) -> SchemaMismatch:
    """The answer for tables that are not there: where they were looked for, and what is there instead."""
    place, names = Place.of(cursor, sought[0].schema or schema), [table.name for table in sought]
    cursor.execute(OTHERS, (list(types.VECTORS), MOST_OTHERS))
    others = [{"table": f"{where}.{name}", "rows": rows} for where, name, rows in cursor.fetchall()]
    details = {"tables": names, "schema": place.schema, "database": place.database, "present": others}
    text = _text(place, ", ".join(names), ", ".join(str(other["table"]) for other in others))
    return SchemaMismatch(text, can_retry=False, details={"table": names[0], **details})


def _text(place: Place, names: str, others: str) -> str:
    database, schema = place.database, place.schema
    text = say("tables_not_there", tables=names, database=database, schema=schema)
    if others:
        text = say("tables_not_there_but", tables=names, database=database, schema=schema, others=others)
    if place.exists:
        return text
    return say("about", reason=text, subject=say("schema_not_there", schema=schema, database=database))
