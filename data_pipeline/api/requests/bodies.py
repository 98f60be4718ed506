"""Requests that no operation has a model for: queries, paths, sessions, single sets."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.requests.fields import AS_JOB, STAMP, TASK_ID, StorageName, TaskId, Text
from data_pipeline.operations.requests.request import Request
from data_pipeline.storage.location import MAIN_STORAGE


def _query_boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidParams(say("param_global_only_not_boolean"), details={"field": "global_only"})


class ListQuery(Request):
    """GET /restore/list"""

    global_only: Annotated[bool, BeforeValidator(_query_boolean)] = Field(
        False, description="Only the backups of the whole system, not those of tasks"
    )
    task_id: TaskId | None = Field(None, description="Only the backups of this task; beats global_only")
    storage: StorageName = Field(MAIN_STORAGE, description="Only the backups in this storage; all: in every one")


def _strict(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidParams(
        say("param_invalid", field="strict", reason=say("value_not_boolean")), details={"field": "strict"}
    )


class ReadyQuery(Request):
    """GET /readyz"""

    strict: Annotated[bool, BeforeValidator(_strict)] = Field(
        False, description="503 too while the next good backup of a schedule is overdue"
    )


class TablesQuery(Request):
    """GET /tables"""

    target: Text | None = Field(None, description="The database, by its name in TARGETS; the configured one if absent")


class SignInBody(Request):
    """The token that a session is begun with."""

    token: Text = Field(description="API_TOKEN or API_READ_TOKEN")


class BackupSetPath(BaseModel):
    """Where a backup set is, in a URL."""

    location: Annotated[str, TASK_ID] = Field(description="global, or a task id")
    timestamp: Annotated[str, STAMP] = Field(description="YYYYMMDD_HHMMSS")


class SetQuery(Request):
    """Which storage a backup set is in."""

    storage: StorageName = Field(MAIN_STORAGE, description="The storage, by name")


class CopyBody(Request):
    """Where a set is copied to."""

    to: StorageName = Field(description="The storage it is copied to, by name")


class DrillBody(Request):
    """How a set is drilled."""

    as_job: bool = Field(False, alias="async", description=AS_JOB)


class UploadQuery(SetQuery):
    """POST /backups/upload"""

    task_id: TaskId | None = Field(None, description="Put it into this task's directory")
