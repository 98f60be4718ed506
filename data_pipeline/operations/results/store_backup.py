"""The answer of every backup of a store that isn't PostgreSQL tables."""

from pydantic import Field

from data_pipeline.operations.results.backup import StoredCopy
from data_pipeline.operations.results.result import (
    Count,
    Part,
    Result,
    Seconds,
    Size,
    Stamp,
    StoreTarget,
    Target,
    Warnings,
)
from data_pipeline.storage.naming import STORE_STEMS


class SavedFile(Part):
    """One file of a set."""

    backup_file: str
    row_count: Count = Field(description="Of what the store counts: rows, keys, objects")
    file_size: Size
    file_bytes: Count


class StoreBackedUp(Result):
    """What a backup of a store wrote."""

    backup_performed: bool
    layout: str = Field(description="The family of the store", json_schema_extra={"enum": list(STORE_STEMS)})
    backup_directory: str = Field(description="As the list shows it")
    backup_timestamp: Stamp
    files: dict[str, SavedFile] = Field(description="By what each holds")
    storages: dict[str, StoredCopy] = Field(description="By the storage's name")
    errors: list[str] = Field(description="The storages that failed; the others have the set")
    warnings: Warnings
    target: Target | StoreTarget
    duration: Seconds
