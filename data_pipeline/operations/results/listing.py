"""The answer of GET /restore/list."""

from typing import Literal

from pydantic import Field

from data_pipeline.operations.results.result import Count, Moment, Part, Result, Size, Sometimes, Stamp
from data_pipeline.storage.naming import FileFormat


class ListedSet(Part):
    """A complete backup set."""

    timestamp: Stamp
    collection_file: str
    embedding_file: str
    collection_size: Size
    embedding_size: Size
    backup_date: str
    has_log: bool
    log_file: str | None
    format: FileFormat
    has_manifest: bool = Field(description="Whether a manifest vouches for every byte of it")


class ListedLocation(Part):
    """A directory with at least one complete set, the newest first."""

    type: Literal["global", "task"]
    task_id: Sometimes[str] = Field(None, description="Only of a task")
    relative_path: str = Field(description="Goes back into POST /restore as backup_path")
    backups: list[ListedSet]
    storage: str


class UnreadableLocation(Part):
    """A directory that the service may not look through."""

    relative_path: str
    storage: str
    error: str = Field(description="Why")


class ListingSummary(Part):
    """How much was found."""

    total_locations: Count
    total_backup_sets: Count
    global_backups: Count
    task_backups: Count
    scan_time: Moment
    unreachable_storages: Sometimes[list[str]] = Field(None, description="Only with storage=all")
    unreadable: Sometimes[list[UnreadableLocation]] = Field(None, description="Only where there are some")


class Listing(Result):
    """Every complete backup set, newest first; the whole system's location before those of tasks."""

    backup_locations: list[ListedLocation]
    summary: ListingSummary
