"""The limit: how soon the server itself takes rows over one connection, by any program."""

from contextlib import closing
from dataclasses import dataclass
from io import BytesIO

from psycopg2.extensions import cursor as Cursor

from benchmarks.data import Database
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.postgres.schema import index_build

SECONDARY = """
SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisprimary
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid)
"""
KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])
"""


@dataclass(frozen=True)
class Limit:
    """Both tables as bytes in memory, as the server takes them soonest: nothing is read, parsed, checked or counted."""

    database: Database
    tables: dict[str, bytes]

    @classmethod
    def of(cls, database: Database) -> "Limit":
        """The rows of this moment."""
        with database.cursor() as cursor:
            return cls(database, {name: _binary(cursor, name) for name in DOCUMENTED.names})

    def replace(self) -> None:
        """The tables emptied and filled in one transaction, their indexes dropped and built as the service does it."""
        names = list(self.tables)
        with closing(self.database.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(names)}")
            cursor.execute(SECONDARY, (names,))
            indexes = cursor.fetchall()
            cursor.execute(KEYS, (names,))
            keys = cursor.fetchall()
            for table, key, _ in keys:
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {key}")
            for index, _ in indexes:
                cursor.execute(f"DROP INDEX {index}")
            for name, rows in self.tables.items():
                cursor.copy_expert(f"COPY {name} FROM STDIN (FORMAT binary)", BytesIO(rows), size=1 << 20)
            for setting, value in index_build.PARALLEL.items():
                cursor.execute(f"SET LOCAL {setting} = {value}")
            for _, definition in indexes:
                cursor.execute(definition)
            for table, key, definition in keys:
                cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {key} {definition}")


def _binary(cursor: Cursor, table: str) -> bytes:
    found = BytesIO()
    cursor.copy_expert(f"COPY {table} TO STDOUT (FORMAT binary)", found)
    return found.getvalue()
