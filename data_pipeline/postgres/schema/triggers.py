"""The live tables' triggers and rules: which of them fire, and how they are switched off and on again.

Each is switched by its name and gets its exact state back in the same transaction. session_replication_role is never
touched: it would switch off foreign keys as well. ALTER TABLE takes a SHARE ROW EXCLUSIVE lock and needs the owner.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Identifier

from common.errors import PermissionDenied
from common.messages import say
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor

# O fires unless the session is a replica's, R only there, A always.
FIRING = """
WITH found AS (
  SELECT tgrelid AS oid, tgname::text AS name, false AS rule, tgenabled::text AS state FROM pg_trigger
  WHERE NOT tgisinternal
  UNION ALL
  SELECT ev_class, rulename::text, true, ev_enabled::text FROM pg_rewrite WHERE ev_type <> '1'
)
SELECT oid, name, rule, state FROM found
WHERE oid = ANY(%s::oid[])
  AND state IN ('A', CASE current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O' END)
ORDER BY rule, name
"""
OWNED = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %s"
ENABLE = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}


@dataclass(frozen=True)
class Trigger:
    """A trigger, or a rule. state: pg_trigger's tgenabled."""

    table: Table
    name: str
    rule: bool
    state: str

    def __str__(self) -> str:
        return f"{self.table.name}.{self.name}"


def firing(cursor: Cursor, tables: Sequence[Table]) -> list[Trigger]:
    """Those of the tables that fire in this session, table by table."""
    cursor.execute(FIRING, ([table.oid for table in tables],))
    found = cursor.fetchall()
    return [Trigger(table, *facts) for table in tables for oid, *facts in found if oid == table.oid]


def expect_owned(cursor: Cursor, found: Iterable[Trigger]) -> None:
    """Raise PermissionDenied unless this role may switch them."""
    for table in dict.fromkeys(one.table for one in found):
        cursor.execute(OWNED, (table.oid,))
        if not cursor.value():
            raise PermissionDenied(
                say("triggers_need_owner", table=table.name), can_retry=False, details={"table": table.name}
            )


def switch_off(cursor: Cursor, found: Iterable[Trigger]) -> None:
    for one in found:
        _alter(cursor, one, "DISABLE")


def switch_on(cursor: Cursor, found: Iterable[Trigger]) -> None:
    """Give each the state that it had."""
    for one in found:
        _alter(cursor, one, ENABLE[one.state])


def _alter(cursor: Cursor, one: Trigger, change: str) -> None:
    kind = SQL("RULE" if one.rule else "TRIGGER")
    cursor.execute(SQL("ALTER TABLE {} {} {} {}").format(one.table.identifier, SQL(change), kind, Identifier(one.name)))
