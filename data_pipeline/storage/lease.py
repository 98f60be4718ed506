"""A file that says a process is at work on a backup set: created if there is none, refreshed while the process lives.

Object stores have no locks. A lease that was not refreshed for a long time belongs to a process that was killed. A
process that finds such a one takes it over first, so that its owner, if it wakes up after all, learns that the lease is
no longer its own.
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Hashable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from common.errors import ServiceError
from data_pipeline.storage import faults
from data_pipeline.storage.base import Changed

BEAT_SECONDS = 30.0
STALE = timedelta(minutes=10)
"""Twenty missed beats. Compared with the store's own clock, never with this machine's."""


class Entry(NamedTuple):
    """A file as a listing shows it: when the store says it was written, and what tells this content from the next."""

    name: str
    modified: datetime
    version: Hashable


class Store(Protocol):
    """What leases need of a folder."""

    def create(self, name: str, data: bytes) -> Hashable:
        """A new file; its version. Raises FileExistsError if there is one."""

    def replace(self, name: str, data: bytes, known: Hashable) -> Hashable:
        """New content for a file of that version; the new one. Raises Changed if it has another, or is gone."""

    def delete(self, name: str) -> None:
        """Remove a file."""

    def clock(self) -> datetime:
        """The time at the store."""


class Lease:
    """Ours from the moment it is made until release(). Raises FileExistsError if another process has it."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._owner = f"{uuid.uuid4().hex} {os.getpid()}"
        self._beats = 0
        self._guard = threading.Lock()
        self._done = threading.Event()
        self._lost = False
        self._version = store.create(name, self._content())
        self._seen = time.time()
        threading.Thread(target=self._keep, name="lease", daemon=True).start()

    def expect_ours(self) -> None:
        """Raise ServiceUnavailable if it was taken over meanwhile, or that can't be known."""
        self._refresh()
        if self._lost:
            raise faults.claim_lost()

    def expect_awake(self) -> None:
        """The same, asked of the store only if a beat was missed, as by a process or a machine that was suspended."""
        if time.time() - self._seen > 2 * BEAT_SECONDS:  # the wall's clock: others stand still in a machine that sleeps
            self.expect_ours()

    def release(self) -> None:
        """Let others have it. Raises ServiceError if it can't be removed: then it goes stale."""
        self._done.set()
        with self._guard:
            if self._lost:
                raise faults.claim_lost()
            self._store.delete(self._name)

    def abandon(self) -> None:
        """Leave it to go stale: what it stands for could not be put in order."""
        self._done.set()

    def _content(self) -> bytes:
        # Never the same twice: equal contents would have equal versions.
        return json.dumps({"owner": self._owner, "beat": self._beats}).encode()

    def _refresh(self) -> None:
        with self._guard:
            if self._done.is_set() or self._lost:
                return
            self._beats += 1
            try:
                self._version = self._store.replace(self._name, self._content(), self._version)
                self._seen = time.time()
            except Changed:
                self._lost = True

    def _keep(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            with suppress(ServiceError, OSError):  # until it works again, or the lease is stale
                self._refresh()


def stale(store: Store, leases: Sequence[Entry]) -> list[Entry]:
    """Those that were not refreshed for a long time, by the store's own clock."""
    if not leases:
        return []
    now = store.clock()
    return [lease for lease in leases if now - lease.modified > STALE]


def take_over(store: Store, lease: Entry) -> bool:
    """Make a stale lease ours to remove; whether it was still as it was found."""
    try:
        store.replace(lease.name, json.dumps({"taken_over_by": uuid.uuid4().hex}).encode(), lease.version)
    except Changed:
        return False
    return True
