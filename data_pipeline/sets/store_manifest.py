"""What vouches for a set of a store that isn't PostgreSQL tables: its files, and the store's own facts."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from data_pipeline.sets.tables.table_facts import BlockFact, Count, Digest, Fact, Label, Name, expect_covering

ServerDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

EARLIER: Mapping[str, Any] = {"pgvector_version": "", "tables": {}, "load_order": [], "collections": []}
"""Keys that only tables need. With them an earlier version of the service reads such a manifest as far as the layout,
and answers that it doesn't know it."""


class FileFact(Fact):
    """One file, in blocks."""

    file: Name
    bytes: Count
    rows: Count
    blocks: list[BlockFact]

    @model_validator(mode="after")
    def _blocks_cover_the_file(self) -> "FileFact":
        expect_covering(self.blocks, self.bytes, self.rows)
        return self


class StoreManifest(Fact):
    """The whole document. layout: the store's family. store: what only the store itself reads, by a model of its own.

    database: the name of what was saved. partial: only some of it was. server, precaution: as of tables.
    """

    format_version: Literal[2]
    layout: Name
    timestamp: Name
    created_at: Label
    tool_version: Label
    server_version: Label
    database: Label
    server: ServerDigest | None = None
    files: Annotated[dict[Name, FileFact], Field(min_length=1)]
    store: dict[str, Any]
    partial: bool = False
    precaution: bool = False
    sha256: Digest

    @property
    def file_facts(self) -> Mapping[str, FileFact]:
        """By key: what vouches for each file."""
        return self.files
