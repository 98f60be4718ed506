"""Request models: strict and closed. A wrong type or an unknown field is refused, never guessed at."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from common.errors import InvalidParams, MissingParams, ServiceError
from common.messages import say
from data_pipeline.formats.evidence import Dialect
from data_pipeline.operations.restore import option_conflicts
from data_pipeline.operations.restore.options import OnConflict, Strategy, Triggers
from data_pipeline.sets.manifest import MOST_PROBES
from data_pipeline.storage import location, naming
from data_pipeline.storage.location import MAIN_STORAGE, STORAGE_NAME
from data_pipeline.storage.naming import FileFormat

# pydantic's error types in our words; the rest is "wrong value".
REASONS = {
    "extra_forbidden": say("value_extra"),
    "bool_type": say("value_not_boolean"),
    "string_type": say("value_not_a_string"),
    "list_type": say("value_not_an_array"),
    "int_type": say("value_not_an_integer"),
    "greater_than_equal": say("value_out_of_range"),
    "less_than_equal": say("value_out_of_range"),
    "literal_error": say("value_unsupported"),
    "string_too_short": say("value_empty"),
    "too_short": say("value_empty"),
    "string_too_long": say("value_too_long"),
}


def _checked(check: Callable[[Any], object]) -> AfterValidator:
    """A field that one of the engine's own checks must accept. Its InvalidParams passes through pydantic."""

    def validate(value: Any) -> Any:
        check(value)
        return value

    return AfterValidator(validate)


def _query_boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidParams(say("param_global_only_not_boolean"), details={"field": "global_only"})


def _storable(name: str) -> str:
    """What PostgreSQL can keep in a text; a ValueError becomes our answer."""
    if "\0" in name:
        raise ValueError("no text has a NUL")
    name.encode()  # no lone surrogates
    return name


