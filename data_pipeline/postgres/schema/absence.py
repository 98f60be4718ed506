"""Why tables can't be had: not there, in a schema that isn't there or may not be used, or not this role's to read.

The answer says what was looked for, where, and which tables with vectors are there instead: applications move to
others, and a connection may lead to another database than was meant.
"""

from collections.abc import Sequence
from typing import Any

from common.errors import PermissionDenied, SchemaMismatch, ServiceError
from common.messages import say
from data_pipeline.postgres.schema.ddl_types import VECTOR_TYPES

MOST_OTHERS = 20
"""Of the tables that are there instead, an answer lists no more."""

SCHEMA = """
SELECT current_database(), n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'USAGE'), false)
FROM (VALUES (%s)) v (name) LEFT JOIN pg_namespace n ON n.nspname = v.name
"""
FOUND = """
SELECT c.relname, has_table_privilege(c.oid, 'SELECT') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = ANY(%s) AND c.relkind IN ('r', 'p')
"""
OTHERS = """
SELECT n.nspname, c.relname, greatest(c.reltuples, 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND EXISTS (
  SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND t.typname = ANY(%s))
ORDER BY 3 DESC, 1, 2 LIMIT %s
"""


def of(cursor: Any, schema: str, names: Sequence[str]) -> ServiceError | None:
    """What keeps a role from tables; None if they are there and it may read them."""
    cursor.execute(SCHEMA, (schema,))
    _, exists, usable = cursor.fetchone()
    if exists and not usable:
        text = say("schema_privilege_lacking", schema=schema, privilege="USAGE")
        return PermissionDenied(text, can_retry=False, details={"schema": schema, "privileges": ["USAGE"]})
    cursor.execute(FOUND, (schema, list(names)))
    found = dict(cursor.fetchall())
    if lacking := [name for name in names if name not in found]:
        return missing(cursor, schema, lacking)
    if closed := [name for name in names if not found[name]]:
        text = say("privileges_lacking", table=closed[0], privileges="SELECT")
        return PermissionDenied(text, can_retry=False, details={"table": closed[0], "privileges": ["SELECT"]})
    return None


def missing(cursor: Any, schema: str, names: Sequence[str]) -> SchemaMismatch:
    """The answer for tables that are not there: where they were looked for, and what is there instead."""
    cursor.execute(SCHEMA, (schema,))
    database, exists, _ = cursor.fetchone()
    cursor.execute(OTHERS, (list(VECTOR_TYPES), MOST_OTHERS))
    others = [{"table": f"{where}.{name}", "rows": rows} for where, name, rows in cursor.fetchall()]
    lacking, listed = ", ".join(names), ", ".join(str(other["table"]) for other in others)
    text = say("tables_not_there", tables=lacking, database=database, schema=schema)
    if others:
        text = say("tables_not_there_but", tables=lacking, database=database, schema=schema, others=listed)
    if not exists:
        text = say("about", reason=text, subject=say("schema_not_there", schema=schema, database=database))
    details = {"table": names[0], "tables": list(names), "schema": schema, "database": database, "present": others}
    return SchemaMismatch(text, can_retry=False, details=details)
