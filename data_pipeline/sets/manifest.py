"""What a backup set promises: every block's checksum, and facts about the tables it was taken from.

A manifest is data. Nothing in it is ever executed. It is JSON, written last; its own checksum is the SHA-256 of the
document without the key "sha256", as JSON with sorted keys and no spaces.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationError, model_validator

from common.errors import InvalidBackup, InvalidParams
from common.messages import say
from data_pipeline.layouts.registry import FAMILIES, OPEN
from data_pipeline.sets.store_manifest import EARLIER, FileFact, ServerDigest, StoreManifest
from data_pipeline.sets.tables.table_facts import (
    LARGEST_INTEGER,
    LONGEST_NAME,
    Count,
    Digest,
    Dimensions,
    Fact,
    Label,
    Name,
    TableFact,
    Text,
)
from data_pipeline.storage.naming import STORE_STEMS

FORMAT_VERSION = 2
"""What is written. Every version up to this one is read."""

LARGEST = 64 << 20
"""Bytes of a manifest. Blocks of 4 MB need about 130 bytes each: enough for 2 TB."""

MOST_PROBES = 100
"""Their embeddings stand in the manifest: at most 20 MB of it."""

LONGEST_EMBEDDING = 1 << 20
"""Characters. pgvector's 16,000 dimensions take a quarter of that."""

UNSHOWN = re.compile(r"[^\w.\[\]-]", re.ASCII)
"""What an answer doesn't repeat of a key."""

Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Vector = Annotated[str, Field(pattern=r"^\[[-+.,0-9e]*\]$", max_length=LONGEST_EMBEDDING)]
Distance = Literal["cosine", "l2", "inner_product", "l1"]
Share = Annotated[float, Field(ge=0, le=1)]


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

    collection: None where rows have none, and the whole table is searched. recall: the share of the nearest that the
    vector index found, None without one.
    """

    collection: Uuid | None = None
    id: Text
    embedding: Vector
    neighbours: Annotated[list[NeighbourFact], Field(min_length=1, max_length=10)]
    recall: Share | None


class ProbesFact(Fact):
    """What searches found when the backup was taken."""

    distance: Distance
    recall: Share | None
    rows: Annotated[list[ProbeFact], Field(max_length=MOST_PROBES)]


class ColumnProbesFact(ProbesFact):
    """The same of one vector column of any table, searched as a whole."""

    table: Name
    column: Name


class ChosenRowsFact(Fact):
    """A column, and the values that every row of the set has in it, as text."""

    column: Name
    values: Annotated[list[Text], Field(min_length=1)]


class Manifest(Fact):
    """The whole document."""

    format_version: Literal[1, 2]
    layout: Name | None = None
    """What the tables are to one another; None in version 1, whose tables are LangChain's."""
    load_order: list[Name] | None = None
    """The tables, each after those that it refers to; None in version 1."""
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
    chosen_rows: ChosenRowsFact | None = None
    """What the rows have that the backup was limited to; None for a backup of everything."""
    chosen_collections: list[Text] | None = None
    """The names the backup was limited to, those without a collection included; None for a backup of everything."""
    probes: ProbesFact | None = None
    column_probes: list[ColumnProbesFact] = Field(default_factory=list)
    """Of any tables, by column; left out where no searches are remembered."""
    precaution: bool = False
    """Whether a restore took it first, of what it was about to change."""
    obstacles: list[str] = Field(default_factory=list)
    """What keeps the rows from coming back into the tables they were taken from."""
    sha256: Digest

    @property
    def partial(self) -> bool:
        """The backup was limited to some rows."""
        return self.chosen_collections is not None or self.chosen_rows is not None

    @model_validator(mode="after")
    def _version_2_says_what_the_tables_are(self) -> "Manifest":
        if self.format_version > 1:
            if self.layout is None or self.load_order is None or sorted(self.load_order) != sorted(self.tables):
                raise ValueError("layout and load_order don't fit the tables")
            for name, fact in self.tables.items():
                self._expect_facts(fact)
                if self.layout in OPEN and not name.startswith(f"{fact.schema_name}."):
                    raise ValueError("a table is in no schema")
        for probed in self.column_probes:
            if probed.table not in self.tables or probed.column not in self.tables[probed.table].names:
                raise ValueError("probes are of no column")
        return self

    @property
    def file_facts(self) -> Mapping[str, TableFact]:
        """By table: what vouches for each file."""
        return self.tables

    def _expect_facts(self, fact: TableFact) -> None:
        if fact.key is None or fact.references is None or not set(fact.key) <= fact.names:
            raise ValueError("a table's key is none of its columns")
        for reference in fact.references:
            other = self.tables.get(reference.table)
            fits = len(reference.columns) == len(reference.referenced_columns) and set(reference.columns) <= fact.names
            if other is None or not fits or not set(reference.referenced_columns) <= other.names:
                raise ValueError("a reference leads nowhere")


