"""The answers of the routes about jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, PlainSerializer
from typing_extensions import Self

from common.messages import Message, say
from data_pipeline.api import PREFIX
from data_pipeline.api.answers.envelope import JobId
from data_pipeline.jobs.job import Job, State
from data_pipeline.jobs.progress_meter import JobProgress
from data_pipeline.operations import registry
from data_pipeline.operations.results.result import Part, Result, Sometimes, StoreTarget, Target, shown_target

Moment = Annotated[datetime, PlainSerializer(lambda moment: moment.astimezone().isoformat(timespec="milliseconds"))]


class Links(Part):
    """Where a job is looked at, followed and cancelled."""

    self: str
    events: str
    cancel: str

    @classmethod
    def of(cls, job: Job) -> Self:
        own = f"{PREFIX}/jobs/{job.id}"
        return cls(**{"self": own, "events": f"{own}/events", "cancel": f"{own}/cancel"})


class SubmittedJob(Result):
    """A job that waits in the queue."""

    job_id: JobId
    state: State
    links: Links

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls(response=say("job_submitted"), job_id=job.id, state=job.state, links=Links.of(job))


class JobFailure(Part):
    """Why a job failed, in brief."""

    error_type: str
    response: str

    @classmethod
    def of(cls, job: Job) -> Self | None:
        data = (job.error or {}).get("data")
        return cls(error_type=data["error_type"], response=data["response"]) if data else None


class ListedJob(Part):
    """A job without its result."""

    job_id: JobId
    kind: Annotated[str, Field(json_schema_extra={"enum": registry.kinds()})]
    state: State
    as_job: bool = Field(alias="async", description="False: a call that was answered at once")
    request: dict[str, Any] = Field(description="Its body, without a pg_conn that is a URL")
    target: Target | StoreTarget | None
    request_id: str
    who: str = Field(description="Who asked for it: the token's name, local, schedule or command line")
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    progress: JobProgress | None
    failure: Sometimes[JobFailure] = Field(None, description="Only of one that failed")
    links: Links

    @classmethod
    def of(cls, job: Job, **more: Any) -> Self:
        return cls(
            job_id=job.id,
            kind=job.kind,
            state=job.state,
            as_job=not job.sync,
            request=job.request,
            target=shown_target(job.target) if job.target else None,
            request_id=job.request_id,
            who=job.who,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            progress=JobProgress(**job.progress) if job.progress else None,
            failure=JobFailure.of(job),
            links=Links.of(job),
            **more,
        )


class JobEvent(ListedJob):
    """A job, as an event carries it."""

    result: dict[str, Any] | None = Field(description="The data that the synchronous call would have answered")
    error: dict[str, Any] | None = Field(description="The envelope of its failure")

    @classmethod
    def of(cls, job: Job, **more: Any) -> Self:
        return super().of(job, result=job.result, error=job.error, **more)


class ShownJob(JobEvent, Result):
    """A job."""

    @classmethod
    def of(cls, job: Job, response: Message | None = None, **more: Any) -> Self:
        return super().of(job, response=response or say("job_shown"), **more)

    @classmethod
    def cancelled(cls, job: Job) -> Self:
        """One that was just told to stop."""
        return cls.of(job, say("job_cancelled") if job.finished else say("job_being_cancelled"))


class JobList(Result):
    """A page of jobs, newest first."""

    jobs: list[ListedJob]
    next: JobId | None = Field(description="Goes into `after` for the next page; null on the last one")

    @classmethod
    def of(cls, found: Sequence[Job], limit: int) -> Self:
        """`next` is the last of them, if there may be more."""
        return cls(
            response=say("jobs_listed", count=len(found)),
            jobs=[ListedJob.of(job) for job in found],
            next=found[-1].id if len(found) == limit else None,
        )
