"""What a relation is, and whether it can be backed up."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from common.errors import ServiceError
from common.messages import Message, say
from data_pipeline.layouts import base
from data_pipeline.layouts.base import TableLayout
from data_pipeline.postgres import connection
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.discovery import queries
from data_pipeline.postgres.discovery.queries import Row
from data_pipeline.postgres.schema import ddl_types
from data_pipeline.postgres.schema.table_choice import NO_TABLES

Kind = Literal["table", "partitioned", "view", "materialized_view", "foreign_table"]
KINDS: Mapping[str, Kind] = {
    "r": "table",
    "p": "partitioned",
    "v": "view",
    "m": "materialized_view",
    "f": "foreign_table",
}
"""By pg_class' relkind."""
BRIEFLY = {"lock_timeout": "100ms"}
"""Sizes are worth no more waiting."""


@dataclass(frozen=True)
class Vector:
    """What a column of vectors holds. dimensions: None for any."""

    type: str
    dimensions: int | None


@dataclass(frozen=True)
class Column:
    """type: as manifests name it; shown: as PostgreSQL does, with its size. by_itself: what it gets without a value."""

    name: str
    type: str
    shown: str
    not_null: bool
    by_itself: Literal["default", "identity", "generated"] | None
    vector: Vector | None


@dataclass(frozen=True)
class Index:
    """columns: what it is searched by, "expression" for what is none."""

    name: str
    method: str
    columns: tuple[str, ...]
    operator_classes: tuple[str, ...]
    options: Mapping[str, str]
    unique: bool
    primary: bool
    partial: bool
    valid: bool


@dataclass(frozen=True)
class Reference:
    """A foreign key. table: with its schema."""

    name: str
    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...]


@dataclass(frozen=True)
class Trigger:
    name: str
    enabled: bool


@dataclass(frozen=True)
class OwnedSequence:
    """A sequence, with its schema, that belongs to a column."""

    name: str
    column: str


@dataclass(frozen=True)
class Relation:
    """A table, or what looks like one and has vectors.

    rows: as the last ANALYZE or VACUUM saw them, without those of tables that inherit. bytes: with what is stored out
    of line, without indexes. Both are None where nothing tells them. partitions, parents: with their schemas. plain: it
    has no partitions, and no table inherits from it. why_not: None where it can be backed up. notes: what is worth
    knowing although it can.
    """

    schema: str
    name: str
    kind: Kind
    rows: int | None
    bytes: int | None
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]
    references: tuple[Reference, ...]
    triggers: tuple[Trigger, ...]
    sequences: tuple[OwnedSequence, ...]
    partitions: tuple[str, ...]
    parents: tuple[str, ...]
    plain: bool
    why_not: Message | None
    notes: tuple[Message, ...]

    @property
    def is_table(self) -> bool:
        """Whether it has rows of its own, or in partitions."""
        return self.kind in ("table", "partitioned")

    @property
    def primary_key(self) -> tuple[str, ...]:
        return next((index.columns for index in self.indexes if index.primary), ())

    @property
    def shape(self) -> TableLayout:
        """As layouts see it."""
        return TableLayout(
            name=f"{self.schema}.{self.name}",
            key=self.primary_key,
            columns=tuple(base.Column(one.name, one.type, one.not_null) for one in self.columns),
            vectors=tuple(one.name for one in self.columns if one.vector),
            schema=self.schema,
        )


def find(session: Session) -> list[Relation]:
    """Every table, partitioned or not, of every schema but the system's and the service's own, by schema and name;
    views and the like where they have vectors. Extensions' and temporary ones are none of them, partitions stand under
    their root."""
    cursor = session.cursor
    found = queries.ask(cursor, queries.RELATIONS, tells_empty=cursor.connection.server_version >= 140000)
    oids = [row["oid"] for row in found]
    facts = {
        query: _grouped(queries.ask(cursor, query, oids=oids))
        for query in (queries.COLUMNS, queries.INDEXES, queries.REFERENCES, queries.TRIGGERS, queries.SEQUENCES)
    }
    sizes = _sizes(session, found)
    return [
        _relation(row, {query: of[row["oid"]] for query, of in facts.items()}, sizes.get(row["oid"])) for row in found
    ]


def _sizes(session: Session, found: Iterable[Row]) -> dict[int, int]:
    """Bytes by oid, of those that no other session keeps from being looked at."""
    pairs = [(row["oid"], leaf) for row in found if row["kind"] in "rpm" for leaf in row["leaves"] or ()]
    sizes: list[Row] = []
    with suppress(ServiceError), connection.scratch(session, "sizes", BRIEFLY):
        given = {"oids": [oid for oid, _ in pairs], "leaves": [leaf for _, leaf in pairs]}
        sizes = queries.ask(session.cursor, queries.SIZES, **given)
    return {one["oid"]: one["bytes"] for one in sizes if not one["locked"] and one["bytes"] is not None}


def _grouped(rows: Iterable[Row]) -> Mapping[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.pop("oid")].append(row)
    return found


def _relation(row: Row, facts: Mapping[str, Sequence[Row]], size: int | None) -> Relation:
    columns = tuple(map(_column, facts[queries.COLUMNS]))
    indexes = tuple(map(_index, facts[queries.INDEXES]))
    kind = KINDS[row["kind"]]
    return Relation(
        schema=row["schema"],
        name=row["name"],
        kind=kind,
        rows=row["rows"],
        bytes=size,
        columns=columns,
        indexes=indexes,
        references=tuple(
            Reference(one["name"], tuple(one["columns"]), one["table"], tuple(one["referenced"]))
            for one in facts[queries.REFERENCES]
        ),
        triggers=tuple(Trigger(**one) for one in facts[queries.TRIGGERS]),
        sequences=tuple(OwnedSequence(**one) for one in facts[queries.SEQUENCES]),
        partitions=tuple(row["partitions"]),
        parents=tuple(row["parents"]),
        plain=not row["divided"],
        why_not=_why_not(row),
        notes=() if row["kind"] in NO_TABLES else tuple(_notes(columns, indexes)),
    )


def _column(row: Row) -> Column:
    vector = Vector(row["vector"], row["dimensions"]) if row["vector"] else None
    own = "." not in row["type"] and ddl_types.from_extension(row["type"])
    shown = row["shown"].rpartition(".")[2] if own else row["shown"]
    return Column(row["name"], row["type"], shown, row["not_null"], row["by_itself"], vector)


def _index(row: Row) -> Index:
    options = dict(option.split("=", 1) for option in row["options"])
    columns, classes = tuple(row["columns"]), tuple(row["operator_classes"])
    return Index(**{**row, "columns": columns, "operator_classes": classes, "options": options})


def _why_not(row: Row) -> Message | None:
    """What keeps it from being backed up."""
    name = f"{row['schema']}.{row['name']}"
    if row["kind"] in NO_TABLES:
        return NO_TABLES[row["kind"]]
    if not row["usable"]:
        return say("schema_privilege_lacking", schema=row["schema"], privilege="USAGE")
    if not row["readable"]:
        return say("privileges_lacking", table=name, privileges="SELECT")
    if row["hides_rows"]:
        return say("row_security_hides_rows", table=name)
    return None


def _notes(columns: Sequence[Column], indexes: Iterable[Index]) -> Iterable[Message]:
    if not any(index.unique and not index.partial and "expression" not in index.columns for index in indexes):
        yield say("no_key_to_sync_by")
    given = [column for column in columns if column.by_itself != "generated"]
    unknown = tuple(f"{column.name} ({column.shown})" for column in given if not ddl_types.makes(column.type))
    if unknown:
        yield say("column_types_unknown", columns=unknown)
