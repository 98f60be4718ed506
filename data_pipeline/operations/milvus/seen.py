"""Rows that were seen, by their keys: in a temporary file, so that they need not fit into memory."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SCHEMA = "CREATE TABLE seen (key BLOB PRIMARY KEY, hash BLOB) WITHOUT ROWID"
NOTE = "INSERT OR REPLACE INTO seen VALUES (?, ?)"
TAKE = "DELETE FROM seen WHERE key = ? RETURNING hash"
SOME = "SELECT key FROM seen LIMIT ?"
COUNT = "SELECT count(*) FROM seen"


class Seen:
    """Keys, each with the hash of its row."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __len__(self) -> int:
        return int(self._database.execute(COUNT).fetchone()[0])

    def note(self, key: bytes, row: bytes) -> None:
        self._database.execute(NOTE, (key, row))

    def take(self, key: bytes) -> bytes | None:
        """The hash of a key, which is forgotten with it."""
        found = self._database.execute(TAKE, (key,)).fetchall()
        return bytes(found[0][0]) if found else None

    def some(self, most: int) -> list[bytes]:
        """Keys that are left."""
        return [bytes(row[0]) for row in self._database.execute(SOME, (most,))]


@contextmanager
def seen_rows() -> Iterator[Seen]:
    """None yet. It is gone afterwards, so nothing of it has to survive a power cut."""
    with (
        tempfile.TemporaryDirectory(prefix="compare-") as directory,
        closing(sqlite3.connect(Path(directory) / "rows", isolation_level=None)) as database,
    ):
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(SCHEMA)
        database.execute("BEGIN")
        yield Seen(database)
