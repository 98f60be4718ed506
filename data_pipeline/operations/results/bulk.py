"""The answer of one call about many sets."""

from pydantic import Field

from data_pipeline.operations.requests.bulk import Action
from data_pipeline.operations.results.result import Count, Part, Result, Seconds, Sometimes, Stamp


class BulkEntry(Part):
    """What became of one set."""

    location: str
    timestamp: Stamp
    storage: str
    success: bool
    verified: Sometimes[bool] = Field(None, description="Of verify. False: no manifest vouches for it")
    copied: Sometimes[bool] = Field(None, description="Of copy. False: the same set was there already")
    removed: Sometimes[list[str]] = Field(None, description="Of delete: the files that are gone")
    error: Sometimes[str] = Field(None, description="Only of one that failed")
    error_type: Sometimes[str] = Field(None, description="The same")


class BulkDone(Result):
    """What became of each set, in the order in which they were named."""

    action: Action
    sets: list[BulkEntry]
    succeeded: Count
    failed: Count
    errors: list[str] = Field(description="Of the sets that failed")
    duration: Seconds
