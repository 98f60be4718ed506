"""The answer of POST /backup."""

from pydantic import Field

from data_pipeline.operations.results.restore import TruncatedTable
from data_pipeline.operations.results.result import (
    Count,
    Part,
    Result,
    Seconds,
    Size,
    Sometimes,
    Stamp,
    TableName,
    Target,
)


class SavedTable(Part):
    """One table's file."""

    success: bool
    row_count: Count
    file_size: Size
    file_bytes: Count
    raw_bytes: Sometimes[Count] = Field(None, description="Only if it is compressed: what it decompresses to")
    backup_file: str
    duration: Seconds


class StoredCopy(Part):
    """Whether the set is in a storage."""

    success: bool
    error: Sometimes[str] = None
    error_type: Sometimes[str] = None


class RememberedSearches(Part):
    """The searches that a restore will repeat."""

    count: Count
    distance: Sometimes[str] = Field(None, description="Left out where columns differ in it")
    recall: float | None


class BackedUp(Result):
    """What a backup wrote."""

    backup_performed: bool
    truncate_performed: bool
    backup_directory: str = Field(description="As the list shows it")
    backup_timestamp: Stamp
    tables_backed_up: dict[TableName, SavedTable]
    storages: dict[str, StoredCopy] = Field(description="By the storage's name")
    collections: Sometimes[list[str]] = Field(None, description="Only if some were chosen")
    probes: Sometimes[RememberedSearches] = None
    truncate_results: dict[TableName, TruncatedTable]
    errors: list[str] = Field(description="The storages that failed; the others have the set")
    warnings: list[str] = Field(
        description="What is worth knowing although it worked; first why it may not be of what is meant: no database"
        " is configured, tables with vectors are left out, there are no rows, or less than half of the last set's"
    )
    target: Target
    duration: Seconds
