"""What a backup set promises: every block's checksum, and facts about the tables it was taken from.

A manifest is data. Nothing in it is ever executed. It is JSON, written last; its own checksum is the SHA-256 of the
document without the key "sha256", as JSON with sorted keys and no spaces.
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import InvalidBackup

FORMAT_VERSION = 1
LARGEST = 64 << 20
"""Bytes of a manifest. Blocks of 4 MB need about 130 bytes each: enough for 2 TB."""

MOST_PROBES = 100
"""Their embeddings stand in the manifest: at most 20 MB of it."""

Count = Annotated[int, Field(ge=0)]
Distance = Literal["cosine", "l2", "inner_product", "l1"]
Share = Annotated[float, Field(ge=0, le=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Fact(BaseModel):
    """Strict and closed: an unknown key or a number given as text is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BlockFact(Fact):
    """A run of whole records: where it lies in the file, in bytes, and what it hashes to."""

    offset: Count
    bytes: Count
    rows: Count
    sha256: Digest


class ColumnFact(Fact):
    """A column by name and PostgreSQL type name; `modifier` is atttypmod (a vector's dimensions, -1 for any)."""

    name: str
    type: str
    modifier: int
    not_null: bool


class CastFact(Fact):
    """A vector column brought to a type and a number of dimensions: what an index needs where the column has none."""

    column: str
    type: str
    dimensions: Count


class IndexFact(Fact):
    """An index as facts. `keys` name a column, or say "expression" where it is none.

    There are as many operator classes as columns that are searched by; further keys are only included. casts: for each
    key the cast it is, None for any other expression; empty where every key is a column. constraint: it belongs to a
    UNIQUE constraint or a primary key.
    """

    name: str
    method: str
    unique: bool
    primary: bool
    keys: list[str]
    operator_classes: list[str]
    options: dict[str, str]
    partial: bool
    casts: list[CastFact | None] = Field(default_factory=list)
    constraint: bool = False


class ForeignKeyFact(Fact):
    """A foreign key as facts."""

    name: str
    columns: list[str]
    referenced_table: str
    referenced_columns: list[str]
    on_delete: str


class TableFact(Fact):
    """One table's file."""

    file: str
    format: Literal["csv", "binary"]
    bytes: Count
    rows: Count
    columns: list[ColumnFact]
    blocks: list[BlockFact]
    indexes: list[IndexFact]
    foreign_keys: list[ForeignKeyFact]

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

    uuid: str
    name: str | None
    rows: Count
    dimensions: list[int]


class NeighbourFact(Fact):
    """A row near another one."""

    id: str
    distance: Annotated[float, Field(allow_inf_nan=False)]


class ProbeFact(Fact):
    """A search: for a row's embedding (pgvector's text) in its collection, the nearest first, without the row itself.

    recall: the share of them that the vector index found, None without one.
    """

    collection: str
    id: str
    embedding: str
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
    timestamp: str
    created_at: str
    tool_version: str
    server_version: str
    pgvector_version: str
    database: str
    tables: dict[str, TableFact]
    collections: list[CollectionFact]
    chosen_collections: list[str] | None = None
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
            raise InvalidBackup(f"清单中没有该文件: {name}", details={"file": name, "reason": "清单中没有该文件"})
        if fact.bytes != size:
            raise InvalidBackup(
                f"文件大小与清单不符: {name}",
                details={"file": name, "reason": "文件大小与清单不符", "expected_bytes": fact.bytes, "bytes": size},
            )


def dump(facts: dict[str, Any]) -> bytes:
    """The document of a manifest, its checksum included, checked against its own schema."""
    document = {"format_version": FORMAT_VERSION, **facts}
    document["sha256"] = _checksum(document)
    Manifest.model_validate(document)
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def load(data: bytes, name: str, timestamp: str) -> Manifest:
    """Read a manifest for the set `timestamp`. Raises InvalidBackup for anything but a whole, unchanged one."""
    try:
        document = json.loads(data)
        manifest = Manifest.model_validate(document)
    except (ValueError, RecursionError, ValidationError):
        raise _damaged(name) from None
    del document["sha256"]
    if manifest.sha256 != _checksum(document) or manifest.timestamp != timestamp:
        raise _damaged(name)
    return manifest


def _checksum(document: dict[str, Any]) -> str:
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _damaged(name: str) -> InvalidBackup:
    return InvalidBackup(f"清单文件已损坏: {name}", details={"file": name, "reason": "清单文件已损坏"})
