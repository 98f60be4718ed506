"""Nodes and relationships as records, and the digest by which two graphs are the same under other ids.

{"id": 0, "labels": ["Entity"], "properties": {…}}
{"type": "RELATED_TO", "from": 0, "to": 1, "properties": {…}}
Ids count within a file: a server gives its own again to others. A node's digest is the SHA-256 of its labels and
properties as JSON; a relationship's also of the digests of both ends. A graph's is the sum of all, so no order counts.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from data_pipeline.stores.neo4j import values

WIDTH = 16
SPACE = 1 << (8 * WIDTH)


class Node(NamedTuple):
    """properties: as JSON has them (values.py)."""

    id: int
    labels: list[str]
    properties: dict[str, Any]

    @property
    def digest(self) -> bytes:
        return _digest([self.labels, self.properties])


class Relationship(NamedTuple):
    """start, end: ids of nodes."""

    type: str
    start: int
    end: int
    properties: dict[str, Any]

    def digest(self, start: bytes, end: bytes) -> bytes:
        return _digest([self.type, self.properties, start.hex(), end.hex()])


@dataclass
class Sums:
    """Of a graph: digests, and how many there are by labels and by type."""

    nodes: int = 0
    relationships: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    total: int = 0

    def add_node(self, node: Node, digest: bytes) -> None:
        self.nodes += 1
        self.labels.update(node.labels or [""])
        self.total = (self.total + int.from_bytes(digest, "big")) % SPACE

    def add_relationship(self, one: Relationship, digest: bytes) -> None:
        self.relationships += 1
        self.types[one.type] += 1
        self.total = (self.total + int.from_bytes(digest, "big")) % SPACE

    @property
    def digest(self) -> str:
        return f"{self.total:032x}"


def node_line(node: Node) -> bytes:
    return _json({"id": node.id, "labels": node.labels, "properties": node.properties}) + b"\n"


def relationship_line(one: Relationship) -> bytes:
    found = {"type": one.type, "from": one.start, "to": one.end, "properties": one.properties}
    return _json(found) + b"\n"


def read_node(line: bytes) -> Node:
    """Raises ValueError."""
    found = json.loads(line)
    try:
        node = Node(found["id"], found["labels"], found["properties"])
    except (KeyError, TypeError):
        raise ValueError("no node") from None
    if type(node.id) is not int or not all(isinstance(label, str) for label in node.labels):
        raise ValueError("no node")
    values.expect_known(node.properties)
    return node


def read_relationship(line: bytes) -> Relationship:
    """Raises ValueError."""
    found = json.loads(line)
    try:
        one = Relationship(found["type"], found["from"], found["to"], found["properties"])
    except (KeyError, TypeError):
        raise ValueError("no relationship") from None
    if type(one.start) is not int or type(one.end) is not int or not isinstance(one.type, str):
        raise ValueError("no relationship")
    values.expect_known(one.properties)
    return one


def _digest(value: Any) -> bytes:
    return hashlib.sha256(_json(value)).digest()[:WIDTH]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
