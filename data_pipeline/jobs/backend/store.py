"""All SQL about our own table of jobs: what is known of each, queued or synchronous.

Every method is one transaction and raises ServiceUnavailable if the queue's database can't be reached.
"""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Json

from common.messages import codes, recoded
from data_pipeline.jobs.backend.audit_rows import storable
from data_pipeline.jobs.backend.database import Connection, JobsDatabase
from data_pipeline.jobs.job import Ending, Job, Origin, State

FIELDS = [field.name for field in fields(Job)]
INSERT = """
INSERT INTO jobs (id, kind, state, sync, request, request_version, target, request_id, who, client,
                  idempotency_key, fingerprint, owner, worker, started_at)
VALUES (%(id)s, %(kind)s, %(state)s, %(sync)s, %(request)s, %(request_version)s, %(target)s, %(request_id)s, %(who)s,
        %(client)s, %(key)s, %(fingerprint)s, %(owner)s, %(worker)s, CASE WHEN %(sync)s THEN now() END)
ON CONFLICT (idempotency_key) DO NOTHING RETURNING *
"""
# A RUNNING job of the same worker is its own claim, whose COMMIT got lost on the way: a worker that asks again hasn't
# begun.
CLAIM = """
UPDATE jobs SET state = 'RUNNING', started_at = now(), worker = %(worker)s, version = version + 1
WHERE id = %(id)s AND (state = 'PENDING' OR state = 'RUNNING' AND worker = %(worker)s AND progress IS NULL) RETURNING *
"""
REPORT = """
UPDATE jobs SET progress = %s, version = version + 1
WHERE id = %s AND state IN ('RUNNING', 'CANCELLING') RETURNING state
"""
# What was taken for dead may come back with the true ending.
FINISH = """
UPDATE jobs SET state = %s, result = %s, error = %s, texts = %s, progress = coalesce(%s, progress),
                finished_at = now() - %s, version = version + 1
WHERE id = %s AND (finished_at IS NULL OR state = 'INTERRUPTED') RETURNING *
"""
CANCEL = """
UPDATE jobs SET state = CASE state WHEN 'PENDING' THEN 'CANCELLED' ELSE 'CANCELLING' END,
                finished_at = CASE state WHEN 'PENDING' THEN now() END, version = version + 1
WHERE id = %s AND state IN ('PENDING', 'RUNNING') RETURNING *
"""
INTERRUPT = """
UPDATE jobs SET state = 'INTERRUPTED', error = %(error)s, texts = %(texts)s, finished_at = now(), version = version + 1
WHERE finished_at IS NULL AND CASE state WHEN 'PENDING' THEN owner IS NOT NULL ELSE true END
  AND (%(process)s::text IS NULL OR CASE state WHEN 'PENDING' THEN owner ELSE worker END = %(process)s)
  AND NOT EXISTS (SELECT FROM processes p WHERE p.beat_at > now() - %(silence)s
                  AND p.id = CASE state WHEN 'PENDING' THEN owner ELSE worker END)
RETURNING *
"""
# A dry run is told by the text of its request: earlier versions have stored some with a NUL in it, and to take a value
# out of such a json is an error. Inside a string of it the quotes would stand behind backslashes.
LIST = r"""
SELECT * FROM jobs
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(request_id)s::text IS NULL OR request_id = %(request_id)s)
  AND (%(kind)s::text IS NULL OR %(kind)s = CASE WHEN request::text ~ '[{,]\s*"dry_run":\s*true' THEN 'plan'
                                                ELSE kind END)
  AND (%(after)s::text IS NULL OR number < (SELECT number FROM jobs WHERE id = %(after)s))
ORDER BY number DESC LIMIT %(limit)s
"""
# A dry run succeeds without having restored anything.
LAST_SUCCESSES = r"""
SELECT kind, max(finished_at) AS finished_at FROM jobs
WHERE state = 'SUCCEEDED' AND request::text !~ '[{,]\s*"dry_run":\s*true' GROUP BY kind
"""
BEAT = "INSERT INTO processes (id) VALUES (%s) ON CONFLICT (id) DO UPDATE SET beat_at = now()"
TIDY = """
DELETE FROM procrastinate_jobs q USING jobs j
WHERE j.queue_id = q.id AND (q.status = 'todo' AND j.finished_at IS NOT NULL
                             OR q.status = 'doing' AND j.finished_at < now() - %s)
"""
ACKNOWLEDGED = timedelta(seconds=10)
"""A worker takes the job that it has run out of procrastinate's queue right after its end, or never."""


