"""A schema with a layout's tables and some rows in them, for a trial."""

from collections.abc import Iterator
from uuid import UUID

from psycopg2.sql import SQL, Identifier, Placeholder

from data_pipeline.layouts.base import Layout, TableLayout
from data_pipeline.postgres.schema import ddl
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.sets.tables import table_spec

OWNER = str(UUID(int=1))


def make(cursor: Cursor, schema: str, layout: Layout, rows: int) -> None:
    """The schema, the tables, an owner, and so many rows that belong to it."""
    cursor.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    ddl.create_absent(cursor, schema, table_spec.as_made(layout))
    for table in layout.tables:
        names = [column.name for column in table.columns]
        statement = SQL("INSERT INTO {} ({}) VALUES ({})").format(
            Identifier(schema, table.name),
            SQL(", ").join(map(Identifier, names)),
            SQL(", ").join([Placeholder()] * len(names)),
        )
        for number in range(1, 1 + (rows if table.name == layout.member else 1)):
            cursor.execute(statement, list(_row(table, number)))


def empty(cursor: Cursor, schema: str, layout: Layout) -> None:
    """Remove every row."""
    names = SQL(", ").join(Identifier(schema, table.name) for table in layout.tables)
    cursor.execute(SQL("TRUNCATE {}").format(names))


def drop(cursor: Cursor, schema: str) -> None:
    """With all that is in it."""
    cursor.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))


def _row(table: TableLayout, number: int) -> Iterator[str]:
    """A value for each column, as a text that the server reads for the column's type."""
    for column in table.columns:
        if column.name == table.owner_column:
            yield OWNER
        elif column.type == "uuid":
            yield str(UUID(int=number))
        elif column.type in ("json", "jsonb"):
            yield f'{{"n": {number}}}'
        elif column.type == "vector":
            yield f"[{number}, 0.1, -0]"
        else:
            yield f"row {number}"
