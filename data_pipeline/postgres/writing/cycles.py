"""Tables that refer to one another: no order of writing keeps each of their foreign keys at every statement.

The keys are deferred while the rows are written, those that are not deferrable by ALTER CONSTRAINT, which leaves them
in place. All of them are checked before the restore ends.
"""

from collections.abc import Sequence
from typing import NamedTuple

from psycopg2.errors import InsufficientPrivilege
from psycopg2.sql import SQL, Identifier

from common.errors import PermissionDenied
from common.messages import say
from data_pipeline.postgres.schema.tables import Live
from data_pipeline.postgres.search_path import Cursor

KEYS = """
SELECT n.nspname::text, r.relname::text, c.conname::text, c.condeferrable
FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE c.contype = 'f' AND c.conparentid = 0 AND c.conrelid <> c.confrelid
  AND c.conrelid = ANY(%(tables)s::oid[]) AND c.confrelid = ANY(%(tables)s::oid[]) ORDER BY 1, 2, 3
"""


class Key(NamedTuple):
    """A foreign key between two of the tables."""

    schema: str
    table: str
    name: str
    deferrable: bool

    def alter(self, cursor: Cursor, how: str) -> None:
        statement = SQL("ALTER TABLE {} ALTER CONSTRAINT {} {}")
        cursor.execute(statement.format(Identifier(self.schema, self.table), Identifier(self.name), SQL(how)))


def defer(cursor: Cursor, live: Live) -> list[Key]:
    """Defer the keys between the tables, if these refer to one another; returns those that were altered for it.

    Raises PermissionDenied for a role that may not.
    """
    if not live.layout.cyclic:
        return []
    cursor.execute(KEYS, {"tables": [table.oid for table in live.values()]})
    found = [Key(*row) for row in cursor.fetchall()]
    altered = [key for key in found if not key.deferrable]
    for key in altered:
        try:
            key.alter(cursor, "DEFERRABLE")
        except InsufficientPrivilege:
            table = f"{key.schema}.{key.table}"
            text = say("cycle_needs_owner", table=table, constraint=key.name)
            raise PermissionDenied(text, can_retry=False, details={"table": table, "constraint": key.name}) from None
    if found:
        names = SQL(", ").join(Identifier(key.schema, key.name) for key in found)
        cursor.execute(SQL("SET CONSTRAINTS {} DEFERRED").format(names))
    return altered


def end(cursor: Cursor, altered: Sequence[Key]) -> None:
    """Leave the keys as they were. Every constraint has been checked by now."""
    for key in altered:
        key.alter(cursor, "NOT DEFERRABLE")
