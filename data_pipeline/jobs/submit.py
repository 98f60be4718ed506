"""A request becomes a job: one row, one place in the queue, in one transaction."""

import uuid
from contextlib import suppress
from typing import Any

from common.errors import OperationCancelled, OperationInProgress, Recorded, ServiceUnavailable
from common.messages import say
from common.result import error_response
from data_pipeline.jobs.backend.database import Connection, JobsDatabase, unavailable
from data_pipeline.jobs.backend.pending_writes import PendingWrites
from data_pipeline.jobs.backend.queue import SHARED, Queue
from data_pipeline.jobs.backend.store import Store
from data_pipeline.jobs.job import Job, Origin
from data_pipeline.jobs.request import JobRequest
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.target import AnyTarget


class Submission:
    """Adds jobs, each once for its idempotency key.

    unstored: whole requests of which a part may not be stored, by job; they never leave this process.
    """

    def __init__(
        self,
        database: JobsDatabase,
        pending: PendingWrites,
        queue: Queue,
        process: str,
        unstored: dict[str, OperationRequest],
    ) -> None:
        self._database = database
        self._store = Store(database)
        self._pending = pending
        self._queue = queue
        self._process = process
        self._unstored = unstored

    def queue(self, job_request: JobRequest, origin: Origin, target: AnyTarget) -> Job:
        """A new job that waits, or the earlier one that came with this key. Raises KeyReused, ServiceUnavailable."""
        job_id = uuid.uuid4().hex
        if job_request.is_secret:
            self._unstored[job_id] = job_request.request  # before any worker can see the job
        job = None
        try:
            job = self._queued(job_id, job_request, origin, target)
        finally:
            if job is None or job.id != job_id:
                self._unstored.pop(job_id, None)
        return job

    def _queued(self, job_id: str, job_request: JobRequest, origin: Origin, target: AnyTarget) -> Job:
        queue = self._process if job_request.is_secret else SHARED
        row = _row(job_id, job_request, state="PENDING", owner=self._process if job_request.is_secret else None)
        begun = False
        try:
            with self._database.transaction() as connection:
                begun = True
                job = Store.add(connection, row, origin)
                if job is None:
                    return _earlier(connection, job_request)
                Store.queued(connection, job_id, self._queue.put(connection, job_id, queue, target.digest))
                return job
        except ServiceUnavailable:
            if not begun:
                raise
            return self._queued_after_all(job_id, job_request)

    def _queued_after_all(self, job_id: str, job_request: JobRequest) -> Job:
        """The connection is gone, perhaps over the COMMIT. Who is told that there is no job has none."""
        job = None
        with suppress(ServiceUnavailable):
            job = self._store.get(job_id)
        if job is None:
            if job_request.key is None:  # with a key the client asks again for the same job
                self._pending.write_later(lambda: self._store.cancel(job_id))
            raise unavailable()
        return job

    def begin(self, job_request: JobRequest, origin: Origin) -> tuple[Job, bool]:
        """The row of a synchronous call, and whether it is new or an earlier one's.

        Raises KeyReused, ServiceUnavailable.
        """
        job_id = uuid.uuid4().hex
        row = _row(job_id, job_request, state="RUNNING", sync=True, worker=self._process)
        begun = False
        try:
            with self._database.transaction() as connection:
                begun = True
                job = Store.add(connection, row, origin)
                return (job, True) if job else (_earlier(connection, job_request), False)
        except ServiceUnavailable:
            if begun:  # and perhaps committed: it would run for ever, and its key be taken
                self._pending.write_later(lambda: self._store.discard(job_id))
            raise


def _row(job_id: str, job_request: JobRequest, **more: Any) -> dict[str, Any]:
    return {
        "id": job_id,
        "kind": job_request.request.kind,
        "sync": False,
        "request": job_request.stored,
        "request_version": job_request.request.version,
        "target": job_request.public_target,
        "key": job_request.key,
        "fingerprint": job_request.fingerprint,
        "owner": None,
        "worker": None,
        **more,
    }


def _earlier(connection: Connection, job_request: JobRequest) -> Job:
    job = Store.by_key(connection, job_request.key or "")
    if job is None:  # forgotten in this very moment
        raise unavailable()
    job_request.expect_same(job)
    return job


def replay(job: Job) -> dict[str, Any]:
    """What an earlier synchronous call with the same key was answered. Raises OperationInProgress if it still runs."""
    if not job.finished:
        raise OperationInProgress(say("idempotency_key_running"), can_retry=True, job_id=job.id)
    if job.error is not None or job.result is None:
        raise Recorded(job.error or error_response(OperationCancelled()))
    return {name: value for name, value in job.result.items() if name != "timestamp"}
