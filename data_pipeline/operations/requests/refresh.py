"""What is asked to keep a database fresh from another one's newest backup."""

from typing import ClassVar, Literal

from pydantic import Field

from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import LayoutName, StorageName, TaskId, Text
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.storage.location import MAIN_STORAGE


class RefreshRequest(OperationRequest):
    """Where the newest backup is looked for, and the database that gets its rows: never the one they come from."""

    kind: ClassVar[str] = "refresh"
    secrets: ClassVar[frozenset[str]] = frozenset({"pg_conn"})

    pg_conn: Text = Field(description=fields.PG_CONN)
    location: TaskId = Field("global", description="global, or a task id")
    storage: StorageName = Field(MAIN_STORAGE, description="The storage of the backups, by name")
    database: Text | None = Field(None, description="Only backups of the database of this name")
    layout: LayoutName | None = Field(None, description="Of which layout the newest backup is; langchain if absent")
    strategy: Literal["reload", "sync"] = Field("sync", description=fields.STRATEGY)
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)
