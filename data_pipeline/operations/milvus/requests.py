"""What is asked of Milvus."""

from collections.abc import Container
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from common.errors import InvalidParams, NotFound
from common.messages import say
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import AnyTable, Text
from data_pipeline.operations.requests.request import Request
from data_pipeline.operations.requests.store import NamedSet, StoreBackupRequest, StoreRestoreRequest
from data_pipeline.stores.milvus.facts import LONGEST_NAME, NAME

SCHEMA = "public"
TARGET = "A configured target of Milvus, by name"
BackupName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]


def _is_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise PydanticCustomError("value_error", "no name of a collection")
    return name


def _different(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise InvalidParams(say("collections_repeated"), details={"field": "collections"})
    return names


CollectionName = Annotated[
    str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_is_name), fields.shown(pattern=NAME.pattern)
]
CollectionNames = Annotated[
    list[CollectionName], Field(min_length=1), AfterValidator(_different), fields.shown(uniqueItems=True)
]
Suffix = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[A-Za-z0-9_$]+$")]


class MilvusBackupRequest(StoreBackupRequest):
    """What is backed up, and where to."""

    kind: ClassVar[str] = "milvus_backup"

    collections: CollectionNames | None = Field(None, description="Only these collections, by name or alias")
    allow_changes: bool = Field(False, description="Others may write meanwhile: the set says so of what has changed")
    name: BackupName | None = Field(
        None, description="What the milvus-backup API calls the set; backup_ and the timestamp if absent"
    )


class Expectation(Request):
    """What has to be so before anything is changed."""

    database: Text | None = Field(None, description="The database of the target")
    rows: dict[CollectionName, Annotated[int, Field(ge=0)]] | None = Field(
        None, min_length=1, description="Live rows, by collection"
    )


class IntoTables(Request):
    """A set of Milvus as PostgreSQL tables."""

    layout: Literal["langchain", "pgvectorstore", "tables"] = Field(
        description="langchain: a collection a collection; pgvectorstore: a table of PGVectorStore a collection; "
        "tables: a table a collection, a column a field"
    )
    tables: dict[CollectionName, AnyTable] | None = Field(
        None, min_length=1, description="By collection its table, as schema.table; called alike where it is left out"
    )

    def table_of(self, collection: str) -> tuple[str, str]:
        """Schema and name of a collection's table."""
        named = (self.tables or {}).get(collection, collection)
        schema, dot, relation = named.rpartition(".")
        return (schema if dot else SCHEMA), relation

    def expect_in(self, collections: Container[str]) -> None:
        """Raise what the tables' names are refused with, for a set of these collections."""
        if self.tables and self.layout == DOCUMENTED.family:
            raise InvalidParams(say("layout_without_field", layout=self.layout, field="tables"))
        for name in self.tables or ():
            if name not in collections:
                raise NotFound(say("milvus_collection_not_in_set", name=name), details={"name": name})


class MilvusRestoreRequest(StoreRestoreRequest):
    """A set of Milvus or of PostgreSQL tables, the Milvus it goes into, and how; or a set of Milvus into PostgreSQL."""

    kind: ClassVar[str] = "milvus_restore"

    collections: CollectionNames | None = Field(None, description="Only these collections of the set")
    collection_suffix: Suffix | None = Field(None, description="Restore as new collections, name + suffix")
    renames: dict[CollectionName, CollectionName] | None = Field(
        None, min_length=1, description="What collections are called that are restored under another name"
    )
    swap: bool = Field(
        False, description="Put restored collections in place of live ones: by alias where there is one, else by rename"
    )
    drop_old: bool = Field(False, description="With swap: drop the collections that were replaced")
    merge: bool = Field(False, description="Write the rows into live collections, by primary key")
    keys: Literal["keep", "new"] = Field(
        "keep", description="Of keys that the server made: keep them, without autoID; or let it make new ones"
    )
    indexes: bool = Field(True, description="Make the indexes again, and load what was loaded")
    auto_index: bool = Field(False, description="Make indexes of the kind that the server chooses")
    meta_only: bool = Field(False, description="Collections without their rows")
    expect: Expectation | None = Field(None, description="Refuse unless it is so")
    dry_run: bool = Field(False, description="Change nothing; tell what would happen, and every problem")
    into: IntoTables | None = Field(None, description="Restore as PostgreSQL tables")

    @model_validator(mode="after")
    def _no_clash(self) -> Self:
        self._expect_apart({"swap": self.swap, "merge": self.merge})
        self._expect_apart({"merge": self.merge, "collection_suffix": self.collection_suffix is not None})
        self._expect_apart({"merge": self.merge, "meta_only": self.meta_only})
        self._expect_apart({"swap": self.swap, "meta_only": self.meta_only})
        of_milvus = {
            "swap": self.swap,
            "merge": self.merge,
            "meta_only": self.meta_only,
            "auto_index": self.auto_index,
            "expect": self.expect is not None,
            "collection_suffix": self.collection_suffix is not None,
            "renames": self.renames is not None,
        }
        for field, given in of_milvus.items():
            self._expect_apart({"into": self.into is not None, field: given})
        if self.drop_old and not self.swap:
            raise InvalidParams(say("param_needs", field="drop_old", other="swap"), details={"field": "drop_old"})
        return self

    @staticmethod
    def _expect_apart(given: dict[str, bool]) -> None:
        """Raise InvalidParams where both are asked for."""
        if all(given.values()):
            one, other = given
            raise InvalidParams(say("milvus_options_clash", one=one, other=other), details={"field": other})

    def called(self, name: str) -> str:
        """What a collection of the set is called where it goes."""
        return (self.renames or {}).get(name, name) + (self.collection_suffix or "")

    @property
    def removes(self) -> bool:
        """Whether live collections are replaced, or written to."""
        return (self.swap or self.merge) and not self.dry_run

    @property
    def moves(self) -> bool:
        """Whether collections go beside the originals."""
        return self.collection_suffix is not None or self.renames is not None


class MilvusCompareRequest(Request):
    """A set of Milvus or of PostgreSQL tables, and what it is compared with."""

    named_set: NamedSet = Field(alias="set", description="The set, as the list names it")
    target: Text | None = Field(
        None, description=f"{TARGET}: its live collections; with into a configured PostgreSQL: its live tables"
    )
    other: NamedSet | None = Field(None, alias="with", description="Another set, of Milvus or of PostgreSQL tables")
    collections: CollectionNames | None = Field(None, description="Only these collections of the set")
    renames: dict[CollectionName, CollectionName] | None = Field(
        None, min_length=1, description="What collections of the set are called on the other side"
    )
    into: IntoTables | None = Field(
        None, description="Of a set of Milvus and a PostgreSQL: the tables that it was restored as"
    )

    @model_validator(mode="after")
    def _one_other(self) -> Self:
        if (self.target is None) == (self.other is None):
            raise InvalidParams(say("compare_one_other"), details={"field": "target"})
        for other, given in {"with": self.other, "renames": self.renames}.items():
            if self.into is not None and given is not None:
                raise InvalidParams(say("milvus_options_clash", one="into", other=other), details={"field": other})
        return self

    def called(self, name: str) -> str:
        return (self.renames or {}).get(name, name)
