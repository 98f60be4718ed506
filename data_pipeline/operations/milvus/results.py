"""What is answered about Milvus."""

from typing import Any

from pydantic import Field
from typing_extensions import Self

from data_pipeline.operations.results.result import (
    BackupInfo,
    Count,
    Part,
    Result,
    Seconds,
    Size,
    Sometimes,
    StoreTarget,
    Warnings,
)
from data_pipeline.operations.results.store_backup import StoreBackedUp


class SavedCollection(Part):
    """A collection's files."""

    row_count: Count
    partitions: Count
    file_size: Size
    file_bytes: Count
    files: list[str]
    indexes: list[str] = Field(description="Fields that have one")
    aliases: list[str]
    changed: bool = Field(description="Rows came or went while it was read")
    duration: Seconds


class MilvusBackedUp(StoreBackedUp):
    """What a backup of Milvus wrote."""

    backup_name: str = Field(description="What the milvus-backup API calls the set")
    collections_backed_up: dict[str, SavedCollection]

    @classmethod
    def of(cls, done: StoreBackedUp, saved: dict[str, SavedCollection], name: str) -> Self:
        """What every store says of a backup, and what this one adds."""
        given = {field: getattr(done, field) for field in done.model_fields_set}
        return cls(**given, backup_name=name, collections_backed_up=saved)


class RestoredCollection(Part):
    """What became of one collection."""

    name: str = Field(description="What it is called now")
    rows: Count
    success: bool
    action: str = Field(description="created, swapped, merged, or would_create, would_swap, would_merge")
    rows_before: Sometimes[int] = Field(None, description="Of the live collection that was replaced or merged into")
    switched_by: Sometimes[str] = Field(None, description="alias or rename")
    aliases: list[str]
    old: Sometimes[str] = Field(None, description="What the replaced collection is called now")
    window_seconds: Sometimes[float] = Field(None, description="How long the name meant no collection")
    unloaded_seconds: Sometimes[float] = Field(
        None, description="How long it could not be searched, the window included"
    )
    load_seconds: Sometimes[float] = Field(None, description="Rows written")
    index_seconds: Sometimes[float] = Field(None, description="Indexes built and the collection loaded")
    check_seconds: Sometimes[float] = Field(None, description="Rows read back and compared")


class Problem(Part):
    """What would stand in the way."""

    error: str
    error_type: str
    collection: Sometimes[str] = None


class MilvusRestored(Result):
    """What a restore wrote; of a dry run what it would."""

    restore_performed: bool
    dry_run: Sometimes[bool] = None
    backup_info: BackupInfo
    restore_results: dict[str, RestoredCollection]
    problems: Sometimes[list[Problem]] = None
    errors: list[str]
    warnings: Warnings
    target: StoreTarget
    duration: Seconds


class ComparedCollection(Part):
    """Rows of one collection: to the bit, by key."""

    name: str
    only_in_backup: Count
    only_in_other: Count
    different: Count
    same: Count
    samples: dict[str, list[Any]] = Field(description="Up to 20 keys of each of the first three")


class MilvusCompared(Result):
    """What differs."""

    identical: bool
    collections: list[ComparedCollection]
    warnings: Warnings
    duration: Seconds
