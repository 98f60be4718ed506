"""Recurring work of every process that has jobs."""

import threading
from collections.abc import Callable

from data_pipeline.jobs.backend.pending_writes import PendingWrites
from data_pipeline.jobs.backend.store import Store
from data_pipeline.jobs.heartbeat import Heartbeat
from data_pipeline.jobs.job import Job
from data_pipeline.jobs.scheduler import SCHEDULER, Scheduler
from data_pipeline.jobs.ticker import attempt


class Maintenance:
    """scheduler: queues what is due; None where that is left to others. retire: removes old backup sets."""

    def __init__(
        self,
        store: Store,
        pending: PendingWrites,
        heartbeat: Heartbeat,
        scheduler: Scheduler | None,
        keep_days: int,
        retire: Callable[[], None],
    ) -> None:
        self._store = store
        self._pending = pending
        self._heartbeat = heartbeat
        self._keep_days = keep_days
        self._scheduler = scheduler
        self._retire = retire
        self._retiring: threading.Thread | None = None
        self._grown = False

    def often(self) -> None:
        """With every heartbeat."""
        self._heartbeat.beat()
        self._pending.flush()
        self._heartbeat.sweep()
        if self._scheduler is not None:
            self._scheduler.tick()
        if self._grown:
            self._grown = False
            self._start_retiring()

    def hourly(self) -> None:
        self._store.forget(self._keep_days)
        if self._scheduler is not None:
            self._scheduler.tidy(self._keep_days)
        self._start_retiring()

    def notice(self, job: Job) -> None:
        """After a scheduled backup there is one set more."""
        self._grown |= job.who == SCHEDULER and job.state == "SUCCEEDED"

    def _start_retiring(self) -> None:
        """Beside: it reads a whole backup, and a process that is silent meanwhile would be taken for dead."""
        if self._retiring is None or not self._retiring.is_alive():
            self._retiring = threading.Thread(target=attempt, args=(self._retire,), name="retire", daemon=True)
            self._retiring.start()
