"""One job, or one synchronous call, from its first moment to its recorded end."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from common.errors import (
    InternalError,
    Interrupted,
    OperationCancelled,
    OperationInProgress,
    ServiceError,
    ServiceUnavailable,
)
from common.messages import Message, say
from common.result import error_response, success_response
from data_pipeline.jobs.backend.pending_writes import PendingWrites
from data_pipeline.jobs.backend.store import Store
from data_pipeline.jobs.job import Ending, Job
from data_pipeline.jobs.monitor import Monitor
from data_pipeline.jobs.progress_meter import ProgressMeter
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.request import OperationRequest, newer
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.progress import Cancelled

BUSY_WAIT = 0.5
BUSY_SECONDS = 600
"""How long a job waits for a writer that isn't in the queue. It has had no effect so far, so it may try again."""

QUEUE_WAIT = 1.0

log = structlog.get_logger("jobs")


class Runner:
    """Runs jobs of one process.

    unstored: whole requests of which a part may not be stored, by the job's id. finished: told of every job that has
    ended.
    """

    def __init__(
        self,
        store: Store,
        pending: PendingWrites,
        process: str,
        operations: Mapping[str, Operation[Any]],
        timeouts: Timeouts,
        finished: Callable[[Job], None],
    ) -> None:
        self.unstored: dict[str, OperationRequest] = {}
        self.stopping = False
        self._store = store
        self._pending = pending
        self._process = process
        self._operations = operations
        self._timeouts = timeouts
        self._finished = finished
        self._meters: set[ProgressMeter] = set()
        self._calls = 0
        self._call_ended = threading.Condition()

    def run(self, job_id: str) -> None:
        """Run a queued job, unless another process has or it was cancelled.

        Raises ServiceUnavailable if this process is told to stop before it could find out.
        """
        job = self._claim(job_id)
        if job is None:
            self.unstored.pop(job_id, None)
            return
        meter = ProgressMeter()
        with self._at_work(meter), self._monitor(job, meter):
            ending = self._end(job, meter)
        self.unstored.pop(job_id, None)
        self._write_down(job, ending, meter)

    def call(
        self, job: Job | None, operation: Operation[Any], request: OperationRequest, meter: ProgressMeter
    ) -> dict[str, Any]:
        """Run a synchronous operation: its answer's data. Raises what it raised.

        job: its row, which says RUNNING; None where there is none. A cancelled one raises OperationCancelled.
        """
        with self.under_way(meter), self.recorded(job, meter, operation.bug) as recording:
            recording.result = operation.run(request, meter).data()
        return recording.result

    @contextmanager
    def recorded(self, job: Job | None, meter: ProgressMeter, bug: Message) -> Iterator["Recording"]:
        """The time of what `call` does: how the block ends is how the job has ended."""
        recording = Recording()
        try:
            with self._monitor(job, meter) if job else nullcontext():
                yield recording
        except Cancelled:
            error = self._why_cancelled()
            self._record(job, self._cancelled(), meter)
            raise error from None
        except ServiceError as error:
            self._record(job, Ending("FAILED", error=error_response(error)), meter)
            raise
        except BaseException:
            self._record(job, _failed(bug), meter)
            raise
        self._record(job, succeeded(recording.result), meter)

    def stop(self) -> None:
        """Cancel every operation that runs here or begins from now on. Returns at once."""
        self.stopping = True
        with self._call_ended:
            for meter in self._meters:
                meter.cancel()

    def await_calls(self, seconds: float) -> None:
        """Wait until every synchronous operation has ended, but no longer."""
        with self._call_ended:
            self._call_ended.wait_for(lambda: not self._calls, seconds)

    @contextmanager
    def under_way(self, meter: ProgressMeter) -> Iterator[None]:
        """Something runs in this process that ends with it: `stop` cancels it, `await_calls` waits for it."""
        with self._call_ended:
            self._calls += 1
        try:
            with self._at_work(meter):
                yield
        finally:
            with self._call_ended:
                self._calls -= 1
                self._call_ended.notify_all()

    @contextmanager
    def _at_work(self, meter: ProgressMeter) -> Iterator[None]:
        with self._call_ended:
            self._meters.add(meter)
            if self.stopping:
                meter.cancel()
        try:
            yield
        finally:
            with self._call_ended:
                self._meters.discard(meter)

    def _claim(self, job_id: str) -> Job | None:
        while True:
            try:
                return self._store.claim(job_id, self._process)
            except ServiceUnavailable:
                if self.stopping:
                    raise
            time.sleep(QUEUE_WAIT)

    def _monitor(self, job: Job, meter: ProgressMeter) -> Monitor:
        return Monitor(self._store, job.id, meter, self._timeouts, lambda: self.stopping)

    def _end(self, job: Job, meter: ProgressMeter) -> Ending:
        try:
            operation = self._operation(job)
            request = self.unstored.get(job.id) or operation.request.read_stored(job.request, job.request_version)
            self._expect_target(job, operation, request)
            return succeeded(self._when_free(lambda: operation.run(request, meter).data(), meter))
        except Cancelled:
            return self._cancelled()
        except ServiceError as error:
            return Ending("FAILED", error=error_response(error))
        except Exception as error:
            # Only its kind: its text may quote a row or a password.
            log.error("unexpected error", kind=type(error).__name__, job_id=job.id)
            return _failed(self._operations[job.kind].bug)

    def _operation(self, job: Job) -> Operation[Any]:
        """Raises InternalError for a kind that only a later version of the service knows."""
        found = self._operations.get(job.kind)
        if found is None:
            raise newer()
        return found

    def _expect_target(self, job: Job, operation: Operation[Any], request: OperationRequest) -> None:
        """This process may be configured with another database than the one that took the request."""
        if operation.target(request).public() != job.target:
            raise InternalError(say("job_database_differs"), can_retry=False)

    def _when_free(self, operate: Callable[[], dict[str, Any]], meter: ProgressMeter) -> dict[str, Any]:
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return operate()
            except OperationInProgress:
                if time.monotonic() > deadline:
                    raise
            time.sleep(BUSY_WAIT)
            meter.expect_wanted()

    def _why_cancelled(self) -> ServiceError:
        return Interrupted() if self.stopping else OperationCancelled()

    def _cancelled(self) -> Ending:
        return Ending("INTERRUPTED", error=error_response(Interrupted())) if self.stopping else Ending("CANCELLED")

    def _write_down(self, job: Job, ending: Ending, meter: ProgressMeter) -> None:
        """Until it is written down, or this process ends: a queue that doesn't know it has no other job either."""
        self._record(job, ending, meter)
        while self._pending and not self.stopping:
            time.sleep(QUEUE_WAIT)
            with suppress(ServiceError):
                self._pending.flush()

    def _record(self, job: Job | None, ending: Ending, meter: ProgressMeter) -> None:
        """Only this process knows how the job ended: where the queue can't be told now, it is told later."""
        if job is None:
            return
        over = time.monotonic()
        progress = meter.complete() if ending.state in ("SUCCEEDED", "PARTIAL") else meter.reading()

        def write_down() -> None:
            ago = timedelta(seconds=time.monotonic() - over)
            if ended := self._store.finish(job.id, ending, progress, ago):
                self._finished(ended)

        if not self._pending.write(write_down):
            log.warning("the end of a job not written down yet", job_id=job.id, state=ending.state)


@dataclass
class Recording:
    """What a synchronous operation comes to. result: the answer's data, once it has worked."""

    result: dict[str, Any] = field(default_factory=dict)


def _failed(bug: Message) -> Ending:
    return Ending("FAILED", error=error_response(InternalError(bug)))


def succeeded(result: dict[str, Any]) -> Ending:
    """The ending of a job by what the synchronous call would have answered."""
    data = {name: value for name, value in result.items() if name != "response"}
    answer = success_response(result["response"], data)["data"]
    return Ending("PARTIAL" if answer.get("errors") else "SUCCEEDED", result=answer)
