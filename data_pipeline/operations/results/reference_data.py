"""The answer of an import of reference data."""

from typing import Literal

from pydantic import Field

from data_pipeline.operations.reference_data.entries import FileFormat
from data_pipeline.operations.requests.reference_data import ImportMode
from data_pipeline.operations.results.result import Count, Result, Seconds, Sometimes, TableName, Target, Warnings


class ImportedRows(Result):
    """What became of the entries, and of the rows that were there."""

    table: TableName
    format: FileFormat = Field(description="Of the file, told by its content")
    mode: ImportMode
    dry_run: Sometimes[Literal[True]] = Field(None, description="All of it was taken back")
    entries: Count = Field(description="Of the file")
    inserted: Count
    updated: Count
    unchanged: Count = Field(description="Entries whose row is there: any with skip, else one that equals the file")
    kept: Count = Field(description="Rows that stayed as they are because of `keep`")
    removed: Count
    target: Target
    warnings: Warnings
    duration: Seconds
