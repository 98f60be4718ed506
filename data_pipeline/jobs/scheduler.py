"""Schedules at work: each due time becomes one job, whichever process sees it first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

import structlog

from common.errors import KeyReused, OperationInProgress, ServiceError, ServiceUnavailable
from common.messages import say
from common.result import error_response
from data_pipeline.engine import Engine
from data_pipeline.jobs.backend.schedule_runs import Facts, Run, ScheduleRuns
from data_pipeline.jobs.job import Job, Origin
from data_pipeline.jobs.ticker import attempt
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.resources.kind import Held
from data_pipeline.resources.schedules import ScheduleConfig
from data_pipeline.resources.store import Resources
from data_pipeline.resources.timing import CLOCK_ERROR, Timing

LATE = timedelta(minutes=10)
"""A time that came so shortly before the service saw the environment's schedule for the first time is made up."""

SCHEDULER = "schedule"
"""`who` of a scheduled job."""

PAUSED = "paused"

log = structlog.get_logger("jobs")


class Submit(Protocol):
    """Queues a request, or finds the job that came with the same key."""

    def __call__(self, request: OperationRequest, origin: Origin, key: str | None = None) -> Job: ...


@dataclass(frozen=True)
class ScheduleState:
    """A schedule, and how it stands. facts: None where its configuration can't be read.

    next_due: None while it is paused. good_by: when the next good run has to be there, unless it is paused.
    """

    held: Held[ScheduleConfig]
    facts: Facts | None = None
    next_due: datetime | None = None
    good_by: datetime | None = None
    overdue: bool = False


class Scheduler:
    """The schedules of a service. Methods raise ServiceUnavailable where the jobs database can't be reached.

    submit: queues what is due. settled: told of each run of a schedule that has ended, by the process that sees it
    first. clock: the time, with a zone.
    """

    def __init__(
        self,
        engine: Engine,
        resources: Resources,
        submit: Submit,
        settled: Callable[[Run], None] = lambda _run: None,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._engine = engine
        self._resources = resources
        self._runs = ScheduleRuns(resources.database)
        self._submit = submit
        self._settled = settled
        self._clock = clock

    def tick(self) -> None:
        """Write down what has ended, and queue what is due."""
        for run in self._runs.settle():
            self._settled(run)
        for held in self._resources.all("schedule"):
            if held.config is not None:
                attempt(lambda one=held: self._consider(one))  # type: ignore[misc]

    def states(self) -> list[ScheduleState]:
        """Of every schedule."""
        return [self.state(held) for held in self._resources.all("schedule")]

    def state(self, held: Held[ScheduleConfig]) -> ScheduleState:
        """How one stands now."""
        config, now = held.config, self._clock()
        timing = _timing(held)
        if config is None or timing is None:
            return ScheduleState(held)
        facts = self._facts(held, now)
        if config.paused:
            return ScheduleState(held, facts)
        next_due = timing.next_due(now, _latest(facts, now))
        since = facts.since or held.created_at or now  # no service may have run since it was made
        last_good = max(since, facts.good.due) if facts.good else since
        return ScheduleState(held, facts, next_due, timing.good_by(last_good), timing.is_overdue(now, last_good))

    def run_now(self, name: str, origin: Origin) -> Job:
        """Run a schedule at once, paused or not. Raises NotFound, OperationInProgress, and what is wrong with it."""
        held, now = self._resources.get("schedule", name), self._clock()
        config: ScheduleConfig = self._resources.config("schedule", name)
        running = self._facts(held, now).running
        if running is not None:
            raise OperationInProgress(say("schedule_running", name=name), can_retry=True, job_id=running)
        job = self._submit(config.operation(), origin)
        self._runs.add(self.key(held), now, job.id, manual=True)
        return job

    def forget(self, name: str) -> None:
        """Forget the runs of a schedule that was deleted."""
        self._runs.remove(name)

    def tidy(self, days: int) -> None:
        """Forget runs that ended so many days ago and are of no further use."""
        self._runs.forget(days)

    def key(self, held: Held[ScheduleConfig]) -> str:
        """What names a schedule among the runs. That of the environment is of one database at one time: services with
        others may share the jobs database."""
        if not held.of_environment or held.config is None:
            return held.name
        return f"{held.name} {self._digest(held.config)} {held.config.times}"

    def _digest(self, config: ScheduleConfig) -> str:
        return self._engine.databases.resolve(config.request.get("pg_conn")).digest[:8]

    def _facts(self, held: Held[ScheduleConfig], now: datetime) -> Facts:
        return self._runs.facts(self.key(held), now + CLOCK_ERROR)

    def _consider(self, held: Held[ScheduleConfig]) -> None:
        config, now = held.config, self._clock()
        timing = _timing(held)
        if config is None or timing is None:
            return
        facts = self._facts(held, now)
        stated = PAUSED if config.paused else str(config.times)
        if facts.since is None or facts.stated != stated or facts.since > now + CLOCK_ERROR:
            first = facts.since is None and held.of_environment
            self._runs.begin(self.key(held), stated, now - LATE if first else now, now + CLOCK_ERROR)
            facts = self._facts(held, now)
        if config.paused or facts.running is not None:
            return
        due = timing.due(now, _latest(facts, now))
        if due is not None:
            self._run(held, config, due)

    def _run(self, held: Held[ScheduleConfig], config: ScheduleConfig, due: datetime) -> None:
        """Queue what was due. The job's key is the time's, so that it stays one job if this process dies in between."""
        name, key = self._job_key(held, config, due), self.key(held)
        try:
            job_id = self._submit(config.operation(), Origin(request_id=name, who=SCHEDULER), key=name).id
        except KeyReused as error:  # another process, which names the database in another way, has taken it
            job_id = error.data["job_id"]
        except ServiceError as error:
            if isinstance(error, ServiceUnavailable) and error.data.get("can_retry"):
                raise  # at the next tick, then
            failed = error_response(error)
            if self._runs.add_failed(key, due, failed):
                log.error("a schedule could not be run", schedule=held.name, error=error.error_type)
                now = self._clock()
                self._settled(Run(key, due, False, None, "FAILED", None, failed, now, now))
            return
        self._runs.add(key, due, job_id)

    def _job_key(self, held: Held[ScheduleConfig], config: ScheduleConfig, due: datetime) -> str:
        """Of the environment's, the one that earlier versions have: one of them may run beside this one."""
        moment = due.astimezone(timezone.utc)
        of = self._digest(config) if held.of_environment else held.name
        return f"{SCHEDULER}-{moment:%Y%m%dT%H%MZ}-{of}"


def _latest(facts: Facts, now: datetime) -> datetime:
    """What no time counts up to: the last one that has been run, or since when they do."""
    return max(facts.since or now, facts.latest) if facts.latest else facts.since or now


def _timing(held: Held[Any]) -> Timing | None:
    try:
        return held.config.timing(held.name) if held.config else None
    except ValueError:  # of a later version, or a zone that this machine doesn't have
        return None
