"""Make the live tables equal to a backup by writing only the rows that differ.

Rows are compared to the bit: `record *<> record` tells `[-0]` from `[0]` and jsonb `1` from `1.0`, which
`IS DISTINCT FROM` does not, and it works for json, which has no equality at all. No index is dropped, and under
SHARE ROW EXCLUSIVE locks writers wait while readers go on with the old rows until the commit.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from psycopg2.sql import SQL, Identifier

from common.errors import DependentRows
from common.messages import say
from data_pipeline.layouts.base import Ownership
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema.tables import Live
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing import differing, staging
from data_pipeline.postgres.writing.staging import Staged


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    parked: int = 0
    """Rows that were given another name for a while, on top of the updated ones."""
    rewritten: int = 0
    """Of the updated ones, those that were deleted and inserted."""

    @property
    def rows(self) -> int:
        """How many the backup has."""
        return self.inserted + self.updated + self.unchanged


def apply(session: Session, live: Live, staged: Mapping[str, Staged]) -> dict[str, Counts]:
    """Write what differs, in load order; rows that are no more go against it, after those that refer to them."""
    session.enter("check")
    cursor, layout, counts = session.cursor, live.layout, dict[str, Counts]()
    ordered = [name for name in layout.names if name in staged]
    referred = [name for name in ordered if layout.referring(name)]
    for name in ordered:
        deleted = 0 if name in referred else delete(cursor, staged[name])
        parked = _park(cursor, staged[name], layout.ownership) if name in referred else 0
        counts[name] = replace(_write(cursor, staged[name]), parked=parked, deleted=deleted)
    for name in reversed(referred):
        counts[name] = replace(counts[name], deleted=delete(cursor, staged[name]))
    return counts


def _park(cursor: Cursor, referred: Staged, ownership: Ownership | None) -> int:
    """Free every value that its row won't keep: two may have swapped theirs, one may have been made anew."""
    name = ownership.name if ownership and ownership.owner == referred.live.name else None
    parked = differing.park(cursor, referred, name, None, differing.LEAVING) if name else 0
    return parked + differing.park_unique(cursor, referred, differing.LEAVING, without=name)


def _write(cursor: Cursor, staged: Staged) -> Counts:
    """Update rows that differ and insert those that are missing."""
    written = differing.write(cursor, staged)
    inserted = insert_missing(cursor, staged, within_scope=True)
    unchanged = staging.count(cursor, staged) - inserted - written.updated
    return Counts(inserted, written.updated, unchanged=unchanged, rewritten=written.rewritten)


def insert_missing(cursor: Cursor, staged: Staged, *, within_scope: bool) -> int:
    """Insert the backup's rows whose key no live row has; returns how many.

    within_scope: a key that a row outside the scope has counts as missing, and fails the insert (23505).
    """
    scope = staged.sql("{in_scope}") if within_scope else SQL("TRUE")
    statement = (
        "INSERT INTO {into} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {staged} s "
        "WHERE NOT EXISTS (SELECT FROM {live} l WHERE {scope} AND {same_key})"
    )
    cursor.execute(staged.sql(statement, scope=scope))
    return cursor.rowcount


def insert_all(cursor: Cursor, staged: Staged) -> int:
    """Insert the backup's rows; returns how many. One whose key is there fails it (23505)."""
    cursor.execute(staged.sql("INSERT INTO {into} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {staged}"))
    return cursor.rowcount


def delete(cursor: Cursor, staged: Staged) -> int:
    """Delete live rows that the backup doesn't have."""
    cursor.execute(
        staged.sql("DELETE FROM {live} l WHERE {in_scope} AND NOT EXISTS (SELECT FROM {staged} s WHERE {same_key})")
    )
    return cursor.rowcount


def expect_none_lost(cursor: Cursor, live: Live, one: Staged, written: Collection[str]) -> None:
    """Raise DependentRows if a row would go that rows refer to whose table, of the same layout, isn't written."""
    for table, reference in live.layout.referring(one.live.name):
        if table.name in written:
            continue
        pairs = zip(reference.referenced, reference.columns, strict=True)
        referred = SQL(" AND ").join(
            SQL("{} = {}").format(Identifier("l", ours), Identifier("e", theirs)) for ours, theirs in pairs
        )
        cursor.execute(
            one.sql(
                "SELECT EXISTS (SELECT FROM {referring} e JOIN {live} l ON {referred} "
                "WHERE {in_scope} AND NOT EXISTS (SELECT FROM {staged} s WHERE {same_key}))",
                referring=live[table.name].rows,
                referred=referred,
            )
        )
        if cursor.value():
            raise DependentRows(say("collections_still_referenced"), can_retry=False)
