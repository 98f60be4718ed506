"""What a command about users leaves in the audit log."""

from data_pipeline.cli import process
from data_pipeline.jobs.backend.audit_rows import Entry
from data_pipeline.jobs.jobs import Jobs


def noted(jobs: Jobs, what: str, **details: str) -> None:
    """It was done, at the command line of this machine."""
    origin = process.origin()
    jobs.audit.note(
        Entry(
            who=origin.who,
            client=None,
            what=what,
            set_name=None,
            target=None,
            outcome="SUCCESS",
            status=None,
            request_id=origin.request_id,
            job_id=None,
            details=details,
        )
    )
