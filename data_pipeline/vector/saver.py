"""A table into a file: one COPY stream -> blocks, hashed as they pass -> the storage."""

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from common.errors import InternalError
from data_pipeline.vector import copy_binary, indexes, tables
from data_pipeline.vector.naming import FileFormat, table_file
from data_pipeline.vector.source import BLOCK_BYTES
from data_pipeline.vector.storage import Draft, Writable
from data_pipeline.vector.tables import Table

FRAME_ONLY = frozenset({copy_binary.TRAILER, copy_binary.HEADER + copy_binary.TRAILER})
"""Messages of binary COPY that hold no row; no row is that short."""

BLOCKS_AHEAD = 3
"""Blocks waiting to be written: enough to ride out a slow moment of the disk, and memory stays flat."""


class BlockWriter:
    """What COPY TO writes to, one message a row: cuts blocks at row ends, hashes each, and writes it.

    Hashing and writing happen in a thread beside the one that receives rows: both let go of the interpreter's lock, so
    the server never waits for them. A failed write is raised by a later write() or by close().
    """

    def __init__(self, file: Writable, file_format: FileFormat) -> None:
        self.bytes = 0
        self.largest_row = 0
        self.blocks: list[dict[str, Any]] = []
        self._file = file
        # A CSV header is a message of its own; in binary the header stands before the first row, and the trailer is
        # a message of its own.
        self._header_pending = file_format == "csv"
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._pending_rows = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="save")
        self._writes: deque[Future[None]] = deque()

    def __enter__(self) -> "BlockWriter":
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def write(self, message: bytes) -> None:
        self._pending.append(message)
        self._pending_bytes += len(message)
        self.largest_row = max(self.largest_row, len(message))
        if self._header_pending or message in FRAME_ONLY:
            self._header_pending = False
        else:
            self._pending_rows += 1
        if self._pending_bytes >= BLOCK_BYTES:
            self._end_block()

    def finish(self) -> None:
        """Wait until everything is in the file. Raises OSError if it is not."""
        if self._pending:
            self._end_block()
        while self._writes:
            self._writes.popleft().result()

    def _end_block(self) -> None:
        self._writes.append(self._thread.submit(self._store, self._pending, self._pending_rows))
        self._pending, self._pending_bytes, self._pending_rows = [], 0, 0
        if len(self._writes) > BLOCKS_AHEAD:
            self._writes.popleft().result()

    def _store(self, messages: list[bytes], rows: int) -> None:
        data = b"".join(messages)
        digest = hashlib.sha256(data).hexdigest()
        self._file.write(data)
        self.blocks.append({"offset": self.bytes, "bytes": len(data), "rows": rows, "sha256": digest})
        self.bytes += len(data)


def save(cursor: Any, table: Table, draft: Draft, file_format: FileFormat) -> tuple[dict[str, Any], int]:
    """Write a table into a file of the draft.

    Returns what the manifest says of it, and the bytes of its largest row.
    """
    name = table_file(table.name, draft.timestamp, file_format)
    with draft.create(name) as file, BlockWriter(file, file_format) as writer:
        rows = tables.copy_out(cursor, table, file_format, writer)
        writer.finish()
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