AnyManifest: TypeAlias = Manifest | StoreManifest
"""Of PostgreSQL tables, or of another store."""

FileFacts: TypeAlias = TableFact | FileFact
"""What either says of a file."""


def expect_file(manifest: AnyManifest, key: str, name: str, size: int) -> None:
    """Raise InvalidBackup unless a manifest vouches for a file of this name and size (bytes)."""
    fact: FileFacts | None = manifest.file_facts.get(key)
    if fact is None or fact.file != name:
        raise InvalidBackup(
            say("manifest_lacks_the_file", name=name), details={"file": name, "reason": say("manifest_lacks_file")}
        )
    if fact.bytes != size:
        raise InvalidBackup(
            say("file_size_differs", name=name),
            details={"file": name, "reason": say("size_differs"), "expected_bytes": fact.bytes, "bytes": size},
        )


def dump(facts: Mapping[str, Any]) -> bytes:
    """The document of a manifest of tables, its checksum included, checked against its own schema."""
    return _signed({"format_version": FORMAT_VERSION, **facts}, Manifest)


def dump_store(facts: Mapping[str, Any]) -> bytes:
    """The same of another store's set."""
    return _signed({"format_version": FORMAT_VERSION, **EARLIER, **facts}, StoreManifest)


def _signed(document: dict[str, Any], model: type[AnyManifest]) -> bytes:
    data = checksummed(document)
    model.model_validate(document)
    return data


def checksummed(document: dict[str, Any]) -> bytes:
    """A document as a file has it, with its checksum, which it is given here."""
    document["sha256"] = checksum(document)
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def load_tables(data: bytes, name: str, timestamp: str) -> Manifest:
    """As load(), but raises InvalidParams for another store's."""
    return of_tables(load(data, name, timestamp))


def of_tables(manifest: AnyManifest) -> Manifest:
    """What vouches for a set of tables. Raises InvalidParams for another store's."""
    if isinstance(manifest, StoreManifest):
        text = say("set_of_a_store", layout=manifest.layout)
        raise InvalidParams(text, details={"field": "backup_path", "layout": manifest.layout})
    return manifest


def load(data: bytes, name: str, timestamp: str) -> AnyManifest:
    """Read a manifest for the set `timestamp`.

    Raises InvalidBackup for anything but a whole, unchanged one; `details.key` names the value that can't stand there.
    """
    try:
        document = json.loads(data)
        whole = is_whole(document)
        if whole:
            _expect_known_version(document.get("format_version"), name)
        manifest = _model(document).model_validate(document)
    except ValidationError as error:
        raise _damaged(name, _key(error)) from None
    except (ValueError, RecursionError):
        raise _damaged(name) from None
    if not whole or manifest.timestamp != timestamp:
        raise _damaged(name)
    if manifest.layout is not None and manifest.layout not in (*FAMILIES, *STORE_STEMS):
        text = say("manifest_layout_unknown", name=name, layout=UNSHOWN.sub("?", manifest.layout))
        raise InvalidBackup(text, details={"file": name, "reason": say("manifest_layout_not_known")})
    return manifest


def _model(document: Any) -> type[AnyManifest]:
    layout = document.get("layout") if isinstance(document, dict) else None
    return StoreManifest if isinstance(layout, str) and layout in STORE_STEMS else Manifest


def is_whole(document: Any) -> bool:
    """Whether its checksum fits, which is computed the same way in every version of the format."""
    if not isinstance(document, dict):
        return False
    rest = {key: value for key, value in document.items() if key != "sha256"}
    try:
        return bool(document.get("sha256") == checksum(rest))
    except UnicodeEncodeError:  # half a surrogate pair, of which there is no UTF-8
        return False


def _expect_known_version(version: Any, name: str) -> None:
    """Raise InvalidBackup for a version that is newer than this service, whose other keys may mean anything."""
    if type(version) is int and FORMAT_VERSION < version <= LARGEST_INTEGER:
        text = say("manifest_version_newer", name=name, version=version, known=FORMAT_VERSION)
        details = {"file": name, "reason": say("manifest_version_not_known"), "format_version": version}
        raise InvalidBackup(text, details=details)


def checksum(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a document without its own checksum."""
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
