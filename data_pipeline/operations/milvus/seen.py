"""Rows told apart by their keys, each remembered by a hash in a temporary file: they need not fit into memory."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from data_pipeline.operations.milvus.results import ComparedCollection

SCHEMA = "CREATE TABLE seen (key BLOB PRIMARY KEY, hash BLOB) WITHOUT ROWID"
NOTE = "INSERT OR REPLACE INTO seen VALUES (?, ?)"
TAKE = "DELETE FROM seen WHERE key = ? RETURNING hash"
SOME = "SELECT key FROM seen LIMIT ?"
COUNT = "SELECT count(*) FROM seen"
MOST_SAMPLES = 20
Hashed = tuple[bytes, bytes]
"""A row's key, and the hash of what it holds."""


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


def told_apart(name: str, mine: Iterator[Hashed], others: Iterator[Hashed]) -> ComparedCollection:
    """How the rows of two sides differ. name: of the collection."""
    counts = {"only_in_other": 0, "different": 0, "same": 0}
    samples: dict[str, list[str]] = {"only_in_backup": [], "only_in_other": [], "different": []}
    with seen_rows() as seen:
        for key, row in mine:
            seen.note(key, row)
        for key, row in others:
            found = seen.take(key)
            kind = "only_in_other" if found is None else "same" if found == row else "different"
            counts[kind] += 1
            if kind != "same" and len(samples[kind]) < MOST_SAMPLES:
                samples[kind].append(key.decode())
        samples["only_in_backup"] = [key.decode() for key in seen.some(MOST_SAMPLES)]
        return ComparedCollection(name=name, only_in_backup=len(seen), **counts, samples=samples)
