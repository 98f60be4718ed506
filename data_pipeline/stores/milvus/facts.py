"""What a set's manifest keeps of Milvus: all that makes its collections again."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data_pipeline.stores.milvus import kinds
from data_pipeline.stores.milvus.protocol import json_format, protocol

NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
LONGEST_NAME = 255
DEFAULT_PARTITION = "_default"

Name = Annotated[str, Field(pattern=NAME.pattern.join("^$"), max_length=LONGEST_NAME)]
Text = Annotated[str, Field(max_length=65535)]
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Settings = Annotated[dict[str, str], Field(max_length=256)]


class Fact(BaseModel):
    """Keys that a later version adds are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PartitionFact(Fact):
    """One partition's rows. name: None where the server spreads rows over partitions by itself. file: the key of its
    file. digest: of its rows, in any order."""

    name: Name | None
    file: Text
    rows: Count
    digest: Digest


class IndexFact(Fact):
    """An index, by the parameters that the server tells."""

    field: Name
    name: Text
    params: Settings


class CollectionFact(Fact):
    """A collection. fields: its CollectionSchema, as protobuf's JSON. changed: rows came or went while it was read.
    loaded: it could be searched."""

    name: Name
    fields: Annotated[dict[str, Any], Field(alias="schema")]
    shards: Annotated[int, Field(ge=0, le=1024)]
    consistency: Annotated[int, Field(ge=0, le=4)]
    properties: Settings
    num_partitions: Count
    aliases: list[Name]
    indexes: list[IndexFact]
    partitions: Annotated[list[PartitionFact], Field(min_length=1)]
    loaded: bool = True
    changed: bool = False

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    @property
    def rows(self) -> int:
        return sum(partition.rows for partition in self.partitions)

    @property
    def schema(self) -> Any:
        """The protocol's CollectionSchema. Raises ValueError."""
        return parsed(self.fields)


class MilvusFacts(Fact):
    """What was saved of one database of a server."""

    server_version: Text
    database: Name
    database_properties: Settings = Field(default_factory=dict)
    collections: list[CollectionFact]
    name: Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)] | None = None
    """What the milvus-backup API calls the set; None where nothing was backed up under a name."""
    warnings: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _schemas_are_some(self) -> "MilvusFacts":
        names = [collection.name for collection in self.collections]
        if len(set(names)) < len(names):
            raise ValueError("a collection stands there twice")
        for collection in self.collections:
            expect_usable(collection.schema)
        return self

    def collection(self, name: str) -> CollectionFact | None:
        return next((one for one in self.collections if one.name == name), None)


def described(schema: Any) -> dict[str, Any]:
    """A CollectionSchema as JSON has it."""
    found: dict[str, Any] = json_format().MessageToDict(schema, preserving_proto_field_name=True)
    return found


def parsed(document: dict[str, Any]) -> Any:
    """The reverse. Raises ValueError."""
    reader = json_format()
    try:
        return reader.ParseDict(document, protocol().schema.CollectionSchema(), ignore_unknown_fields=True)
    except (reader.ParseError, RecursionError, TypeError):
        raise ValueError("no schema of a collection") from None


def expect_usable(schema: Any) -> None:
    """Raise ValueError for a schema without a key of its own, or with fields of types that aren't known here."""
    keys = [field for field in schema.fields if field.is_primary_key]
    if len(keys) != 1 or keys[0].data_type not in (kinds.INT64, kinds.VARCHAR):
        raise ValueError("a collection has no key")
    for field in schema.fields:
        code = field.data_type
        if code not in kinds.KINDS or (code == kinds.ARRAY and field.element_type not in kinds.SLOTS):
            raise ValueError("a field is of an unknown type")
        if code in kinds.VECTORS - {kinds.SPARSE_VECTOR} and not 0 < kinds.dimensions(field) <= 32768:
            raise ValueError("a vector field has no dimensions")
