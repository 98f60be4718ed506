"""Rows so large that they need care: told by what their values take, without reading any that is stored out of line."""

from collections.abc import Sequence

from psycopg2.sql import SQL, Composable, Identifier

from data_pipeline.formats.csv_fields import LARGE_BYTES
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema.tables import Column, Table
from data_pipeline.postgres.search_path import Cursor

TEXT_TYPES = frozenset({"varchar", "text"})
MOST_COMPRESSED = 16
"""How many times its stored size a value other than text is taken for at most. Of text the server knows the length."""


def exist(cursor: Cursor, table: Table) -> bool:
    """Whether the table may have a row of more than LARGE_BYTES."""
    large = [SQL("{} > {}").format(_size(column), SQL(str(_limit(column)))) for column in table.columns]
    statement = SQL("SELECT EXISTS (SELECT FROM {} l WHERE {})")
    cursor.execute(statement.format(table.rows, SQL(" OR ").join(large)))
    return bool(cursor.value())


def key_of_longest(cursor: Cursor, table: Table, scope: Scope, key: Sequence[str]) -> str:
    """The key of the row that takes most, as text."""
    names = SQL(", ").join(SQL("{}::text").format(Identifier("l", name)) for name in key or ("ctid",))
    size = SQL(" + ").join(SQL("coalesce({}, 0)").format(_size(column)) for column in table.columns)
    statement = SQL("SELECT concat_ws(', ', {}) FROM {} l WHERE {} ORDER BY {} DESC LIMIT 1")
    cursor.execute(statement.format(names, table.rows, scope.condition(table.layout, "l"), size))
    return str(cursor.value())


def _size(column: Column) -> Composable:
    function = "octet_length" if column.type in TEXT_TYPES else "pg_column_size"
    return SQL("pg_catalog.{}({})").format(SQL(function), Identifier("l", column.name))


def _limit(column: Column) -> int:
    return LARGE_BYTES if column.type in TEXT_TYPES else LARGE_BYTES // MOST_COMPRESSED
