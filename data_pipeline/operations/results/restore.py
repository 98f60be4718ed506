"""The answers of POST /restore: of a restore, and of a rehearsal."""

from typing import Any, Literal

from pydantic import Field

from data_pipeline.operations.results.result import (
    BackupInfo,
    Count,
    NamedBackup,
    Part,
    Result,
    Seconds,
    Size,
    Sometimes,
    TableName,
    Target,
    Warnings,
)


class TruncatedTable(Part):
    """A table whose rows were removed first."""

    success: bool
    rows_before: Count
    rows_after: Count
    rows_only_live: Sometimes[Count] = Field(
        None, description="Only of a rehearsal: how many of them the backup doesn't have"
    )
    duration: Seconds


class RestoredTable(Part):
    """What became of one table."""

    success: bool
    source_file: str
    rows_restored: Sometimes[Count] = Field(None, description="Rows this restore wrote")
    file_size: Sometimes[Size] = None
    file_bytes: Sometimes[Count] = None
    duration: Sometimes[Seconds] = None
    dialect: Sometimes[Literal["copy", "python"]] = Field(
        None, description="How its CSV was read: as COPY or as Python's csv.writer writes it"
    )
    rows_inserted: Sometimes[Count] = None
    rows_updated: Sometimes[Count] = None
    rows_deleted: Sometimes[Count] = Field(None, description="Only with strategy sync")
    rows_unchanged: Sometimes[Count] = Field(None, description="Only with strategy sync")
    rows_skipped: Sometimes[Count] = Field(None, description="Only with on_conflict")
    rows_lossy: Sometimes[Count] = Field(
        None, description="Only with allow_lossy: rows of the backup that narrower columns hold changed"
    )
    error: Sometimes[str] = Field(None, description="Only where it failed")
    error_type: Sometimes[str] = None
    details: Sometimes[dict[str, Any]] = None


class BuiltIndex(Part):
    """An index or key that was made."""

    success: Sometimes[bool] = None
    table: TableName
    method: str = Field(description="hnsw, ivfflat, gin, btree, …, or foreign key")
    parallel: Sometimes[bool] = None
    duration: Sometimes[Seconds] = None


class Created(Part):
    """What was missing and made."""

    extension: bool
    tables: list[TableName]
    keys: list[str]
    indexes: dict[str, BuiltIndex]


class SearchedColumn(Part):
    """What the searches of one vector column found."""

    table: TableName
    column: str
    distance: str
    probes: Count
    exact_matches: Count
    recall: float | None
    recall_at_backup: float | None


class ConvertedColumn(Part):
    """What became of a key of the metadata, in rows. Only the column has the value of a key that was converted and not
    changed; in all other rows that have the key, the json keeps it."""

    type: str
    converted: Count = Field(description="The column has the value")
    changed: Count = Field(description="Of these: the column rounds or spells it otherwise, so the json keeps it too")
    missing: Count = Field(description="Without the key, or with null")
    not_convertible: Count = Field(description="The column is NULL, the json keeps the value")


class Converted(Part):
    """A collection and the table of PGVectorStore that it went into, or came from."""

    collection: str | None
    table: TableName
    rows: Count
    dimensions: int | None
    id_type: Sometimes[Literal["uuid", "varchar"]] = None
    texts_filled: Sometimes[Count] = Field(None, description="Rows without a text, which have an empty one now")
    metadata_columns: Sometimes[dict[str, ConvertedColumn]] = None
    id_column: Sometimes[str] = Field(None, description="What was taken for the id, the text, the vector, the json")
    content_column: Sometimes[str] = None
    embedding_column: Sometimes[str] = None
    json_column: Sometimes[str] = None


class SearchCheck(Part):
    """Whether searches find what they found when the backup was taken."""

    performed: bool
    distance: Sometimes[str] = Field(None, description="Left out where columns differ in it")
    probes: Sometimes[Count] = None
    exact_matches: Sometimes[Count] = None
    recall: float | None = None
    recall_at_backup: float | None = None
    columns: Sometimes[list[SearchedColumn]] = Field(None, description="Of any tables: the same by column")


class Undo(NamedBackup):
    """The body that, posted back to /restore, brings the rows back."""

    layout: Sometimes[str] = None
    where: Sometimes[dict[str, Any]] = None
    tables: Sometimes[list[TableName]] = None
    collections: Sometimes[list[str]] = None
    truncate_before_restore: Sometimes[bool] = None
    strategy: Sometimes[Literal["sync", "swap"]] = None
    triggers: Sometimes[Literal["disable"]] = None
    pg_conn: Sometimes[str] = Field(None, description="Without its password: put it back in")
    expect_database: str
    require_manifest: bool


class Restored(Result):
    """What a restore did, table by table."""

    restore_performed: bool
    truncate_performed: bool
    swap_performed: Sometimes[bool] = Field(
        None,
        description="Only with strategy swap: false where the tables were made by this restore, and filled directly",
    )
    backup_info: BackupInfo
    truncate_results: Sometimes[dict[TableName, TruncatedTable]] = None
    index_results: Sometimes[dict[str, BuiltIndex]] = Field(None, description="By the index's name")
    readers_blocked_seconds: Sometimes[Seconds] = None
    writers_blocked_seconds: Sometimes[Seconds] = Field(None, description="Only with strategy swap")
    connections: Sometimes[Count] = Field(
        None, description="Only with strategy swap: how many loaded the tables at a time"
    )
    toast_compression: Sometimes[Literal["lz4"]] = Field(
        None,
        description="How long values were compressed, where the server has lz4 and nothing else was chosen",
    )
    collections: Sometimes[list[str]] = Field(None, description="By the names they have now")
    backup_before_restore: Sometimes[NamedBackup] = None
    created: Sometimes[Created] = None
    restore_results: dict[TableName, RestoredTable]
    converted: Sometimes[list[Converted]] = Field(None, description="Only with into, a collection each")
    search_check: Sometimes[SearchCheck] = None
    errors: list[str] = Field(description="The tables that failed; the others were restored")
    warnings: Warnings
    target: Target
    duration: Seconds
    undo: Sometimes[Undo] = None


class Problem(Part):
    """What would go wrong."""

    error_type: str
    error: str
    table: Sometimes[TableName] = None
    details: Sometimes[dict[str, Any]] = None
    holder: dict[str, Any] | None = None


class Expected(Part):
    """What to expect. Null where it is unknown."""

    load_seconds: Seconds
    index_seconds: float | None
    indexes: dict[str, float]
    readers_blocked_seconds: float | None
    writers_blocked_seconds: float | None
    disk_bytes: int
    disk_free_bytes: int | None
    basis: str = Field(description="What these figures stand on")


class Rehearsed(Restored):
    """What a restore would do; nothing was changed."""

    restore_performed: Literal[False]
    dry_run: Literal[True]
    would_succeed: bool
    problems: list[Problem]
    expected: Expected | None
