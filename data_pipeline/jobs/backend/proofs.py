"""All SQL about what drills have shown of backup sets. It outlives the history: a set may be years old.

Every method is one transaction and raises ServiceUnavailable if the jobs database can't be reached.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Json

from data_pipeline.jobs.backend.database import JobsDatabase

KEPT = timedelta(days=3 * 366)

ADD = """
INSERT INTO proofs (backup_path, "timestamp", schedule, job_id, proven, report)
SELECT %(backup_path)s, %(timestamp)s, %(schedule)s, %(job_id)s, %(proven)s, %(report)s
WHERE NOT EXISTS (SELECT FROM proofs WHERE job_id = %(job_id)s)
"""
# A copy in another storage has that storage's name before the same path.
MAKER = """
SELECT schedule FROM schedule_runs
WHERE result->>'backup_timestamp' = %s
  AND regexp_replace(result->>'backup_directory', '^[^:]*:', '') = regexp_replace(%s, '^[^:]*:', '')
ORDER BY due DESC LIMIT 1
"""
OF_RUN = "SELECT schedule FROM schedule_runs WHERE job_id = %s"
EACH = """
SELECT * FROM (
    SELECT DISTINCT ON (backup_path, "timestamp") backup_path, "timestamp", schedule, job_id, proven,
           proven_at AS drilled_at,
           max(proven_at) FILTER (WHERE proven) OVER (PARTITION BY backup_path, "timestamp") AS proven_at
    FROM proofs ORDER BY backup_path, "timestamp", number DESC) newest
ORDER BY "timestamp" DESC, backup_path
"""


@dataclass(frozen=True)
class DrilledSet:
    """What the drills of one backup set have shown: the newest, and when one last proved it.

    schedule: what has made the set, if a schedule has.
    """

    backup_path: str
    timestamp: str
    schedule: str | None
    job_id: str | None
    proven: bool
    drilled_at: datetime
    proven_at: datetime | None


class Proofs:
    """The results of all drills."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def add(self, backup_path: str, timestamp: str, job_id: str, proven: bool, report: dict[str, Any]) -> str | None:
        """Write down what a job has shown, once; the schedule that has made the set."""
        with self._database.transaction() as connection:
            maker = connection.execute(MAKER, (timestamp, backup_path)).fetchone()
            schedule: str | None = maker["schedule"] if maker else None
            values = {
                "backup_path": backup_path,
                "timestamp": timestamp,
                "schedule": schedule,
                "job_id": job_id,
                "proven": proven,
                "report": Json(report),
            }
            connection.execute(ADD, values)
        return schedule

    def is_run(self, job_id: str) -> bool:
        """Whether a job is the run of a schedule."""
        with self._database.transaction() as connection:
            return connection.execute(OF_RUN, (job_id,)).fetchone() is not None

    def each(self) -> list[DrilledSet]:
        """Every set that was drilled, the newest first."""
        with self._database.transaction() as connection:
            return [DrilledSet(**row) for row in connection.execute(EACH).fetchall()]

    def forget(self) -> None:
        """Remove what is older than any set is likely to be."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM proofs WHERE proven_at < now() - %s", (KEPT,))
