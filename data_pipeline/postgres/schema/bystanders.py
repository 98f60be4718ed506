"""Tables that an operation is not about: which of their rows its transaction has changed all the same.

Triggers, rules and cascades do that. A table can only be written under a ROW EXCLUSIVE lock, which is held until the
transaction ends, so the locks name the candidates, and the server's counters say what became of them. Two things are
not counted: rows of a foreign table, and a TRUNCATE, which takes an ACCESS EXCLUSIVE lock. Either lock alone counts as
a change.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import DependentRows
from common.messages import say
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor

LOCKED = """
SELECT relation FROM pg_locks
WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode = 'AccessExclusiveLock'
"""
# The view pg_stat_xact_all_tables takes far longer: it adds up the counters of every index. These also hold what
# earlier transactions of the session did, until the server has published it: a pooler hands on such sessions.
COUNTERS = """
SELECT c.oid, n.inserted, n.updated, n.deleted
FROM pg_class c, LATERAL (SELECT pg_stat_get_xact_tuples_inserted(c.oid), pg_stat_get_xact_tuples_updated(c.oid),
                                 pg_stat_get_xact_tuples_deleted(c.oid)) n(inserted, updated, deleted)
WHERE c.relkind IN ('r', 'm') AND n.inserted + n.updated + n.deleted > 0
"""
WRITTEN = """
SELECT c.oid, n.nspname || '.' || c.relname, pg_stat_get_xact_tuples_inserted(c.oid),
       pg_stat_get_xact_tuples_updated(c.oid), pg_stat_get_xact_tuples_deleted(c.oid),
       c.relkind = 'f', bool_or(l.mode = 'AccessExclusiveLock')
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
class Before:
    """What the session had written, by table, and which tables it had locked as a whole, when the watch began."""

    rows: Mapping[int, Rows]
    locked: frozenset[int]


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


def counted(cursor: Cursor) -> bool:
    """Whether the server counts what is written."""
    cursor.execute(COUNTED)
    return bool(cursor.value())


def watch(cursor: Cursor) -> Before:
    """Begin to watch; nothing has been written yet that `changes` should tell of."""
    cursor.execute(COUNTERS)
    rows = {oid: (inserted, updated, deleted) for oid, inserted, updated, deleted in cursor.fetchall()}
    cursor.execute(LOCKED)
    return Before(rows, frozenset(oid for (oid,) in cursor.fetchall()))


def changes(cursor: Cursor, before: Before, ours: Iterable[Table]) -> tuple[list[Change], dict[int, Rows]]:
    """What was written since: into tables that aren't ours, and into those that are, by oid."""
    known = {table.oid for table in ours}
    others, own = [], {}
    cursor.execute(WRITTEN)
    for oid, name, *totals, foreign, locked in cursor.fetchall():
        earlier = before.rows.get(oid, NONE)
        inserted, updated, deleted = (now - then for now, then in zip(totals, earlier, strict=True))
        certain = not (foreign or (locked and oid not in before.locked))
        if oid in known:
            own[oid] = (inserted, updated, deleted)
        elif inserted or updated or deleted or not certain:
            others.append(Change(name, inserted, updated, deleted, certain))
    return others, own


def expect_harmless(others: Sequence[Change]) -> None:
    """Raise DependentRows, naming the tables whose rows aren't what they were."""
    changed = [one for one in others if not one.harmless]
    if changed:
        each = tuple(
            say("rows_of_table", table=one.table, rows=one.updated + one.deleted) if one.certain else one.table
            for one in changed
        )
        details = {"tables": [one.describe() for one in changed]}
        raise DependentRows(say("triggers_changed_elsewhere", tables=each), can_retry=False, details=details)


def additions(others: Sequence[Change]) -> list[str]:
    """What an answer warns of: rows that were added elsewhere."""
    listed = tuple(say("rows_of_table", table=one.table, rows=one.inserted) for one in others)
    return [say("triggers_wrote_elsewhere", tables=listed)] if listed else []
