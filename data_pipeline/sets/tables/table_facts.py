"""What a manifest says of tables: columns, blocks, keys, indexes, references. Facts, never SQL."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data_pipeline.formats.compression import Compression
from data_pipeline.formats.format import FormatName

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

# PostgreSQL stores no NUL, and half a surrogate pair has no UTF-8: pydantic refuses it where there is a pattern.
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(pattern=r"^[^\x00]*$", min_length=1, max_length=LONGEST_NAME)]
Label = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=LONGEST_NAME)]
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Modifier = Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)]
Dimensions = Annotated[int, Field(ge=0, lt=1 << 31)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Fact(BaseModel):
    """Strict in what it knows: a number given as text is refused. Keys that it doesn't know are left alone."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class BlockFact(Fact):
    """A run of whole records: where it lies in the file, in bytes, and what it hashes to, as it is stored.

    raw_bytes: what it decompresses to; None where nothing is compressed.
    """

    offset: Count
    bytes: Annotated[int, Field(ge=0, le=LARGEST_BLOCK)]
    rows: Count
    sha256: Digest
    raw_bytes: Annotated[int, Field(ge=0, le=LARGEST_BLOCK)] | None = None

    @property
    def size(self) -> int:
        """Bytes of what is in it, decompressed."""
        return self.bytes if self.raw_bytes is None else self.raw_bytes


def expect_covering(blocks: Sequence[BlockFact], size: int, rows: int) -> None:
    """Raise ValueError unless the blocks are the whole of a file of that many bytes and rows, without a gap."""
    end = 0
    for block in blocks:
        if block.offset != end:
            raise ValueError("blocks leave a gap")
        end += block.bytes
    if end != size or sum(block.rows for block in blocks) != rows:
        raise ValueError("blocks do not add up")


class ColumnFact(Fact):
    """A column by name and PostgreSQL type name; `modifier` is atttypmod (a vector's dimensions, -1 for any)."""

    name: Name
    type: Name
    modifier: Modifier
    not_null: bool


class ValueFact(Fact):
    """What a column gets by itself, by kind: a constant (`text`, of the column's type), now, uuid, sequence (its own),
    identity (`always`), tsvector (generated from `columns`, joined by spaces; coalesced: NULL counts as no text). Any
    other kind can't be made. position: of a generated column among all columns of its table, from 1."""

    kind: Name
    text: Text | None = None
    always: bool = False
    config: Name | None = None
    columns: list[Name] = Field(default_factory=list)
    coalesced: bool = False
    position: Annotated[int, Field(ge=1, le=MOST_COLUMNS)] | None = None


class CastFact(Fact):
    """A vector column brought to a type and a number of dimensions: what an index needs where the column has none."""

    column: Name
    type: Name
    dimensions: Dimensions


class JsonKeyFact(Fact):
    """The value of a json column's key, as text or as json, perhaps brought to a type, which an index is over."""

    column: Name
    key: Text
    as_text: bool
    type: Name | None = None


class IndexFact(Fact):
    """An index as facts. `keys` name a column, or say "expression" where it is none.

    There are as many operator classes as columns that are searched by; further keys are only included. casts: for each
    key the cast it is, None for any other expression; empty where every key is a column. json_keys: the same of values
    of a json column's key; empty where no key is one. constraint: it belongs to a UNIQUE constraint or a primary key.
    orders: for each key pg_index' indoption, 1 for DESC and 2 for NULLS FIRST; empty where all are ascending.
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
    json_keys: list[JsonKeyFact | None] = Field(default_factory=list)
    constraint: bool = False
    orders: list[Annotated[int, Field(ge=0, le=3)]] = Field(default_factory=list)

    @property
    def searched(self) -> list[str]:
        """The keys without those that are only included."""
        return self.keys[: len(self.operator_classes)]

    @property
    def is_key(self) -> bool:
        """Whether it is a constraint's."""
        return self.constraint or self.primary

    @property
    def kind(self) -> tuple[Any, ...]:
        """What it is, without its name and options. One behind a key is known by its columns alone."""
        if self.unique and self.method == "btree" and not self.partial and not self.casts:
            return (self.primary, tuple(self.keys))
        casts = tuple((cast.column, cast.type, cast.dimensions) if cast else None for cast in self.casts)
        expressions = (*casts, *self.json_keys)
        told = (self.method, tuple(self.keys), tuple(self.operator_classes), expressions, tuple(self.orders))
        return (*told, self.unique, self.partial)


class ForeignKeyFact(Fact):
    """A foreign key as facts. deferred: it is INITIALLY DEFERRED."""

    name: Name
    columns: list[Name]
    referenced_table: Name
    referenced_columns: list[Name]
    on_delete: Name
    on_update: Name = "no action"
    deferrable: bool = False
    deferred: bool = False


class ReferenceFact(Fact):
    """Columns whose values are those of another table of the set, whether or not a foreign key says so."""

    columns: Annotated[list[Name], Field(min_length=1)]
    table: Name
    referenced_columns: Annotated[list[Name], Field(min_length=1)]


class TableFact(Fact):
    """One table's file. key: what tells its rows apart. key, references: None in version 1."""

    file: Name
    format: FormatName
    compression: Compression = "none"
    bytes: Count
    rows: Count
    columns: Annotated[list[ColumnFact], Field(min_length=1, max_length=MOST_COLUMNS)]
    blocks: list[BlockFact]
    indexes: list[IndexFact]
    foreign_keys: list[ForeignKeyFact]
    key: list[Name] | None = None
    references: list[ReferenceFact] | None = None
    schema_name: Name | None = Field(None, alias="schema")
    """Where the table is, in a set of any tables; else it is in the schema that a service is configured for."""
    values: dict[Name, ValueFact] = Field(default_factory=dict)
    """By column what it gets by itself; a generated column is none of `columns`."""
    unmade: list[Name] = Field(default_factory=list)
    """What else it has that can only be told of: checks, triggers, policies, collations."""

    @property
    def raw_bytes(self) -> int:
        """Of the file once it is decompressed."""
        return sum(block.size for block in self.blocks)

    @property
    def names(self) -> set[str]:
        """Of its columns."""
        return {column.name for column in self.columns}

    @field_validator("columns")
    @classmethod
    def _columns_differ(cls, columns: list[ColumnFact]) -> list[ColumnFact]:
        names = {column.name for column in columns}
        if len(names) < len(columns) or names & SYSTEM_COLUMNS:
            raise ValueError("no table can have these columns")
        return columns

    @model_validator(mode="after")
    def _blocks_cover_the_file(self) -> "TableFact":
        expect_covering(self.blocks, self.bytes, self.rows)
        return self

    @model_validator(mode="after")
    def _compressed_blocks_say_their_size(self) -> "TableFact":
        if any((block.raw_bytes is None) != (self.compression == "none") for block in self.blocks):
            raise ValueError("blocks are not compressed as the file is")
        return self
