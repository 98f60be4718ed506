"""The audit log as a process writes it: what was answered, and what became of jobs."""

from typing import Any

from data_pipeline.jobs.backend.audit_rows import AuditRows, Entry, KeptEntry
from data_pipeline.jobs.backend.database import JobsDatabase
from data_pipeline.jobs.backend.pending_writes import PendingWrites
from data_pipeline.jobs.job import COMMAND_LINE, Job


class AuditTrail:
    """Nothing is held up by it: what can't be written now is written as soon as the jobs database is back."""

    def __init__(self, database: JobsDatabase, pending: PendingWrites, keep_days: int) -> None:
        self._rows = AuditRows(database)
        self._pending = pending
        self._keep_days = keep_days

    def note(self, entry: Entry) -> None:
        """Write something down."""
        self._pending.write(lambda: self._rows.add(entry))

    def note_job(self, job: Job) -> None:
        """A job that has ended. A call that was answered at once is written down with its answer, but for a command."""
        if job.told_with_its_answer and job.who != COMMAND_LINE:
            return
        answer = job.result or (job.error or {}).get("data") or {}
        self.note(
            Entry(
                who=job.who,
                client=job.client,
                what=job.kind,
                set_name=set_of(job.request, answer),
                target=(job.target or {}).get("dbname"),
                outcome=job.error["data"]["error_type"] if job.error else job.state,
                status=None,
                request_id=job.request_id,
                job_id=job.id,
                details={"dry_run": "True"} if job.request.get("dry_run") else {},
            )
        )

    def page(
        self, who: str | None, what: str | None, set_name: str | None, after: int | None, limit: int
    ) -> list[KeptEntry]:
        """Newest first. Raises ServiceUnavailable."""
        return self._rows.page(who, what, set_name, after, limit)

    def forget(self) -> None:
        """What is older than it is kept."""
        self._rows.forget(self._keep_days)


def set_of(*told: Any) -> str | None:
    """The backup set that a request, or else its answer, is about: its location and timestamp."""
    for one in told:
        for place, stamp in (
            ("location", "timestamp"),
            ("backup_path", "timestamp"),
            ("backup_directory", "backup_timestamp"),
        ):
            if isinstance(one, dict) and one.get(place) and one.get(stamp):
                return f"{_location(str(one[place]))}/{one[stamp]}"[:256]
    return None


def _location(path: str) -> str:
    """`global`, or a task's id, of a directory as it is listed."""
    parts = path.strip("/").split("/")
    if parts[-1] == "vector_bak":
        return parts[-2] if len(parts) > 1 and parts[-2] != "training_data" else "global"
    return path
