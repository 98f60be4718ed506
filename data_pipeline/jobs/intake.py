"""How a request becomes a job: one row, one place in the queue, in one transaction."""

import uuid
from typing import Any

from data_pipeline.jobs.asked import Asked
from data_pipeline.jobs.database import Connection, JobsDatabase, unavailable
from data_pipeline.jobs.job import Job, Origin
from data_pipeline.jobs.queue import SHARED, Queue
from data_pipeline.jobs.store import Store
from data_pipeline.vector.target import Target


class Intake:
    """Adds jobs, each once for its idempotency key.

    secrets: what was left out of stored requests, by job; it never leaves this process.
    """

    def __init__(self, database: JobsDatabase, queue: Queue, process: str, secrets: dict[str, dict[str, Any]]) -> None:
        self._database = database
        self._queue = queue
        self._process = process
        self._secrets = secrets

    def queue(self, asked: Asked, origin: Origin, target: Target) -> Job:
        """A new job that waits, or the earlier one that came with this key. Raises KeyReused, ServiceUnavailable."""
        job_id = uuid.uuid4().hex
        own = bool(asked.secret)
        if own:
            self._secrets[job_id] = asked.secret  # before any worker can see the job
        job = None
        try:
            row = _row(job_id, asked, state="PENDING", owner=self._process if own else None)
            with self._database.transaction() as connection:
                job = Store.add(connection, row, origin)
                if job is None:
                    return _earlier(connection, asked)
                queue = self._process if own else SHARED
                Store.queued(connection, job_id, self._queue.put(connection, job_id, queue, _lock(target)))
            return job
        finally:
            if job is None:
                self._secrets.pop(job_id, None)

    def begin(self, asked: Asked, origin: Origin) -> tuple[Job, bool]:
        """The row of a synchronous call, and whether it is new or an earlier one's.

        Raises KeyReused, ServiceUnavailable.
        """
        row = _row(uuid.uuid4().hex, asked, state="RUNNING", sync=True, worker=self._process)
        with self._database.transaction() as connection:
            job = Store.add(connection, row, origin)
            return (job, True) if job else (_earlier(connection, asked), False)


def _row(job_id: str, asked: Asked, **more: Any) -> dict[str, Any]:
    return {
        "id": job_id,
        "kind": asked.kind,
        "sync": False,
        "request": asked.stored,
        "target": asked.target.public() if asked.target else None,
        "key": asked.key,
        "fingerprint": asked.fingerprint,
        "owner": None,
        "worker": None,
        **more,
    }


def _lock(target: Target) -> str:
    """Jobs of one database run one after the other. Two names of one server are told apart; its own lock is not."""
    return f"{target.host.lower()}:{target.port}/{target.dbname}"


def _earlier(connection: Connection, asked: Asked) -> Job:
    job = Store.by_key(connection, asked.key or "")
    if job is None:  # forgotten in this very moment
        raise unavailable()
    asked.expect_same(job)
    return job
