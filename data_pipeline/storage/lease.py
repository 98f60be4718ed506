"""An object that says somebody is at work on a backup set: made if there is none, refreshed as long as he lives.

Object stores have no locks. A lease that was not refreshed for a long time belongs to a process that was killed.
Whoever finds such a one takes it over first, so that its owner, if he wakes up after all, learns that it is no longer
his.
"""

import json
import os
import threading
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from common.errors import ServiceError, ServiceUnavailable
from common.messages import say
from data_pipeline.storage.s3.bucket import Bucket, Changed, Entry

BEAT_SECONDS = 30.0
STALE = timedelta(minutes=10)
"""Twenty missed beats. Compared with the store's own clock, never with this machine's."""


class Lease:
    """Ours from the moment it is made until release(). Raises FileExistsError if it is somebody's."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self._owner = f"{uuid.uuid4().hex} {os.getpid()}"
        self._beats = 0
        self._guard = threading.Lock()
        self._done = threading.Event()
        self._lost = False
        self._version = bucket.create(key, self._content())
        threading.Thread(target=self._keep, name="lease", daemon=True).start()

    def expect_ours(self) -> None:
        """Raise ServiceUnavailable if it was taken over meanwhile, or nobody can tell."""
        self._refresh()
        if self._lost:
            raise ServiceUnavailable(say("set_lease_lost"), can_retry=True)

    def release(self) -> None:
        """Let others have it. What can't be removed now goes stale."""
        self._done.set()
        with self._guard:
            if not self._lost:
                with suppress(ServiceError):
                    self._bucket.delete([self._key])

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
                self._version = self._bucket.replace(self._key, self._content(), self._version)
            except Changed:
                self._lost = True

    def _keep(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            with suppress(ServiceError, OSError):  # until it works again, or the lease is stale
                self._refresh()


def stale(bucket: Bucket, leases: Sequence[Entry]) -> list[Entry]:
    """Those that nobody has refreshed for a long time, by the store's own clock."""
    if not leases:
        return []
    now = bucket.clock()
    return [lease for lease in leases if now - lease.modified > STALE]


def take_over(bucket: Bucket, lease: Entry) -> bool:
    """Make a stale lease ours to remove; whether it was still as it was found."""
    try:
        bucket.replace(lease.key, json.dumps({"taken_over_by": uuid.uuid4().hex}).encode(), lease.version)
    except Changed:
        return False
    return True
