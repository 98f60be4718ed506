"""The fields of a restore, which the modes are chosen by."""

from typing import ClassVar, Literal

from pydantic import Field

from data_pipeline.formats.evidence import Dialect
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import Collections, Name, Tables, Text, Timestamp
from data_pipeline.operations.requests.request import OperationRequest

OnConflict = Literal["error", "skip", "update"]
Triggers = Literal["fire", "disable"]


class RestoreOptions(OperationRequest):
    """What RestoreRequest has, before its fields are known to go together: modes know this one, and it knows none."""

    kind: ClassVar[str] = "restore"
    secrets: ClassVar[frozenset[str]] = frozenset({"pg_conn"})

    backup_path: Text = Field(description=fields.BACKUP_PATH)
    timestamp: Timestamp = Field(description=fields.TIMESTAMP)
    named_tables: Tables | None = Field(None, alias="tables", description="Which tables; both if absent")
    pg_conn: Text | None = Field(None, description=fields.PG_CONN)
    truncate_before_restore: bool = Field(False, description="Replace what the tables hold, all or nothing")
    atomic: bool | None = Field(None, description="When adding rows: both tables or neither")

    expect_database: Text | None = Field(None, description="Refuse unless the connected database has this name")
    refuse_source: bool = Field(False, description="Refuse the database that the backup was taken from")
    require_manifest: bool = Field(False, description="Refuse a set that nothing vouches for")
    strategy: str = Field("reload", description=fields.STRATEGY)
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)

    collections: Collections | None = Field(None, description=fields.COLLECTIONS)
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
    dialect: Dialect | None = Field(None, description=fields.DIALECT)
    strip_nul: bool = Field(False, description="Drop \\u0000 from json on its way into jsonb, which can't hold it")
    backup_before_restore: bool = Field(False, description="First take a backup; the answer's undo brings it back")

    @property
    def tables(self) -> list[str]:
        """The selected tables in the order they are written."""
        return DOCUMENTED.in_order(self.named_tables or DOCUMENTED.names)

    @property
    def truncate(self) -> bool:
        """Live rows are removed before the backup's are loaded."""
        return self.truncate_before_restore

    @property
    def merges(self) -> bool:
        return self.on_conflict != "error"
