"""Beside a running job: writes down how far it is, and passes on that it is to be cancelled."""

import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg2
import structlog

from common.errors import ServiceError
from data_pipeline.jobs.backend.store import Store
from data_pipeline.jobs.progress_meter import ProgressMeter
from data_pipeline.postgres.link import wire
from data_pipeline.postgres.link.line import Asking, Line
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.schema import index_build

TICK = 0.3
"""Seconds between two reports, and the longest that a cancelled job goes on unaware."""

WATCH_SECONDS = 2.0
"""How long the server may take to say how far an index is: meanwhile a cancel goes unheard."""

log = structlog.get_logger("jobs")


class Monitor:
    """A thread for the time of one job; use it in a `with`.

    stopping: whether this process is about to end, which cancels the job too.
    """

    def __init__(
        self, store: Store, job_id: str, meter: ProgressMeter, timeouts: Timeouts, stopping: Callable[[], bool]
    ) -> None:
        self._store = store
        self._job_id = job_id
        self._meter = meter
        self._timeouts = timeouts
        self._stopping = stopping
        self._over = threading.Event()
        self._reached = True
        self._thread = threading.Thread(target=self._run, name=f"report-{job_id[:8]}", daemon=True)
        self._watcher: Line | None = None  # a connection of our own to the target, while an index is built there

    def __enter__(self) -> "Monitor":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(TICK):
            self._watch_index()
            if self._stopping() or self._state() == "CANCELLING":
                self._meter.cancel()
        if self._watcher is not None:
            self._watcher.close()

    def _state(self) -> str | None:
        try:
            state = self._store.report(self._job_id, self._meter.reading())
        except ServiceError:  # the work goes on; how it ends is written down when the queue is back
            if self._reached:
                log.warning("progress not written down", job_id=self._job_id)
            self._reached = False
            return None
        self._reached = True
        return state

    def _watch_index(self) -> None:
        """Ask the server how far CREATE INDEX is. Where it won't say, the percentage stands still."""
        if not (under_way := self._meter.building):
            return
        target, pid = under_way
        with suppress(psycopg2.Error, ServiceError):
            if self._watcher is None or self._watcher.closed:
                self._watcher = wire.connect(target, self._timeouts)
                self._watcher.autocommit = True
                self._watcher.limit = WATCH_SECONDS
            with self._watcher.cursor(cursor_factory=Asking) as cursor:
                part = index_build.built(cursor, pid)
            if part is not None:
                self._meter.index_built(part)
