"""What exports, imports, backups and restores of whole databases are asked."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.formats.compression import Compression
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import Name, Text
from data_pipeline.operations.requests.named_set import NamedSet
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.requests.store import StoringRequest

TARGET = "A name from TARGETS; the configured database if absent"
Mode = Literal["merge", "clean", "new_database"]


class ImportRequest(OperationRequest):
    """The fields of the form beside its file, by their documented names. It is kept in the history, never queued: its
    archive is gone with the request."""

    kind: ClassVar[str] = "database_import"

    clean_first: bool = Field(
        False, alias="cleanFirst", description="Drop and make anew what the archive holds, in one transaction"
    )
    skip_logs: bool = Field(False, alias="skipLogs", description="Leave out the rows of LOG_TABLES")
    trusted: bool = Field(False, description="The archive may run, although this service did not make it")
    target: Text | None = Field(None, description=TARGET)


class DatabaseBackupRequest(StoringRequest):
    """Which database becomes a set."""

    kind: ClassVar[str] = "database_backup"

    target: Name | None = Field(None, description=TARGET)
    exclude_logs: bool = Field(False, description="Leave out the rows of LOG_TABLES, not their structure")
    compression: Compression = Field("zstd", description="Of the archive: zstd, or none")


class DatabaseRestoreRequest(OperationRequest):
    """Which set goes into which database, and how."""

    kind: ClassVar[str] = "database_restore"

    named_set: NamedSet = Field(alias="set", description="The set, as the list names it")
    target: Name | None = Field(None, description=TARGET)
    mode: Mode = Field(
        "merge",
        description="merge: add to what is there; clean: drop and make anew what the set holds, in one transaction;"
        " new_database: a database of its own beside the live one",
    )
    atomic: bool | None = Field(
        None, description="Of a merge: one transaction, so that a table with the same keys undoes everything"
    )
    swap: bool = Field(
        False, description="Of new_database: let it take the live one's place, which is kept under another name"
    )
    create_roles: bool = Field(False, description="First make the roles that are missing, without passwords")
    skip_logs: bool = Field(False, description="Leave out the rows of LOG_TABLES")
    trusted: bool = Field(False, description="The set may run, although this service did not make it")
    expect_database: Name | None = Field(None, description="Refuse unless the target's database has this name")
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)

    @property
    def removes(self) -> bool:
        """Whether it takes the place of something that is there."""
        return self.mode == "clean" or self.swap

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.swap and self.mode != "new_database":
            raise InvalidParams(say("params_clash_swap_and_mode", mode=self.mode), details={"field": "swap"})
        if self.atomic is False and self.mode == "clean":
            raise InvalidParams(say("params_clash_clean_is_atomic"), details={"field": "atomic"})
        if self.atomic and self.mode == "new_database":
            raise InvalidParams(say("params_clash_atomic_new_database"), details={"field": "atomic"})
        return self
