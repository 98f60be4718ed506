"""A file into a table: file -> blocks -> encoded blocks -> one COPY stream."""

import pickle
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg2

from common.errors import DuplicateRows, InternalError, InvalidBackup, OrphanRows, ServiceError, TriggerChangedRows
from common.messages import say
from data_pipeline.formats import blocks, pgcopy
from data_pipeline.formats.blocks import Block, Job
from data_pipeline.formats.csv_reader import Layout, RowError
from data_pipeline.formats.dialects.evidence import Contradicted
from data_pipeline.formats.worker_pool import WorkerPool, encode_inline
from data_pipeline.postgres import sqlstate
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.schema import tables
from data_pipeline.sets.tables.table_source import Source

INLINE_BYTES = 8 << 20
"""A file up to this size is encoded in this process: starting a worker takes longer than parsing it."""

MESSAGE_BYTES = 4 << 20


class Miscounted(InternalError):
    """A table doesn't hold as many rows as were written into it."""

    def __init__(self, table: str, expected: int, found: int) -> None:
        details = {"table": table, "expected": expected, "found": found}
        super().__init__(say("restore_row_count_differs", table=table), details=details)


@dataclass(frozen=True)
class Part:
    """A block that was read and encoded: rows that are sent, as COPY messages, and the file's lines that precede it.

    declined: it is CSV although binary tuples were asked for. sha256: of the block, where its rows are only digested.
    """

    block: Block
    lines_before: int
    sent: int
    declined: bool
    messages: Iterator[bytes]
    sha256: str | None = None


@dataclass(frozen=True)
class Passed:
    """A block that one COPY was sent: its first record (1 is the first of that COPY), and the lines that precede it."""

    block: Block
    first_record: int
    lines_before: int


class Reading:
    """One pass over a source: iterates over encoded blocks, in order, and counts rows and lines.

    rows: those of the file; sent: those whose collections are wanted. record: by column the oid of its type, where rows
    are only digested. ahead: as WorkerPool.encode has it.
    Raises InvalidBackup or OrphanRows with file and line for the first record that can't be restored, and Reopened
    where the file turns out to be in another dialect.
    """

    def __init__(
        self,
        source: Source,
        collections: frozenset[bytes] | None,
        pool: WorkerPool,
        progress: Progress = SILENT,
        record: tuple[int, ...] | None = None,
        *,
        ahead: bool = True,
    ) -> None:
        self.rows = self.sent = 0
        self._lines = source.header_lines
        self._source = source
        self.layout = replace(source.layout, collections=collections, largest_field=pool.largest_field)
        self._layout = pickle.dumps(self.layout)
        self._pool = pool
        self._progress = progress
        self._record = record
        self._ahead = ahead

    def __iter__(self) -> Iterator[Part]:
        return self.parts()

    def parts(self) -> Generator[Part, None, None]:
        """The encoded blocks."""
        found: deque[Block] = deque()
        ambiguous = stripped = 0
        jobs = self._jobs(found)
        inline = self._pool.size == 0 or self._source.raw_bytes <= INLINE_BYTES
        try:
            for encoded in encode_inline(jobs) if inline else self._pool.encode(jobs, ahead=self._ahead):
                block, lines, rows = found.popleft(), self._lines, encoded.rows
                sent = rows - encoded.dropped
                self.rows += rows
                self.sent += sent
                if encoded.evidence:
                    self._source.dialect.take(self._source.file.name, encoded.evidence, self._lines)
                    ambiguous += encoded.evidence.ambiguous
                self._lines += encoded.lines
                stripped += encoded.stripped
                part = Part(block, lines, sent, encoded.declined, messages(encoded.payload), encoded.sha256)
                del encoded  # before the next block is there
                yield part
                del part
                self._progress.advance(block.length, rows)
        except Contradicted as found_out:
            self._source.dialect.take(self._source.file.name, found_out.evidence, self._lines)
            raise
        except RowError as error:
            raise self._source.rejected(error, self._lines) from None
        self._source.expect_rows(self.rows)
        self._source.dialect.finished(self._source.name, self.layout.dialect, ambiguous)
        self._source.dialect.stripped(self._source.name, stripped)

    def _jobs(self, found: deque[Block]) -> Iterator[Job]:
        source = self._source
        with source.file.ranges() as byte_range:
            for block in source.blocks(self._pool.largest_field):
                found.append(block)
                readable = byte_range(block.offset, block.length)
                yield Job(readable, block, self._layout, source.format.name, source.binary, self._record)


