"""Make the live tables equal to a backup by writing only the rows that differ.

Rows are compared to the bit: `record *<> record` tells `[-0]` from `[0]` and jsonb `1` from `1.0`, which
`IS DISTINCT FROM` does not, and it works for json, which has no equality at all. No index is dropped, and under
SHARE ROW EXCLUSIVE locks writers wait while readers go on with the old rows until the commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg2.sql import SQL, Identifier

from common.errors import DependentRows
from common.messages import say
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.storage.naming import COLLECTION, EMBEDDING

PARKED = SQL("'parked ' OPERATOR(pg_catalog.||) pg_catalog.gen_random_uuid()::pg_catalog.text")


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    parked: int = 0
    """Rows that were given another name for a while, on top of the updated ones."""

    @property
    def rows(self) -> int:
        """How many the backup has."""
        return self.inserted + self.updated + self.unchanged


def apply(session: Session, staged: Mapping[str, Staged]) -> dict[str, Counts]:
    """Write what differs: collections first, then embeddings, then collections that are no more."""
    session.enter("check")
    cursor, counts = session.cursor, {}
    collections, embeddings = staged.get(COLLECTION), staged.get(EMBEDDING)
    if collections:
        counts[COLLECTION] = write_collections(cursor, collections)
    if embeddings:
        deleted = delete(cursor, embeddings)
        counts[EMBEDDING] = replace(_write(cursor, embeddings), deleted=deleted)
    if collections:
        counts[COLLECTION] = replace(counts[COLLECTION], deleted=delete(cursor, collections))
    return counts


def write_collections(cursor: Any, collections: Staged) -> Counts:
    """Give the backup's collections their rows back; those that are no more keep another name until they go."""
    parked = _park_names(cursor, collections)
    return replace(_write(cursor, collections), parked=parked)


def _park_names(cursor: Any, collections: Staged) -> int:
    """Free every name that its collection won't keep: two may have swapped theirs, one may have been made anew."""
    cursor.execute(
        collections.sql(
            "UPDATE {live} l SET name = {parked} WHERE {in_scope} AND NOT EXISTS (SELECT FROM {staged} s "
            "WHERE {same_key} AND (l.name OPERATOR(pg_catalog.=) s.name OR l.name IS NULL AND s.name IS NULL))",
            parked=PARKED,
        )
    )
    return int(cursor.rowcount)


def _write(cursor: Any, staged: Staged) -> Counts:
    """Update rows that differ and insert those that are missing."""
    updated = update_differing(cursor, staged)
    inserted = insert_missing(cursor, staged, within_scope=True)
    cursor.execute(staged.sql("SELECT count(*) FROM {staged}"))
    return Counts(inserted, updated, unchanged=cursor.fetchone()[0] - inserted - updated)


def update_differing(cursor: Any, staged: Staged) -> int:
    """Give live rows in scope the backup's values where they differ; returns how many did."""
    others = [name for name in staged.columns if name not in staged.key]
    assignments = SQL(", ").join(SQL("{0} = s.{0}").format(Identifier(name)) for name in others)
    update = "UPDATE {live} l SET {assignments} FROM {staged} s WHERE {in_scope} AND {same_key} AND {differs}"
    cursor.execute(staged.sql(update, assignments=assignments))
    return int(cursor.rowcount)


def insert_missing(cursor: Any, staged: Staged, *, within_scope: bool) -> int:
    """Insert the backup's rows whose key no live row has; returns how many.

    within_scope: a key that a row outside the scope has counts as missing, and fails the insert (23505).
    """
    scope = staged.sql("{in_scope}") if within_scope else SQL("TRUE")
    statement = (
        "INSERT INTO {live} ({columns}) SELECT {columns} FROM {staged} s "
        "WHERE NOT EXISTS (SELECT FROM {live} l WHERE {scope} AND {same_key})"
    )
    cursor.execute(staged.sql(statement, scope=scope))
    return int(cursor.rowcount)


def delete(cursor: Any, staged: Staged) -> int:
    """Delete live rows that the backup doesn't have."""
    cursor.execute(
        staged.sql("DELETE FROM {live} l WHERE {in_scope} AND NOT EXISTS (SELECT FROM {staged} s WHERE {same_key})")
    )
    return int(cursor.rowcount)


def expect_no_embeddings_lost(cursor: Any, collections: Staged) -> None:
    """Raise DependentRows if embeddings refer to a collection that would go, where only collections are written."""
    embedding = Identifier(collections.live.schema, EMBEDDING)
    cursor.execute(
        collections.sql(
            "SELECT EXISTS (SELECT FROM {embedding} e JOIN {live} l ON l.uuid = e.collection_id "
            "WHERE {in_scope} AND NOT EXISTS (SELECT FROM {staged} s WHERE {same_key}))",
            embedding=embedding,
        )
    )
    if cursor.fetchone()[0]:
        raise DependentRows(say("collections_still_referenced"), can_retry=False)
