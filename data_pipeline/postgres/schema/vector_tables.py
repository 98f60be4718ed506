"""Which tables of a database have vector columns, in every schema that the role may use, and how many rows they have.

Temporary tables, those of a swap and those that belong to an extension are none of them; partitions stand under their
root.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from psycopg2.sql import SQL, Identifier

from common.errors import ServiceError
from data_pipeline.postgres import connection
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.swapping.names import IS_STAGING

MOST_COUNTED = 10_000
"""Rows of a table are counted one by one up to here; of a larger one an estimate is told."""

BRIEFLY = {"statement_timeout": "50ms", "lock_timeout": "1ms"}
"""Settings for a count that nothing depends on: neither a lock that another session has nor a bloated table is waited
for."""

OF_APPLICATIONS = f"""
c.relpersistence <> 't' AND NOT {IS_STAGING.format(table="c")} AND NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
"""Which relations are neither temporary, nor a swap's, nor an extension's; `c` is pg_class."""

OF_PGVECTOR = """
SELECT d.objid FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'vector' AND d.deptype = 'e' AND d.classid = 'pg_type'::regclass
"""
"""The oids of pgvector's types."""

# From the types to the columns the index of pg_depend leads, however many columns there are. Domains over pgvector's
# types and arrays of them depend on them likewise.
BESIDE = f"""
WITH RECURSIVE types (oid) AS (
  {OF_PGVECTOR}
  UNION
  SELECT d.objid FROM types t JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid
  WHERE d.classid = 'pg_type'::regclass
), beside (oid, schema, relation, kind) AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid IN (
    SELECT d.objid FROM types t JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid
    WHERE d.classid = 'pg_class'::regclass)
  AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_schema_privilege(n.oid, 'USAGE') AND {OF_APPLICATIONS}
  AND NOT EXISTS (
    SELECT FROM unnest(%s::text[], %s::text[]) apart (schema, relation)
    WHERE apart.schema = n.nspname AND apart.relation = c.relname)
)
"""  # noqa: S608 - constants only

IS_ANY = f"{BESIDE} SELECT EXISTS (TABLE beside)"
"""Asked first: in most databases there is none, and the server plans this in half of the time."""

# A name that is no text of the database's encoding (SQL_ASCII) must not fail the query, so names come as bytes. Before
# PostgreSQL 14 a table that was never analyzed has 0 tuples.
ROWS = """
SELECT convert_to(b.schema::text, e.name), convert_to(b.relation::text, e.name), leaves.tuples::bigint,
       b.kind = 'r', leaves.here, count(*) OVER ()
FROM beside b CROSS JOIN LATERAL (
  WITH RECURSIVE below (oid) AS (
    SELECT b.oid
    UNION ALL
    SELECT i.inhrelid FROM below JOIN pg_inherits i ON i.inhparent = below.oid WHERE b.kind = 'p'
  )
  SELECT CASE WHEN bool_and(l.reltuples > 0 OR l.relpages > 0) THEN sum(l.reltuples) END, bool_and(l.relkind = 'r')
  FROM below JOIN pg_class l ON l.oid = below.oid WHERE l.relkind <> 'p'
) leaves (tuples, here)
CROSS JOIN (SELECT CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END) e (name)
ORDER BY leaves.tuples DESC NULLS LAST, b.schema, b.relation LIMIT %s
"""


@dataclass(frozen=True)
class VectorTable:
    """A table with a vector column. rows: None where nothing tells them.

    known: how well. "about": as the last ANALYZE or VACUUM saw them; "more": there are more than `rows`.
    plain: it has no partitions. here: no partition is a foreign table.
    """

    schema: str
    relation: str
    rows: int | None
    known: Literal["exactly", "about", "more"]
    plain: bool
    here: bool

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.relation}"


def find(cursor: Cursor, apart_from: Collection[tuple[str, str]], most: int) -> tuple[list[VectorTable], int]:
    """The tables that are none of `apart_from` (schema, name), at most so many, and how many there are in all.

    It reads the catalog alone and locks nothing; numbers of rows are estimates. The largest come first.
    """
    schemas, relations = [schema for schema, _ in apart_from], [relation for _, relation in apart_from]
    cursor.execute(IS_ANY, (schemas, relations))
    if not cursor.value():
        return [], 0
    cursor.execute(f"{BESIDE}{ROWS}", (schemas, relations, most))
    rows = cursor.fetchall()
    found = [
        VectorTable(_text(schema), _text(relation), tuples, "about", plain, bool(here))
        for schema, relation, tuples, plain, here, _ in rows
    ]
    return found, rows[0][-1] if rows else 0


def counted(session: Session, table: VectorTable) -> VectorTable:
    """The same with its rows counted, where that is quickly done; it leaves no lock behind."""
    if not table.here or (table.rows or 0) > MOST_COUNTED:
        return table
    only = SQL("ONLY " if table.plain else "")
    statement = SQL("SELECT count(*) FROM (SELECT FROM {}{} LIMIT {}) counted").format(
        only, Identifier(table.schema, table.relation), SQL(str(MOST_COUNTED + 1))
    )
    found = None
    with suppress(ServiceError), connection.scratch(session, "counting", BRIEFLY):
        session.cursor.execute(statement)
        (found,) = session.cursor.one()
    if found is None:
        return table
    if found <= MOST_COUNTED:
        return replace(table, rows=found, known="exactly")
    return replace(table, rows=MOST_COUNTED, known="more")


def _text(name: Any) -> str:
    return bytes(name).decode(errors="replace")
