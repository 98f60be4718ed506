"""What is asked of many sets at once."""

from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from common.errors import InvalidParams, MissingParams
from common.messages import say
from data_pipeline.operations.requests.fields import StorageName, TaskId, Timestamp
from data_pipeline.operations.requests.request import Request
from data_pipeline.storage.location import MAIN_STORAGE

MOST_SETS = 500
Action = Literal["verify", "copy", "delete", "download"]


class BulkSet(Request):
    """One of the sets, as the routes about single sets name it."""

    location: TaskId = Field(description="global, or a task id")
    timestamp: Timestamp = Field(description="Timestamp of the set, YYYYMMDD_HHMMSS")
    storage: StorageName = Field(MAIN_STORAGE, description="The storage it is in, by name")


class BulkRequest(Request):
    """What is done, and with which sets."""

    action: Action = Field(description="What is done with each; download: all of them in one tar")
    sets: list[BulkSet] = Field(min_length=1, max_length=MOST_SETS, description=f"Which ones, at most {MOST_SETS}")
    to: StorageName | None = Field(None, description="Of copy: the storage they are copied to, by name")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.action == "copy" and self.to is None:
            raise MissingParams(["to"])
        if self.action != "copy" and self.to is not None:
            raise InvalidParams(say("bulk_to_without_copy"), details={"field": "to"})
        if len({(one.storage, one.location, one.timestamp) for one in self.sets}) < len(self.sets):
            raise InvalidParams(say("bulk_set_repeated"), details={"field": "sets"})
        return self
