"""Rows that no backup holds, merged into a live table as those of a backup are: staged, compared, written."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from psycopg2.sql import SQL, Composable, Composed, Identifier

from data_pipeline.layouts.base import TableLayout
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.schema.unique_keys import UniqueKey
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing import differing, staging, sync
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.postgres.writing.sync import Counts
from data_pipeline.sets.tables.table_source import Source

Mode = Literal["skip", "update", "replace"]


@dataclass(frozen=True)
class Rows:
    """What staging has to know of rows: the table they are for, and which of its columns they have."""

    name: str
    table: Table
    columns: list[str]


@dataclass(frozen=True)
class Unkept(Scope):
    """Live rows that may be touched: all but those that have the values of `kept`, unless their key is in `chosen`.

    Both are temporary tables of some of the live table's columns. identity: of the key.
    """

    kept: Table | None = None
    chosen: Table | None = None
    identity: UniqueKey | None = None

    def condition(self, table: TableLayout, alias: str) -> Composable:
        if self.kept is None:
            return SQL("TRUE")
        alike = SQL(" AND ").join(_same(alias, column.name) for column in self.kept.columns)
        found = SQL("EXISTS (SELECT FROM {} k WHERE {})").format(self.kept.identifier, alike)
        if self.chosen is None or self.identity is None:
            return SQL("NOT {}").format(found)
        chosen = SQL("EXISTS (SELECT FROM {} o WHERE {})").format(
            self.chosen.identifier, self.identity.same("o", alias)
        )
        return SQL("(NOT {} OR {})").format(found, chosen)


def stage(cursor: Cursor, table: Table, columns: Sequence[str], key: Sequence[str]) -> Staged:
    """An empty temporary table for rows with these columns. Raises SchemaMismatch if no unique key has those of `key`.

    Of where rows come from staging asks no more than Rows has.
    """
    return staging.stage(cursor, cast("Source", Rows(table.name, table, list(columns))), key)


def beside(cursor: Cursor, table: Table, columns: Sequence[str], prefix: str) -> Table:
    """An empty temporary table of some columns of a live one, gone at the end of the transaction."""
    made = staging.temporary(table, prefix)
    with staging.creating():
        cursor.execute(
            SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                Identifier(made.relation), SQL(", ").join(map(Identifier, columns)), table.identifier
            )
        )
    chosen = tuple(column for name in columns if (column := table.column(name)))
    return Table(made.schema, made.relation, 0, chosen, table.layout)


def fill(session: Session, table: Table, columns: Sequence[str], lines: str) -> None:
    """COPY's text format, a line a row."""
    session.enter("load", table.name)
    tables.copy_in(session.cursor, table, columns, "text", io.BytesIO(lines.encode()))


def count_kept(cursor: Cursor, staged: Staged, mode: Mode) -> int:
    """Live rows that stay as they are because they are out of scope: those that the file has, too, or, where all
    others go, all."""
    condition = SQL("TRUE") if mode == "replace" else staged.sql("EXISTS (SELECT FROM {staged} s WHERE {same_key})")
    statement = "SELECT count(*) FROM {live} l WHERE NOT ({within}) AND {condition}"
    cursor.execute(staged.sql(statement, condition=condition))
    return int(cursor.value())


def leave_out(cursor: Cursor, staged: Staged, mode: Mode) -> int:
    """Drop the rows that the live table keeps its own of; how many of them only because they are there already."""
    out_of_scope = "DELETE FROM {staged} s USING {live} l WHERE {same_key} AND NOT ({within})"
    cursor.execute(staged.sql(out_of_scope))
    if mode != "skip":
        return 0
    cursor.execute(staged.sql("DELETE FROM {staged} s USING {live} l WHERE {same_key}"))
    return cursor.rowcount


def write(cursor: Cursor, staged: Staged, mode: Mode) -> Counts:
    """Remove what is no more, if all is replaced; write what differs, unless it is skipped; insert what is missing."""
    deleted = sync.delete(cursor, staged) if mode == "replace" else 0
    parked, written = 0, differing.Written(0, 0)
    if mode != "skip":
        if staged.unique and differing.is_referred(cursor, staged):
            parked = differing.park_unique(cursor, staged, differing.CHANGING)
        written = differing.write(cursor, staged)
    inserted = sync.insert_missing(cursor, staged, within_scope=False)
    unchanged = staging.count(cursor, staged) - inserted - written.updated
    return Counts(inserted, written.updated, deleted, unchanged, parked, written.rewritten)


def _same(alias: str, column: str) -> Composed:
    """NULL is the same as NULL."""
    live, kept = Identifier(alias, column), Identifier("k", column)
    return SQL("({0} OPERATOR(pg_catalog.=) {1} OR ({0} IS NULL AND {1} IS NULL)) IS TRUE").format(live, kept)
