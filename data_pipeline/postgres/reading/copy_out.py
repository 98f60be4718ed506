"""A table into a file: COPY streams -> blocks, hashed as they pass -> the storage."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2

from common.errors import InternalError, InvalidBackup, ServiceError
from common.messages import say
from data_pipeline.formats import csv_reader, registry
from data_pipeline.formats.format import Format
from data_pipeline.postgres import sqlstate
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.link import wire
from data_pipeline.postgres.reading import ctid_ranges, key_facts, large_rows, oversize, undecodable
from data_pipeline.postgres.reading.block_writer import BlockWriter, Packing, Rows
from data_pipeline.postgres.reading.ctid_ranges import ALL_PAGES, Pages
from data_pipeline.postgres.reading.undecodable import Undecodable
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import column_values, ddl_types, tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.writing import staging
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.naming import Kind, table_file


@dataclass(frozen=True)
class Limit:
    """How long a value of a table may be, in bytes, and what is said of a row that has a longer one."""

    table: Table
    key: Sequence[str]
    file_format: Format
    largest_field: int

    def expect_kept(self, message: bytes) -> None:
        """Raise InvalidBackup if one of a row's values is longer."""
        columns = [csv_reader.Column(column.name, column.type) for column in self.table.columns]
        found = oversize.find(message, columns, self.key, self.file_format, self.largest_field)
        if found:
            megabytes = self.largest_field >> 20
            reason = say("field_over_setting", column=found.column, megabytes=megabytes)
            raise self._refused(found.key, reason, column=found.column, bytes=found.bytes)

    def row_too_long(self, key: str) -> InvalidBackup:
        """The answer for a row of which the server can't make a message."""
        return self._refused(key, say("row_over_message"))

    def not_utf8(self, found: Undecodable) -> InvalidBackup:
        """The answer for a row that has text of another encoding."""
        return self._refused(found.key, say("text_not_utf8", column=found.column), column=found.column)

    def _refused(self, key: str, reason: str, **more: Any) -> InvalidBackup:
        details = {"table": self.table.name, "key": key, **more, "reason": reason}
        text = say("backup_row_impossible", table=self.table.name, columns=", ".join(self.key), key=key, reason=reason)
        return InvalidBackup(text, can_retry=False, details=details)


class Extraction:
    """The rows of one table on their way into a file, read by one session or by several that see the same.

    Each session takes the next part of the table when it is done with one.
    """

    def __init__(self, table: Table, scope: Scope, file_format: Format, writer: BlockWriter, limit: Limit) -> None:
        self._table, self._scope, self._format, self._writer = table, scope, file_format, writer
        self._limit = limit
        self._guard = threading.Lock()
        self._parts: list[Pages] = []
        self._rows = 0
        self._error: Exception | None = None

    def run(self, sessions: Sequence[Session]) -> int:
        """Read everything; returns how many rows the server read. Raises the first error of any session."""
        parts = ctid_ranges.parts(sessions[0].cursor, self._table.oid) if len(sessions) > 1 else [ALL_PAGES]
        self._parts = parts[::-1]
        first, *others = sessions[: len(parts)]
        threads = [threading.Thread(target=self._read, args=(session,), name="read") for session in others]
        try:
            for thread in threads:
                thread.start()
            self._read(first)
        finally:  # no connection may be closed while a thread reads from it
            if self._parts:
                self._writer.stop()
            for thread in filter(threading.Thread.is_alive, threads):
                thread.join()
        if self._error is not None:
            raise self._error
        self._writer.finish()
        return self._rows

    def _read(self, session: Session) -> None:
        line = session.cursor.connection
        taken = Rows(self._writer, self._format, line, self._limit.largest_field, self._limit.expect_kept)
        try:
            session.cursor.execute("SAVEPOINT rows")
            while (part := self._next_part()) is not None:
                count = tables.copy_out(session.cursor, self._table, self._scope, part, self._format.name, taken)
                with self._guard:
                    self._rows += count
            taken.close()
            session.cursor.execute("RELEASE SAVEPOINT rows")
        except psycopg2.Error as error:  # here, where it is known whose connection it was
            self._fail(self._translated(error, session))
        except Exception as error:
            self._fail(error)

    def _translated(self, error: psycopg2.Error, session: Session) -> ServiceError:
        """54000: the server can't make a message of a row; 22021: nor UTF-8. It doesn't say which one that was."""
        if error.pgcode not in ("54000", "22021"):
            return wire.translate(error, "read", session.cursor.connection)
        try:
            session.cursor.execute("ROLLBACK TO SAVEPOINT rows")
            if error.pgcode == "22021":
                found = undecodable.find(session.cursor, self._table, self._scope, self._limit.key)
                return self._limit.not_utf8(found) if found else sqlstate.translate(error, "read", False)
            key = large_rows.key_of_longest(session.cursor, self._table, self._scope, self._limit.key)
        except psycopg2.Error as lost:
            return wire.translate(lost, "read", session.cursor.connection)
        return self._limit.row_too_long(key)

    def _next_part(self) -> Pages | None:
        with self._guard:
            return self._parts.pop() if self._parts and self._error is None else None

    def _fail(self, error: Exception) -> None:
        with self._guard:
            self._error = self._error or error
        self._writer.stop()


def save(
    sessions: Sequence[Session],
    table: Table,
    scope: Scope,
    draft: Draft,
    kind: Kind,
    level: int,
    largest_field: int,
) -> dict[str, Any]:
    """Write a table's rows into a file of the draft; returns what the manifest says of it.

    sessions: the transaction's own, and others in its snapshot that read along. level: of compression. Raises
    InvalidBackup, naming the row, for a value of more than `largest_field` bytes.
    """
    sessions[0].enter("read", table.name)
    cursor = sessions[0].cursor
    name = table_file(table.layout.stem, draft.timestamp, kind._replace(sealed=draft.key is not None))
    written, packing = registry.of(kind.format), Packing(name, kind.compression, level, draft.key)
    header = written.header([column.name for column in table.columns])
    progress = sessions[0].progress
    with draft.create(name) as file, BlockWriter(file, header, written.trailer, progress, packing) as writer:
        limit = Limit(table, staging.key(cursor, table).columns, written, largest_field)
        count = Extraction(table, scope, written, writer, limit).run(sessions)
    if count != sum(block["rows"] for block in writer.blocks):
        raise InternalError(say("backup_row_count_differs", table=table.name))
    index_facts, foreign_keys = key_facts.of(cursor, table)
    return {
        "file": name,
        "format": kind.format,
        **({} if kind.compression == "none" else {"compression": kind.compression}),
        "bytes": writer.bytes,
        "rows": count,
        "columns": [
            {"name": c.name, "type": c.type, "modifier": c.modifier, "not_null": c.not_null} for c in table.columns
        ],
        "blocks": writer.blocks,
        "indexes": index_facts,
        "foreign_keys": foreign_keys,
        **({"values": values} if (values := column_values.facts(cursor, table)) else {}),
        **({"unmade": unmade} if (unmade := ddl_types.unmade(cursor, table.oid)) else {}),
    }
