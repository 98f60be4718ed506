"""A set into a server: one explicit transaction, or batches under a temporary label that are known by it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from common.errors import DuplicateRows, InvalidBackup, SchemaMismatch
from common.messages import say
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.neo4j import reading, stored, values
from data_pipeline.stores.neo4j.facts import Neo4jFacts
from data_pipeline.stores.neo4j.graph import Node, Relationship
from data_pipeline.stores.neo4j.lock import Lock
from data_pipeline.stores.neo4j.reading import STAGED
from data_pipeline.stores.neo4j.schema import quoted

BATCH = 1000
ANY_NODE = "MATCH (n) RETURN n LIMIT 1"
REMOVE_ALL = "MATCH (n) DETACH DELETE n"
CREATE_NODES = "UNWIND $rows AS row CREATE (n{labels}) SET n = row.p RETURN row.i, elementId(n)"
MERGE_NODES = (
    "UNWIND $rows AS row MERGE (n:{label} {{{key}: row.p[$name]}}) SET n += row.p{labels} RETURN row.i, elementId(n)"
)
TIE = "UNWIND $rows AS row MATCH (a) WHERE elementId(a) = row[0] MATCH (b) WHERE elementId(b) = row[1] "
CREATE_TIES = TIE + "CREATE (a)-[r:{type}]->(b) SET r = row[2] RETURN count(r)"
MERGE_TIES = TIE + "MERGE (a)-[r:{type}{key}]->(b) SET r += row[2] RETURN count(r)"


class Writing:
    """Of one set. keys: when merging, by label or type the property that tells one from another."""

    def __init__(self, held: HeldSet, facts: Neo4jFacts, progress: Progress, keys: Mapping[str, str]) -> None:
        self._held = held
        self._facts = facts
        self._progress = progress
        self._keys = keys
        self._made: dict[int, str] = {}

    def replace(self, transaction: Any) -> None:
        """The graph in the place of what is there, in one transaction, and compared with the set."""
        transaction.run(REMOVE_ALL).consume()
        self.fill(transaction)

    def fill(self, transaction: Any) -> None:
        """Into an empty database. Raises InvalidBackup unless what is there then is the set's."""
        for batch in self._node_batches():
            self._create(transaction, batch, "")
        for ties in self._tie_batches():
            self._tie(transaction, ties, CREATE_TIES)
        self.expect_same(transaction)

    def merge(self, transaction: Any) -> None:
        """Nodes by their keys, relationships by their ends and keys. Raises SchemaMismatch for one without a key."""
        for batch in self._node_batches():
            self._merge(transaction, batch)
        for ties in self._tie_batches():
            self._tie(transaction, ties, MERGE_TIES)

    def stage(self, session: Any, lock: Lock) -> None:
        """Batches, a transaction each, under the temporary label, which goes once all is there and compared."""
        for batch in self._node_batches():
            with session.begin_transaction() as transaction:
                lock.renew(transaction)
                self._create(transaction, batch, f":{STAGED}")
                transaction.commit()
        for ties in self._tie_batches():
            with session.begin_transaction() as transaction:
                lock.renew(transaction)
                self._tie(transaction, ties, CREATE_TIES)
                transaction.commit()
        with session.begin_transaction() as transaction:
            self.expect_same(transaction)
        self._progress.settle()
        lock.finish(session)

    def expect_same(self, transaction: Any) -> None:
        found = reading.sums(transaction, self._progress.expect_wanted)
        if found.digest != self._facts.digest:
            raise InvalidBackup(say("neo4j_graph_differs"), details={"reason": say("neo4j_graph_differs")})

    def _create(self, transaction: Any, batch: Sequence[Node], more: str) -> None:
        for labels, group in _grouped(batch, lambda node: tuple(node.labels)):
            query = CREATE_NODES.format(labels=more + "".join(f":{quoted(label)}" for label in labels))
            self._keep(group, transaction.run(query, rows=_rows(group)))

    def _merge(self, transaction: Any, batch: Sequence[Node]) -> None:
        for labels, group in _grouped(batch, lambda node: tuple(node.labels)):
            label = next((one for one in labels if one in self._keys), None)
            if label is None:
                raise SchemaMismatch(say("neo4j_merge_without_key", label=":".join(labels)), can_retry=False)
            key = self._keys[label]
            if any(key not in one.properties for one in group):
                raise SchemaMismatch(say("neo4j_merge_without_key", label=f"{label}.{key}"), can_retry=False)
            others = "".join(f":{quoted(one)}" for one in labels if one != label)
            query = MERGE_NODES.format(label=quoted(label), key=quoted(key), labels=f" SET n{others}" if others else "")
            self._keep(group, transaction.run(query, rows=_rows(group), name=key))

    def _keep(self, group: Sequence[Node], result: Any) -> None:
        """What the server calls them. Raises DuplicateRows where several nodes have a key."""
        elements = result.values()
        if len(elements) != len(group):
            raise DuplicateRows(say("neo4j_key_not_unique"))
        self._made.update(elements)

    def _tie(self, transaction: Any, batch: Sequence[Relationship], query: str) -> None:
        for (kind,), group in _grouped(batch, lambda one: (one.type,)):
            name = self._keys.get(kind)
            rows = _ties(group, self._made)
            key = f" {{{quoted(name)}: row[2][$name]}}" if name else ""
            made = transaction.run(query.format(type=quoted(kind), key=key), rows=rows, name=name).single(strict=True)
            if made[0] != len(group):
                raise InvalidBackup(say("neo4j_graph_differs"), details={"reason": say("neo4j_graph_differs")})

    def _node_batches(self) -> Iterator[list[Node]]:
        self._progress.enter("load", "nodes")
        for found in stored.nodes(self._held):
            for place in range(0, len(found), BATCH):
                self._progress.advance(0, len(found[place : place + BATCH]))
                yield found[place : place + BATCH]

    def _tie_batches(self) -> Iterator[list[Relationship]]:
        self._progress.enter("load", "relationships")
        for found in stored.relationships(self._held):
            for place in range(0, len(found), BATCH):
                self._progress.advance(0, len(found[place : place + BATCH]))
                yield found[place : place + BATCH]


def is_empty(session: Any) -> bool:
    return session.run(ANY_NODE).single() is None


def _ties(group: Sequence[Relationship], made: Mapping[int, str]) -> list[list[Any]]:
    return [[made[one.start], made[one.end], values.decoded(one.properties)] for one in group]


def _rows(group: Sequence[Node]) -> list[dict[str, Any]]:
    return [{"i": one.id, "p": values.decoded(one.properties)} for one in group]


def _grouped(batch: Sequence[Any], key: Any) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    ordered = sorted(batch, key=key)
    return ((name, list(group)) for name, group in groupby(ordered, key=key))
