"""Rows that a table can't take as they are: loaded into a temporary table in the backup's types, then converted there.

Columns of another type than the table's are cast; where that can lose something, the rows that it changed are counted.
Rows of an older shape become rows of a newer one as the layout's conversion says: the only one is from LangChain's old
schema.

An embedding's id is its custom_id where that is there and no other row of the file has it, else its uuid; whichever
collections are restored. langchaingo's tables have no custom_id: there it is the uuid. cmetadata goes from json to
jsonb, which keeps one of several equal keys and no white space.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg2
from psycopg2.sql import SQL, Composable, Identifier

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.layouts.base import Conversion
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing import casts as casting
from data_pipeline.postgres.writing import copy_in
from data_pipeline.postgres.writing.casts import Casts
from data_pipeline.postgres.writing.staging import creating, temporary
from data_pipeline.sets.tables import own_types
from data_pipeline.sets.tables.table_source import Source

NULLS = {name: f"NULL::pg_catalog.{name}" for name in ("uuid", "varchar", "json")}
"""The types of what the old schema has and the live table has not."""

# Rows of the old schema as r; d has its preferred id if several rows share it.
ROWS = """
FROM {old} r LEFT JOIN (
  SELECT {preferred} FROM {old} GROUP BY 1 HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1
) d ON d.{preferred} OPERATOR(pg_catalog.=) r.{preferred}
WHERE {in_scope}
"""
OWN_ID = "(r.{preferred} OPERATOR(pg_catalog.<>) '' AND d.{preferred} IS NULL)"


NUL = r"'(\\[^u])|\\u0000', '\1', 'g'"
"""As formats/json_nul.py: an escape of another kind stays whole."""


@dataclass(frozen=True)
class Loaded:
    """What was written: rows, what was done to how many of them, and how many have other values than in the backup.

    lossy: None where no column is narrower.
    """

    rows: int
    warnings: Sequence[str] = ()
    lossy: int | None = None


def load(
    session: Session, source: Source, scope: Scope, collections: frozenset[bytes] | None, pool: WorkerPool
) -> Loaded:
    """Write a file into its table, converted, as copy_in.load does; only the rows in scope.

    All of an older shape's file is staged, since a custom_id must be the only one in it. Raises InvalidBackup for a
    value that has no counterpart in the column's type.
    """
    conversion, cursor = source.conversion, session.cursor
    casts = {name: casting.of(cursor, own, source.table) for name, own in source.own.items()}
    old = _stage(cursor, source, casts)
    layout = replace(source.layout, wanted=None) if conversion else source.layout
    as_staged = replace(source, table=old, layout=layout, coerced=frozenset(), conversion=None, own={})
    copy_in.load(session, as_staged, collections, pool)
    session.enter("load")
    preferred = conversion if conversion and _has_preferred(source, conversion) else None
    rows = SQL(ROWS if preferred else "FROM {old} r WHERE {in_scope}").format(
        old=old.identifier,
        in_scope=scope.condition(source.table.layout, "r"),
        preferred=Identifier(preferred.preferred if preferred else ""),
    )
    with _naming_columns(cursor, source, casts, old):
        warnings = list(_count(cursor, source, conversion, rows)) if conversion else []
        lossy = _count_lossy(cursor, source, casts, rows)
        written = _insert(cursor, source, casts, rows)
    cursor.execute(SQL("DROP TABLE {}").format(old.identifier))
    if lossy:
        warnings.append(say("values_narrowed", table=source.name, rows=lossy, columns=", ".join(source.lossy)))
    return Loaded(written, warnings, lossy)


def scope(source: Source, chosen: Scope, owned: Scope) -> Scope:
    """Which rows of a file are written: those chosen by their values, if the file has that column as the table has it.

    Where it doesn't, the others are told apart once they are converted. owned: those of chosen collections, or all.
    """
    values = chosen.values
    return chosen if values and source.conversion is None and values.column not in source.own else owned


def _insert(cursor: Cursor, source: Source, casts: Mapping[str, Casts], rows: Composable) -> int:
    values = SQL(", ").join(_value(name, source, casts) for name in source.columns)
    names = SQL(", ").join(map(Identifier, source.columns))
    statement = SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} {}").format(
        source.table.identifier, names, values, rows
    )
    cursor.execute(statement)
    return cursor.rowcount


def _count_lossy(cursor: Cursor, source: Source, casts: Mapping[str, Casts], rows: Composable) -> int | None:
    """How many rows have another value in the table's types, brought back to the backup's."""
    if not source.lossy:
        return None
    changed = SQL(" OR ").join(
        SQL("ROW({})::record *<> ROW({})::record").format(
            Identifier("r", name), casts[name].back(_value(name, source, casts))
        )
        for name in source.lossy
    )
    cursor.execute(SQL("SELECT count(*) FILTER (WHERE {}) {}").format(changed, rows))
    return int(cursor.value())


@contextmanager
def _naming_columns(cursor: Cursor, source: Source, casts: Mapping[str, Casts], old: Table) -> Iterator[None]:
    """Raise InvalidBackup, naming the column, where a value can't be cast: the server doesn't say which it was."""
    cursor.execute("SAVEPOINT converting")
    try:
        yield
    except psycopg2.DataError:
        cursor.execute("ROLLBACK TO SAVEPOINT converting")
        for name in casts:
            try:
                cursor.execute(SQL("SELECT count({}) FROM {} r").format(_value(name, source, casts), old.identifier))
            except psycopg2.DataError:
                raise _uncastable(source, name) from None
        raise
    cursor.execute("RELEASE SAVEPOINT converting")


def _uncastable(source: Source, column: str) -> InvalidBackup:
    live = source.own[column].live
    reason = say("value_not_castable", type=own_types.shown(live.type, live.modifier))
    text = say("in_column", file=source.file.name, column=column, reason=reason)
    details = {"file": source.file.name, "table": source.name, "column": column, "reason": reason}
    return InvalidBackup(text, can_retry=False, details=details)


def _stage(cursor: Cursor, source: Source, casts: Mapping[str, Casts]) -> Table:
    """An empty temporary table with the file's columns, typed as the live ones are where the file has them so."""
    old = replace(temporary(source.table, "old"), columns=())
    columns = SQL(", ").join(_column(column.name, column.type, source, casts) for column in source.layout.columns)
    with creating():
        cursor.execute(
            SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} l WITH NO DATA").format(
                Identifier(old.relation), columns, source.table.identifier
            )
        )
    return old


