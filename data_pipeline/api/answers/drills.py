"""The answer of GET /drills."""

from collections.abc import Sequence

from pydantic import Field
from typing_extensions import Self

from common.messages import say
from data_pipeline.api.answers.envelope import JobId
from data_pipeline.api.answers.jobs import Moment
from data_pipeline.jobs.job import DrilledSet
from data_pipeline.operations.results.result import Part, Result, Stamp


class ListedDrill(Part):
    """What the drills of one set have found."""

    location: str = Field(description="global, or a task id")
    timestamp: Stamp
    storage: str
    proven: bool = Field(description="Whether the newest drill proved it")
    drilled_at: Moment = Field(description="When the newest ended")
    proven_at: Moment | None = Field(description="When one last proved it; null: none ever did")
    job_id: JobId = Field(description="The newest drill")

    @classmethod
    def of(cls, found: DrilledSet) -> Self:
        return cls(**vars(found))


class DrillList(Result):
    """Every set that was drilled, the newest first."""

    drills: list[ListedDrill]

    @classmethod
    def of(cls, found: Sequence[DrilledSet]) -> Self:
        return cls(response=say("drills_listed", count=len(found)), drills=[ListedDrill.of(one) for one in found])