class Store:
    """The jobs of one queue."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    @staticmethod
    def add(connection: Connection, job: dict[str, Any], origin: Origin) -> Job | None:
        """Add a row in a transaction of the caller's; None if its idempotency key is taken.

        job: id, kind, state, sync, request, request_version, target, key, fingerprint, owner and worker.
        """
        values = {**job, **vars(origin), "request": Json(storable(job["request"])), "target": _json(job["target"])}
        return _job(connection.execute(INSERT, values).fetchone())

    @staticmethod
    def by_key(connection: Connection, key: str) -> Job | None:
        """The job that has an idempotency key."""
        return _job(connection.execute("SELECT * FROM jobs WHERE idempotency_key = %s", (key,)).fetchone())

    @staticmethod
    def queued(connection: Connection, job_id: str, queue_id: int) -> None:
        """Remember procrastinate's number for a job."""
        connection.execute("UPDATE jobs SET queue_id = %s WHERE id = %s", (queue_id, job_id))

    def claim(self, job_id: str, worker: str) -> Job | None:
        """Claim a job for a worker; None if another one has, or if it was cancelled."""
        return self._one(CLAIM, {"worker": worker, "id": job_id})

    def report(self, job_id: str, progress: dict[str, Any]) -> State | None:
        """Write down how far a running job is; its state, None once it has ended.

        Raises ServiceUnavailable at once where the database could not be reached a moment ago.
        """
        self._database.expect_up()
        with self._database.transaction() as connection:
            row = connection.execute(REPORT, (Json(progress), job_id)).fetchone()
        return row["state"] if row else None

    def finish(self, job_id: str, ending: Ending, progress: dict[str, Any], ago: timedelta) -> Job | None:
        """Write down how a job ended, and how long ago; None if that is known already."""
        texts = Json({"result": codes(ending.result), "error": codes(ending.error)})
        values = (ending.state, _json(ending.result), _json(ending.error), texts, _json(progress), ago, job_id)
        return self._one(FINISH, values)

    def cancel(self, job_id: str) -> Job | None:
        """Cancel what waits, ask what runs to stop; None if the job does neither."""
        return self._one(CANCEL, (job_id,))

    def get(self, job_id: str) -> Job | None:
        return self._one("SELECT * FROM jobs WHERE id = %s", (job_id,))

    def state(self, job_id: str) -> State | None:
        """Of one job; None if there is no such job."""
        job = self.get(job_id)
        return job.state if job else None

    def page(
        self, state: State | None, request_id: str | None, after: str | None, limit: int, kind: str | None
    ) -> list[Job]:
        """Newest first, those that came before the job `after`."""
        values = {"state": state, "request_id": request_id, "after": after, "limit": limit, "kind": kind}
        with self._database.transaction() as connection:
            return [_read(row) for row in connection.execute(LIST, values).fetchall()]

    def counts(self) -> dict[State, int]:
        """How many unfinished jobs are in which state."""
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT state, count(*) FROM jobs WHERE finished_at IS NULL GROUP BY 1")
            return {row["state"]: row["count"] for row in rows}

    def last_successes(self) -> dict[str, datetime]:
        """When a job of each kind last succeeded, as far as the history goes back."""
        with self._database.transaction() as connection:
            return {row["kind"]: row["finished_at"] for row in connection.execute(LAST_SUCCESSES).fetchall()}

    def beat(self, process: str) -> None:
        """Say that a process is alive."""
        with self._database.transaction() as connection:
            connection.execute(BEAT, (process,))

    def leave(self, process: str) -> None:
        """Say that a process is about to end."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM processes WHERE id = %s", (process,))

    def interrupt(self, silence: timedelta, error: dict[str, Any], process: str | None) -> list[Job]:
        """End the jobs of processes that have been silent for so long, or of one that has left; returns them."""
        values = {"silence": silence, "error": Json(error), "texts": Json({"error": codes(error)}), "process": process}
        with self._database.transaction() as connection:
            return [_read(row) for row in connection.execute(INTERRUPT, values).fetchall()]

    def forget(self, days: int) -> None:
        """Remove jobs that ended so many days ago, and processes that are long gone."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE finished_at < now() - %s", (timedelta(days=days),))
            connection.execute("DELETE FROM processes WHERE beat_at < now() - interval '1 day'")

    def tidy(self) -> None:
        """Take ended jobs out of procrastinate's queue: one that stays there blocks its lock.

        Left there by a process that died, or by a worker whose last word on it got lost.
        """
        with self._database.transaction() as connection:
            connection.execute(TIDY, (ACKNOWLEDGED,))

    def discard(self, job_id: str) -> None:
        """Remove a synchronous call whose beginning was not certain to be written down."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = %s AND sync AND state = 'RUNNING'", (job_id,))

    def _one(self, statement: str, values: tuple[Any, ...] | dict[str, Any]) -> Job | None:
        with self._database.transaction() as connection:
            return _job(connection.execute(statement, values).fetchone())


def _job(row: dict[str, Any] | None) -> Job | None:
    return _read(row) if row else None


def _read(row: dict[str, Any]) -> Job:
    said = {name: recoded(row[name], found) for name, found in (row["texts"] or {}).items()}
    return Job(**{name: row[name] for name in FIELDS} | said)


def _json(value: dict[str, Any] | None) -> Json | None:
    return None if value is None else Json(value)
