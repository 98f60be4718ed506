"""A graph out of a server, in bounded memory: results are streamed, and of each node an id and a digest are kept."""

from collections.abc import Callable, Iterator
from typing import Any

from common.errors import StoreUnsupported
from common.messages import say
from data_pipeline.stores.neo4j import values
from data_pipeline.stores.neo4j.graph import Node, Relationship, Sums

STAGED, LOCK = "__vector_backup_restoring", "__vector_backup_lock"
"""Labels of what a restore in batches has made and not finished, and of the node by which it is known."""
READ_NODES = f"MATCH (n) WHERE NOT n:{LOCK} RETURN elementId(n), labels(n), properties(n)"
READ_RELATIONSHIPS = "MATCH (a)-[r]->(b) RETURN elementId(a), elementId(b), type(r), properties(r)"


class Reader:
    """One graph, nodes first. left_out: relationships whose ends weren't there when nodes were read."""

    def __init__(self, transaction: Any) -> None:
        self._transaction = transaction
        self._known: dict[str, tuple[int, bytes]] = {}
        self.sums = Sums()
        self.left_out = 0

    def nodes(self) -> Iterator[Node]:
        for element, labels, properties in self._rows(READ_NODES):
            names = sorted({*labels} - {STAGED})
            node = Node(len(self._known), names, _encoded(":".join(names), properties))
            digest = node.digest
            self._known[element] = node.id, digest
            self.sums.add_node(node, digest)
            yield node

    def relationships(self) -> Iterator[Relationship]:
        for start, end, kind, properties in self._rows(READ_RELATIONSHIPS):
            if start not in self._known or end not in self._known:
                self.left_out += 1
                continue
            (first, first_digest), (last, last_digest) = self._known[start], self._known[end]
            one = Relationship(kind, first, last, _encoded(kind, properties))
            self.sums.add_relationship(one, one.digest(first_digest, last_digest))
            yield one

    def _rows(self, query: str) -> Iterator[Any]:
        return (record.values() for record in self._transaction.run(query))


def sums(transaction: Any, wanted: Callable[[], None]) -> Sums:
    """Of a whole graph. wanted: called now and then; raises to end it."""
    reader = Reader(transaction)
    for count, _ in enumerate(one for each in (reader.nodes(), reader.relationships()) for one in each):
        if count % 1000 == 0:
            wanted()
    return reader.sums


def _encoded(what: str, properties: dict[str, Any]) -> dict[str, Any]:
    try:
        return values.encoded(properties)
    except (TypeError, ValueError):
        raise StoreUnsupported(say("neo4j_value_unsupported", what=what), details={"what": what}) from None
