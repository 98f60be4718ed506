"""A folder of a store that has neither locks nor renames nor a way to append, but conditional writes: an object store.

The backend adds how a file is created, replaced, deleted, listed and read. Readers of a set take a shared mark,
deleters an exclusive one; each writes its own, then checks for the other's. Where listings are up to date, as S3's are,
one of them always sees the other. Marks that went stale count for nothing.
"""

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Generator, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from common.errors import InternalError, ServiceError, ServiceUnavailable, StorageUnsupported
from common.messages import say
from data_pipeline.storage import faults
from data_pipeline.storage.base import Changed
from data_pipeline.storage.lease import Entry, Lease, stale, take_over
from data_pipeline.storage.location import Location

LOG_BYTES = 1 << 20
"""An object can't be added to: the log is written anew with every line, so its oldest lines go."""

LOG_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between attempts, while others write their lines."""


class LeasedFolder(ABC):
    """What a Folder takes beyond bytes by name (base.py)."""

    def __init__(self, location: Location) -> None:
        self.location = location

    @abstractmethod
    def entries(self) -> list[Entry]:
        """Its files."""

    @abstractmethod
    def get(self, name: str) -> tuple[bytes, Hashable]:
        """A small file and its version. Raises FileNotFoundError."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> Hashable:
        """A new file, whole; its version. Raises FileExistsError if there is one."""

    @abstractmethod
    def replace(self, name: str, data: bytes, known: Hashable) -> Hashable:
        """New content for a file of that version; the new one. Raises Changed if it has another, or is gone."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is none to remove."""

    @abstractmethod
    def clock(self) -> datetime:
        """The time at the store."""

    @abstractmethod
    def expect_conditions(self, name: str) -> None:
        """Raise StorageUnsupported if writes over a file that is there succeed although their condition is false."""

    def unpublished(self, name: str) -> str:
        """Its own: an object can't be renamed. No listing shows it as long as there is a claim and no manifest."""
        return name

    def publish(self, name: str) -> None:  # noqa: B027 (right for every object store)
        """It has its name."""

    def sync(self) -> None:  # noqa: B027
        """An object store answers once what it did lasts."""

    def expect_readable(self) -> None:  # noqa: B027
        """Credentials that may list one prefix of a bucket may list all: names() of the backend tells."""

    def expect_removable(self) -> None:  # noqa: B027
        """The mark of a removal is written first: where that can't be, neither can a file go."""

    def append(self, name: str, line: bytes) -> None:
        """Add a line to a text file. Raises ServiceUnavailable if others always come first."""
        for wait in LOG_WAITS:
            try:
                old, version = self.get(name)
                kept = old if len(old) < LOG_BYTES else old[-LOG_BYTES:].partition(b"\n")[2]
                self.replace(name, kept + line, version)
            except FileNotFoundError:
                try:
                    self.create(name, line)
                except FileExistsError:
                    continue
            except Changed:
                time.sleep(wait)
                continue
            return
        raise ServiceUnavailable(say("backup_log_busy"), can_retry=True)

    def claim(self, name: str) -> Lease:
        """A new claim. Raises FileExistsError if the name is taken, StorageUnsupported where it would mean nothing."""
        lease = Lease(self, name)
        try:
            self.expect_conditions(name)
        except BaseException:
            _let_go(lease)
            raise
        return lease

    def abandoned(self, names: Sequence[str]) -> Generator[str, None, None]:
        """Those of these claims and marks that went stale, each taken over."""
        if not names:  # no request for nothing
            return
        for entry in stale(self, [entry for entry in self.entries() if entry.name in names]):
            if take_over(self, entry):
                yield entry.name

    @contextmanager
    def shared(self, timestamp: str, _names: Sequence[str]) -> Iterator[None]:
        """Keep a set from being deleted meanwhile. Raises OperationInProgress if a process deletes it.

        Credentials that may read and not write go on without a mark: their restore fails if the set is deleted
        meanwhile. So does one whose store refuses the mark: it refuses a deletion as well.
        """
        try:
            mark = Lease(self, f".vector_backup_{timestamp}.{uuid.uuid4().hex}.hold")
        except (InternalError, StorageUnsupported):
            yield
            return
        try:
            if self._marks(_removal(timestamp)):
                raise faults.being_deleted(self.location)
            yield
        finally:
            _let_go(mark)

    @contextmanager
    def exclusive(self, timestamp: str, _names: Sequence[str]) -> Iterator[None]:
        """Keep a set from being read meanwhile. Raises OperationInProgress if a process reads or deletes it."""
        try:
            mark = Lease(self, _removal(timestamp))
        except FileExistsError:
            raise faults.being_deleted(self.location) from None
        try:
            if self._marks(f".vector_backup_{timestamp}.", ".hold"):
                raise faults.being_read(self.location)
            yield
        finally:
            _let_go(mark)

    def _marks(self, start: str, end: str = "") -> list[Entry]:
        """The marks in force whose names begin and end so."""
        marks = [entry for entry in self.entries() if entry.name.startswith(start) and entry.name.endswith(end)]
        gone = stale(self, marks)
        return [entry for entry in marks if entry not in gone]


def _removal(timestamp: str) -> str:
    return f".vector_backup_{timestamp}.removal"


def _let_go(lease: Lease) -> None:
    """End a lease that nothing depends on; what can't be removed now goes stale."""
    with suppress(ServiceError):
        lease.release()
