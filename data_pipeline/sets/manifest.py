"""What a backup set promises: every block's checksum, and facts about the tables it was taken from.

A manifest is data. Nothing in it is ever executed. It is JSON, written last; its own checksum is the SHA-256 of the
document without the key "sha256", as JSON with sorted keys and no spaces.
"""

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.formats.format import FormatName

FORMAT_VERSION = 1
LARGEST = 64 << 20
"""Bytes of a manifest. Blocks of 4 MB need about 130 bytes each: enough for 2 TB."""

MOST_PROBES = 100
"""Their embeddings stand in the manifest: at most 20 MB of it."""

MOST_COLUMNS = 1600
"""Of a PostgreSQL table."""

SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
"""Every table has them, so none can have one of its own by that name."""

LARGEST_BLOCK = (1 << 30) + (8 << 20)
"""Bytes. A block ends with the row that fills it, and a row is one COPY message, which ends at 1 GB."""

LARGEST_INTEGER = (1 << 63) - 1
"""PostgreSQL's bigint: no file has more bytes, no table more rows."""

LONGEST_NAME = 255
"""Characters of a relation, a column, a type or a file. PostgreSQL's names have 63 bytes, a type's a schema too."""

LONGEST_EMBEDDING = 1 << 20
"""Characters. pgvector's 16,000 dimensions take a quarter of that."""

UNSHOWN = re.compile(r"[^\w.\[\]-]", re.ASCII)
"""What an answer doesn't repeat of a key."""

