"""Which row has text that is no UTF-8: a database of the encoding SQL_ASCII keeps any bytes it was given.

The server refuses to send such a row without saying which one it is, so all text is asked for as the bytes it has, and
read here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Identifier

from data_pipeline.formats import utf8
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor

ROWS_AT_A_TIME = 200
TYPES = frozenset({"varchar", "text", "bpchar", "json", "jsonb"})


@dataclass(frozen=True)
class Undecodable:
    """A row, by its key as far as that can be read, and the first of its columns that can't be."""

    key: str
    column: str


def find(cursor: Cursor, table: Table, scope: Scope, key: Sequence[str]) -> Undecodable | None:
    """The first such row; None if there is none that this transaction sees."""
    names = [column.name for column in table.columns if column.type in TYPES]
    each = [SQL("l.{}::pg_catalog.text").format(Identifier(name)) for name in (*key, *names)]
    shown = SQL(" OPERATOR(pg_catalog.||) ', ' OPERATOR(pg_catalog.||) ").join(each[: len(key)])
    columns = SQL(", ").join(
        SQL("pg_catalog.convert_to({}, 'SQL_ASCII')").format(one) for one in (shown, *each[len(key) :])
    )
    statement = SQL("DECLARE undecodable NO SCROLL CURSOR FOR SELECT {} FROM {} l WHERE {}").format(
        columns, table.rows, scope.condition(table.layout, "l")
    )
    cursor.execute(statement)
    while True:
        cursor.execute(f"FETCH {ROWS_AT_A_TIME} FROM undecodable")
        rows = cursor.fetchall()
        for shown_key, *values in rows:
            for name, value in zip(names, values, strict=True):
                if value is not None and not utf8.is_valid(bytes(value)):
                    return Undecodable(bytes(shown_key or b"").decode(errors="replace"), name)
        if not rows:
            return None
