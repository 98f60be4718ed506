"""Rows of COPY TO -> blocks, compressed and hashed as they pass -> a file."""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from data_pipeline.encryption.set_key import SetKey
from data_pipeline.formats.compression import DEFAULT_LEVEL, Compression, compress
from data_pipeline.formats.format import Format
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.tables.table_source import BLOCK_BYTES
from data_pipeline.storage.base import Writable

BYTES_AHEAD = 4 * BLOCK_BYTES
"""What may wait to be written: enough to ride out a slow moment of the disk, and memory stays flat."""


PACKERS = min(os.cpu_count() or 1, 4)
"""Threads that pack blocks at a time."""


class Stopped(Exception):
    """Another reader of the same table has failed, so these rows are no longer needed."""


@dataclass(frozen=True)
class Packing:
    """What becomes of the blocks of a file before they are stored. level: of zstd. key: encrypts them."""

    file: str
    compression: Compression = "none"
    level: int = DEFAULT_LEVEL
    key: SetKey | None = None

    def pack(self, number: int, block: bytes) -> bytes:
        """number: of the block in its file."""
        packed = block if self.compression == "none" else compress(block, self.level)
        return self.key.block(self.file, number).seal(packed) if self.key else packed


class BlockWriter:
    """Packs and hashes blocks and writes them in the order they come, from whichever thread.

    All of it happens in threads beside those that receive rows: each part lets go of the interpreter's lock, so the
    server never waits for them. A failed write is raised by a later add() or by finish().
    """

    def __init__(self, file: Writable, header: bytes, trailer: bytes, progress: Progress, packing: Packing) -> None:
        self.bytes = 0
        self.blocks: list[dict[str, Any]] = []
        self._file = file
        self._trailer = trailer
        self._progress = progress
        self._packing = packing
        self._rest: list[bytes] = [header]
        self._rest_rows = 0
        self._submitted = 0
        self._stopped = False
        self._guard = threading.Lock()
        self._packers = ThreadPoolExecutor(PACKERS, thread_name_prefix="pack")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="save")
        self._writes: deque[tuple[int, Future[None]]] = deque()
        self._waiting = 0

    def __enter__(self) -> "BlockWriter":
        return self

    def __exit__(self, *_error: object) -> None:
        self._packers.shutdown(cancel_futures=True)
        self._thread.shutdown(cancel_futures=True)

    def add(self, rows: list[bytes]) -> None:
        """A block's worth of rows. What was left over before goes in front: the header, in the first block."""
        with self._guard:
            if self._stopped:
                raise Stopped
            if self._rest and len(rows[0]) > BLOCK_BYTES:
                self._submit(self._rest, self._rest_rows)
                self._rest, self._rest_rows = [], 0
            self._submit([*self._rest, *rows], self._rest_rows + len(rows))
            self._rest, self._rest_rows = [], 0
            while self._waiting > BYTES_AHEAD:
                self._wait()

    def leave(self, rows: list[bytes]) -> None:
        """The end of a reader: its last rows, fewer than a block's worth."""
        with self._guard:
            self._rest += rows
            self._rest_rows += len(rows)

    def stop(self) -> None:
        """Take no more blocks."""
        self._stopped = True

    def finish(self) -> None:
        """Wait until everything is in the file. Raises OSError if it is not."""
        if self._rest or self._trailer:
            self._submit([*self._rest, self._trailer], self._rest_rows)
        while self._writes:
            self._wait()

    def _submit(self, pieces: list[bytes], rows: int) -> None:
        size = sum(map(len, pieces))
        self._progress.advance(size, rows)
        packed = self._packers.submit(self._pack, self._submitted, pieces)
        self._submitted += 1
        self._writes.append((size, self._thread.submit(self._store, packed, size, rows)))
        self._waiting += size

    def _pack(self, number: int, pieces: list[bytes]) -> bytes:
        return self._packing.pack(number, pieces[0] if len(pieces) == 1 else b"".join(pieces))  # no large row is copied

    def _wait(self) -> None:
        size, write = self._writes.popleft()
        write.result()
        self._waiting -= size

    def _store(self, packed: Future[bytes], size: int, rows: int) -> None:
        data = packed.result()
        digest = hashlib.sha256(data).hexdigest()
        self._file.write(data)
        fact = {"offset": self.bytes, "bytes": len(data), "rows": rows, "sha256": digest}
        self.blocks.append(fact if self._packing.compression == "none" else {**fact, "raw_bytes": size})
        self.bytes += len(data)


class Rows:
    """What COPY TO writes to, one message a row, without a CSV header: gives a BlockWriter its rows, frame left out.

    A format's header stands in front of the first row, and its trailer is a message of its own. line: the
    COPY's connection, which doesn't wait for its server while a block is handed over. check: what is done with a row
    that is longer than `largest_field`; it raises if the row can't be saved.
    """

    def __init__(
        self,
        writer: BlockWriter,
        file_format: Format,
        line: Line,
        largest_field: int,
        check: Callable[[bytes], None],
    ) -> None:
        self._writer = writer
        self._line = line
        self._largest_field, self._check = largest_field, check
        self._header, self._trailer = file_format.stream_header, file_format.trailer
        self._at_start = True
        self._rows: list[bytes] = []
        self._bytes = 0

    def write(self, message: bytes) -> None:
        if self._trailer:
            if self._at_start:
                message, self._at_start = message.removeprefix(self._header), False
            if message == self._trailer:  # no row is that short
                self._at_start = True
                return
        size = len(message)
        if size > BLOCK_BYTES:
            self._write_large(message)
            return
        self._rows.append(message)
        self._bytes += size
        if self._bytes >= BLOCK_BYTES:
            self._hand_over()

    def close(self) -> None:
        """Hand over what is left. One object serves several COPYs, one after the other."""
        self._writer.leave(self._rows)

    def _write_large(self, message: bytes) -> None:
        """A large row is a block of its own."""
        if len(message) > self._largest_field:
            self._check(message)
        if self._rows:
            self._hand_over()
        with self._line.aside():
            self._writer.add([message])

    def _hand_over(self) -> None:
        with self._line.aside():
            self._writer.add(self._rows)
        self._rows, self._bytes = [], 0
