"""What all answers share."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from data_pipeline.jobs.job import JOB_ID
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.storage.naming import TIMESTAMP

T = TypeVar("T")
Sometimes: TypeAlias = T | SkipJsonSchema[None]
"""A key that is left out where it says nothing; never null."""

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, description="Seconds")]
Size = Annotated[str, Field(description="For people: whole B and KB, one decimal from MB up", examples=["764 KB"])]
Stamp = Annotated[str, Field(pattern=f"^{TIMESTAMP.pattern}$", examples=["20250722_010318"])]
JobId = Annotated[str, Field(pattern=f"^{JOB_ID.pattern}$")]
TableName = Annotated[str, Field(json_schema_extra={"enum": list(DOCUMENTED.names)})]
Warnings = Annotated[list[str], Field(description="What is worth knowing although it worked")]


class Data(BaseModel):
    """The data of every answer."""

    response: str = Field(description="What happened, for people")
    timestamp: datetime = Field(description="The server's local time, with its UTC offset")


class Target(BaseModel):
    """The database that was meant; never its password."""

    host: str
    port: int
    dbname: str
    schema_: Sometimes[str] = Field(
        None, alias="schema", description="Where its tables are, if that is not PGVECTOR_SCHEMA"
    )
    user: str
    source: str = Field(
        description="Where it was found: pg_conn, target, config, app_config or embedded",
        json_schema_extra={"enum": ["pg_conn", "target", "config", "app_config", "embedded"]},
    )


class NamedBackup(BaseModel):
    """A backup set, as requests name it."""

    backup_path: str
    timestamp: Stamp


class BackupInfo(NamedBackup):
    """A backup set, as requests name it, and when it was made."""

    backup_date: str = Field(examples=["2025-07-22 01:03:18"])


class StoredBackup(BackupInfo):
    """The same, and in which storage it is."""

    storage: str


class Failure(Data):
    """The data of an answer that failed."""

    error_type: str = Field(description="Stable, for programs")
    can_retry: Sometimes[bool] = Field(None, description="Whether the same request may work later")
    details: Sometimes[dict[str, Any]] = Field(
        None, description="Which field, or which file, line and column; the reason; what there is instead"
    )
    missing_params: Sometimes[list[str]] = Field(None, description="Required fields that were not there")
    target: Sometimes[Target] = None
    rolled_back: Sometimes[bool] = Field(None, description="The tables are as they were")
    outcome: Sometimes[str] = Field(
        None, description="unknown: the connection was lost over the COMMIT, and nobody can tell what became of it"
    )
    holder: dict[str, Any] | None = Field(None, description="Who is at work on that database")
    backup_timestamp: Sometimes[Stamp] = Field(None, description="The backup is there; what failed came after it")
    backup_before_restore: Sometimes[NamedBackup] = Field(None, description="The backup that was taken first is there")
    job_id: Sometimes[JobId] = None
    state: Sometimes[str] = Field(None, description="Of the job that can't be cancelled any more")
    retry_after_seconds: Sometimes[Count] = Field(None, description="Until when no further attempt is looked at")
    checks: Sometimes[dict[str, bool]] = Field(None, description="Of /readyz: what works and what does not")
    targets: Sometimes[dict[str, bool]] = Field(None, description="Of /readyz: which of TARGETS are within reach")
    storages: Sometimes[dict[str, bool]] = Field(None, description="Of /readyz: which of STORAGES are within reach")
