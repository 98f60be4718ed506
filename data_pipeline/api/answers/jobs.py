"""The answers of the routes about jobs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from data_pipeline.api.answers.envelope import JobId
from data_pipeline.jobs.job import State
from data_pipeline.operations.results.result import Count, Data, TableName, Target
from data_pipeline.postgres.progress import ProgressPhase


class Links(BaseModel):
    """Where a job is looked at, followed and cancelled."""

    self: str
    events: str
    cancel: str


class SubmittedJob(Data):
    """A job that waits in the queue."""

    job_id: JobId
    state: State
    links: Links


class JobProgress(BaseModel):
    """How far a job is. It never goes backwards; what nobody knows is null."""

    phase: ProgressPhase
    table: TableName | None
    bytes_done: Count
    bytes_total: int | None
    rows_done: Count
    percent: Annotated[float, Field(ge=0, le=100)]
    eta_seconds: float | None


class ListedJob(BaseModel):
    """A job without its result or error."""

    job_id: JobId
    kind: Literal["backup", "restore"]
    state: State
    as_job: bool = Field(alias="async", description="False: a call that was answered at once")
    request: dict[str, Any] = Field(description="Its body, without a pg_conn that is a URL")
    target: Target | None
    request_id: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: JobProgress | None
    links: Links


class JobEvent(ListedJob):
    """A job, as an event carries it."""

    result: dict[str, Any] | None = Field(description="The data that the synchronous call would have answered")
    error: dict[str, Any] | None = Field(description="The envelope of its failure")


class ShownJob(JobEvent, Data):
    """A job."""


class JobList(Data):
    """A page of jobs, newest first."""

    jobs: list[ListedJob]
    next: JobId | None = Field(description="Goes into `after` for the next page; null on the last one")
