"""A backup's rows in temporary tables, beside the live ones they will be compared with.

They need about as much disk on the server as these rows have in the live tables, and are gone at the end of the
transaction.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from psycopg2.errors import InsufficientPrivilege
from psycopg2.sql import SQL, Composable, Composed, Identifier

from common.errors import PermissionDenied, SchemaMismatch
from common.messages import say
from data_pipeline.postgres.connection import Session, prefer
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import unique_keys
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.schema.unique_keys import UniqueKey
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.sets.tables.table_source import Source

TEMPORARY = "pg_temp"
LONGEST_NAME = 63
"""Bytes of a relation's name; the server cuts a longer one."""

DIFFERS = "{} OPERATOR(pg_catalog.*<>) {}"
TEMP_BUFFERS = "64MB"
"""A session's memory for temporary tables: the default of 8 MB writes most of a staged table out and reads it again."""


@dataclass(frozen=True)
class Staged:
    """A backup's table in a temporary one, to be compared with the live one.

    unstaged: how many rows were left out, because the live table has them as the backup does. differing: where some may
    have been, the keys of the live rows of which that is not known, for FROM.
    """

    source: Source
    live: Table
    identity: UniqueKey
    unique: tuple[UniqueKey, ...] = ()
    """Further unique keys of the live table whose columns the backup has; not those that the key is part of."""
    scope: Scope = EVERYTHING
    """The live rows that may be touched."""
    unstaged: int = 0
    differing: Composed | None = None

    @property
    def table(self) -> Table:
        """The temporary table."""
        return self.source.table

    @property
    def key(self) -> tuple[str, ...]:
        return self.identity.columns

    @property
    def columns(self) -> list[str]:
        return self.source.columns

    def same_key(self, one: str, other: str) -> Composed:
        """The condition that two aliases have the same row: by key; of a table without one, to the bit."""
        if self.key:
            return self.identity.same(one, other)
        return SQL("{} OPERATOR(pg_catalog.*=) {}").format(record(one, self.columns), record(other, self.columns))

    @property
    def comparable(self) -> Composable:
        """The condition that a live row l is in scope, and has no equal among the rows that were left out."""
        in_scope = self.scope.condition(self.live.layout, "l")
        if self.differing is None:
            return in_scope
        found = SQL("({} AND EXISTS (SELECT FROM {} c WHERE {}))")
        return found.format(in_scope, self.differing, self.identity.same("c", "l"))

    def sql(self, template: str, **more: Any) -> Composed:
        """A statement with {live} as l, {into} for an INSERT, {staged} as s, {in_scope} for l without those that are
        known to be the backup's, {within} with them, {same_key}, {differs} and {columns}."""
        return SQL(template).format(
            live=self.live.rows,
            into=self.live.identifier,
            staged=self.table.identifier,
            in_scope=self.comparable,
            within=self.scope.condition(self.live.layout, "l"),
            same_key=self.same_key("l", "s"),
            differs=SQL(DIFFERS).format(record("l", self.columns), record("s", self.columns)),
            columns=SQL(", ").join(map(Identifier, self.columns)),
            **more,
        )


def stage(cursor: Cursor, source: Source, known_by: Sequence[str] | None = None, *, prefix: str = "staged") -> Staged:
    """An empty temporary table, gone at the end of the transaction, of those of the live one's columns that the backup
    has: the others, which may be NOT NULL, get their values from the server where rows are inserted.

    known_by: the columns of the unique key by which rows are the same; the primary key if absent. Raises SchemaMismatch
    if there is no such key.
    """
    live = source.table
    staging = temporary(live, prefix)
    prefer(cursor, "temp_buffers", TEMP_BUFFERS)  # refused where a pooled session has used temporary tables before
    with creating():
        # What was staged of a set that was reopened since has the same name.
        cursor.execute(
            SQL(
                "DROP TABLE IF EXISTS {staged}; "
                "CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS SELECT {columns} FROM {live} WITH NO DATA"
            ).format(
                staged=staging.identifier,
                name=Identifier(staging.relation),
                columns=SQL(", ").join(map(Identifier, source.columns)),
                live=live.identifier,
            )
        )
    if required := [column.name for column in live.columns if column.not_null and column.name in source.columns]:
        each = SQL(", ").join(SQL("ALTER {} SET NOT NULL").format(Identifier(name)) for name in required)
        cursor.execute(SQL("ALTER TABLE {} {}").format(staging.identifier, each))
    found = unique_keys.of(cursor, live.oid)
    identity = _key(found, live, source.columns) if known_by is None else _unique(found, live, known_by)
    there = (one for one in found if set(one.columns) <= set(source.columns))
    further = tuple(one for one in there if not set(identity.columns) <= set(one.columns))
    return Staged(replace(source, table=staging), live, identity, further)


