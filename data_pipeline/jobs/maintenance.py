"""Recurring work of every process that has jobs."""

from collections.abc import Callable, Sequence

import structlog

from data_pipeline.jobs.backend.pending_writes import PendingWrites
from data_pipeline.jobs.backend.store import Store
from data_pipeline.jobs.heartbeat import Heartbeat
from data_pipeline.jobs.job import Job
from data_pipeline.jobs.notifications import Notifications
from data_pipeline.jobs.scheduler import SCHEDULER, Scheduler
from data_pipeline.jobs.ticker import Beside
from data_pipeline.stores.pg_database import temp_files

log = structlog.get_logger("jobs")


class Maintenance:
    """scheduler: queues what is due; None where that is left to others. retire: removes old backup sets.

    forget: remove rows whose time is over. recover: settle what restores have left that did not end.
    """

    def __init__(
        self,
        store: Store,
        pending: PendingWrites,
        heartbeat: Heartbeat,
        scheduler: Scheduler | None,
        notifications: Notifications,
        keep_days: int,
        retire: Callable[[], None],
        forget: Sequence[Callable[[], None]],
        recover: Sequence[Callable[[], object]],
    ) -> None:
        self._store = store
        self._pending = pending
        self._heartbeat = heartbeat
        self._keep_days = keep_days
        self._scheduler = scheduler
        self._notifications = notifications
        self._retire = retire
        self._forget = forget
        self._retiring = Beside("retire", self._retire)
        self._delivering = Beside("notify", notifications.deliver)
        self._recovering = [Beside("recover", one) for one in recover]
        self._grown = False

    def often(self) -> None:
        """With every heartbeat."""
        self._heartbeat.beat()
        self._pending.flush()
        self._heartbeat.sweep()
        for recovering in self._recovering:
            recovering.start()
        if self._scheduler is not None:
            self._scheduler.tick()
            self._notifications.look(self._scheduler.states)
            self._delivering.start()
        if self._grown:
            self._grown = False
            self._retiring.start()

    def hourly(self) -> None:
        self._store.forget(self._keep_days)
        for forget in self._forget:
            forget()
        if names := temp_files.sweep():
            log.warning("removed what interrupted imports left behind", files=names)
        if self._scheduler is not None:
            self._scheduler.tidy(self._keep_days)
            self._notifications.outbox.forget(self._keep_days)
        self._retiring.start()

    def notice(self, job: Job) -> None:
        """After a scheduled backup there is one set more."""
        self._grown |= job.who == SCHEDULER and job.state == "SUCCEEDED"
