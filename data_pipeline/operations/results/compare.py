"""The answer of POST /compare."""

from typing import Annotated, Literal

from pydantic import Field

from data_pipeline.operations.results.result import (
    BackupInfo,
    Count,
    Part,
    Result,
    Seconds,
    Sometimes,
    TableName,
    Target,
    Warnings,
)

Kind = Literal["only_in_backup", "only_in_other", "different", "same"]
Ids = Annotated[list[str], Field(max_length=20)]


class Samples(Part):
    """Up to 20 ids of each kind."""

    only_in_backup: Ids
    only_in_other: Ids
    different: Ids


class ComparedRow(Part):
    """The collection's own row: its name, uuid and cmetadata."""

    kind: Kind
    columns: list[str] = Field(description="Those that differ")


class ComparedCollection(Part):
    """The embeddings of one collection, counted."""

    name: str | None = Field(description="Null: the rows in no collection")
    only_in_backup: Count
    only_in_other: Count
    different: Count
    same: Count
    samples: Samples
    collection: ComparedRow


class ComparedTable(Part):
    """The rows of one table, counted."""

    name: TableName
    only_in_backup: Count
    only_in_other: Count
    different: Count
    same: Count
    samples: Samples


class Compared(Result):
    """What differs between a backup and the live tables, or another backup."""

    identical: bool
    collections: list[ComparedCollection]
    tables: Sometimes[list[ComparedTable]] = Field(
        None, description="Only of any tables: their rows have no collections"
    )
    warnings: Warnings
    backup_info: BackupInfo
    other: BackupInfo | None = Field(alias="with", description="Null: the live tables")
    target: Target
    duration: Seconds
