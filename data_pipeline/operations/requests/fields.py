"""The types and descriptions of fields that several requests have."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.layouts.registry import FAMILIES
from data_pipeline.operations.requests.request import none_of
from data_pipeline.sets.manifest import MOST_PROBES
from data_pipeline.storage import location, naming
from data_pipeline.storage.location import STORAGE_NAME

BACKUP_PATH = "Directory of the set, as listed"
TIMESTAMP = "Timestamp of the set, YYYYMMDD_HHMMSS"
PG_CONN = "postgresql://user:password@host:port/dbname, for this call only, or a name from TARGETS"
COLLECTIONS = "Only these collections, by name; all if absent"
DIALECT = "How a CSV without a manifest is read: as COPY or as Python's csv.writer writes it; told by content if absent"
LAYOUT = "langchain: the two tables; pgvectorstore: a table a collection, known by its shape; tables: any tables"
WHERE = "Of any tables: only the rows that have one of these values in a column"
RENAME = "Of any tables: where the rows of a table go instead, as schema.table"
INTO = "Restore as another layout: LangChain's collections as tables of PGVectorStore, or such tables as collections"
CONFLICT_KEY = "With on_conflict: the columns of a unique key by which rows are the same; the primary key if absent"
STRATEGY = (
    "sync: write only the rows that differ, readers never wait; "
    "swap: fill new tables over several connections and put them in place of the live ones, readers wait only for that"
)
AS_JOB = "Answer 202 at once, with a job to follow"


def checked(check: Callable[[Any], object]) -> AfterValidator:
    """A field that one of the engine's own checks must accept. Its InvalidParams passes through pydantic."""

    def validate(value: Any) -> Any:
        check(value)
        return value

    return AfterValidator(validate)


def shown(**schema: Any) -> Any:
    """What a description says of a field whose check is the engine's own."""
    return Field(json_schema_extra=schema)


def _storable(name: str) -> str:
    """What PostgreSQL can keep in a text; a ValueError becomes our answer."""
    if "\0" in name:
        raise ValueError("no text has a NUL")
    name.encode()  # no lone surrogates
    return name


def _different(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise InvalidParams(say("collections_repeated"), details={"field": "collections"})
    return names


def _all_different(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise InvalidParams(say("tables_repeated"), details={"field": "tables"})


def _different_storages(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise InvalidParams(say("storages_repeated"), details={"field": "storages"})


def _different_columns(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("a column stands there twice")
    return names


def _known_layout(value: Any) -> Any:
    if value not in FAMILIES:
        raise none_of(FAMILIES)
    return value


TASK_ID = shown(pattern=location.TASK_ID.pattern.join("^$"), maxLength=location.LONGEST_NAME)
STAMP = shown(pattern=naming.TIMESTAMP.pattern.join("^$"))

TaskId = Annotated[str, checked(location.check_task_id), TASK_ID]
Timestamp = Annotated[str, checked(naming.check_timestamp), STAMP]
AnyTable = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_storable)]
AnyTables = Annotated[list[AnyTable], Field(min_length=1), checked(_all_different), shown(uniqueItems=True)]
LayoutName = Annotated[str, BeforeValidator(_known_layout), shown(enum=list(FAMILIES))]
Probes = Annotated[int, Field(ge=0, le=MOST_PROBES)]
StorageName = Annotated[str, Field(pattern=STORAGE_NAME.pattern.join("^$"))]
Storages = Annotated[list[StorageName], Field(min_length=1), checked(_different_storages), shown(uniqueItems=True)]
Text = Annotated[str, Field(min_length=1, max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_storable)]
Columns = Annotated[
    list[Name], Field(min_length=1, max_length=32), AfterValidator(_different_columns), shown(uniqueItems=True)
]
Collections = Annotated[list[Name], Field(min_length=1), AfterValidator(_different), shown(uniqueItems=True)]