def messages(payload: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces as COPY is sent them: libpq keeps room for the longest one there was."""
    for piece in payload:
        if len(piece) <= MESSAGE_BYTES:
            yield piece
        else:
            view = memoryview(piece)
            yield from (bytes(view[start : start + MESSAGE_BYTES]) for start in range(0, len(piece), MESSAGE_BYTES))


class Unencoded(Exception):
    """A file that was to go to the server in binary has texts that only the server can read: all of it goes as text.

    Not a ServiceError: nothing has failed.
    """


class CopyStream:
    """What COPY reads from: one piece of an encoded block a read.

    An exception inside read() reaches psycopg2's caller as QueryCanceled without a cause, so the first one is kept.
    line: the COPY's connection, which doesn't wait for its server while a piece is read.
    """

    def __init__(self, parts: Iterable[Part], binary: bool, line: Line) -> None:
        self.error: Exception | None = None
        self.passed: list[Passed] = []
        self.sent = 0
        self._line = line
        self._chunks = self._framed(parts) if binary else self._pieces(parts)

    def read(self, _size: int) -> bytes:
        try:
            with self._line.aside():
                piece = next(filter(None, self._chunks), b"")  # an empty read would end the COPY
        except Exception as error:
            self.error = error
            self._line.await_room()
            raise
        if not piece:
            self._line.await_room()
        return piece

    def _pieces(self, parts: Iterable[Part]) -> Iterator[bytes]:
        for part in parts:
            self.passed.append(Passed(part.block, self.sent + 1, part.lines_before))
            self.sent += part.sent
            messages = part.messages
            del part  # before the next block is there
            yield from messages

    def _framed(self, parts: Iterable[Part]) -> Iterator[bytes]:
        yield pgcopy.HEADER
        yield from self._pieces(_expect_binary(parts))
        yield pgcopy.TRAILER


def _expect_binary(parts: Iterable[Part]) -> Iterator[Part]:
    """Raise Unencoded at the first block that isn't."""
    for part in parts:
        if part.declined:
            raise Unencoded
        yield part
        del part


def load(session: Session, source: Source, collections: frozenset[bytes] | None, pool: WorkerPool) -> int:
    """Write a file's rows into its table and return how many; what was there before stays.

    collections: uuids an embedding may name, None if they aren't checked. Raises InvalidBackup or OrphanRows with file
    and line, or ServiceError for what the database refuses. The caller's transaction decides what becomes of the rows.
    """
    session.enter("load", source.name)
    if not source.may_decline:
        return _load(session, source, collections, pool)
    session.cursor.execute("SAVEPOINT encoded")
    try:
        written = _load(session, source, collections, pool)
    except Unencoded:
        session.cursor.execute("ROLLBACK TO SAVEPOINT encoded")
        session.progress.begin_again()
        written = _load(session, replace(source, binary=False), collections, pool)
    session.cursor.execute("RELEASE SAVEPOINT encoded")
    return written


def _load(session: Session, source: Source, collections: frozenset[bytes] | None, pool: WorkerPool) -> int:
    reading = Reading(source, collections, pool, session.progress)
    written = copy(session, source, reading.layout, reading)
    if written != reading.sent:  # a trigger has left rows out
        raise TriggerChangedRows(source.name, reading.sent - written)
    return written


def copy(session: Session, source: Source, layout: Layout, parts: Iterable[Part]) -> int:
    """One COPY of encoded blocks into the source's table; returns the rows that the server wrote."""
    stream = CopyStream(parts, source.binary, session.cursor.connection)
    file_format = "binary" if source.binary else "csv"
    try:
        return tables.copy_in(session.cursor, source.table, source.columns, file_format, stream)
    except psycopg2.Error as error:
        if stream.error is not None:
            raise stream.error from None
        if session.cursor.connection.closed:
            raise
        answer = sqlstate.translate(error, "load", False, session.ours)
        raise _located(answer, error, source, layout, stream.passed) from None


def _located(
    answer: ServiceError, error: Any, source: Source, layout: Layout, passed: Sequence[Passed]
) -> ServiceError:
    """Add file and line to what the server refused about a row, where it says which one it was."""
    found = sqlstate.failed_record(error)
    about_a_row = isinstance(answer, InvalidBackup | OrphanRows | DuplicateRows)
    if found is None or not about_a_row:
        answer.data.setdefault("details", {"file": source.file.name})
        return answer
    record, column = found
    line = _line_of(record, source, layout, passed)
    if line is None:
        answer.data.setdefault("details", {"file": source.file.name})
        return answer
    answer.data["details"] = {"file": source.file.name, "line": line, "column": column, "reason": answer.response}
    answer.response = say("at_line", file=source.file.name, line=line, reason=answer.response)
    return answer


def _line_of(record: int, source: Source, layout: Layout, passed: Sequence[Passed]) -> int | None:
    """The file's line of a record the server counted. Of CSV it counts lines: the file's own, if all were sent."""
    if not source.binary:
        return source.header_lines + record if source.layout.wanted is None else None
    found = next((one for one in reversed(passed) if one.first_record <= record), None)
    if found is None:
        return record
    data = blocks.read(source.file, found.block)
    return found.lines_before + 1 + source.format.record_before(data, layout, record - found.first_record)
