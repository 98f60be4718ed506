"""Jobs: the one interface to everything that takes long."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog

from common.errors import (
    InvalidParams,
    JobFinished,
    NotFound,
    ServiceUnavailable,
)
from common.messages import Message, say
from data_pipeline.accounts.accounts import Accounts
from data_pipeline.accounts.audit import AuditTrail
from data_pipeline.engine import Engine
from data_pipeline.jobs.backend.intents import JobsIntents
from data_pipeline.jobs.backend.known_archives import ArchiveMemory
from data_pipeline.jobs.backend.pending_writes import PendingWrites
from data_pipeline.jobs.backend.queue import Queue, QueueWorker
from data_pipeline.jobs.backend.schedule_runs import Run
from data_pipeline.jobs.backend.set_checks import SetChecks
from data_pipeline.jobs.backend.store import Store
from data_pipeline.jobs.drills import Drills
from data_pipeline.jobs.heartbeat import Heartbeat
from data_pipeline.jobs.job import JOB_ID, Job, Origin, State
from data_pipeline.jobs.maintenance import Maintenance
from data_pipeline.jobs.notifications import Notifications
from data_pipeline.jobs.progress_meter import ProgressMeter
from data_pipeline.jobs.request import JobRequest
from data_pipeline.jobs.runner import Recording, Runner
from data_pipeline.jobs.scheduler import Scheduler
from data_pipeline.jobs.submit import Submission, replay
from data_pipeline.jobs.ticker import Ticker, attempt, harmless
from data_pipeline.jobs.worker import Worker
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.stacks import recovery
from data_pipeline.operations.target import AnyTarget
from data_pipeline.resources.store import Resources

FOLLOW_SECONDS = 0.25
"""How often a follower looks for news."""

STOP_SECONDS = 7.0
"""From the first word that this process ends, for everything that runs here: a database that doesn't answer is given
up within that time, and what still runs then is left to its rollback."""

FAREWELL_SECONDS = 1.5
"""For the last words to the queue."""

log = structlog.get_logger("jobs")


class Jobs:
    """The jobs of one queue, as one process sees them. Nothing connects or starts before it is used.

    operations: what there is to do, by kind. finished: told of every job that ends here. retire: removes old backup
    sets. scheduled: whether this process looks after the schedules. Methods raise ServiceUnavailable where the queue
    can't be reached, unless they say otherwise.
    """

    def __init__(
        self,
        engine: Engine,
        resources: Resources,
        operations: Mapping[str, Operation[Any]],
        finished: Callable[[Job], None],
        retire: Callable[[], None],
        *,
        scheduled: bool,
    ) -> None:
        settings = engine.settings
        self._process = uuid.uuid4().hex
        self._beat_seconds = settings.jobs_heartbeat
        self._operations = operations
        self._told = finished
        self.resources = resources
        self._database = resources.database
        self._store = Store(self._database)
        self.counts, self.last_successes = self._store.counts, self._store.last_successes
        self._pending = PendingWrites(self._database)
        self.checks = SetChecks(self._database, self._pending)
        self.accounts = Accounts(self._database)
        self.audit = AuditTrail(self._database, self._pending, settings.audit_keep_days)
        engine.archives.extend(ArchiveMemory(self._database, self._pending))
        self._queue = Queue()
        self._runner = Runner(self._store, self._pending, self._process, operations, engine.timeouts, self._finished)
        self.under_way = self._runner.under_way  # for what is no job, such as a stream
        self._submission = Submission(self._database, self._pending, self._queue, self._process, self._runner.unstored)
        self._heartbeat = Heartbeat(self._database, self._process, self._beat_seconds, self._queue, self._finished)
        submit = self.submit if scheduled else self.hand_over
        self.notifications = Notifications(resources, settings)
        self.drills = Drills(resources, self.notifications, submit)
        self.scheduler = Scheduler(engine, resources, submit, self._settled)
        engine.intents.extend(JobsIntents(self._database, self._process, self._heartbeat.silence.total_seconds()))
        due, days = self.scheduler if scheduled else None, settings.jobs_keep_days
        recover = partial(recovery.recover, engine), partial(engine.unfinished.settle, engine.timeouts)
        forget = self.audit.forget, self.accounts.forget
        self._maintenance = Maintenance(
            self._store, self._pending, self._heartbeat, due, self.notifications, days, retire, forget, recover
        )
        self._ticker = Ticker(self._beat_seconds, self._maintenance.often, self._maintenance.hourly)
        self._worker = Worker(self._queue_worker)
        self._guard = threading.Lock()
        self._kept = self._working = self._closed = False
        self._stop_by: float | None = None

    def submit(self, request: OperationRequest, origin: Origin, key: str | None = None) -> Job:
        """Queue a request that is valid: the job, or the earlier one that came with this key.

        Raises what the operation finds wrong with it, KeyReused, ServiceUnavailable; then there is no job.
        """
        operation = self._operations[request.kind]
        target = operation.expect_possible(request)
        self.start()
        return self._submission.queue(JobRequest.of(operation, request, key), origin, target)

    def hand_over(self, request: OperationRequest, origin: Origin, key: str | None = None) -> Job:
        """The same for other processes to run: nothing of it happens in this one.

        Raises InvalidParams for a password, which never leaves the process it was given to.
        """
        operation = self._operations[request.kind]
        target = operation.expect_possible(request)
        job_request = JobRequest.of(operation, request, key)
        if job_request.is_secret:
            text = say("job_needs_a_named_target")
            raise InvalidParams(text, details={"field": "pg_conn"})
        return self._submission.queue(job_request, origin, target)

    def perform(
        self,
        request: OperationRequest,
        origin: Origin,
        key: str | None = None,
        meter: ProgressMeter | None = None,
        replayed: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Do it at once, and keep it in the history: the answer's data. Raises what the operation raises.

        With a key an earlier call's answer is given again, and `replayed` told of it. Without one an unreachable queue
        only costs the history.
        meter: tells the caller how far it is, and can cancel it; then this raises OperationCancelled.
        """
        operation = self._operations[request.kind]
        job, new = self._begun(JobRequest.of(operation, request, key), origin)
        if job is not None and not new:
            replayed()
            return replay(job)
        return self._runner.call(job, operation, request, meter or ProgressMeter())

    @contextmanager
    def recorded(
        self, request: OperationRequest, target: AnyTarget, origin: Origin, meter: ProgressMeter, bug: Message
    ) -> Iterator[Recording]:
        """The same for what only its caller can do, such as an import whose archive is in the request: in the block.

        Cancelled, it raises OperationCancelled.
        """
        job, _ = self._begun(JobRequest(request, target, key=None), origin)
        with self._runner.recorded(job, meter, bug) as recording:
            yield recording

    def _begun(self, request: JobRequest, origin: Origin) -> tuple[Job | None, bool]:
        """The row of a synchronous call, and whether it is new; without a key None where the queue can't be reached."""
        try:
            if request.key is None:
                self._database.expect_up()
            self._heartbeat.begin()
            with self._guard:
                self._keep()
            return self._submission.begin(request, origin)
        except ServiceUnavailable:
            if request.key is not None:
                raise  # whether it was done before can't be known
            log.warning("not kept in the history: the job queue can't be reached", request_id=origin.request_id)
            return None, True

    def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        job = self._store.get(_checked(job_id))
        if job is None:
            raise NotFound(say("job_missing"))
        return job

    def list(
        self, state: State | None, request_id: str | None, after: str | None, limit: int, kind: str | None
    ) -> list[Job]:
        """Newest first; after: the last job of the page before. kind: "plan" is a restore's dry run."""
        return self._store.page(state, request_id, after, limit, kind)

    def follow(self, job_id: str, seen: int | None = None) -> Iterator[Job | None]:
        """The job now, unless this version of it was seen, and each change until it has ended.

        None where there is no news, several times a second. Raises NotFound.
        """
        while True:
            job = self.get(job_id)
            yield job if job.version != seen else None
            if job.finished:
                return
            seen = job.version
            time.sleep(FOLLOW_SECONDS)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job, waiting or running. Raises NotFound, or JobFinished if it is too late."""
        job = self._store.cancel(_checked(job_id))
        if job is None:
            return self._cancelled(self.get(job_id))
        if job.finished:
            with self._database.transaction() as connection:
                self._queue.remove(connection, job)
            self._finished(job)
        return job

    def delete_resource(self, kind: str, name: str) -> None:
        """Raises what Resources.delete raises. Of a schedule its runs go too; its sets stay, and its job ends."""
        self.resources.delete(kind, name)
        if kind == "schedule":
            self.scheduler.forget(name)
        if kind == "notifier":
            self.notifications.outbox.remove(name)

    def start(self) -> None:
        """Run a worker in this process, unless one does. Doesn't wait for the queue, and raises nothing."""
        with self._guard:
            if not (self._working or self._closed):
                self._working = True
                self._worker.start()
            self._keep()

    def stop(self) -> None:
        """Cancel every operation that runs here or begins from now on. Returns at once; close() waits for it."""
        self._stop_by = self._stop_by or time.monotonic() + STOP_SECONDS
        self._runner.stop()

    def close(self) -> None:
        """Cancel what runs here, end the threads and close every connection. Safe to call twice.

        It takes no longer than STOP_SECONDS after stop(), and FAREWELL_SECONDS.
        """
        self.stop()
        with self._guard:  # not for longer: the ticker may be about to queue what is due, which takes it too
            working, kept, self._closed = self._working, self._kept, True
            self._working = self._kept = False
        if working:
            self._worker.stop(self._seconds_left())
        self._runner.await_calls(self._seconds_left())
        if kept:
            self._ticker.stop(self._seconds_left())
            farewell = threading.Thread(target=self._say_farewell, name="farewell", daemon=True)
            farewell.start()
            farewell.join(FAREWELL_SECONDS)
        self._database.close()

    def _seconds_left(self) -> float:
        return max(0.0, (self._stop_by or 0.0) - time.monotonic())

    def _say_farewell(self) -> None:
        attempt(self._pending.flush)
        self._heartbeat.leave()

    def _keep(self) -> None:
        if not (self._kept or self._closed):
            self._kept = True
            self._ticker.start()

    def _queue_worker(self) -> QueueWorker:
        self._heartbeat.begin()
        conninfo = self._database.conninfo()
        return QueueWorker(conninfo, self._process, self._beat_seconds, self._runner.run, self._store.state)

    def _finished(self, job: Job) -> None:
        self._told(job)
        self.audit.note_job(job)
        self._maintenance.notice(job)
        self._pending.write(harmless(partial(self.drills.ended, job)))

    def _settled(self, run: Run) -> None:
        self._pending.write(harmless(partial(self.notifications.settled, run)))
        attempt(partial(self.drills.follow, run))

    @staticmethod
    def _cancelled(job: Job) -> Job:
        if job.state not in ("CANCELLING", "CANCELLED"):
            raise JobFinished(say("job_finished"), can_retry=False, job_id=job.id, state=job.state)
        return job


def _checked(job_id: str) -> str:
    if not JOB_ID.fullmatch(job_id):
        raise NotFound(say("job_missing"))
    return job_id
