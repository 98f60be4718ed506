"""What drills have shown, and who is told of one that failed."""

from datetime import datetime, timezone

from common.errors import ServiceError
from common.result import error_response
from data_pipeline.jobs.backend.proofs import DrilledSet, Proofs
from data_pipeline.jobs.backend.schedule_runs import Run
from data_pipeline.jobs.job import Job, Origin
from data_pipeline.jobs.notifications import Notifications, name_of
from data_pipeline.jobs.occasion import Occasion, of_ending
from data_pipeline.jobs.scheduler import SCHEDULER, Submit
from data_pipeline.notify.message import Event
from data_pipeline.operations.backup_sets import GLOBAL
from data_pipeline.operations.requests.drill import DrillRequest
from data_pipeline.resources.store import Resources
from data_pipeline.storage import location

SERVER_ERRORS = 500
"""The status from which on a failure is not the set's: no room, no server, a process that ended."""


class Drills:
    """Methods raise ServiceUnavailable where the jobs database can't be reached."""

    def __init__(self, resources: Resources, notifications: Notifications, submit: Submit) -> None:
        self._proofs = Proofs(resources.database)
        self._resources = resources
        self._notifications = notifications
        self._submit = submit

    def each(self) -> list[DrilledSet]:
        """Every set that was drilled, the newest first."""
        return self._proofs.each()

    def forget(self) -> None:
        self._proofs.forget()

    def follow(self, run: Run) -> None:
        """Queue the drill of the set that a schedule's run has made, if that is what the schedule says."""
        name, made = name_of(run), run.result or {}
        if run.state != "SUCCEEDED" or "backup_timestamp" not in made or not self._resources.drills(name):
            return
        where = location.parse(made["backup_directory"])
        request = DrillRequest(
            location=where.task_id or GLOBAL, timestamp=made["backup_timestamp"], storage=where.storage
        )
        key = f"{DrillRequest.kind}-{run.job_id}"
        try:
            self._submit(request, Origin(request_id=key, who=SCHEDULER), key=key)
        except ServiceError as error:  # no room for it, say: then there is no job to tell of
            _, cause, facts = of_ending("FAILED", None, error_response(error))
            now = datetime.now(timezone.utc)
            self._notifications.tell(Occasion("drill_failed", _subject(name), name, now, cause, facts=facts))

    def ended(self, job: Job) -> None:
        """Write down what a drill has shown of its set: nothing if it was cancelled, or failed for another reason."""
        if job.kind != DrillRequest.kind:
            return
        shown = job.result or (job.error or {}).get("data") or {}
        info, maker = shown.get("backup_info"), None
        if info is not None and not (job.error and job.error["code"] >= SERVER_ERRORS):
            proven = job.state == "SUCCEEDED"
            maker = self._proofs.add(info["backup_path"], info["timestamp"], job.id, proven, shown)
        if not job.sync and job.finished_at is not None and not self._proofs.is_run(job.id):
            self._tell(job, maker)

    def _tell(self, job: Job, maker: str | None) -> None:
        """Of one that isn't the run of a schedule, which is told of as such."""
        good, cause, facts = of_ending(job.state, job.result, job.error)
        if good is None or job.finished_at is None:
            return
        schedule = maker.partition(" ")[0] if maker else None
        subject = _subject(schedule or job.request.get("location", GLOBAL))
        event: Event = "success" if good else "drill_failed"
        self._notifications.tell(Occasion(event, subject, schedule, job.finished_at, cause, job.id, facts))


def _subject(of: str) -> str:
    """What is in trouble: the drills of a schedule's sets, or of a location's."""
    return f"{of}: {DrillRequest.kind}"
