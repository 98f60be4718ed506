"""Make the live tables equal to a backup by writing only the rows that differ.

The backup is loaded into temporary tables, which need about as much disk on the server as the backup's rows have in
the live tables. Rows are compared to the bit: `record *<> record` tells `[-0]` from `[0]` and jsonb `1` from `1.0`,
which `IS DISTINCT FROM` does not, and it works for json, which has no equality at all. No index is dropped, and under
SHARE ROW EXCLUSIVE locks writers wait while readers go on with the old rows until the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg2.sql import SQL, Composed, Identifier

from common.errors import DependentRows
from data_pipeline.vector.connection import Session, prefer
from data_pipeline.vector.naming import COLLECTION, EMBEDDING
from data_pipeline.vector.source import Source
from data_pipeline.vector.tables import Table

TEMPORARY = "pg_temp"
TEMP_BUFFERS = "64MB"
"""A session's memory for temporary tables: the default of 8 MB writes most of a staged table out and reads it again."""

PRIMARY_KEY = """
SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(attnum, n)
JOIN pg_attribute a ON a.attnum = k.attnum WHERE a.attrelid = i.indrelid AND i.indrelid = %s AND i.indisprimary
ORDER BY n
"""


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0


@dataclass(frozen=True)
class Staged:
    """A backup's table in a temporary one, to be compared with the live one."""

    source: Source
    live: Table
    key: tuple[str, ...]

    @property
    def table(self) -> Table:
        """The temporary table."""
        return self.source.table

    @property
    def columns(self) -> list[str]:
        return self.source.columns

    def sql(self, template: str, **more: Any) -> Composed:
        """A statement with {live} as l, {staged} as s, {same_key}, {differs} and {columns}."""
        return SQL(template).format(
            live=self.live.identifier,
            staged=self.table.identifier,
            same_key=SQL(" AND ").join(SQL("l.{0} = s.{0}").format(Identifier(name)) for name in self.key),
            differs=SQL("ROW({})::record *<> ROW({})::record").format(_of("l", self.columns), _of("s", self.columns)),
            columns=SQL(", ").join(map(Identifier, self.columns)),
            **more,
        )


def stage(cursor: Any, source: Source) -> Staged:
    """An empty temporary table of the live one's columns, gone at the end of the transaction."""
    live = source.table
    staging = Table(TEMPORARY, f"staged_{live.name}", 0, live.columns)
    prefer(cursor, "temp_buffers", TEMP_BUFFERS)  # refused where a pooled session has used temporary tables before
    cursor.execute(
        SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DROP").format(Identifier(staging.name), live.identifier)
    )
    return Staged(replace(source, table=staging), live, _key(cursor, live))


def index(session: Session, staged: Staged) -> None:
    """Give a loaded temporary table its key and statistics. Fails with 23505 if the file holds a key twice."""
    session.enter("check")
    names = SQL(", ").join(map(Identifier, staged.key))
    table = staged.table.identifier
    session.cursor.execute(SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(table, names))
    session.cursor.execute(SQL("ANALYZE {} ({})").format(table, names))


def apply(session: Session, staged: dict[str, Staged]) -> dict[str, Counts]:
    """Write what differs: collections first, then embeddings, then collections that are no more.

    Raises DependentRows if only collections are synced and embeddings refer to one that would go.
    """
    session.enter("check")
    cursor, counts = session.cursor, {}
    collections, embeddings = staged.get(COLLECTION), staged.get(EMBEDDING)
    if collections:
        if embeddings is None:
            _expect_no_embeddings_lost(cursor, collections)
        _park_names(cursor, collections)
        counts[COLLECTION] = _write(cursor, collections)
    if embeddings:
        deleted = _delete(cursor, embeddings)
        counts[EMBEDDING] = replace(_write(cursor, embeddings), deleted=deleted)
    if collections:
        counts[COLLECTION] = replace(counts[COLLECTION], deleted=_delete(cursor, collections))
    return counts


def _key(cursor: Any, table: Table) -> tuple[str, ...]:
    """The primary key, or what LangChain uses as one."""
    cursor.execute(PRIMARY_KEY, (table.oid,))
    found = tuple(name for (name,) in cursor.fetchall())
    return found or (("id",) if table.column("id") else ("uuid",))


def _park_names(cursor: Any, collections: Staged) -> None:
    """Free every name that its collection won't keep: two may have swapped theirs, one may have been made anew."""
    cursor.execute(
        collections.sql(
            "UPDATE {live} l SET name = 'parked ' || gen_random_uuid() WHERE NOT EXISTS "
            "(SELECT FROM {staged} s WHERE {same_key} AND l.name IS NOT DISTINCT FROM s.name)"
        )
    )


def _write(cursor: Any, staged: Staged) -> Counts:
    """Update rows that differ and insert those that are missing."""
    others = [name for name in staged.columns if name not in staged.key]
    assignments = SQL(", ").join(SQL("{0} = s.{0}").format(Identifier(name)) for name in others)
    update = "UPDATE {live} l SET {assignments} FROM {staged} s WHERE {same_key} AND {differs}"
    cursor.execute(staged.sql(update, assignments=assignments))
    updated = cursor.rowcount
    cursor.execute(
        staged.sql(
            "INSERT INTO {live} ({columns}) SELECT {columns} FROM {staged} s "
            "WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same_key})"
        )
    )
    inserted = cursor.rowcount
    cursor.execute(staged.sql("SELECT count(*) FROM {staged}"))
    return Counts(inserted, updated, unchanged=cursor.fetchone()[0] - inserted - updated)


def _delete(cursor: Any, staged: Staged) -> int:
    """Delete live rows that the backup doesn't have."""
    cursor.execute(staged.sql("DELETE FROM {live} l WHERE NOT EXISTS (SELECT FROM {staged} s WHERE {same_key})"))
    return int(cursor.rowcount)


def _expect_no_embeddings_lost(cursor: Any, collections: Staged) -> None:
    embedding = Identifier(collections.live.schema, EMBEDDING)
    cursor.execute(
        collections.sql(
            "SELECT EXISTS (SELECT FROM {embedding} e JOIN {live} l ON l.uuid = e.collection_id "
            "WHERE NOT EXISTS (SELECT FROM {staged} s WHERE {same_key}))",
            embedding=embedding,
        )
    )
    if cursor.fetchone()[0]:
        raise DependentRows("备份中没有的collection仍有embedding引用,未做任何修改", can_retry=False)


def _of(alias: str, columns: Sequence[str]) -> Composed:
    return SQL(", ").join(SQL("{}.{}").format(SQL(alias), Identifier(name)) for name in columns)
