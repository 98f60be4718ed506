"""Keys of a document's metadata as columns, and columns as keys again.

A value goes into its column where PostgreSQL reads its text as the column's type. The key leaves the json only where
the column gives back the very same value: a value that can't be converted, or that the column rounds or spells
otherwise, stays there as it was, so that nothing is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from data_pipeline.postgres.converting.column_types import ColumnType
from data_pipeline.postgres.search_path import Cursor

TELLS_VALIDITY = 160000
"""server_version_num. pg_input_is_valid is of PostgreSQL 16; before that a function of the session's own asks."""

VALIDITY = """
CREATE OR REPLACE FUNCTION pg_temp.restore_input_is_valid(given pg_catalog.text, wanted pg_catalog.text)
RETURNS pg_catalog.bool LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE found pg_catalog.text;
BEGIN
  EXECUTE pg_catalog.format('SELECT (%L::%s)::pg_catalog.text', given, wanted) INTO found;
  IF wanted OPERATOR(pg_catalog.~~) 'pg_catalog.varchar(%' THEN RETURN found OPERATOR(pg_catalog.=) given; END IF;
  RETURN true;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN RETURN false;
END $$
"""

OF_NOW = "now|today|tomorrow|yesterday"
"""What PostgreSQL reads as a time that depends on when it is asked."""

EMPTY = SQL("'{}'::pg_catalog.jsonb")
"""Metadata without a key."""


@dataclass(frozen=True)
class MetadataColumn:
    """A column that holds a key of the metadata."""

    name: str
    type: ColumnType


@dataclass(frozen=True)
class ColumnCounts:
    """Rows by what became of a key: the column has the value, of these the json keeps it as well because the column
    rounds or spells it otherwise; the row has no such key, or null; the json alone has it."""

    name: str
    type: str
    converted: int
    changed: int
    missing: int
    not_convertible: int


class Metadata:
    """SQL over rows that have `meta`, of type jsonb, under the alias r."""

    def __init__(self, cursor: Cursor, columns: Sequence[MetadataColumn]) -> None:
        self.columns = columns
        self._valid = SQL("pg_catalog.pg_input_is_valid")
        if columns and cursor.connection.server_version < TELLS_VALIDITY:
            cursor.execute(VALIDITY)
            self._valid = SQL("pg_temp.restore_input_is_valid")

    def value(self, column: MetadataColumn) -> Composed:
        """What the column gets."""
        key, type_ = Literal(column.name), column.type
        if type_.is_json:
            given = SQL("(r.meta OPERATOR(pg_catalog.->) {})").format(key)
            is_null = SQL("pg_catalog.jsonb_typeof({}) OPERATOR(pg_catalog.=) 'null'").format(given)
            return SQL("CASE WHEN {} THEN NULL ELSE {}::{} END").format(is_null, given, type_.sql)
        text = SQL("(r.meta OPERATOR(pg_catalog.->>) {})").format(key)
        lasting = SQL(" AND {} OPERATOR(pg_catalog.!~*) {}").format(text, Literal(OF_NOW))
        return SQL("CASE WHEN {valid}({text}, {type}){lasting} THEN {text}::{cast} END").format(
            valid=self._valid,
            text=text,
            type=Literal(type_.qualified),
            lasting=lasting if type_.is_time else SQL(""),
            cast=type_.sql,
        )

    def rest(self) -> Composable:
        """What the json keeps."""
        if not self.columns:
            return SQL("r.meta")
        keys = SQL(", ").join(
            SQL("CASE WHEN {} THEN {} END").format(self._same(column), Literal(column.name)) for column in self.columns
        )
        return SQL(
            "CASE WHEN pg_catalog.jsonb_typeof(r.meta) OPERATOR(pg_catalog.=) 'object'"
            " THEN r.meta OPERATOR(pg_catalog.-) ARRAY[{}]::pg_catalog.text[] ELSE r.meta END"
        ).format(keys)

    def count(self, cursor: Cursor, rows: Composable) -> list[ColumnCounts]:
        """What became, or would become, of each key in rows that are a FROM with its WHERE."""
        found = []
        for column in self.columns:
            given = SQL("(r.meta ->> {}) IS NOT NULL").format(Literal(column.name))
            value = self.value(column)
            counts = SQL(
                "SELECT count(*) FILTER (WHERE {value} IS NOT NULL),"
                " count(*) FILTER (WHERE {value} IS NOT NULL AND {same} IS NOT TRUE),"
                " count(*) FILTER (WHERE NOT {given}), count(*) FILTER (WHERE {given} AND {value} IS NULL) {rows}"
            )
            cursor.execute(counts.format(value=value, same=self._same(column), given=given, rows=rows))
            found.append(ColumnCounts(column.name, column.type.text, *map(int, cursor.one())))
        return found

    def _same(self, column: MetadataColumn) -> Composed:
        """The column gives back what the json has."""
        return SQL("(pg_catalog.to_jsonb({}) OPERATOR(pg_catalog.=) (r.meta OPERATOR(pg_catalog.->) {}))").format(
            self.value(column), Literal(column.name)
        )


def folded(base: Composable, name: str | None, columns: Sequence[str]) -> Composed:
    """The metadata of a document: the json `base` with the columns that aren't NULL, which win over its keys.

    name: of the json column; json that is no object stands under it. The row's alias is s.
    """
    whole = SQL(
        "CASE WHEN {base} IS NULL OR pg_catalog.jsonb_typeof({base}) OPERATOR(pg_catalog.=) 'null' THEN {empty}"
        " WHEN pg_catalog.jsonb_typeof({base}) OPERATOR(pg_catalog.=) 'object' THEN {base}"
        " ELSE pg_catalog.jsonb_build_object({name}, {base}) END"
    ).format(base=base, empty=EMPTY, name=Literal(name or ""))
    each = [
        SQL("CASE WHEN {value} IS NULL THEN {empty} ELSE pg_catalog.jsonb_build_object({key}, {value}) END").format(
            value=Identifier("s", column), empty=EMPTY, key=Literal(column)
        )
        for column in columns
    ]
    return SQL(" OPERATOR(pg_catalog.||) ").join(SQL("({})").format(part) for part in [whole, *each])
