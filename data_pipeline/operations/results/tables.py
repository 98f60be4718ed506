"""The answer of GET /tables."""

from typing import Literal

from pydantic import Field

from data_pipeline.layouts import recognise, tables
from data_pipeline.operations.results.result import Count, Part, Result, Sometimes, Target, Warnings


class ListedColumn(Part):
    """A column."""

    name: str
    type: str = Field(description="As PostgreSQL writes it, with its size", examples=["character varying(50)"])
    not_null: bool
    filled_by: Sometimes[Literal["default", "identity", "generated"]] = Field(
        None, description="What gives it a value of its own; only where something does"
    )


class ListedVector(Part):
    """A column of vectors, or of a domain over them."""

    column: str
    type: str = Field(description="pgvector's: vector, halfvec or sparsevec")
    dimensions: int | None = Field(description="null: any")


class ListedIndex(Part):
    """An index, those behind keys included."""

    name: str
    method: str = Field(examples=["hnsw"])
    columns: list[str] = Field(description='What it is searched by; "expression" for what is no column')
    operator_classes: list[str]
    options: dict[str, str]
    unique: bool
    primary: bool
    partial: bool
    valid: bool


class ListedReference(Part):
    """A foreign key."""

    name: str
    columns: list[str]
    table: str = Field(description="What it refers to, with its schema")
    referenced_columns: list[str]


class ListedTrigger(Part):
    """A trigger that is the user's own."""

    name: str
    enabled: bool


class ListedSequence(Part):
    """A sequence that belongs to a column."""

    name: str = Field(description="With its schema")
    column: str


class ListedTable(Part):
    """A table, or a view, foreign table or materialized view with vectors."""

    schema_: str = Field(alias="schema")
    name: str
    kind: Literal["table", "partitioned", "view", "materialized_view", "foreign_table"]
    layout: str = Field(
        description="What it belongs to: LangChain's two tables, LangChain's PGVectorStore, or any tables",
        json_schema_extra={"enum": [*sorted({*recognise.LAYOUTS.values(), tables.FAMILY})]},
    )
    recognised_as: str | None = Field(
        description="Which library has made it, by its shape; null: a table of no known shape",
        json_schema_extra={"enum": [*sorted({*recognise.LAYOUTS, *recognise.SHAPES}), None]},
    )
    can_be_backed_up: bool
    why_not: Sometimes[str] = Field(None, description="Only where it can't")
    notes: Sometimes[list[str]] = Field(None, description="What is worth knowing although it can")
    rows: Count | None = Field(description="An estimate of the server's; null: it has none")
    bytes: Count | None = Field(
        description="With what is stored out of line, without indexes; null: another session has it to itself"
    )
    columns: list[ListedColumn]
    vectors: list[ListedVector]
    primary_key: list[str] = Field(description="Its columns; empty where there is none")
    indexes: list[ListedIndex]
    references: list[ListedReference]
    triggers: list[ListedTrigger]
    sequences: list[ListedSequence]
    partitions: Sometimes[list[str]] = Field(None, description="Only of a partitioned table; with their schemas")
    inherits: Sometimes[list[str]] = Field(None, description="Only where it does: from these, with their schemas")


class TablesSummary(Part):
    """How much was found."""

    tables: Count
    with_vectors: Count
    impossible: Count = Field(description="Those that can't be backed up")


class ListedTables(Result):
    """Every table of a database, by schema and name."""

    tables: list[ListedTable]
    summary: TablesSummary
    target: Target
    warnings: Sometimes[Warnings] = Field(None, description="Only where there is something to say")
