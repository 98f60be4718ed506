"""A file that is on the disk when it is finished, written past the system's page cache where that can be done.

What a backup writes is not read soon. Through the cache it would be copied once more, and push the database's pages
out. Direct writes (O_DIRECT) need memory, offsets and lengths in whole sectors: hence the buffers.
"""

import errno
import mmap
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

BUFFER_BYTES = 1 << 20
"""Whole sectors of any disk. A smaller file goes through the cache."""

SYNC_BYTES = 32 << 20
"""Through the cache, so much is written between two fsyncs, so that the last one is not a wait for everything."""

DIRECT = getattr(os, "O_DIRECT", 0) if fcntl else 0


class SyncedFile:
    """Writes to an open, empty file. Everything is on the disk when finish() returns.

    The cache is brought to the disk beside, in a thread. The system tells of a failed write once, to the write itself
    or to the fsync that comes next: the result of each one is looked at.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._descriptor = file.fileno()
        self._direct = False
        self._buffer = mmap.mmap(-1, BUFFER_BYTES)
        self._filled = 0
        self._written = 0
        self._unsynced = 0
        self._sync: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")

    def __enter__(self) -> "SyncedFile":
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.shutdown()

    def write(self, data: bytes) -> None:
        """Add to its end. Raises OSError, for what was written before as well."""
        rest = memoryview(data)
        while rest:
            size = min(len(rest), BUFFER_BYTES - self._filled)
            self._buffer[self._filled : self._filled + size] = rest[:size]
            self._filled += size
            rest = rest[size:]
            if self._filled == BUFFER_BYTES:
                self._pass_on()

    def finish(self) -> None:
        """Bring the rest to the disk. Raises OSError if anything of the file is not there."""
        self._await_sync()
        self._set_direct(False)  # for an end that is no whole sector
        self._put()
        os.fsync(self._descriptor)

    def _pass_on(self) -> None:
        if not self._written:
            self._set_direct(True)
        self._put()
        if self._direct:
            return
        self._unsynced += BUFFER_BYTES
        if self._unsynced >= SYNC_BYTES and (self._sync is None or self._sync.done()):
            self._await_sync()
            self._sync, self._unsynced = self._thread.submit(os.fsync, self._descriptor), 0

    def _await_sync(self) -> None:
        if self._sync is not None:
            self._sync.result()

    def _put(self) -> None:
        rest = memoryview(self._buffer)[: self._filled]
        self._written += self._filled
        self._filled = 0
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except OSError as error:
                if not self._direct or error.errno != errno.EINVAL:
                    raise
                self._set_direct(False)  # a file system that takes the flag and not the write
                if self._direct:
                    raise

    def _set_direct(self, wanted: bool) -> None:
        """Write past the cache from now on, if the file system can, or through it."""
        if not DIRECT or wanted == self._direct:
            return
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | DIRECT if wanted else flags & ~DIRECT)
        except OSError:  # as one in memory can't
            return
        self._direct = wanted