@contextmanager
def creating() -> Iterator[None]:
    """Where a temporary table is made. Raises PermissionDenied, naming the privilege, for a role that may make none."""
    try:
        yield
    except InsufficientPrivilege:
        raise PermissionDenied(say("temporary_privilege_lacking"), can_retry=False) from None


def temporary(table: Table, prefix: str) -> Table:
    """Where rows of a table lie for a while. No two tables of a layout have the same with one prefix."""
    name = f"{prefix}_{table.layout.stem}"
    if len(name) > LONGEST_NAME:
        name = f"{prefix}_{hashlib.sha256(table.layout.stem.encode()).hexdigest()[:32]}"
    return replace(table, schema=TEMPORARY, relation=name, oid=0)


def keep(cursor: Cursor, staged: Staged, scope: Scope) -> None:
    """Let go of the rows that are not in scope, of which live rows of the same columns would be."""
    if scope.values is not None:
        condition = scope.condition(staged.live.layout, "s")
        cursor.execute(staged.sql("DELETE FROM {staged} s WHERE ({condition}) IS NOT TRUE", condition=condition))


def drop(cursor: Cursor, staged: Staged) -> None:
    """Make room for another temporary table of the same name."""
    cursor.execute(staged.sql("DROP TABLE {staged}"))


def count(cursor: Cursor, staged: Staged) -> int:
    """How many rows the backup has, those that were left out included."""
    cursor.execute(staged.sql("SELECT count(*) FROM {staged}"))
    return int(cursor.value()) + staged.unstaged


def count_changed(cursor: Cursor, staged: Staged) -> int:
    """How many of the backup's rows are not in the live table as the backup has them, to the bit."""
    cursor.execute(
        staged.sql(
            "SELECT count(*) FROM {staged} s WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same_key} AND NOT {differs})"
        )
    )
    return int(cursor.value())


def index(session: Session, staged: Staged) -> None:
    """Give a loaded temporary table its key and statistics. Fails with 23505 if the file holds a key twice."""
    session.enter("check")
    names = SQL(", ").join(map(Identifier, staged.key))
    table = staged.table.identifier
    if staged.key:
        session.cursor.execute(SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(table, names))
        session.cursor.execute(SQL("ANALYZE {} ({})").format(table, names))


def primary_key(cursor: Cursor, table: Table) -> UniqueKey | None:
    """A live table's primary key; None if it has none."""
    return next((key for key in unique_keys.of(cursor, table.oid) if key.primary), None)


def key(cursor: Cursor, table: Table) -> UniqueKey:
    """The primary key, or what the table's layout knows rows by."""
    return _key(unique_keys.of(cursor, table.oid), table, [column.name for column in table.columns])


def _key(found: Sequence[UniqueKey], table: Table, columns: Sequence[str]) -> UniqueKey:
    """The same of a backup that has these columns: a primary key may have been added since."""
    primary = next((key for key in found if key.primary and set(key.columns) <= set(columns)), None)
    known = next((key for key in found if key.columns == table.layout.key), None)
    return primary or known or unique_keys.by_default(table.layout.key)


def _unique(found: Sequence[UniqueKey], table: Table, columns: Sequence[str]) -> UniqueKey:
    key = next((key for key in found if set(key.columns) == set(columns)), None)
    if key is None:
        text = say("conflict_key_not_unique", table=table.name, columns=", ".join(columns))
        raise SchemaMismatch(text, can_retry=False, details={"table": table.name, "columns": list(columns)})
    return key


def record(alias: str, columns: Sequence[str]) -> Composed:
    """Columns of a row as one value, which *= and *<> compare to the bit."""
    values = SQL(", ").join(SQL("{}.{}").format(SQL(alias), Identifier(name)) for name in columns)
    return SQL("ROW({})::pg_catalog.record").format(values)
