"""What is answered about Neo4j."""

from typing import Literal

from pydantic import Field

from data_pipeline.operations.results.restore import Problem
from data_pipeline.operations.results.result import BackupInfo, Count, Part, Result, Seconds, StoreTarget, Warnings
from data_pipeline.operations.results.store_backup import StoreBackedUp


class Graph(Part):
    """How many nodes and relationships there are."""

    nodes: Count
    relationships: Count
    labels: dict[str, Count] = Field(description="Nodes by label; under the empty name those without one")
    types: dict[str, Count] = Field(description="Relationships by type")


class Neo4jBackedUp(StoreBackedUp):
    """What a backup of Neo4j wrote."""

    consistency: Literal["live"]
    moment: str = Field(description="ISO 8601: when reading began")
    graph: Graph
    constraints: Count
    indexes: Count


class Neo4jRestored(Result):
    """What a restore of Neo4j did."""

    restore_performed: bool
    mode: Literal["empty", "replace", "merge"]
    backup_info: BackupInfo
    graph: Graph = Field(description="Of the set")
    batches: bool = Field(description="Whether it was more than one transaction")
    created: list[str] = Field(description="Constraints and indexes that weren't there")
    warnings: Warnings
    target: StoreTarget
    duration: Seconds


class Neo4jRehearsed(Result):
    """What a restore of Neo4j would do."""

    dry_run: Literal[True]
    restore_performed: Literal[False]
    mode: Literal["empty", "replace", "merge"]
    backup_info: BackupInfo
    graph: Graph = Field(description="Of the set")
    live: Graph | None = Field(description="What is there; null where a problem hides it")
    batches: bool
    created: list[str] = Field(description="Constraints and indexes that would be made")
    problems: list[Problem]
    warnings: Warnings
    target: StoreTarget
    duration: Seconds


class Neo4jCompared(Result):
    """Whether a set and a live graph are the same."""

    identical: bool = Field(description="Every node and relationship, with labels, types and properties")
    graph: Graph = Field(description="Of the set")
    live: Graph
    missing: list[str] = Field(description="Constraints and indexes of the set that aren't there")
    backup_info: BackupInfo
    warnings: Warnings
    target: StoreTarget
    duration: Seconds
