"""What a restore is asked."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from data_pipeline.formats.evidence import Dialect
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import Collections, Name, Tables, Text, Timestamp
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.restore import option_conflicts
from data_pipeline.sets.manifest import Manifest

Strategy = Literal["reload", "sync"]
OnConflict = Literal["error", "skip", "update"]
Triggers = Literal["fire", "disable"]


class RestoreRequest(OperationRequest):
    """A set, the database it goes into, and how."""

    kind: ClassVar[str] = "restore"
    secrets: ClassVar[frozenset[str]] = frozenset({"pg_conn"})

    backup_path: Text = Field(description=fields.BACKUP_PATH)
    timestamp: Timestamp = Field(description=fields.TIMESTAMP)
    named_tables: Tables | None = Field(None, alias="tables", description="Which tables; both if absent")
    pg_conn: Text | None = Field(None, description=fields.PG_CONN)
    truncate_before_restore: bool = Field(False, description="Replace what the tables hold, all or nothing")
    atomic: bool | None = Field(None, description="When adding rows: both tables or neither")

    expect_database: Text | None = Field(None, description="Refuse unless the connected database has this name")
    require_manifest: bool = Field(False, description="Refuse a set that nothing vouches for")
    strategy: Strategy = Field("reload", description="sync: write only the rows that differ, readers never wait")
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

    @model_validator(mode="after")
    def _no_clash(self) -> Self:
        option_conflicts.expect_none(self)
        return self

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

    @property
    def removes(self) -> bool:
        """Live rows that the backup doesn't have go."""
        return self.truncate or self.strategy == "sync"

    @property
    def reads_names(self) -> bool:
        """The collection file is needed, whichever tables are restored: it says which collection is which."""
        return self.collections is not None or self.merges

    def limited_to(self, manifest: Manifest | None) -> "RestoreRequest":
        """A set of some collections says nothing about the others: where rows are removed, they are left alone."""
        chosen = manifest.chosen_collections if manifest else None
        if chosen is None or self.collections is not None or not self.removes:
            return self
        return self.model_copy(update={"collections": chosen})

    def as_sync(self) -> "RestoreRequest":
        """The same end without emptying a table first."""
        return self.model_copy(update={"truncate_before_restore": False, "strategy": "sync"})
