"""The answers of the routes about one backup set."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field
from typing_extensions import Self

from data_pipeline.formats.compression import Compression
from data_pipeline.operations.results.result import (
    Count,
    Part,
    Result,
    Seconds,
    Size,
    Sometimes,
    StoredBackup,
    TableName,
)
from data_pipeline.sets.manifest import AnyManifest, CollectionFact, ColumnProbesFact, Distance, Manifest, ProbesFact
from data_pipeline.sets.store_manifest import FileFact, StoreManifest
from data_pipeline.sets.tables.table_facts import ColumnFact, ForeignKeyFact, IndexFact, ReferenceFact, TableFact
from data_pipeline.sets.verify import ReadFile
from data_pipeline.storage.naming import STORE_STEMS, FileFormat


class SetFile(Part):
    """One table's file as it is stored."""

    file: str
    file_size: Size
    file_bytes: Count


class ShownTable(Part):
    """What the manifest says of one table."""

    file: str
    format: FileFormat
    compression: Sometimes[Compression] = Field(None, description="Only if it is compressed")
    bytes: Count
    raw_bytes: Sometimes[Count] = Field(None, description="Only if it is compressed: what it decompresses to")
    rows: Count
    columns: list[ColumnFact]
    blocks: Count = Field(description="How many blocks have a checksum of their own")
    indexes: list[IndexFact]
    foreign_keys: list[ForeignKeyFact]
    key: list[str] | None = Field(description="What tells its rows apart; null in a set of format version 1")
    references: list[ReferenceFact] | None = Field(
        description="What of other tables its columns name, whether or not a foreign key says so; null in version 1"
    )

    @classmethod
    def of(cls, table: TableFact) -> Self:
        compressed = table.compression != "none"
        shown = {
            "blocks": len(table.blocks),
            "compression": table.compression if compressed else None,
            "raw_bytes": table.raw_bytes if compressed else None,
        }
        return cls(**dict(table) | shown)


class ShownProbes(Part):
    """The searches that the backup remembers."""

    distance: Distance
    recall: float | None
    rows: Count = Field(description="How many")

    @classmethod
    def of(cls, probes: ProbesFact | None) -> Self | None:
        return cls(distance=probes.distance, recall=probes.recall, rows=len(probes.rows)) if probes else None


class ShownColumnProbes(ShownProbes):
    """The same of one vector column."""

    table: TableName
    column: str

    @classmethod
    def each(cls, probes: Sequence[ColumnProbesFact]) -> list[Self] | None:
        shown = [cls(**dict(one) | {"rows": len(one.rows)}) for one in probes]
        return shown or None


class ShownManifest(Part):
    """What vouches for the set. The lists of blocks and probes are left out; their number stands instead."""

    format_version: int
    layout: str | None = Field(description="What the tables are to one another: langchain; null in format version 1")
    load_order: list[TableName] | None = Field(
        description="The tables, each after those that it refers to; null in format version 1"
    )
    timestamp: str
    created_at: str
    tool_version: str
    server_version: str
    pgvector_version: str
    database: str
    server: str | None = Field(description="Tells its server from others; null in a set of an earlier version")
    tables: dict[TableName, ShownTable]
    collections: list[CollectionFact]
    chosen_collections: list[str] | None
    probes: ShownProbes | None
    column_probes: Sometimes[list[ShownColumnProbes]] = Field(None, description="Of any tables, by column")
    precaution: bool = Field(description="Whether a restore took it first")
    obstacles: list[str] = Field(description="What keeps it from coming back into its own tables")
    sha256: str

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        facts = {name: value for name, value in manifest if name in cls.model_fields}
        tables = {name: ShownTable.of(fact) for name, fact in manifest.tables.items()}
        probes = {
            "probes": ShownProbes.of(manifest.probes),
            "column_probes": ShownColumnProbes.each(manifest.column_probes),
        }
        return cls(**facts | {"tables": tables} | probes)


class ShownFile(Part):
    """What the manifest says of one file of another store's set."""

    file: str
    bytes: Count
    rows: Count
    blocks: Count = Field(description="How many blocks have a checksum of their own")

    @classmethod
    def of(cls, fact: FileFact) -> Self:
        return cls(file=fact.file, bytes=fact.bytes, rows=fact.rows, blocks=len(fact.blocks))


class ShownStoreManifest(Part):
    """What vouches for a set of another store. The lists of blocks are left out; their number stands instead."""

    format_version: int
    layout: str = Field(description="The family of the store", json_schema_extra={"enum": list(STORE_STEMS)})
    timestamp: str
    created_at: str
    tool_version: str
    server_version: str
    database: str
    server: str | None = Field(description="Tells its server from others; null where that isn't known")
    files: dict[str, ShownFile] = Field(description="By what each holds")
    store: dict[str, Any] = Field(description="The store's own facts")
    partial: bool = Field(description="Whether only some of it was saved")
    precaution: bool = Field(description="Whether a restore took it first")
    sha256: str

    @classmethod
    def of(cls, manifest: StoreManifest) -> Self:
        facts = {name: value for name, value in manifest if name in cls.model_fields}
        return cls(**facts | {"files": {key: ShownFile.of(fact) for key, fact in manifest.files.items()}})


def shown_manifest(manifest: AnyManifest) -> ShownManifest | ShownStoreManifest:
    """By what it is of."""
    if isinstance(manifest, StoreManifest):
        return ShownStoreManifest.of(manifest)
    return ShownManifest.of(manifest)


class ShownSet(Result):
    """A backup set: its files, and what its manifest says."""

    backup_info: StoredBackup
    format: FileFormat | None = Field(description="Of its tables; null for another store's set")
    compression: Sometimes[Compression] = Field(None, description="Only if its tables' files are compressed")
    encrypted: Sometimes[bool] = Field(None, description="Only if it is")
    has_manifest: bool
    files: dict[TableName, SetFile]
    manifest: ShownManifest | ShownStoreManifest | None = Field(description="Null: nothing vouches for the set")


class ReadTable(Part):
    """A file that was read to its last byte."""

    file: str
    rows: Count
    file_bytes: Count

    @classmethod
    def each(cls, read: Mapping[str, ReadFile]) -> dict[str, Self]:
        """By table."""
        return {name: cls(file=one.name, rows=one.rows, file_bytes=one.size) for name, one in read.items()}


class VerifiedSet(Result):
    """A set that was read to its last byte."""

    backup_info: StoredBackup
    verified: bool = Field(description="False: it can be parsed, but no manifest vouches for it")
    tables: dict[TableName, ReadTable]
    duration: Seconds


class DeletedSet(Result):
    """A set that is gone."""

    backup_info: StoredBackup
    removed: list[str]


class CopiedSet(Result):
    """A set that is in another storage now, verified there."""

    copied: bool = Field(description="False: the same set was there already")
    backup_info: StoredBackup
    copy_: StoredBackup = Field(alias="copy")
    duration: Seconds


class UploadedSet(Result):
    """A set that was taken in and read back to its last row."""

    backup_info: StoredBackup
    verified: bool = Field(description="False: no manifest vouches for it")
    tables: dict[TableName, ReadTable]
    duration: Seconds
