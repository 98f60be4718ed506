"""The rows that are chosen by the values of a column, in tables that all have it."""

from collections.abc import Iterable, Sequence

import psycopg2
from psycopg2.sql import SQL, Identifier

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.postgres.row_filter import Scope, Values
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor

TYPES = frozenset(
    ("int2", "int4", "int8", "numeric", "text", "varchar", "bpchar", "uuid", "bool", "date", "timestamp", "timestamptz")
)
"""Of columns that rows are chosen by: their `=` is PostgreSQL's own, and tells values apart as people do."""


def of(cursor: Cursor, tables: Iterable[Table], column: str, given: Sequence[str]) -> Scope:
    """The rows that have one of these values in a column. Raises InvalidParams, naming the table, for a table without
    the column, for a column of a type that rows can't be chosen by, and for a value that is none of the type's."""
    types = {}
    for table in tables:
        found = table.column(column)
        if found is None:
            raise _unfit(say("where_column_missing", table=table.name, column=column), table.name)
        if found.type not in TYPES:
            raise _unfit(say("where_type_unfit", table=table.name, column=column, type=found.type), table.name)
        types[table.layout.place] = found.type
        _expect_values(cursor, table, found.type, given)
    return Scope(None, None, Values(column, tuple(given), types))


def _expect_values(cursor: Cursor, table: Table, type_name: str, given: Sequence[str]) -> None:
    cursor.execute("SAVEPOINT chosen")
    try:
        cursor.execute(SQL("SELECT %s::pg_catalog.{}[]").format(Identifier(type_name)), (list(given),))
    except psycopg2.DataError:
        cursor.execute("ROLLBACK TO SAVEPOINT chosen")
        raise _unfit(say("where_value_unfit", table=table.name, type=type_name), table.name) from None
    cursor.execute("RELEASE SAVEPOINT chosen")


def _unfit(text: str, table: str) -> InvalidParams:
    return InvalidParams(text, details={"field": "where", "table": table})
