"""A table into a file: one COPY stream -> blocks, hashed as they pass -> disk."""

import hashlib
from typing import Any, BinaryIO

from common.errors import InternalError
from data_pipeline.vector import copy_binary, indexes, tables
from data_pipeline.vector.draft import Draft, sync
from data_pipeline.vector.naming import FileFormat, table_file
from data_pipeline.vector.source import BLOCK_BYTES
from data_pipeline.vector.tables import Table

FRAME_ONLY = frozenset({copy_binary.TRAILER, copy_binary.HEADER + copy_binary.TRAILER})
"""Messages of binary COPY that hold no row; no row is that short."""


class BlockWriter:
    """What COPY TO writes to, one message a row: cuts blocks at row ends, hashes each, and writes it."""

    def __init__(self, file: BinaryIO, file_format: str) -> None:
        self.bytes = 0
        self.blocks: list[dict[str, Any]] = []
        self._file = file
        # A CSV header is a message of its own; in binary the header stands before the first row, and the trailer is
        # a message of its own.
        self._header_pending = file_format == "csv"
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._pending_rows = 0

    def write(self, message: bytes) -> None:
        self._pending.append(message)
        self._pending_bytes += len(message)
        if self._header_pending or message in FRAME_ONLY:
            self._header_pending = False
        else:
            self._pending_rows += 1
        if self._pending_bytes >= BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """End the block under way, if there is one."""
        if not self._pending:
            return
        data = b"".join(self._pending)
        digest = hashlib.sha256(data).hexdigest()
        self.blocks.append({"offset": self.bytes, "bytes": len(data), "rows": self._pending_rows, "sha256": digest})
        self._file.write(data)
        self.bytes += len(data)
        self._pending, self._pending_bytes, self._pending_rows = [], 0, 0


def save(cursor: Any, table: Table, draft: Draft, file_format: FileFormat) -> dict[str, Any]:
    """Write a table into a file of the draft, down to the disk; returns what the manifest says of it."""
    name = table_file(table.name, draft.timestamp, file_format)
    with draft.create(name) as file:
        writer = BlockWriter(file, file_format)
        rows = tables.copy_out(cursor, table, file_format, writer)
        writer.flush()
        sync(file)
    if rows != sum(block["rows"] for block in writer.blocks):
        raise InternalError(f"写出的行数与数据库不符: {table.name}")
    index_facts, foreign_keys = indexes.facts(cursor, table)
    return {
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
