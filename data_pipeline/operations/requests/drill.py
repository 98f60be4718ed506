"""What a drill is asked."""

from typing import ClassVar

from pydantic import Field

from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import LayoutName, StorageName, TaskId, Timestamp
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.storage.location import MAIN_STORAGE


class DrillRequest(OperationRequest):
    """Which set is proven."""

    kind: ClassVar[str] = "drill"

    location: TaskId = Field(description="global, or a task id")
    timestamp: Timestamp | None = Field(
        None, description="Timestamp of the set; the newest backup of everything if absent"
    )
    storage: StorageName = Field(MAIN_STORAGE, description="The storage it is in, by name")
    layout: LayoutName | None = Field(None, description="Of which layout the newest backup is; langchain if absent")
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)

    @property
    def changes_database(self) -> bool:
        return False
