"""A table into a file: COPY streams -> blocks, hashed as they pass -> the storage."""

import threading
from collections.abc import Sequence
from typing import Any

import psycopg2

from common.errors import InternalError
from data_pipeline.vector import copy_binary, indexes, pages, tables, wire
from data_pipeline.vector.block_writer import BlockWriter, Rows
from data_pipeline.vector.connection import Session
from data_pipeline.vector.naming import FileFormat, table_file
from data_pipeline.vector.pages import ALL_PAGES, Pages
from data_pipeline.vector.scope import Scope
from data_pipeline.vector.storage import Draft
from data_pipeline.vector.tables import Table


class Extraction:
    """The rows of one table on their way into a file, read by one session or by several that see the same.

    Each session takes the next part of the table when it is done with one.
    """

    def __init__(self, table: Table, scope: Scope, file_format: FileFormat, writer: BlockWriter) -> None:
        self._table, self._scope, self._format, self._writer = table, scope, file_format, writer
        self._guard = threading.Lock()
        self._parts: list[Pages] = []
        self._rows = 0
        self._error: Exception | None = None

    def run(self, sessions: Sequence[Session]) -> int:
        """Read everything; returns how many rows the server read. Raises the first error of any session."""
        parts = pages.parts(sessions[0].cursor, self._table.oid) if len(sessions) > 1 else [ALL_PAGES]
        self._parts = parts[::-1]
        first, *others = sessions[: len(parts)]
        threads = [threading.Thread(target=self._read, args=(session,), name="read") for session in others]
        try:
            for thread in threads:
                thread.start()
            self._read(first)
        finally:  # nobody closes a connection that somebody reads from
            if self._parts:
                self._writer.stop()
            for thread in filter(threading.Thread.is_alive, threads):
                thread.join()
        if self._error is not None:
            raise self._error
        self._writer.finish()
        return self._rows

    def _read(self, session: Session) -> None:
        rows = Rows(self._writer, self._format, session.cursor.connection)
        try:
            while (part := self._next_part()) is not None:
                count = tables.copy_out(session.cursor, self._table, self._scope, part, self._format, rows)
                with self._guard:
                    self._rows += count
            rows.close()
        except psycopg2.Error as error:  # here, where it is known whose connection it was
            self._fail(wire.translate(error, "read", session.cursor.connection))
        except Exception as error:
            self._fail(error)

    def _next_part(self) -> Pages | None:
        with self._guard:
            return self._parts.pop() if self._parts and self._error is None else None

    def _fail(self, error: Exception) -> None:
        with self._guard:
            self._error = self._error or error
        self._writer.stop()


def save(
    sessions: Sequence[Session], table: Table, scope: Scope, draft: Draft, file_format: FileFormat
) -> tuple[dict[str, Any], int]:
    """Write a table's rows into a file of the draft.

    sessions: the transaction's own, and others in its snapshot that read along. Returns what the manifest says of the
    file, and the bytes of its largest row.
    """
    sessions[0].enter("read", table.name)
    cursor = sessions[0].cursor
    name = table_file(table.name, draft.timestamp, file_format)
    binary = file_format == "binary"
    header = copy_binary.HEADER if binary else tables.csv_header(cursor, table)
    trailer = copy_binary.TRAILER if binary else b""
    with draft.create(name) as file, BlockWriter(file, header, trailer, sessions[0].progress) as writer:
        rows = Extraction(table, scope, file_format, writer).run(sessions)
    if rows != sum(block["rows"] for block in writer.blocks):
        raise InternalError(f"写出的行数与数据库不符: {table.name}")
    index_facts, foreign_keys = indexes.facts(cursor, table)
    fact = {
        "file": name,
        "format": file_format,
        "bytes": writer.bytes,
        "rows": rows,
        "columns": [
            {"name": c.name, "type": c.type, "modifier": c.modifier, "not_null": c.not_null} for c in table.columns
        ],
        "blocks": writer.blocks,
        "indexes": index_facts,
        "foreign_keys": foreign_keys,
    }
    return fact, writer.largest_row
