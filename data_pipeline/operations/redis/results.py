"""What is answered about Redis."""

from typing import Literal

from pydantic import Field

from data_pipeline.operations.results.compare import Samples
from data_pipeline.operations.results.restore import Problem
from data_pipeline.operations.results.result import (
    BackupInfo,
    Count,
    Part,
    Result,
    Seconds,
    Sometimes,
    StoreTarget,
    Warnings,
)
from data_pipeline.operations.results.store_backup import StoreBackedUp
from data_pipeline.stores.redis.saving.consistency import Consistency

MOMENT = "ISO 8601: the moment that the copy is of; of live data the one it began"


class SavedDatabase(Part):
    """A logical database as it was saved."""

    keys: Count
    expiring: Count = Field(description="Keys that have a time to live")
    types: dict[str, Count] = Field(description="Keys by type")
    memory_bytes: Count = Field(description="What they take in the server's memory")
    gone: Count = Field(description="Keys that were named and gone when they were read: expired, or removed")


class RedisBackedUp(StoreBackedUp):
    """What a backup of Redis wrote."""

    consistency: Consistency
    moment: str = Field(description=MOMENT)
    paused_seconds: Sometimes[Seconds] = Field(None, description="How long writers waited; only of paused")
    databases: dict[str, SavedDatabase] = Field(description="By number")
    functions: list[str] = Field(description="Libraries of functions in the set")
    users: Count | None = Field(description="Users in the set; null: they weren't asked for")


class RestoredDatabase(Part):
    """A database of the set, and what became of it."""

    database: Count = Field(description="The number that it went to")
    keys: Count = Field(description="Keys that were loaded, and found equal to the backup's")
    expired: Count = Field(description="Keys of the set whose time was over")
    kept_as: Sometimes[int] = Field(None, description="The number that has what was replaced; only with keep_old")


class RedisRestored(Result):
    """What a restore of Redis did."""

    restore_performed: bool
    mode: Literal["replace", "merge"]
    backup_info: BackupInfo
    consistency: Consistency
    moment: str = Field(description=MOMENT)
    databases: dict[str, RestoredDatabase] = Field(description="By the number in the set")
    keys_added: Sometimes[int] = Field(None, description="Of a merge: keys of the set that are there now")
    keys_replaced: Sometimes[int] = Field(None, description="Of a merge: those of them that were there before")
    switch_seconds: Seconds = Field(description="How long the server served no other client")
    warnings: Warnings
    target: StoreTarget
    duration: Seconds


class RehearsedDatabase(Part):
    """A database of the set beside the live one, by keys."""

    database: Count = Field(description="The live database's number")
    only_in_backup: Count
    only_in_other: Count = Field(description="Only live; a replace removes them")
    different: Count
    same: Count
    expired: Count = Field(description="Keys of the set whose time is over")
    samples: Samples


class RedisRehearsed(Result):
    """What a restore of Redis would do."""

    dry_run: Literal[True]
    restore_performed: Literal[False]
    mode: Literal["replace", "merge"]
    backup_info: BackupInfo
    consistency: Consistency
    moment: str = Field(description=MOMENT)
    databases: dict[str, RehearsedDatabase] = Field(
        description="By the number in the set; none where a problem hides it"
    )
    problems: list[Problem]
    warnings: Warnings
    target: StoreTarget
    duration: Seconds


class RedisCompared(Result):
    """What differs between a set and live databases, or another set."""

    identical: bool
    databases: dict[str, RehearsedDatabase] = Field(description="By the number in the set")
    backup_info: BackupInfo
    other: BackupInfo | None = Field(alias="with", description="Null: the live databases")
    target: StoreTarget | None
    warnings: Warnings
    duration: Seconds
