"""Requests that no operation has a model for: queries, paths, sessions, single sets."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator
from typing_extensions import Self

from common.errors import InvalidParams, MissingParams
from common.messages import say
from data_pipeline.api.requests.accounts import Password
from data_pipeline.layouts.registry import DOCUMENTED, FAMILIES
from data_pipeline.operations.listing import EVERYWHERE
from data_pipeline.operations.requests.fields import AS_JOB, STAMP, TASK_ID, StorageName, TaskId, Text, shown
from data_pipeline.operations.requests.request import Request, none_of
from data_pipeline.storage.location import MAIN_STORAGE
from data_pipeline.storage.naming import STORE_STEMS
from data_pipeline.targets import TARGET_NAME

MOST_LISTED = 200


def _query_boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidParams(say("param_global_only_not_boolean"), details={"field": "global_only"})


def _count(value: Any) -> Any:
    whole = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9
    if whole and 1 <= int(value) <= MOST_LISTED:
        return int(value)
    raise InvalidParams(say("param_limit_out_of_range", most=MOST_LISTED), details={"field": "limit"})


Limit = Annotated[int, BeforeValidator(_count), shown(minimum=1, maximum=MOST_LISTED)]


@AfterValidator
def _configured(value: str) -> str:
    """A database by its name: one with its address and password never stands in a URL."""
    if not TARGET_NAME.fullmatch(value):
        raise InvalidParams(say("param_malformed", name="target"), details={"field": "target"})
    return value


Configured = Annotated[str, _configured, shown(pattern=TARGET_NAME.pattern.join("^$"))]
LISTED_LAYOUTS = [*FAMILIES, *STORE_STEMS, EVERYWHERE]


def _listed_layout(value: Any) -> Any:
    if value not in LISTED_LAYOUTS:
        raise none_of(LISTED_LAYOUTS)
    return value


ListedLayout = Annotated[str, BeforeValidator(_listed_layout), shown(enum=LISTED_LAYOUTS)]


class ListQuery(Request):
    """GET /restore/list"""

    global_only: Annotated[bool, BeforeValidator(_query_boolean)] = Field(
        False, description="Only the backups of the whole system, not those of tasks"
    )
    task_id: TaskId | None = Field(None, description="Only the backups of this task; beats global_only")
    storage: StorageName = Field(MAIN_STORAGE, description="Only the backups in this storage; all: in every one")
    layout: ListedLayout = Field(
        DOCUMENTED.family, description="Only sets of this layout, or of this store; all: of every one"
    )
    limit: Limit | None = Field(
        None, description=f"So many backups, newest first, each with all of its copies: at most {MOST_LISTED}"
    )
    after: Text | None = Field(None, description="The `next` of the page before")
    q: Text | None = Field(
        None, description="Only backups of whose database, location, storage, date, format or state each word is a part"
    )


class DatabaseQuery(Request):
    """GET /collections"""

    target: Configured | None = Field(None, description="A name from TARGETS; the configured database if absent")


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


class TablePath(BaseModel):
    """Which table, in a URL."""

    table: str = Field(description="As schema.table, or the name of a table of PGVECTOR_SCHEMA")


class SignInBody(Request):
    """What a session is begun with: a user's name and password, or a token."""

    token: Text | None = Field(None, description="API_TOKEN or API_READ_TOKEN")
    name: Text | None = Field(None, description="A user's name")
    password: Password | None = Field(None, description="That user's password")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.token is None and (self.name is None or self.password is None):
            given = self.model_fields_set
            raise MissingParams(["name", "password"] if given else ["token"])
        if self.token is not None and (self.name, self.password) != (None, None):
            raise InvalidParams(say("sign_in_two_ways"), details={"field": "token"})
        return self


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
