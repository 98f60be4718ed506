"""The answer of GET /drills."""

from collections.abc import Sequence

from pydantic import Field
from typing_extensions import Self

from common.messages import say
from data_pipeline.api.answers.envelope import JobId
from data_pipeline.api.answers.jobs import Moment
from data_pipeline.jobs.backend.proofs import DrilledSet
from data_pipeline.operations.backup_sets import GLOBAL
from data_pipeline.operations.results.result import Part, Result, Stamp
from data_pipeline.storage import location


class ListedDrill(Part):
    """What the drills of one set have found."""

    backup_path: str
    location: str = Field(description="global, or a task id")
    timestamp: Stamp
    storage: str
    schedule: str | None = Field(description="What has made the set; null: no schedule")
    proven: bool = Field(description="Whether the newest drill proved it")
    drilled_at: Moment = Field(description="When the newest ended")
    proven_at: Moment | None = Field(description="When one last proved it; null: none ever did")
    job_id: JobId | None = Field(description="The newest drill")

    @classmethod
    def of(cls, found: DrilledSet) -> Self:
        where = location.parse(found.backup_path)
        return cls(**vars(found) | {"location": where.task_id or GLOBAL, "storage": where.storage})


class DrillList(Result):
    """Every set that was drilled, the newest first."""

    drills: list[ListedDrill]

    @classmethod
    def of(cls, found: Sequence[DrilledSet]) -> Self:
        return cls(response=say("drills_listed", count=len(found)), drills=[ListedDrill.of(one) for one in found])
