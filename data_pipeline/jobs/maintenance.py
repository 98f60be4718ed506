"""Recurring work of every process that has jobs."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from common.cron import Schedule
from data_pipeline.jobs.backend.pending_writes import PendingWrites
from data_pipeline.jobs.backend.store import Store
from data_pipeline.jobs.heartbeat import Heartbeat
from data_pipeline.jobs.job import Job
from data_pipeline.jobs.ticker import attempt

LATE = timedelta(minutes=10)
"""A scheduled backup that was missed, since no process was running, is made up for so long."""

SCHEDULER = "schedule"
"""`who` of a scheduled backup's job."""


class Maintenance:
    """submit: queues the backup that was due at a moment, once for all processes. retire: removes old backup sets."""

    def __init__(
        self,
        store: Store,
        pending: PendingWrites,
        heartbeat: Heartbeat,
        keep_days: int,
        schedule: Schedule | None,
        submit: Callable[[datetime], object],
        retire: Callable[[], None],
    ) -> None:
        self._store = store
        self._pending = pending
        self._heartbeat = heartbeat
        self._keep_days = keep_days
        self._schedule = schedule
        self._submit = submit
        self._retire = retire
        self._last_due: datetime | None = None
        self._retiring: threading.Thread | None = None
        self._grown = False

    def often(self) -> None:
        """With every heartbeat."""
        self._heartbeat.beat()
        self._pending.flush()
        self._heartbeat.sweep()
        self._submit_due()
        if self._grown:
            self._grown = False
            self._start_retiring()

    def hourly(self) -> None:
        self._store.forget(self._keep_days)
        self._start_retiring()

    def notice(self, job: Job) -> None:
        """After a scheduled backup there is one set more."""
        self._grown |= job.who == SCHEDULER and job.state == "SUCCEEDED"

    def _start_retiring(self) -> None:
        """Beside: it reads a whole backup, and a process that is silent meanwhile would be taken for dead."""
        if self._retiring is None or not self._retiring.is_alive():
            self._retiring = threading.Thread(target=attempt, args=(self._retire,), name="retire", daemon=True)
            self._retiring.start()

    def _submit_due(self) -> None:
        if self._schedule is None:
            return
        now = datetime.now(timezone.utc)
        due = self._schedule.last(now).astimezone(timezone.utc)
        if due != self._last_due and now - due <= LATE:
            self._submit(due)
            self._last_due = due
