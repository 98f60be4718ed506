"""The tables of a database by their names: which hold logs, how many rows they have, what is there already."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Identifier

from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA

Name = tuple[str, str]
"""A relation's schema and name."""

LOGS = """
WITH RECURSIVE logs(oid) AS (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
      AND (c.relname::text = ANY (%(names)s) OR n.nspname::text || '.' || c.relname::text = ANY (%(names)s))
  UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN logs ON i.inhparent = logs.oid
)
SELECT n.nspname::text, c.relname::text
FROM logs JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2
"""
STORED = """
SELECT n.nspname::text, c.relname::text, pg_table_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', %(queue)s)
  AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""
RELATIONS = """
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
SEQUENCE = """
SELECT pg_get_userbyid(c.relowner)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND n.nspname = %s AND c.relname = %s
"""


@dataclass(frozen=True)
class StoredTable:
    """A table with rows of its own. size: in bytes on the server's disk, without indexes."""

    schema: str
    name: str
    size: int

    @property
    def relation(self) -> Name:
        return self.schema, self.name


def logs(session: Session, names: Collection[str]) -> list[Name]:
    """The tables of these names, given with or without a schema, with everything that inherits from them."""
    session.cursor.execute(LOGS, {"names": list(names)})
    return session.cursor.fetchall()


def stored(session: Session) -> list[StoredTable]:
    """All that a dump holds rows of."""
    session.cursor.execute(STORED, {"queue": QUEUE_SCHEMA})
    return [StoredTable(*row) for row in session.cursor.fetchall()]


def count(session: Session, tables: Sequence[Name]) -> Mapping[Name, int]:
    """The rows of tables, in the session's snapshot. Raises psycopg2.Error; Cancelled."""
    found = {}
    for name in tables:
        session.progress.expect_wanted()
        session.cursor.execute(SQL("SELECT count(*) FROM ONLY {}").format(Identifier(*name)))
        found[name] = session.cursor.value()
    return found


def export_snapshot(session: Session) -> str:
    """What another session takes the same snapshot by, as long as this transaction lives."""
    session.cursor.execute("SELECT pg_export_snapshot()")
    found: str = session.cursor.value()
    return found


def existing(session: Session) -> frozenset[Name]:
    """Every relation of the database, indexes and sequences among them."""
    session.cursor.execute(RELATIONS)
    return frozenset((schema, name) for schema, name in session.cursor.fetchall())


def advance_sequence(session: Session, name: Name, value: int, called: bool) -> None:
    """Let a sequence go on behind a value, unless it is further by now."""
    cursor = session.cursor
    cursor.execute(SQL("SELECT last_value, is_called FROM {}").format(Identifier(*name)))
    live_value, live_called = cursor.one()
    if (value, called) > (live_value, live_called):
        cursor.in_own_path(
            "SELECT pg_catalog.setval(pg_catalog.format('%%I.%%I', %s::text, %s::text)::pg_catalog.regclass, %s, %s)",
            (*name, value, called),
        )
