"""Heartbeats: announce this process, detect dead ones."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from common.errors import Interrupted, ServiceError
from common.result import error_response
from data_pipeline.jobs.backend.database import JobsDatabase
from data_pipeline.jobs.backend.queue import MISSED_BEATS, Queue
from data_pipeline.jobs.backend.store import Store
from data_pipeline.jobs.job import Job


class Heartbeat:
    """Heartbeats of one process. ended: told of every job that is found without its process."""

    def __init__(
        self, database: JobsDatabase, process: str, beat_seconds: int, queue: Queue, ended: Callable[[Job], None]
    ) -> None:
        self._database = database
        self._store = Store(database)
        self._process = process
        self.silence = timedelta(seconds=beat_seconds * MISSED_BEATS)
        self._queue = queue
        self._ended = ended
        self._steady_since: float | None = None

    def begin(self) -> None:
        """Beat for the first time: from then on no process takes the jobs of this one for left behind.

        Raises ServiceUnavailable.
        """
        if self._steady_since is None:
            self.beat()

    def beat(self) -> None:
        """Say that we are alive. Raises ServiceUnavailable."""
        try:
            self._store.beat(self._process)
        except ServiceError:
            self._steady_since = None
            raise
        if self._steady_since is None:
            self._steady_since = time.monotonic()

    def sweep(self) -> None:
        """End the jobs of processes that are silent. Raises ServiceUnavailable.

        When the queue itself was away, all were silent: they get the time to say that they live.
        """
        steady = time.monotonic() - self._steady_since if self._steady_since is not None else 0
        if steady >= self.silence.total_seconds():
            self._interrupt()
        self._store.tidy()

    def leave(self) -> None:
        """Say that we end, and end the jobs that only we could have run; nothing if the queue is gone."""
        with suppress(ServiceError):
            self._store.leave(self._process)
            self._interrupt(self._process)

    def _interrupt(self, process: str | None = None) -> None:
        for job in self._store.interrupt(self.silence, error_response(Interrupted()), process):
            with self._database.transaction() as connection:
                self._queue.remove(connection, job)
            self._ended(job)
