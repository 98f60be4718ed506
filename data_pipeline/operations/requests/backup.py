"""What a backup is asked."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from common.errors import InvalidParams, MissingParams
from common.messages import say
from data_pipeline.formats.compression import Compression
from data_pipeline.layouts import tables
from data_pipeline.layouts.registry import DOCUMENTED, OPEN
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import (
    AnyTables,
    Collections,
    LayoutName,
    Probes,
    Storages,
    TaskId,
    Text,
)
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.requests.where import Where
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

    layout: LayoutName = Field(DOCUMENTED.family, description=fields.LAYOUT)
    named_tables: AnyTables | Literal["vector"] | None = Field(
        None,
        alias="tables",
        description="Of any tables: which ones, as schema.table; vector: all that have one",
    )
    with_references: bool = Field(False, description="Of any tables: those that the chosen ones refer to as well")
    where: Where | None = Field(None, description=fields.WHERE)
    collections: Collections | None = Field(None, description=fields.COLLECTIONS)
    probes: Probes = Field(0, description="Searches to remember, for a restore to repeat")
    format: FileFormat = Field("csv", description="csv, or PostgreSQL's binary COPY: smaller and faster")
    compression: Compression = Field("none", description="zstd: files of about half the size, .csv.zst or .pgcopy.zst")
    storages: Storages = Field([MAIN_STORAGE], description="Where the backup goes, by name")
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)

    @model_validator(mode="after")
    def _no_clash(self) -> Self:
        if self.pg_conn and self.db_connection:
            raise InvalidParams(say("params_clash_two_databases"))
        self._expect_fitting_layout()
        return self

    def _expect_fitting_layout(self) -> None:
        """Raise InvalidParams for fields that mean nothing in the layout."""
        of_any = {"tables": self.named_tables is not None, "with_references": self.with_references, "where": self.where}
        of_owners = {
            "collections": self.collections is not None,
            "truncate_vector_tables": self.truncate,
        }
        for field, given in (of_owners if self.any_tables else of_any).items():
            if given:
                raise InvalidParams(
                    say("layout_without_field", layout=self.layout, field=field), details={"field": field}
                )
        if self.layout == tables.FAMILY and self.named_tables is None:
            raise MissingParams(["tables"])

    @property
    def any_tables(self) -> bool:
        """Which tables it is about is found in the database."""
        return self.layout in OPEN

    @property
    def named_database(self) -> str | None:
        """By whichever of its two names."""
        return self.pg_conn or self.db_connection

    @property
    def named_target(self) -> str | None:
        return self.named_database

    @property
    def changes_database(self) -> bool:
        return self.truncate

    @property
    def truncate(self) -> bool:
        return self.truncate_vector_tables

    @property
    def partial(self) -> bool:
        """Only some rows of the tables are saved."""
        return self.collections is not None or self.where is not None

    @property
    def copies(self) -> Sequence[str]:
        """The storages beside the first, which the set is copied to."""
        return self.storages[1:]
