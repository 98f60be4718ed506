"""A file that is brought to the disk while it is written, so that its end is not a wait for all of it."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

SYNC_BYTES = 32 << 20
"""So much is written between two fsyncs; small files have just the one at their end."""


class SyncedFile:
    """Writes to an open file, and syncs it beside in a thread. Everything is on the disk when finish() returns.

    The system tells of a failed write once, to the fsync that comes next: the result of each one is looked at.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unsynced = 0
        self._sync: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")

    def __enter__(self) -> "SyncedFile":
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.shutdown()

    def write(self, data: bytes) -> None:
        """Add to its end. Raises OSError, for what was written before as well."""
        self._file.write(data)
        self._unsynced += len(data)
        if self._unsynced >= SYNC_BYTES and (self._sync is None or self._sync.done()):
            self._await_sync()
            self._file.flush()
            self._sync, self._unsynced = self._thread.submit(os.fsync, self._file.fileno()), 0

    def finish(self) -> None:
        """Bring the rest to the disk. Raises OSError if anything of the file is not there."""
        self._await_sync()
        self._file.flush()
        os.fsync(self._file.fileno())

    def _await_sync(self) -> None:
        if self._sync is not None:
            self._sync.result()
