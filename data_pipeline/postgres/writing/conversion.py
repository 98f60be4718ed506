"""Rows of an older shape into a newer one, as a layout's conversion says: loaded into a temporary table as they are,
then converted. The only one is from LangChain's old schema.

An embedding's id is its custom_id where that is there and no other row of the file has it, else its uuid; whichever
collections are restored. langchaingo's tables have no custom_id: there it is the uuid. cmetadata goes from json to
jsonb, which keeps one of several equal keys and no white space.
"""

from collections.abc import Iterable
from dataclasses import replace

from psycopg2.sql import SQL, Composable, Identifier

from common.messages import say
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.layouts.base import Conversion
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing import copy_in
from data_pipeline.postgres.writing.staging import creating, temporary
from data_pipeline.sets.table_source import Source

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


def load(
    session: Session,
    source: Source,
    conversion: Conversion,
    scope: Scope,
    collections: frozenset[bytes] | None,
    pool: WorkerPool,
) -> tuple[int, list[str]]:
    """Write a file of the old schema into its table, as loader.load does; only the rows in scope.

    Returns how many, and what was done to how many of them.

    All of the file is staged, since a custom_id must be the only one in it.
    """
    old = _stage(session.cursor, source)
    layout = replace(source.layout, wanted=None)
    copy_in.load(
        session, replace(source, table=old, layout=layout, coerced=frozenset(), conversion=None), collections, pool
    )
    session.enter("load")
    rows = SQL(ROWS if _has_preferred(source, conversion) else "FROM {old} r WHERE {in_scope}").format(
        old=old.identifier,
        in_scope=scope.condition(source.table.layout, "r"),
        preferred=Identifier(conversion.preferred),
    )
    warnings = list(_count(session.cursor, source, conversion, rows))
    values = SQL(", ").join(_value(name, source, conversion) for name in source.columns)
    names = SQL(", ").join(map(Identifier, source.columns))
    statement = SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} {}").format(
        source.table.identifier, names, values, rows
    )
    session.cursor.execute(statement)
    written = session.cursor.rowcount
    session.cursor.execute(SQL("DROP TABLE {}").format(old.identifier))
    return written, warnings


def _stage(cursor: Cursor, source: Source) -> Table:
    """An empty temporary table with the file's columns, typed as the live ones are where these have them."""
    old = replace(temporary(source.table, "old"), columns=())
    columns = SQL(", ").join(_column(column.name, column.type, source) for column in source.layout.columns)
    with creating():
        cursor.execute(
            SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} l WITH NO DATA").format(
                Identifier(old.relation), columns, source.table.identifier
            )
        )
    return old


def _column(name: str, type_: str, source: Source) -> Composable:
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


def _value(name: str, source: Source, conversion: Conversion) -> Composable:
    if name == conversion.key and name in source.coerced:
        other = SQL("{}::pg_catalog.text").format(Identifier("r", conversion.fallback))
        if not _has_preferred(source, conversion):
            return other
        return SQL("CASE WHEN {} THEN {} ELSE {} END").format(
            _own_id(conversion), Identifier("r", conversion.preferred), other
        )
    if name in source.coerced:
        _, newer = conversion.types[name]
        return SQL("{}::{}").format(_text(name, source), Identifier("pg_catalog", newer))
    return Identifier("r", name)


def _text(name: str, source: Source) -> Composable:
    """A value in the older form, without what jsonb can't hold where that is to be dropped."""
    text = SQL("{}::pg_catalog.text").format(Identifier("r", name))
    return SQL(f"pg_catalog.regexp_replace({{}}, {NUL})").format(text) if source.layout.strip_nul else text


def _has_preferred(source: Source, conversion: Conversion) -> bool:
    """Whether the file has what the key is preferably made of: langchaingo's tables have no custom_id."""
    columns = {column.name for column in source.layout.columns}
    return conversion.key in source.coerced and conversion.preferred in columns


def _own_id(conversion: Conversion) -> Composable:
    return SQL(OWN_ID).format(preferred=Identifier(conversion.preferred))
