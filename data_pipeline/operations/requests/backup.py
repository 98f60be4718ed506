"""What a backup is asked."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, model_validator
from typing_extensions import Self

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import Collections, Probes, StorageName, TaskId, Text
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.storage.location import MAIN_STORAGE
from data_pipeline.storage.naming import FileFormat


class BackupRequest(OperationRequest):
    """What is backed up, where from, where to, and how."""

    kind: ClassVar[str] = "backup"
    secrets: ClassVar[frozenset[str]] = frozenset({"pg_conn", "db_connection"})

    task_id: TaskId | None = Field(None, description="Back up into this task's directory")
    pg_conn: Text | None = Field(None, description=fields.PG_CONN)
    db_connection: Text | None = Field(None, description="Another name for pg_conn")
    truncate_vector_tables: bool = Field(False, description="Empty the embedding table once the backup is complete")
    backup_vector_tables: bool = Field(True, description="Back up; truncating switches it on")

    collections: Collections | None = Field(None, description=fields.COLLECTIONS)
    probes: Probes = Field(0, description="Searches to remember, for a restore to repeat")
    format: FileFormat = Field("csv", description="csv, or PostgreSQL's binary COPY: smaller and faster")
    storages: list[StorageName] = Field(
        [MAIN_STORAGE],
        min_length=1,
        description="Where the backup goes, by name",
        json_schema_extra={"uniqueItems": True},
    )
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)

    @model_validator(mode="after")
    def _no_clash(self) -> Self:
        if self.pg_conn and self.db_connection:
            raise InvalidParams(say("params_clash_two_databases"))
        if len(set(self.storages)) < len(self.storages):
            raise InvalidParams(say("storages_repeated"), details={"field": "storages"})
        return self

    @property
    def named_database(self) -> str | None:
        """By whichever of its two names."""
        return self.pg_conn or self.db_connection

    @property
    def truncate(self) -> bool:
        return self.truncate_vector_tables

    @property
    def copies(self) -> Sequence[str]:
        """The storages beside the first, which the set is copied to."""
        return self.storages[1:]
