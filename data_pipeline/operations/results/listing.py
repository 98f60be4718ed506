"""The answer of GET /restore/list."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer
from typing_extensions import NotRequired, TypedDict

from data_pipeline.formats.compression import Compression
from data_pipeline.operations.results.result import Count, Moment, Part, Result, Size, Sometimes, Stamp, TableName
from data_pipeline.sets.summary import Origin
from data_pipeline.storage.naming import FileFormat

SetState = Literal["verified", "vouched", "readable", "unvouched", "damaged", "unknown", "locked"]
Checked = Annotated[datetime, PlainSerializer(lambda moment: moment.astimezone().isoformat(timespec="seconds"))]


class ListedTable(Part):
    """One table's file in a set of any tables, or one of another store's set."""

    name: TableName
    file: str
    size: Size
    rows: Count


class SetFiles(TypedDict):
    """The files of a set. Sets are plain dictionaries, as no other part of an answer: there may be tens of thousands
    in it."""

    timestamp: Stamp
    collection_file: NotRequired[Annotated[str, Field(description="Of LangChain's two tables")]]
    embedding_file: NotRequired[Annotated[str, Field(description="Of LangChain's two tables")]]
    collection_size: NotRequired[Size]
    embedding_size: NotRequired[Size]
    layout: NotRequired[
        Annotated[
            str | None,
            Field(
                description="Of any other set: pgvectorstore, tables, or the family of its store; null if unreadable"
            ),
        ]
    ]
    tables: NotRequired[Annotated[list[ListedTable], Field(description="Of any other set, in load order")]]


class StoredSet(SetFiles):
    """The same, and how they are stored."""

    backup_date: str
    has_log: bool
    log_file: str | None
    format: Annotated[FileFormat | None, Field(description="Of its tables; null for another store's set")]
    compression: NotRequired[Annotated[Compression, Field(description="Only if its tables' files are compressed")]]
    encryption_key: NotRequired[
        Annotated[str, Field(description="Only if it is encrypted: the id of the key, or passphrase")]
    ]


class ListedSet(StoredSet):
    """A complete backup set."""

    has_manifest: Annotated[bool, Field(description="Whether a manifest vouches for every byte of it")]
    bytes: Annotated[Count, Field(description="Of its files together, without the manifest")]
    database: Annotated[str | None, Field(description="What it was taken from; null where no manifest says it")]
    server: Annotated[
        str | None, Field(description="Tells the database's server from others; null where no manifest says it")
    ]
    rows: Annotated[Count | None, Field(description="Of embeddings; null where no manifest says it")]
    partial: Annotated[
        bool | None, Field(description="Whether it was limited to some rows; null where nothing says it")
    ]
    origin: Annotated[
        Origin | None, Field(description="restore: a restore took it before it began; null where nothing says it")
    ]
    state: Annotated[
        SetState,
        Field(
            description="verified: every byte was read and is right; vouched: a whole manifest fits its files; "
            "readable: every row was read, nothing vouches for it; unvouched: it has no manifest; damaged; unknown: "
            "it can't be read now; locked: it is encrypted, and no configured key opens it"
        ),
    ]
    checked_at: Annotated[
        Checked | None, Field(description="When the whole of it was last read; null: never, or not known")
    ]


class ListedLocation(Part):
    """A directory with at least one complete set, the newest first."""

    type: Literal["global", "task"]
    task_id: Sometimes[str] = Field(None, description="Only of a task")
    relative_path: str = Field(description="Goes back into POST /restore as backup_path")
    backups: list[ListedSet]
    storage: str


class UnreadableLocation(Part):
    """A directory that the service may not look through."""

    relative_path: str
    storage: str
    error: str = Field(description="Why")


class ListingSummary(Part):
    """How much was found, on all pages."""

    total_locations: Count
    total_backup_sets: Count
    global_backups: Count
    task_backups: Count
    scan_time: Moment
    unreachable_storages: Sometimes[list[str]] = Field(None, description="Only with storage=all")
    unreadable: Sometimes[list[UnreadableLocation]] = Field(None, description="Only where there are some")
    backups: Sometimes[Count] = Field(
        None, description="Only with limit: how many there are, with all copies of one in several storages counted once"
    )
    next: Sometimes[str] = Field(None, description="Goes into `after` for the next page; left out on the last one")
    checks_unknown: Sometimes[bool] = Field(
        None, description="What verifications have found can't be told now; only where it is so"
    )


class Listing(Result):
    """Every complete backup set, newest first; the whole system's location before those of tasks."""

    backup_locations: list[ListedLocation]
    summary: ListingSummary
