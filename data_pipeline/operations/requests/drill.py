"""What a drill is asked."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from data_pipeline.layouts.registry import FAMILIES
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import StorageName, TaskId, Timestamp
from data_pipeline.operations.requests.request import OperationRequest, none_of
from data_pipeline.storage.location import MAIN_STORAGE

OF_STORES = ("database", "milvus", "redis")
"""Families of sets that a scratch server of their own can prove."""

LAYOUTS = (*FAMILIES, *OF_STORES)


def _drilled(value: Any) -> Any:
    if value not in LAYOUTS:
        raise none_of(LAYOUTS)
    return value


Drilled = Annotated[str, BeforeValidator(_drilled), Field(json_schema_extra={"enum": [*LAYOUTS]})]


class DrillRequest(OperationRequest):
    """Which set is proven."""

    kind: ClassVar[str] = "drill"

    location: TaskId = Field(description="global, or a task id")
    timestamp: Timestamp | None = Field(
        None, description="Timestamp of the set; the newest backup of everything if absent"
    )
    storage: StorageName = Field(MAIN_STORAGE, description="The storage it is in, by name")
    layout: Drilled | None = Field(None, description="Of which layout the newest backup is; langchain if absent")
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)

    @property
    def changes_database(self) -> bool:
        return False
