"""Where rows come from that go into Milvus."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.milvus.crossing.table_source import TableSource
from data_pipeline.operations.milvus.requests import IntoTables
from data_pipeline.operations.requests.store import NamedSet
from data_pipeline.sets.held_set import AnySet, HeldSet
from data_pipeline.storage import location
from data_pipeline.stores.milvus import store
from data_pipeline.stores.milvus.facts import CollectionFact, MilvusFacts, PartitionFact


class Source(Protocol):
    """Collections, and the rows of each partition as record batches. warnings: what is worth knowing of it."""

    facts: MilvusFacts
    warnings: list[str]

    def batches(self, collection: CollectionFact, partition: PartitionFact) -> Iterator[Any]:
        """Raises InvalidBackup for what isn't as it should be."""


class SetSource:
    """A set of Milvus."""

    def __init__(self, held: HeldSet) -> None:
        self.facts: MilvusFacts = store.STORE.facts_of(held)
        self.warnings: list[str] = []
        if any(one.changed for one in self.facts.collections):
            self.warnings.append(say("milvus_partial_swap"))
        self._held = held

    def batches(self, collection: CollectionFact, partition: PartitionFact) -> Iterator[Any]:
        found: Iterator[Any] = store.rows(self._held, collection, partition)
        return found


@contextmanager
def of_set(engine: Engine, named: NamedSet) -> Iterator[Source]:
    """Those of a set, which is locked against deletion. Raises ServiceError."""
    where = location.parse(named.backup_path)
    engine.storages.check(where.storage)
    with engine.catalog.locked_any(where, named.timestamp) as found:
        yield of(engine, found)


def of(engine: Engine, found: AnySet) -> Source:
    """Those of a set of Milvus, or of PostgreSQL tables. Raises InvalidParams for any other."""
    if not isinstance(found, HeldSet):
        return TableSource(engine, found)
    if found.family != store.FAMILY:
        text = say("set_of_a_store", layout=found.family)
        raise InvalidParams(text, details={"field": "backup_path", "layout": found.family})
    return SetSource(found)


def expect_fitting(source: Source, into: IntoTables | None) -> None:
    """Raise InvalidParams for a set of tables that would become tables: that is another route's."""
    if into is not None and not isinstance(source, SetSource):
        text = say("into_not_from", layout="tables", into=into.layout)
        raise InvalidParams(text, details={"field": "into"})
