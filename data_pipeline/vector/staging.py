"""A backup's rows in temporary tables, beside the live ones they will be compared with.

They need about as much disk on the server as the backup's rows have in the live tables, and are gone at the end of the
transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg2.sql import SQL, Composed, Identifier

from common.errors import InternalError
from data_pipeline.vector.connection import Session, prefer
from data_pipeline.vector.scope import EVERYTHING, Scope
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
class Staged:
    """A backup's table in a temporary one, to be compared with the live one."""

    source: Source
    live: Table
    key: tuple[str, ...]
    scope: Scope = EVERYTHING
    """The live rows that may be touched."""

    @property
    def table(self) -> Table:
        """The temporary table."""
        return self.source.table

    @property
    def columns(self) -> list[str]:
        return self.source.columns

    def expect_all_there(self, cursor: Any) -> None:
        """Raise InternalError unless every key of the backup is in the live table: a trigger can leave rows out."""
        cursor.execute(
            self.sql("SELECT EXISTS (SELECT FROM {staged} s WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same_key}))")
        )
        if cursor.fetchone()[0]:
            raise InternalError(f"恢复后的行数不符: {self.live.name}", details={"table": self.live.name})

    def sql(self, template: str, **more: Any) -> Composed:
        """A statement with {live} as l, {staged} as s, {in_scope} for l, {same_key}, {differs} and {columns}."""
        return SQL(template).format(
            live=self.live.identifier,
            staged=self.table.identifier,
            in_scope=self.scope.condition(self.live.name, "l"),
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
    return Staged(replace(source, table=staging), live, key(cursor, live))


def drop(cursor: Any, staged: Staged) -> None:
    """Make room for another temporary table of the same name."""
    cursor.execute(staged.sql("DROP TABLE {staged}"))


def index(session: Session, staged: Staged) -> None:
    """Give a loaded temporary table its key and statistics. Fails with 23505 if the file holds a key twice."""
    session.enter("check")
    names = SQL(", ").join(map(Identifier, staged.key))
    table = staged.table.identifier
    session.cursor.execute(SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(table, names))
    session.cursor.execute(SQL("ANALYZE {} ({})").format(table, names))


def primary_key(cursor: Any, table: Table) -> tuple[str, ...]:
    """The columns of a live table's primary key; none if it has no such key."""
    cursor.execute(PRIMARY_KEY, (table.oid,))
    return tuple(name for (name,) in cursor.fetchall())


def key(cursor: Any, table: Table) -> tuple[str, ...]:
    """The primary key, or what LangChain uses as one."""
    return primary_key(cursor, table) or (("id",) if table.column("id") else ("uuid",))


def _of(alias: str, columns: Sequence[str]) -> Composed:
    return SQL(", ").join(SQL("{}.{}").format(SQL(alias), Identifier(name)) for name in columns)
