"""The fields of a restore, which the modes are chosen by."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.formats.dialects.evidence import Dialect
from data_pipeline.layouts.base import Layout, TableLayout
from data_pipeline.layouts.registry import DOCUMENTED, OPEN
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import (
    AnyTable,
    AnyTables,
    Collections,
    Columns,
    LayoutName,
    Name,
    Text,
    Timestamp,
)
from data_pipeline.operations.requests.into import Into
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.requests.where import Where

OnConflict = Literal["error", "skip", "update"]
Triggers = Literal["fire", "disable"]


class RestoreOptions(OperationRequest):
    """What RestoreRequest has, before its fields are known to go together: modes know this one, and it knows none."""

    kind: ClassVar[str] = "restore"
    secrets: ClassVar[frozenset[str]] = frozenset({"pg_conn"})

    backup_path: Text = Field(description=fields.BACKUP_PATH)
    timestamp: Timestamp = Field(description=fields.TIMESTAMP)
    layout: LayoutName | None = Field(None, description=f"{fields.LAYOUT}; the set's own if absent")
    named_tables: AnyTables | None = Field(None, alias="tables", description="Which tables; all of the set if absent")
    rename: dict[AnyTable, AnyTable] | None = Field(None, min_length=1, description=fields.RENAME)
    where: Where | None = Field(None, description=fields.WHERE)
    into: Into | None = Field(None, description=fields.INTO)
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
    conflict_key: Columns | None = Field(None, description=fields.CONFLICT_KEY)
    triggers: Triggers = Field(
        "fire", description="disable: triggers and rules of the tables are off meanwhile; only their owner may"
    )
    dry_run: bool = Field(False, description="Change nothing; tell what would happen, and every problem")
    create_tables: bool = Field(False, description="Create extension, tables, keys and indexes that are missing")
    dialect: Dialect | None = Field(None, description=fields.DIALECT)
    strip_nul: bool = Field(False, description="Drop \\u0000 from json on its way into jsonb, which can't hold it")
    allow_lossy: bool = Field(False, description="Load into narrower columns, and count the rows that they change")
    backup_before_restore: bool = Field(False, description="First take a backup; the answer's undo brings it back")

    @model_validator(mode="after")
    def _tables_of_the_layout(self) -> Self:
        if self.conflict_key is not None and not self.merges:
            raise InvalidParams(say("conflict_key_without_on_conflict"), details={"field": "conflict_key"})
        if self.layout is not None and self.layout in OPEN:
            self._expect_fitting(self.layout)
        elif self.named_tables is not None:
            DOCUMENTED.in_order(self.named_tables)
        return self

    @property
    def tables(self) -> list[str]:
        """The selected tables in the order they are written."""
        if self.layout in OPEN:
            return list(self.named_tables or ())
        return DOCUMENTED.in_order(self.named_tables or DOCUMENTED.names)

    @property
    def chosen(self) -> list[str] | None:
        """The tables that were asked for; None for all of the set."""
        return None if self.named_tables is None else self.tables

    def _expect_fitting(self, layout: str) -> None:
        """Raise InvalidParams for fields that mean nothing in a layout: about collections, or about any tables."""
        of_any = {"rename": self.rename, "where": self.where, "conflict_key": self.conflict_key}
        of_owners = {"collections": self.collections, "collection_suffix": self.collection_suffix}
        for field, given in (of_owners if layout in OPEN else of_any).items():
            if given is not None:
                raise InvalidParams(say("layout_without_field", layout=layout, field=field), details={"field": field})

    def of(self, layout: Layout) -> Self:
        """The same, with the tables that it is about: those chosen of a set's layout. Raises InvalidParams if the set
        is of another layout than the request says."""
        if self.layout not in (None, layout.family):
            text = say("set_of_another_layout", layout=layout.family)
            raise InvalidParams(text, details={"field": "layout", "layout": layout.family})
        self._expect_fitting(layout.family)
        if layout.family not in OPEN:
            return self
        return self.model_copy(update={"layout": layout.family, "named_tables": list(layout.names)})

    def moved(self, layout: Layout) -> Layout:
        """A set's layout with the tables where their rows go. Raises InvalidParams for two that would meet."""
        if self.rename is None:
            return layout
        layout.in_order(list(self.rename))
        found = layout.moved({old: _place(layout[old], new) for old, new in self.rename.items()})
        if len(set(found.in_place().names)) < len(found.names):
            raise InvalidParams(say("rename_meets"), details={"field": "rename"})
        return found

    @property
    def truncate(self) -> bool:
        """Live rows are removed before the backup's are loaded."""
        return self.truncate_before_restore

    @property
    def merges(self) -> bool:
        return self.on_conflict != "error"


def _place(table: TableLayout, new: str) -> tuple[str, str]:
    """Schema and name of where a table's rows go: in its own schema, unless another one stands before a dot."""
    own = table.schema or ""
    if "." not in new:
        return own, new
    if new.startswith(f"{own}."):
        return own, new.removeprefix(f"{own}.")
    schema, _, relation = new.partition(".")
    return schema, relation
