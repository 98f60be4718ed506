"""All SQL about the runs of schedules: which due time became which job, and what became of that.

Every method is one transaction and raises ServiceUnavailable if the jobs database can't be reached.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Json

from common.messages import codes, recoded
from data_pipeline.jobs.backend.database import Connection, JobsDatabase

PENDING = "PENDING"
GOOD = ("SUCCEEDED",)
BAD = ("PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED")
WITH_SETS = ("SUCCEEDED", "PARTIAL")


@dataclass(frozen=True)
class Run:
    """One due time of a schedule. state: PENDING until its job has ended, then the job's. result, error: the job's."""

    schedule: str
    due: datetime
    manual: bool
    job_id: str | None
    state: str
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Facts:
    """What is known of a schedule's runs.

    stated: its times, as they were given. since: earlier times don't count; None where no service has seen it yet.
    latest: the last time of the clock that has been run. good, bad: the last runs of their kind. running: its
    unfinished job.
    """

    stated: str | None
    since: datetime | None
    latest: datetime | None
    good: Run | None
    bad: Run | None
    running: str | None
    proven_at: datetime | None


FIELDS = [field.name for field in fields(Run)]
ADD = """
INSERT INTO schedule_runs (schedule, due, manual, job_id, state, error, texts, finished_at)
VALUES (%(schedule)s, %(due)s, %(manual)s, %(job_id)s, %(state)s, %(error)s, %(texts)s,
        CASE WHEN %(job_id)s::text IS NULL THEN now() END)
ON CONFLICT DO NOTHING RETURNING schedule
"""
# What was taken for dead may come back with the true ending; a job that is gone without an ending has none.
SETTLE = """
UPDATE schedule_runs r SET state = j.state, result = j.result, error = j.error, texts = j.texts,
                           finished_at = j.finished_at
FROM jobs j
WHERE j.id = r.job_id AND j.finished_at IS NOT NULL AND (r.finished_at IS NULL OR r.state = 'INTERRUPTED')
  AND r.state <> j.state
RETURNING r.*
"""
LOST = """
UPDATE schedule_runs r SET state = 'INTERRUPTED', finished_at = now()
WHERE r.finished_at IS NULL AND r.job_id IS NOT NULL AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = r.job_id)
RETURNING r.*
"""
SINCE = "SELECT stated, since FROM schedule_times WHERE schedule = %s"
BEGIN = """
INSERT INTO schedule_times (schedule, stated, since) VALUES (%s, %s, %s)
ON CONFLICT (schedule) DO UPDATE SET stated = excluded.stated, since = excluded.since
WHERE schedule_times.stated <> excluded.stated OR schedule_times.since > %s
"""
LATEST = """
SELECT max(due) AS latest FROM schedule_runs WHERE schedule = %s AND NOT manual AND due <= %s
"""
LAST = """
SELECT * FROM schedule_runs WHERE schedule = %s AND state = ANY(%s) ORDER BY due DESC LIMIT 1
"""
RUNNING = "SELECT job_id FROM schedule_runs WHERE schedule = %s AND finished_at IS NULL LIMIT 1"
PROVEN = "SELECT max(proven_at) AS proven_at FROM proofs WHERE schedule = %s AND proven"
MADE = """
SELECT * FROM schedule_runs
WHERE schedule = %s AND state = ANY(%s) AND retired_at IS NULL ORDER BY due DESC
"""
RETIRE = "UPDATE schedule_runs SET retired_at = now() WHERE schedule = %s AND due = %s"
# The last of each state stays, and so does each run whose set is still there.
FORGET = """
DELETE FROM schedule_runs r WHERE finished_at < now() - %s AND (retired_at IS NOT NULL OR state <> ALL(%s))
  AND EXISTS (SELECT FROM schedule_runs l WHERE l.schedule = r.schedule AND l.state = r.state AND l.due > r.due)
"""


class ScheduleRuns:
    """The runs of all schedules of one jobs database."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def begin(self, schedule: str, stated: str, since: datetime, until: datetime) -> None:
        """Let times count that come after one, unless another process has for the same ones. until: of facts()."""
        with self._database.transaction() as connection:
            connection.execute(BEGIN, (schedule, stated, since, until))

    def add(self, schedule: str, due: datetime, job_id: str, *, manual: bool = False) -> bool:
        """A due time has become a job; whether that is news."""
        return self._add(schedule, due, state=PENDING, job_id=job_id, manual=manual)

    def add_failed(self, schedule: str, due: datetime, error: dict[str, Any]) -> bool:
        """A due time could not become a job; whether that is news."""
        return self._add(schedule, due, state="FAILED", error=error)

    def settle(self) -> list[Run]:
        """Write down how jobs have ended; the runs of those that have since the last time, each told once."""
        with self._database.transaction() as connection:
            lost = connection.execute(LOST).fetchall()
            return [_read(row) for row in [*lost, *connection.execute(SETTLE).fetchall()]]

    def facts(self, schedule: str, until: datetime) -> Facts:
        """until: a time that is later than this is a clock's error."""
        with self._database.transaction() as connection:
            begun = connection.execute(SINCE, (schedule,)).fetchone() or {}
            latest = connection.execute(LATEST, (schedule, until)).fetchone()
            running = connection.execute(RUNNING, (schedule,)).fetchone()
            proven = connection.execute(PROVEN, (schedule,)).fetchone()
            return Facts(
                stated=begun.get("stated"),
                since=begun.get("since"),
                latest=latest["latest"] if latest else None,
                good=_last(connection, schedule, GOOD),
                bad=_last(connection, schedule, BAD),
                running=running["job_id"] if running else None,
                proven_at=proven["proven_at"] if proven else None,
            )

    def made(self, schedule: str) -> list[Run]:
        """Those that have made a set which retention hasn't removed, newest first."""
        with self._database.transaction() as connection:
            return [_read(row) for row in connection.execute(MADE, (schedule, list(WITH_SETS))).fetchall()]

    def retired(self, run: Run) -> None:
        """The set of a run is gone from everywhere."""
        with self._database.transaction() as connection:
            connection.execute(RETIRE, (run.schedule, run.due))

    def remove(self, schedule: str) -> None:
        """Forget all runs of a schedule that is deleted; their sets stay."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM schedule_runs WHERE schedule = %s", (schedule,))
            connection.execute("DELETE FROM schedule_times WHERE schedule = %s", (schedule,))

    def forget(self, days: int) -> None:
        """Forget what ended so many days ago and is of no further use."""
        with self._database.transaction() as connection:
            connection.execute(FORGET, (timedelta(days=days), list(WITH_SETS)))

    def _add(
        self,
        schedule: str,
        due: datetime,
        *,
        state: str,
        job_id: str | None = None,
        manual: bool = False,
        error: dict[str, Any] | None = None,
    ) -> bool:
        values = {
            "schedule": schedule,
            "due": due,
            "manual": manual,
            "job_id": job_id,
            "state": state,
            "error": Json(error) if error else None,
            "texts": Json({"error": codes(error)}) if error else None,
        }
        with self._database.transaction() as connection:
            return connection.execute(ADD, values).fetchone() is not None


def _last(connection: Connection, schedule: str, states: tuple[str, ...]) -> Run | None:
    row = connection.execute(LAST, (schedule, list(states))).fetchone()
    return _read(row) if row else None


def _read(row: dict[str, Any]) -> Run:
    said = {name: recoded(row[name], found) for name, found in (row["texts"] or {}).items() if row[name] is not None}
    return Run(**{name: row[name] for name in FIELDS} | said)
