"""The answers of the routes about one backup set."""

from pydantic import BaseModel, Field

from data_pipeline.api.answers.envelope import Count, Data, Seconds, Size, StoredBackup, TableName
from data_pipeline.sets.manifest import CollectionFact, Distance
from data_pipeline.sets.table_facts import ColumnFact, ForeignKeyFact, IndexFact, ReferenceFact
from data_pipeline.storage.naming import FileFormat


class SetFile(BaseModel):
    """One table's file as it is stored."""

    file: str
    file_size: Size
    file_bytes: Count


class ShownTable(BaseModel):
    """What the manifest says of one table."""

    file: str
    format: FileFormat
    bytes: Count
    rows: Count
    columns: list[ColumnFact]
    blocks: Count = Field(description="How many blocks have a checksum of their own")
    indexes: list[IndexFact]
    foreign_keys: list[ForeignKeyFact]
    key: list[str] | None = Field(description="What tells its rows apart; null in a set of format version 1")
    references: list[ReferenceFact] | None = Field(
        description="What of other tables its columns name, whether or not a foreign key says so; null in version 1"
    )


class ShownProbes(BaseModel):
    """The searches that the backup remembers."""

    distance: Distance
    recall: float | None
    rows: Count = Field(description="How many")


class ShownManifest(BaseModel):
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
    precaution: bool = Field(description="Whether a restore took it first")
    obstacles: list[str] = Field(description="What keeps it from coming back into its own tables")
    sha256: str


class ShownSet(Data):
    """A backup set: its files, and what its manifest says."""

    backup_info: StoredBackup
    format: FileFormat
    has_manifest: bool
    files: dict[TableName, SetFile]
    manifest: ShownManifest | None = Field(description="Null: nothing vouches for the set")


class ReadTable(BaseModel):
    """A file that was read to its last byte."""

    file: str
    rows: Count
    file_bytes: Count


class VerifiedSet(Data):
    """A set that was read to its last byte."""

    backup_info: StoredBackup
    verified: bool = Field(description="False: it can be parsed, but no manifest vouches for it")
    tables: dict[TableName, ReadTable]
    duration: Seconds


class DeletedSet(Data):
    """A set that is gone."""

    backup_info: StoredBackup
    removed: list[str]


class CopiedSet(Data):
    """A set that is in another storage now, verified there."""

    copied: bool = Field(description="False: the same set was there already")
    backup_info: StoredBackup
    copy_: StoredBackup = Field(alias="copy")
    duration: Seconds


class UploadedSet(Data):
    """A set that was taken in and read back to its last row."""

    backup_info: StoredBackup
    verified: bool = Field(description="False: no manifest vouches for it")
    tables: dict[TableName, ReadTable]
    duration: Seconds
