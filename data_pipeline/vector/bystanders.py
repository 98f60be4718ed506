"""Tables that an operation is not about: which of their rows its transaction has changed all the same.

Triggers, rules and cascades do that. A table can only be written under a ROW EXCLUSIVE lock, which is held until the
transaction ends, so the locks name the candidates, and the server's counters say what became of them. Two things are
not counted: rows of a foreign table, and a TRUNCATE, which takes an ACCESS EXCLUSIVE lock. Either lock alone counts as
a change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from data_pipeline.vector.tables import Table

# The counters also hold what earlier transactions of the session did, until the server has published it: a pooler hands
# on such sessions.
COUNTERS = """
SELECT relid, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_all_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
"""
WRITTEN = """
SELECT c.oid, n.nspname || '.' || c.relname, pg_stat_get_xact_tuples_inserted(c.oid),
       pg_stat_get_xact_tuples_updated(c.oid), pg_stat_get_xact_tuples_deleted(c.oid),
       c.relkind = 'f' OR bool_or(l.mode = 'AccessExclusiveLock')
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  AND c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
GROUP BY c.oid, n.nspname, c.relname, c.relkind ORDER BY 2
"""
COUNTED = "SELECT current_setting('track_counts')::bool"

Rows = tuple[int, int, int]
"""Inserted, updated, deleted."""

NONE: Rows = (0, 0, 0)


@dataclass(frozen=True)
class Change:
    """What became of a table's rows. certain: it is all in the numbers."""

    table: str
    inserted: int
    updated: int
    deleted: int
    certain: bool

    @property
    def harmless(self) -> bool:
        """No row that was there is another one now."""
        return self.certain and not self.updated and not self.deleted

    def describe(self) -> dict[str, Any]:
        """As an answer shows it; None for what the server doesn't count."""
        numbers = {"rows_updated": self.updated, "rows_deleted": self.deleted}
        return {"table": self.table, "rows": self.updated + self.deleted if self.certain else None, **numbers}


def counted(cursor: Any) -> bool:
    """Whether the server counts what is written."""
    cursor.execute(COUNTED)
    return bool(cursor.fetchone()[0])


def counters(cursor: Any) -> dict[int, Rows]:
    """What the session has written so far, by table."""
    cursor.execute(COUNTERS)
    return {oid: (inserted, updated, deleted) for oid, inserted, updated, deleted in cursor.fetchall()}


def changes(cursor: Any, since: Mapping[int, Rows], ours: Iterable[Table]) -> tuple[list[Change], dict[int, Rows]]:
    """What was written since: into tables that aren't ours, and into those that are, by oid."""
    known = {table.oid for table in ours}
    others, own = [], {}
    cursor.execute(WRITTEN)
    for oid, name, *totals, uncounted in cursor.fetchall():
        inserted, updated, deleted = (now - before for now, before in zip(totals, since.get(oid, NONE), strict=True))
        if oid in known:
            own[oid] = (inserted, updated, deleted)
        elif inserted or updated or deleted or uncounted:
            others.append(Change(name, inserted, updated, deleted, certain=not uncounted))
    return others, own
