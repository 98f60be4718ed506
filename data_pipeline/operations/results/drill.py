"""The answer of a drill."""

from pydantic import Field

from data_pipeline.operations.results.restore import SearchCheck
from data_pipeline.operations.results.result import (
    Count,
    Part,
    Result,
    Seconds,
    Sometimes,
    StoredBackup,
    TableName,
    Warnings,
)


class DrilledTable(Part):
    """One table as it came back."""

    rows: Count = Field(description="Restored, and found equal to the backup's")
    file_bytes: Count


class DrillSteps(Part):
    """How long each step took."""

    start_seconds: Seconds
    restore_seconds: Seconds
    compare_seconds: Seconds


class Drilled(Result):
    """A set that was restored into a server of its own, and what was found there."""

    proven: bool = Field(description="A manifest vouches for it, every row came back to the bit, and searches find it")
    backup_info: StoredBackup
    manifest_sha256: str | None = Field(description="What vouches for the set; null: nothing does")
    identical: bool = Field(description="Whether every row that came back equals the backup's to the bit")
    tables: dict[TableName, DrilledTable]
    search_check: Sometimes[SearchCheck] = Field(None, description="Only of a set with probes")
    server_version: str = Field(description="Of the server it was restored into")
    steps: DrillSteps
    errors: list[str] = Field(description="Why it isn't proven")
    warnings: Warnings
    duration: Seconds
