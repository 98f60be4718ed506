"""The tables of a set in temporary ones, in the set's own types: no live table is needed to read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from psycopg2.sql import SQL, Composable, Identifier

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.layouts.base import TableLayout
from data_pipeline.postgres.connection import Session, prefer
from data_pipeline.postgres.reading import owners
from data_pipeline.postgres.schema import ddl_types, tables
from data_pipeline.postgres.schema.ddl_types import UnsupportedType
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing import copy_in
from data_pipeline.postgres.writing.staging import TEMP_BUFFERS, creating, temporary
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables import table_source
from data_pipeline.sets.tables.dialect import SetDialect
from data_pipeline.sets.tables.table_facts import ColumnFact
from data_pipeline.sets.tables.table_source import Source

SEARCH = "tsvector"
"""A type that no manifest's table is made of, but that a column of hybrid search has."""

NUL = r"'(\\[^u])|\\u0000', '\1', 'g'"
"""As formats/json_nul.py: an escape of another kind stays whole."""


@dataclass(frozen=True)
class StagedTable:
    """A file's rows, loaded into a temporary table; strip_nul: json loses what jsonb can't hold on its way."""

    table: Table
    source: Source
    rows: int
    strip_nul: bool

    def has(self, column: str) -> bool:
        return self.table.column(column) is not None

    def as_jsonb(self, alias: str, column: str) -> Composable:
        """A column's value as jsonb; NULL where the file has no such column."""
        found = self.table.column(column)
        if found is None:
            return SQL("NULL::pg_catalog.jsonb")
        value: Composable = Identifier(alias, column)
        if found.type != "json":
            return value
        if self.strip_nul:
            value = SQL(f"pg_catalog.regexp_replace({{}}::pg_catalog.text, {NUL})").format(value)
        return SQL("{}::pg_catalog.jsonb").format(value)


def stage(
    session: Session, backup_set: BackupSet, names: Sequence[str], dialect: SetDialect, pool: WorkerPool, strip: bool
) -> dict[str, StagedTable]:
    """Load tables of a set. Raises InvalidBackup, OrphanRows with file and line; SchemaMismatch for a column's type."""
    prefer(session.cursor, "temp_buffers", TEMP_BUFFERS)
    found: dict[str, StagedTable] = {}
    for name in names:
        table = _empty(session.cursor, backup_set, name)
        source = table_source.match(backup_set, table, None, dialect)
        source = replace(source, layout=replace(source.layout, strip_nul=strip))
        rows = copy_in.load(session, source, _known_owners(session.cursor, backup_set, name, found), pool)
        found[name] = StagedTable(table, source, rows, strip)
    return found


def _known_owners(
    cursor: Cursor, backup_set: BackupSet, name: str, staged: Mapping[str, StagedTable]
) -> frozenset[bytes] | None:
    ownership = backup_set.layout.ownership
    if ownership is None or name != ownership.member:
        return None
    return owners.keys(cursor, [staged[ownership.owner].table], ownership)


def _empty(cursor: Cursor, backup_set: BackupSet, name: str) -> Table:
    layout = backup_set.layout[name]
    table = temporary(Table("", name, 0, (), layout), "converted")
    types = ddl_types.extension_schema(cursor)
    made = [
        SQL("{} {}").format(Identifier(column.name), _type(layout, column, types))
        for column in columns_of(backup_set, name)
    ]
    with creating():
        cursor.execute(
            SQL("DROP TABLE IF EXISTS {}; CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(
                table.identifier, Identifier(table.relation), SQL(", ").join(made)
            )
        )
    cursor.execute("SELECT to_regclass(%s)::oid::bigint", (table.identifier.as_string(cursor),))
    oid = int(cursor.value())
    return replace(table, oid=oid, columns=tables.columns_of(cursor, oid))


def columns_of(backup_set: BackupSet, name: str) -> list[ColumnFact]:
    """The columns of a set's table, as its manifest or else its file has them."""
    if backup_set.manifest:
        return list(backup_set.manifest.tables[name].columns)
    found = table_source.columns_of(backup_set, name)
    return [ColumnFact(name=column.name, type=column.type, modifier=-1, not_null=False) for column in found]


def _type(layout: TableLayout, column: ColumnFact, types: str | None) -> Composable:
    if column.type == SEARCH:
        return SQL("pg_catalog.tsvector")
    try:
        return ddl_types.column_type(column.type, column.modifier, types)
    except UnsupportedType:
        text = say("column_type_not_made", table=layout.name, column=column.name, type=column.type)
        details = {"table": layout.name, "column": column.name, "type": column.type}
        raise SchemaMismatch(text, can_retry=False, details=details) from None
