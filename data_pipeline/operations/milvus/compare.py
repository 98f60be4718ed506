"""A set compared with live collections of a Milvus or with another set, of Milvus or of PostgreSQL tables: to the bit.

Rows are told apart by their keys, and each is remembered by a hash in a temporary file: neither side has to fit into
memory, and neither has to come in an order.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from common import memory
from common.errors import NotFound
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.milvus import sources
from data_pipeline.operations.milvus.backup import shape_of
from data_pipeline.operations.milvus.live_tables import LiveTables
from data_pipeline.operations.milvus.plan import in_set
from data_pipeline.operations.milvus.requests import MilvusCompareRequest
from data_pipeline.operations.milvus.results import ComparedCollection, MilvusCompared
from data_pipeline.operations.milvus.seen import told_apart
from data_pipeline.operations.milvus.sources import Source
from data_pipeline.stores.milvus import live
from data_pipeline.stores.milvus.digest import hashes
from data_pipeline.stores.milvus.reader import Reader
from data_pipeline.stores.milvus.server import Server, connected
from data_pipeline.stores.milvus.store import FAMILY
from data_pipeline.stores.milvus.table import RowShape


class Side(Protocol):
    """One side: the shape of a collection's rows, and the rows."""

    def shape(self, name: str) -> RowShape | None:
        """None for a collection that isn't there."""

    def batches(self, name: str) -> Iterator[Any]: ...


class SetSide:
    """A set."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def shape(self, name: str) -> RowShape | None:
        fact = self.source.facts.collection(name)
        return shape_of(fact, untried=True) if fact else None

    def batches(self, name: str) -> Iterator[Any]:
        fact = in_set(self.source.facts, name)
        for partition in fact.partitions:
            yield from self.source.batches(fact, partition)


class LiveSide:
    """A server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def shape(self, name: str) -> RowShape | None:
        found = live.find(self._server, name)
        return shape_of(found, untried=True) if found else None

    def batches(self, name: str) -> Iterator[Any]:
        found, loaded = live.describe(self._server, name), live.is_loaded(self._server, name)
        shape = shape_of(found, untried=True)
        if not loaded:
            live.load(self._server, found.name)
        try:
            partitions: Sequence[str | None] = (
                [None] if found.spreads_rows else live.partitions(self._server, found.name)
            )
            for partition in partitions:
                yield from Reader(self._server, found.name, shape, partition).batches()
        finally:
            if not loaded:
                live.release(self._server, found.name)


class MilvusComparison:
    """Compares. Changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def compare(self, request: MilvusCompareRequest) -> MilvusCompared:
        """Raises ServiceError."""
        started, warnings = time.monotonic(), list[str]()
        with memory.returned(), sources.of_set(self._engine, request.named_set) as source:
            sources.expect_fitting(source, request.into)
            names = _names(source, request)
            if request.into is not None:
                tables = LiveTables(self._engine, source, request.into, warnings.append)
                found = tables.compared(names, request.target)
            else:
                with self._other(request) as other:
                    sides = [(name, request.called(name)) for name in names]
                    found = [self._compared(SetSide(source), other, *side, warnings) for side in sides]
        identical = all(not (one.only_in_backup or one.only_in_other or one.different) for one in found)
        return MilvusCompared(
            response=say("milvus_compare_same") if identical else say("milvus_compare_different"),
            identical=identical,
            collections=found,
            warnings=list(dict.fromkeys([*source.warnings, *warnings])),
            duration=round(time.monotonic() - started, 3),
        )

    @contextmanager
    def _other(self, request: MilvusCompareRequest) -> Iterator[Side]:
        """What the set is compared with."""
        if request.other is not None:
            with sources.of_set(self._engine, request.other) as other:
                yield SetSide(other)
            return
        with connected(self._engine.store_target(request.target or "", FAMILY)) as server:
            yield LiveSide(server)

    def _compared(self, one: SetSide, other: Side, name: str, called: str, warnings: list[str]) -> ComparedCollection:
        mine, theirs = shape_of(in_set(one.source.facts, name), untried=True), other.shape(called)
        if theirs is None:
            raise NotFound(say("milvus_not_found", name=called, step="compare"), details={"name": called})
        without = _uncommon(mine, theirs)
        if without:
            warnings.append(say("compare_fields_left", name=name, fields=", ".join(sorted(without))))
        return told_apart(name, _rows(one.batches(name), mine, without), _rows(other.batches(called), theirs, without))


def _names(source: Source, request: MilvusCompareRequest) -> list[str]:
    names = request.collections or [one.name for one in source.facts.collections]
    for name in names:
        in_set(source.facts, name)
    return names


def _rows(batches: Iterator[Any], shape: RowShape, without: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    """Each row's key and its hash, of which the key's name is no part."""
    place = shape.arrow.get_field_index(shape.key.name)
    for batch in batches:
        keys = shape.key.kind.cells(batch.column(place))
        for key, row in zip(keys, hashes(shape, batch, (*without, shape.key.name)), strict=True):
            yield key or b"", row


def _uncommon(one: RowShape, other: RowShape) -> list[str]:
    """Fields that aren't on both sides with the same type; the key may be called otherwise."""
    mine, theirs = ({column.name: column.kind.code for column in shape.columns} for shape in (one, other))
    keys = {one.key.name, other.key.name}
    return [name for name in {**mine, **theirs} if name not in keys and mine.get(name) != theirs.get(name)]
