"""The data of an answer that failed."""

from typing import Annotated, Any

from pydantic import Field

from data_pipeline.jobs.job import JOB_ID
from data_pipeline.operations.results.result import (
    Count,
    NamedBackup,
    Result,
    Sometimes,
    Stamp,
    StoredBackup,
    StoreTarget,
    Target,
)

JobId = Annotated[str, Field(pattern=f"^{JOB_ID.pattern}$")]


class Failure(Result):
    """The data of an answer that failed."""

    error_type: str = Field(description="Stable, for programs")
    can_retry: Sometimes[bool] = Field(None, description="Whether the same request may work later")
    details: Sometimes[dict[str, Any]] = Field(
        None, description="Which field, or which file, line and column; the reason; what there is instead"
    )
    missing_params: Sometimes[list[str]] = Field(None, description="Required fields that were not there")
    target: Sometimes[Target | StoreTarget] = None
    rolled_back: Sometimes[bool] = Field(None, description="The tables are as they were")
    outcome: Sometimes[str] = Field(
        None, description="unknown: the connection was lost over the COMMIT, and what became of it can't be found out"
    )
    holder: dict[str, Any] | None = Field(None, description="Who is at work on that database")
    backup_info: Sometimes[StoredBackup] = Field(None, description="The set that a drill could not prove")
    backup_timestamp: Sometimes[Stamp] = Field(None, description="The backup is there; what failed came after it")
    backup_before_restore: Sometimes[NamedBackup] = Field(None, description="The backup that was taken first is there")
    job_id: Sometimes[JobId] = None
    state: Sometimes[str] = Field(None, description="Of the job that can't be cancelled any more")
    retry_after_seconds: Sometimes[Count] = Field(None, description="Until when no further attempt is looked at")
    checks: Sometimes[dict[str, bool]] = Field(None, description="Of /readyz: what works and what does not")
    overdue: Sometimes[list[str]] = Field(None, description="Of /readyz: the schedules whose backup is overdue")
    targets: Sometimes[dict[str, bool]] = Field(None, description="Of /readyz: which of TARGETS are within reach")
    storages: Sometimes[dict[str, bool]] = Field(None, description="Of /readyz: which of STORAGES are within reach")
    room: Sometimes[dict[str, dict[str, int]]] = Field(None, description="Of /readyz: how much more the storages take")