# PostgreSQL stores no NUL, and half a surrogate pair has no UTF-8: pydantic refuses it where there is a pattern.
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(pattern=r"^[^\x00]*$", min_length=1, max_length=LONGEST_NAME)]
Label = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=LONGEST_NAME)]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Vector = Annotated[str, Field(pattern=r"^\[[-+.,0-9e]*\]$", max_length=LONGEST_EMBEDDING)]
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Modifier = Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)]
Dimensions = Annotated[int, Field(ge=0, lt=1 << 31)]
Distance = Literal["cosine", "l2", "inner_product", "l1"]
Share = Annotated[float, Field(ge=0, le=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

ServerDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Fact(BaseModel):
    """Strict and closed: an unknown key or a number given as text is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BlockFact(Fact):
    """A run of whole records: where it lies in the file, in bytes, and what it hashes to."""

    offset: Count
    bytes: Annotated[int, Field(ge=0, le=LARGEST_BLOCK)]
    rows: Count
    sha256: Digest


class ColumnFact(Fact):
    """A column by name and PostgreSQL type name; `modifier` is atttypmod (a vector's dimensions, -1 for any)."""

    name: Name
    type: Name
    modifier: Modifier
    not_null: bool


class CastFact(Fact):
    """A vector column brought to a type and a number of dimensions: what an index needs where the column has none."""

    column: Name
    type: Name
    dimensions: Dimensions


class IndexFact(Fact):
    """An index as facts. `keys` name a column, or say "expression" where it is none.

    There are as many operator classes as columns that are searched by; further keys are only included. casts: for each
    key the cast it is, None for any other expression; empty where every key is a column. constraint: it belongs to a
    UNIQUE constraint or a primary key.
    """

    name: Name
    method: Name
    unique: bool
    primary: bool
    keys: list[Name]
    operator_classes: list[Label]
    options: dict[Name, Label]
    partial: bool
    casts: list[CastFact | None] = Field(default_factory=list)
    constraint: bool = False


class ForeignKeyFact(Fact):
    """A foreign key as facts."""

    name: Name
    columns: list[Name]
    referenced_table: Name
    referenced_columns: list[Name]
    on_delete: Name


class TableFact(Fact):
    """One table's file."""

    file: Name
    format: FormatName
    bytes: Count
    rows: Count
    columns: Annotated[list[ColumnFact], Field(min_length=1, max_length=MOST_COLUMNS)]
    blocks: list[BlockFact]
    indexes: list[IndexFact]
    foreign_keys: list[ForeignKeyFact]

    @field_validator("columns")
    @classmethod
    def _columns_differ(cls, columns: list[ColumnFact]) -> list[ColumnFact]:
        names = {column.name for column in columns}
        if len(names) < len(columns) or names & SYSTEM_COLUMNS:
            raise ValueError("no table can have these columns")
        return columns

    @model_validator(mode="after")
    def _blocks_cover_the_file(self) -> "TableFact":
        end = 0
        for block in self.blocks:
            if block.offset != end:
                raise ValueError("blocks leave a gap")
            end += block.bytes
        if end != self.bytes or sum(block.rows for block in self.blocks) != self.rows:
            raise ValueError("blocks do not add up")
        return self


class CollectionFact(Fact):
    """A collection and its embeddings: how many, and which numbers of dimensions occur."""

    uuid: Uuid
    name: Text | None
    rows: Count
    dimensions: list[Dimensions]


class NeighbourFact(Fact):
    """A row near another one."""

    id: Text
    distance: Annotated[float, Field(allow_inf_nan=False)]


class ProbeFact(Fact):
    """A search: for a row's embedding (pgvector's text) in its collection, the nearest first, without the row itself.

    recall: the share of them that the vector index found, None without one.
    """

    collection: Uuid
    id: Text
    embedding: Vector
    neighbours: Annotated[list[NeighbourFact], Field(min_length=1, max_length=10)]
    recall: Share | None


class ProbesFact(Fact):
    """What searches found when the backup was taken."""

    distance: Distance
    recall: Share | None
    rows: Annotated[list[ProbeFact], Field(max_length=MOST_PROBES)]


class Manifest(Fact):
    """The whole document."""

    format_version: Literal[1]
    timestamp: Name
    created_at: Label
    tool_version: Label
    server_version: Label
    pgvector_version: Label
    database: Label
    server: ServerDigest | None = None
    """Tells the database's server from others (server_identity.py); manifests of earlier versions have none."""
    tables: dict[Name, TableFact]
    collections: list[CollectionFact]
    chosen_collections: list[Text] | None = None
    """The names the backup was limited to, those without a collection included; None for a backup of everything."""
    probes: ProbesFact | None = None
    precaution: bool = False
    """Whether a restore took it first, of what it was about to change."""
    obstacles: list[str] = Field(default_factory=list)
    """What keeps the rows from coming back into the tables they were taken from."""
    sha256: Digest

    def expect_file(self, table: str, name: str, size: int) -> None:
        """Raise InvalidBackup unless the manifest vouches for a file of this name and size (bytes)."""
        fact = self.tables.get(table)
        if fact is None or fact.file != name:
            raise InvalidBackup(
                say("manifest_lacks_the_file", name=name), details={"file": name, "reason": say("manifest_lacks_file")}
            )
        if fact.bytes != size:
            raise InvalidBackup(
                say("file_size_differs", name=name),
                details={"file": name, "reason": say("size_differs"), "expected_bytes": fact.bytes, "bytes": size},
            )


def dump(facts: dict[str, Any]) -> bytes:
    """The document of a manifest, its checksum included, checked against its own schema."""
    document = {"format_version": FORMAT_VERSION, **facts}
    document["sha256"] = _checksum(document)
    Manifest.model_validate(document)
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def load(data: bytes, name: str, timestamp: str) -> Manifest:
    """Read a manifest for the set `timestamp`.

    Raises InvalidBackup for anything but a whole, unchanged one; `details.key` names the value that can't stand there.
    """
    try:
        document = json.loads(data)
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        raise _damaged(name, _key(error)) from None
    except (ValueError, RecursionError):
        raise _damaged(name) from None
    del document["sha256"]
    if manifest.sha256 != _checksum(document) or manifest.timestamp != timestamp:
        raise _damaged(name)
    return manifest


def _checksum(document: dict[str, Any]) -> str:
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _key(error: ValidationError) -> str:
    """Where the first wrong value stands, as `tables.x.rows`. Its parts may be keys of the file: only plain text is
    repeated."""
    parts = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
    return UNSHOWN.sub("?", ".".join(map(str, parts)))[:LONGEST_NAME]


def _damaged(name: str, key: str = "") -> InvalidBackup:
    where = {"key": key} if key else {}
    text = say("manifest_value_invalid", name=name, key=key) if key else say("manifest_file_damaged", name=name)
    return InvalidBackup(text, details={"file": name, "reason": say("manifest_damaged"), **where})