def _column(name: str, type_: str, source: Source, casts: Mapping[str, Casts]) -> Composable:
    if name in casts:
        return SQL("CAST(NULL AS {}) AS {}").format(casts[name].backup, Identifier(name))
    if name in source.coerced or source.table.column(name) is None:
        return SQL(f"{NULLS[type_]} AS {{}}").format(Identifier(name))
    return Identifier("l", name)


def _count(cursor: Cursor, source: Source, conversion: Conversion, rows: Composable) -> Iterable[str]:
    for name in source.coerced & conversion.types.keys():
        cursor.execute(SQL("SELECT count({}) {}").format(Identifier("r", name), rows))
        (converted,) = cursor.one()
        if converted:
            yield say("cmetadata_converted", file=source.name, rows=converted)
        if source.layout.strip_nul:
            changed = SQL("{} <> r.cmetadata::text").format(_text("cmetadata", source))
            cursor.execute(SQL("SELECT count(*) FILTER (WHERE {}) {}").format(changed, rows))
            source.dialect.stripped(source.name, cursor.value())
    if conversion.key in source.coerced:
        own = _own_id(conversion) if _has_preferred(source, conversion) else SQL("FALSE")
        cursor.execute(
            SQL("SELECT count(*) FILTER (WHERE {own}), count(*) FILTER (WHERE {own} IS NOT TRUE) {rows}").format(
                own=own, rows=rows
            )
        )
        kept, replaced = cursor.one()
        if kept:
            yield say("ids_from_custom_id", file=source.name, rows=kept)
        if replaced:
            yield say("ids_from_uuid", file=source.name, rows=replaced)


def _value(name: str, source: Source, casts: Mapping[str, Casts]) -> Composable:
    if name in casts:
        return casts[name].value(_text(name, source) if name in source.layout.jsonb else Identifier("r", name))
    if source.conversion is None or name not in source.coerced:
        return Identifier("r", name)
    if name == source.conversion.key:
        return _key(source, source.conversion)
    _, newer = source.conversion.types[name]
    return SQL("{}::{}").format(_text(name, source), Identifier("pg_catalog", newer))


def _key(source: Source, conversion: Conversion) -> Composable:
    other = SQL("{}::pg_catalog.text").format(Identifier("r", conversion.fallback))
    if not _has_preferred(source, conversion):
        return other
    return SQL("CASE WHEN {} THEN {} ELSE {} END").format(
        _own_id(conversion), Identifier("r", conversion.preferred), other
    )


def _text(name: str, source: Source) -> Composable:
    """A json value, without what jsonb can't hold where that is to be dropped."""
    text = SQL("{}::pg_catalog.text").format(Identifier("r", name))
    return SQL(f"pg_catalog.regexp_replace({{}}, {NUL})").format(text) if source.layout.strip_nul else text


def _has_preferred(source: Source, conversion: Conversion) -> bool:
    """Whether the file has what the key is preferably made of: langchaingo's tables have no custom_id."""
    columns = {column.name for column in source.layout.columns}
    return conversion.key in source.coerced and conversion.preferred in columns


def _own_id(conversion: Conversion) -> Composable:
    return SQL(OWN_ID).format(preferred=Identifier(conversion.preferred))
