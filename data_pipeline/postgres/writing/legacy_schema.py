"""Rows of LangChain's old schema into the new one: loaded into a temporary table as they are, then converted.

An embedding's id is its custom_id where that is there and no other row of the file has it, else its uuid; whichever
collections are restored. langchaingo's tables have no custom_id: there it is the uuid. cmetadata goes from json to
jsonb, which keeps one of several equal keys and no white space.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier

from common.messages import say
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.writing import copy_in
from data_pipeline.postgres.writing.staging import TEMPORARY, temporary
from data_pipeline.sets.table_source import Source
from data_pipeline.storage.naming import EMBEDDING

NULLS = {name: f"NULL::pg_catalog.{name}" for name in ("uuid", "varchar", "json")}
"""The types of what the old schema has and the live table has not."""

# Rows of the old schema as r; d.custom_id is there if several rows share it.
ROWS = """
FROM {old} r LEFT JOIN (
  SELECT custom_id FROM {old} GROUP BY 1 HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1
) d ON d.custom_id OPERATOR(pg_catalog.=) r.custom_id
WHERE {in_scope}
"""
OWN_ID = "(r.custom_id OPERATOR(pg_catalog.<>) '' AND d.custom_id IS NULL)"


NUL = r"'(\\[^u])|\\u0000', '\1', 'g'"
"""As formats/json_nul.py: an escape of another kind stays whole."""


def load(
    session: Session, source: Source, scope: Scope, collections: frozenset[bytes] | None, pool: WorkerPool
) -> tuple[int, list[str]]:
    """Write a file of the old schema into its table, as loader.load does; only the rows in scope.

    Returns how many, and what was done to how many of them.

    All of the file is staged, since a custom_id must be the only one in it.
    """
    old = _stage(session.cursor, source)
    layout = replace(source.layout, wanted=None)
    copy_in.load(session, replace(source, table=old, layout=layout, coerced=frozenset()), collections, pool)
    session.enter("load")
    by_custom_id = _has_custom_id(source)
    rows = SQL(ROWS if by_custom_id else "FROM {old} r WHERE {in_scope}").format(
        old=old.identifier, in_scope=scope.condition(source.name, "r")
    )
    warnings = list(_count(session.cursor, source, rows))
    values = SQL(", ").join(_value(name, source) for name in source.columns)
    names = SQL(", ").join(map(Identifier, source.columns))
    statement = SQL("INSERT INTO {} ({}) SELECT {} {}").format(source.table.identifier, names, values, rows)
    session.cursor.execute(statement)
    written = session.cursor.rowcount
    session.cursor.execute(SQL("DROP TABLE {}").format(old.identifier))
    return written, warnings


def _stage(cursor: Any, source: Source) -> Table:
    """An empty temporary table with the file's columns, typed as the live ones are where these have them."""
    name = f"old_{source.name}"
    columns = SQL(", ").join(_column(column.name, column.type, source) for column in source.layout.columns)
    with temporary():
        cursor.execute(
            SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} l WITH NO DATA").format(
                Identifier(name), columns, source.table.identifier
            )
        )
    return Table(TEMPORARY, name, 0, ())


def _column(name: str, type_: str, source: Source) -> Composable:
    if name in source.coerced or source.table.column(name) is None:
        return SQL(f"{NULLS[type_]} AS {{}}").format(Identifier(name))
    return Identifier("l", name)


def _count(cursor: Any, source: Source, rows: Composable) -> Iterable[str]:
    if "cmetadata" in source.coerced:
        cursor.execute(SQL("SELECT count(r.cmetadata) {}").format(rows))
        (converted,) = cursor.fetchone()
        if converted:
            yield say("cmetadata_converted", file=source.name, rows=converted)
        if source.layout.strip_nul:
            changed = SQL("{} <> r.cmetadata::text").format(_text("cmetadata", source))
            cursor.execute(SQL("SELECT count(*) FILTER (WHERE {}) {}").format(changed, rows))
            source.dialect.stripped(source.name, cursor.fetchone()[0])
    if "id" in source.coerced:
        own = SQL(OWN_ID if _has_custom_id(source) else "FALSE")
        cursor.execute(
            SQL("SELECT count(*) FILTER (WHERE {own}), count(*) FILTER (WHERE {own} IS NOT TRUE) {rows}").format(
                own=own, rows=rows
            )
        )
        kept, replaced = cursor.fetchone()
        if kept:
            yield say("ids_from_custom_id", file=source.name, rows=kept)
        if replaced:
            yield say("ids_from_uuid", file=source.name, rows=replaced)


def _text(name: str, source: Source) -> Composable:
    """A value in the form of the old schema, without what jsonb can't hold where that is to be dropped."""
    text = "r.{}::pg_catalog.text"
    if source.layout.strip_nul:
        text = f"pg_catalog.regexp_replace({text}, {NUL})"
    return SQL(text).format(Identifier(name))


def _has_custom_id(source: Source) -> bool:
    columns = {column.name for column in source.layout.columns}
    return source.name == EMBEDDING and "id" in source.coerced and "custom_id" in columns


def _value(name: str, source: Source) -> Composable:
    if name == "id" and name in source.coerced:
        own = f"CASE WHEN {OWN_ID} THEN r.custom_id ELSE r.uuid::pg_catalog.text END"
        return SQL(own if _has_custom_id(source) else "r.uuid::pg_catalog.text")
    if name in source.coerced:
        return SQL("{}::pg_catalog.jsonb").format(_text(name, source))
    return Identifier("r", name)
