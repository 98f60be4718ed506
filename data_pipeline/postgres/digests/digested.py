"""A backup's rows as digests in a temporary table, beside the live one whose rows the server digests itself."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg2
from psycopg2.sql import SQL, Identifier

from data_pipeline.formats import record_digest
from data_pipeline.formats.blocks import Block
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing.copy_in import CopyStream, Part, Reading
from data_pipeline.postgres.writing.staging import creating, temporary
from data_pipeline.sets.tables.table_source import Source

PACKED = 60
"""Digests in one row: four such rows fill a page, and none is long enough to be stored out of line. A row each would
take twice the room."""

COLUMNS = ("place", "digests")
TYPES = "SELECT attname, atttypid::bigint FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped"


@dataclass(frozen=True)
class Span:
    """A block, the place of its first row among all, and how many of its rows were digested: those that are wanted.

    The block knows what it hashes to, with a manifest or without.
    """

    block: Block
    first: int
    rows: int


@dataclass(frozen=True)
class Digested:
    """The digests of a file's rows. source: leads to the live table. rows: how many there are."""

    source: Source
    table: Table
    spans: tuple[Span, ...]
    rows: int


def is_possible(source: Source) -> bool:
    """Whether rows of a file can be digested as the server would: without conversion, by codecs for every column."""
    return source.direct and source.binary and all(column.known for column in source.layout.columns)


def digest(session: Session, source: Source, known: frozenset[bytes] | None, pool: WorkerPool) -> Digested:
    """Digest all rows of a file, which is checked as copy_in.load checks it. Raises what that raises, and Unencoded.

    known: the owners that a row may name.
    """
    session.enter("load", source.name)
    reading = Reading(source, known, pool, session.progress, record=_oids(session.cursor, source))
    table = replace(temporary(source.table, "digested"), columns=())
    with creating():
        session.cursor.execute(
            SQL(
                "DROP TABLE IF EXISTS {}; "
                "CREATE TEMPORARY TABLE {} (place pg_catalog.int8, digests pg_catalog.bytea) ON COMMIT DROP"
            ).format(table.identifier, Identifier(table.relation))
        )
    spans: list[Span] = []
    stream = CopyStream(_packed(reading, spans), True, session.cursor.connection)
    try:
        tables.copy_in(session.cursor, table, COLUMNS, "binary", stream)
    except psycopg2.Error:
        if stream.error is not None:
            raise stream.error from None
        raise
    # Unasked, the server takes a row for a short one, and there to be so many that it would have them on the disk.
    session.cursor.execute(SQL("ANALYZE {}").format(table.identifier))
    return Digested(source, table, tuple(spans), reading.sent)


def _oids(cursor: Cursor, source: Source) -> tuple[int, ...]:
    """Of the columns' types in the live table."""
    cursor.execute(TYPES, (source.table.oid,))
    oids = dict(cursor.fetchall())
    return tuple(oids[name] for name in source.columns)


def _packed(reading: Reading, spans: list[Span]) -> Iterator[Part]:
    """Blocks of digests as rows of the temporary table; spans grows with them."""
    first = 0
    for part in reading:
        spans.append(Span(replace(part.block, sha256=part.sha256), first, part.sent))
        yield part if part.declined else replace(part, messages=_rows(b"".join(part.messages), first))
        first += part.sent


def _rows(digests: bytes, first: int) -> Iterator[bytes]:
    """Tuples of binary COPY."""
    size = PACKED * record_digest.SIZE
    for start in range(0, len(digests), size):
        packed = digests[start : start + size]
        place = first + start // record_digest.SIZE
        head = b"\0\2" + (8).to_bytes(4, "big") + place.to_bytes(8, "big")
        yield head + len(packed).to_bytes(4, "big") + packed
