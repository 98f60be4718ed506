"""The answer of a restore of objects."""

from typing import Any

from pydantic import Field

from data_pipeline.operations.results.result import (
    Count,
    NamedBackup,
    Part,
    Result,
    Seconds,
    Sometimes,
    StoredBackup,
    StoreTarget,
    Warnings,
)


class ObjectCounts(Part):
    """What was done, or would be."""

    added: Count = Field(description="Written where there was none")
    replaced: Count = Field(description="Written over other bytes, headers or tags")
    removed: Count = Field(description="Not in the set")
    unchanged: Count = Field(description="The same already, to the byte")
    kept: Count = Field(description="Different, and left alone, as `add` does")
    bytes: Count = Field(description="Of what is written")


class ObjectSamples(Part):
    """Up to 20 keys of each kind."""

    added: list[str]
    replaced: list[str]
    removed: list[str]
    kept: list[str]


class ObjectsRestored(Result):
    """What a restore of objects did."""

    restore_performed: bool
    dry_run: Sometimes[bool] = Field(None, description="Only of one")
    mode: str
    backup_info: StoredBackup
    objects: ObjectCounts
    verified: Count = Field(description="How many were read back where they are now, and are right")
    samples: ObjectSamples
    backup_before_restore: Sometimes[NamedBackup] = None
    undo: Sometimes[dict[str, Any]] = Field(None, description="A body that brings back what was there")
    errors: list[str]
    warnings: Warnings
    target: StoreTarget
    duration: Seconds
