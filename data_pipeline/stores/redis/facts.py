"""What the manifest of a set of Redis says beside its files."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from data_pipeline.stores.redis.saving.consistency import Consistency

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Text = Annotated[str, Field(max_length=4096)]

FUNCTIONS, USERS = "functions", "users"
"""Keys of files that are of the whole server."""


def file_key(database: int) -> str:
    """What the manifest calls the file of a database."""
    return f"db{database}"


class Fact(BaseModel):
    """Keys that a later version adds are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class DatabaseFact(Fact):
    """A logical database: keys by type, how many of them expire, what they take in the server's memory, and how many
    were named by SCAN and gone when they were read."""

    keys: Count
    expiring: Count
    memory_bytes: Count
    types: dict[Text, Count]
    gone: Count


class RedisFacts(Fact):
    """payload_version: of DUMP's format; 0 without a key. pattern: what keys were limited to. libraries: the names of
    functions' libraries. users: how many are in the set; None where they weren't asked for."""

    kind: Literal["redis", "valkey"]
    consistency: Consistency
    moment: Text
    paused_seconds: Annotated[float, Field(ge=0)] | None = None
    databases: dict[Text, DatabaseFact]
    payload_version: Count
    pattern: Text | None = None
    libraries: list[Text] = Field(default_factory=list)
    users: Count | None = None

    @property
    def numbers(self) -> list[int]:
        """Of its databases."""
        return sorted(int(name) for name in self.databases)

    @property
    def taken(self) -> datetime:
        return datetime.fromisoformat(self.moment)
