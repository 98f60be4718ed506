"""What changing the key of encrypted sets is answered."""

from pydantic import Field

from data_pipeline.operations.results.result import Count, Part, Result


class NotRewrapped(Part):
    """A set that kept its key."""

    backup_path: str
    timestamp: str
    error: str


class RewrappedSets(Result):
    """What became of all encrypted sets."""

    key: str = Field(description="The id of the key that they are wrapped with now")
    rewrapped: Count
    current: Count = Field(description="Wrapped with it before")
    failed: list[NotRewrapped]