def _different(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise InvalidParams(say("collections_repeated"), details={"field": "collections"})
    return names


def _shown(**schema: Any) -> Any:
    """What the API's description says of a field whose check is the engine's own."""
    return Field(json_schema_extra=schema)


TASK_ID = _shown(pattern=location.TASK_ID.pattern.join("^$"), maxLength=location.LONGEST_NAME)
STAMP = _shown(pattern=naming.TIMESTAMP.pattern.join("^$"))

TaskId = Annotated[str, _checked(location.check_task_id), TASK_ID]
Timestamp = Annotated[str, _checked(naming.check_timestamp), STAMP]
TableName = Annotated[str, _shown(enum=list(naming.TABLES))]
Tables = Annotated[list[TableName], Field(min_length=1), _checked(naming.in_order), _shown(uniqueItems=True)]
Probes = Annotated[int, Field(ge=0, le=MOST_PROBES)]
StorageName = Annotated[str, Field(pattern=STORAGE_NAME.pattern.join("^$"))]
Text = Annotated[str, Field(min_length=1, max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_storable)]
Collections = Annotated[list[Name], Field(min_length=1), AfterValidator(_different), _shown(uniqueItems=True)]


DIALECT = "How a CSV without a manifest is read: as COPY or as Python's csv.writer writes it; told by content if absent"


class Request(BaseModel):
    """What all requests share: null is the same as absent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {k: v for k, v in data.items() if v is not None or k not in known} if isinstance(data, dict) else data

    def as_request(self) -> dict[str, Any]:
        """The body as it came, to be stored and read again: only what was set, by the names of the API."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class ListQuery(Request):
    """GET /restore/list"""

    global_only: Annotated[bool, BeforeValidator(_query_boolean)] = Field(
        False, description="Only the backups of the whole system, not those of tasks"
    )
    task_id: TaskId | None = Field(None, description="Only the backups of this task; beats global_only")
    storage: StorageName = Field(MAIN_STORAGE, description="Only the backups in this storage; all: in every one")


class RestoreBody(Request):
    """POST /restore"""

    backup_path: Text = Field(description="Directory of the set, as listed")
    timestamp: Timestamp = Field(description="Timestamp of the set, YYYYMMDD_HHMMSS")
    tables: Tables | None = Field(None, description="Which tables; both if absent")
    pg_conn: Text | None = Field(
        None, description="postgresql://user:password@host:port/dbname, for this call only, or a name from TARGETS"
    )
    truncate_before_restore: bool = Field(False, description="Replace what the tables hold, all or nothing")
    atomic: bool | None = Field(None, description="When adding rows: both tables or neither")

    expect_database: Text | None = Field(None, description="Refuse unless the connected database has this name")
    require_manifest: bool = Field(False, description="Refuse a set that nothing vouches for")
    strategy: Strategy = Field("reload", description="sync: write only the rows that differ, readers never wait")
    as_job: bool = Field(False, alias="async", description="Answer 202 at once, with a job to follow")

    collections: Collections | None = Field(None, description="Only these collections, by name; all if absent")
    collection_suffix: Name | None = Field(
        None, description="Restore as new collections, name + suffix, beside the originals"
    )
    on_conflict: OnConflict = Field(
        "error", description="When adding rows that are there: keep the live or the backup's"
    )
    triggers: Triggers = Field(
        "fire", description="disable: triggers and rules of the tables are off meanwhile; only their owner may"
    )
    dry_run: bool = Field(False, description="Change nothing; tell what would happen, and every problem")
    create_tables: bool = Field(False, description="Create extension, tables, keys and indexes that are missing")
    dialect: Dialect | None = Field(None, description=DIALECT)
    backup_before_restore: bool = Field(False, description="First take a backup; the answer's undo brings it back")

    @model_validator(mode="after")
    def _no_clash(self) -> "RestoreBody":
        option_conflicts.expect_none(self)
        return self

    @property
    def truncate(self) -> bool:
        return self.truncate_before_restore

    @property
    def merges(self) -> bool:
        return self.on_conflict != "error"

    def as_arguments(self) -> dict[str, Any]:
        """As VectorRestoreManager.restore_from_backup takes them."""
        return {name: value for name, value in self if value is not None and name != "as_job"}


class BackupBody(Request):
    """POST /backup"""

    task_id: TaskId | None = Field(None, description="Back up into this task's directory")
    pg_conn: Text | None = Field(
        None, description="postgresql://user:password@host:port/dbname, for this call only, or a name from TARGETS"
    )
    db_connection: Text | None = Field(None, description="Another name for pg_conn")
    truncate_vector_tables: bool = Field(False, description="Empty the embedding table once the backup is complete")
    backup_vector_tables: bool = Field(True, description="Back up; truncating switches it on")

    collections: Collections | None = Field(None, description="Only these collections, by name; all if absent")
    probes: Probes = Field(0, description="Searches to remember, for a restore to repeat")
    format: FileFormat = Field("csv", description="csv, or PostgreSQL's binary COPY: smaller and faster")
    storages: list[StorageName] = Field(
        [MAIN_STORAGE],
        min_length=1,
        description="Where the backup goes, by name",
        json_schema_extra={"uniqueItems": True},
    )
    as_job: bool = Field(False, alias="async", description="Answer 202 at once, with a job to follow")

    @model_validator(mode="after")
    def _no_clash(self) -> "BackupBody":
        if self.pg_conn and self.db_connection:
            raise InvalidParams(say("params_clash_two_databases"))
        if len(set(self.storages)) < len(self.storages):
            raise InvalidParams(say("storages_repeated"), details={"field": "storages"})
        return self

    def as_arguments(self) -> dict[str, Any]:
        """As VectorTableManager.execute_vector_management takes them."""
        return {
            "backup": self.backup_vector_tables,
            "truncate": self.truncate_vector_tables,
            "pg_conn": self.pg_conn or self.db_connection,
            "file_format": self.format,
            "collections": self.collections,
            "probe_count": self.probes,
            "copies": self.storages[1:],
        }


class NamedSet(Request):
    """A backup set, as the list names it."""

    backup_path: Text = Field(description="Directory of the set, as listed")
    timestamp: Timestamp = Field(description="Timestamp of the set, YYYYMMDD_HHMMSS")


class CompareBody(NamedSet):
    """POST /compare"""

    other: NamedSet | None = Field(None, alias="with", description="Another set; the live tables if absent")
    collections: Collections | None = Field(None, description="Only these collections, by name; all if absent")
    pg_conn: Text | None = Field(
        None, description="postgresql://user:password@host:port/dbname, for this call only, or a name from TARGETS"
    )
    dialect: Dialect | None = Field(None, description=DIALECT)

    def as_arguments(self) -> dict[str, Any]:
        """As BackupComparison.compare takes them."""
        return {
            "backup": (self.backup_path, self.timestamp),
            "other": (self.other.backup_path, self.other.timestamp) if self.other else None,
            "collections": self.collections,
            "pg_conn": self.pg_conn,
            "dialect": self.dialect,
        }


class SignInBody(Request):
    """POST /session"""

    token: Text = Field(description="API_TOKEN or API_READ_TOKEN")


class BackupSetPath(BaseModel):
    """Where a backup set is, in a URL."""

    location: Annotated[str, TASK_ID] = Field(description="global, or a task id")
    timestamp: Annotated[str, STAMP] = Field(description="YYYYMMDD_HHMMSS")


class SetQuery(Request):
    """Which storage a backup set is in."""

    storage: StorageName = Field(MAIN_STORAGE, description="The storage, by name")


class CopyBody(Request):
    """POST /backups/{location}/{timestamp}/copy"""

    to: StorageName = Field(description="The storage it is copied to, by name")


class UploadQuery(SetQuery):
    """POST /backups/upload"""

    task_id: TaskId | None = Field(None, description="Put it into this task's directory")


def rejected(error: ValidationError) -> ServiceError:
    """The answer for a request that does not fit its model: every missing field, or else the first wrong one."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    missing = [_field(problem) for problem in problems if problem["type"] == "missing"]
    return MissingParams(missing) if missing else _invalid(problems[0])


def _invalid(problem: ErrorDetails) -> InvalidParams:
    field = _field(problem)[:64] if problem["loc"] else "body"
    return InvalidParams(
        say("param_invalid", field=field, reason=REASONS.get(problem["type"], say("value_invalid"))),
        details={"field": field},
    )


def _field(problem: ErrorDetails) -> str:
    """`with.timestamp` for a field inside another; an array's field, whichever of its values it was."""
    return ".".join(part for part in problem["loc"] if isinstance(part, str))
