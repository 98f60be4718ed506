"""The answer of POST /compare."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from data_pipeline.operations.results.result import BackupInfo, Count, Data, Seconds, Target, Warnings

Ids = Annotated[list[str], Field(max_length=20)]


class Samples(BaseModel):
    """Up to 20 ids of each kind."""

    only_in_backup: Ids
    only_in_other: Ids
    different: Ids


class ComparedRow(BaseModel):
    """The collection's own row: its name, uuid and cmetadata."""

    kind: Literal["only_in_backup", "only_in_other", "different", "same"]
    columns: list[str] = Field(description="Those that differ")


class ComparedCollection(BaseModel):
    """The embeddings of one collection, counted."""

    name: str | None = Field(description="Null: the rows in no collection")
    only_in_backup: Count
    only_in_other: Count
    different: Count
    same: Count
    samples: Samples
    collection: ComparedRow


class Compared(Data):
    """What differs between a backup and the live tables, or another backup."""

    identical: bool
    collections: list[ComparedCollection]
    warnings: Warnings
    backup_info: BackupInfo
    other: BackupInfo | None = Field(alias="with", description="Null: the live tables")
    target: Target
    duration: Seconds
