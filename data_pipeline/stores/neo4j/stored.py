"""What lies in a set of Neo4j, parsed: every block is checked, and every line of it."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.formats import compression
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.neo4j.facts import NODES, RELATIONSHIPS, Neo4jFacts
from data_pipeline.stores.neo4j.graph import Node, Relationship, Sums, read_node, read_relationship

T = TypeVar("T")


def nodes(held: HeldSet) -> Iterator[list[Node]]:
    """A list a block. Raises InvalidBackup."""
    return _parsed(held, NODES, read_node)


def relationships(held: HeldSet) -> Iterator[list[Relationship]]:
    """The same."""
    return _parsed(held, RELATIONSHIPS, read_relationship)


def expect_whole(held: HeldSet, facts: Neo4jFacts) -> None:
    """Read every line. Raises InvalidBackup unless the graph is the one that the facts describe."""
    known: dict[int, bytes] = {}
    sums = Sums()
    for found in nodes(held):
        for node in found:
            known[node.id] = node.digest
            sums.add_node(node, known[node.id])
    for ties in relationships(held):
        for one in ties:
            if one.start not in known or one.end not in known:
                raise damaged(held, RELATIONSHIPS, 0)
            sums.add_relationship(one, one.digest(known[one.start], known[one.end]))
    if sums.digest != facts.digest or len(known) != facts.nodes or sums.relationships != facts.relationships:
        raise damaged(held, NODES, 0)


def damaged(held: HeldSet, key: str, line: int) -> InvalidBackup:
    name = held.files[key].name if key in held.files else key
    return InvalidBackup(
        say("neo4j_record_invalid", file=name, line=line),
        details={"file": name, "line": line, "reason": say("neo4j_no_record")},
    )


def _parsed(held: HeldSet, key: str, read: Callable[[bytes], T]) -> Iterator[list[T]]:
    if key not in held.files:
        raise damaged(held, key, 0)
    line = 0
    for block, data in zip(held.manifest.files[key].blocks, held.blocks(key), strict=True):
        found = []
        try:
            for text in compression.decompress(data, block.raw_bytes or 0).splitlines():
                line += 1
                found.append(read(text))
        except (ValueError, RecursionError, compression.BadFrame):
            raise damaged(held, key, line) from None
        yield found
