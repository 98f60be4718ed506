"""A graph into a set."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from data_pipeline.formats import compression
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.storage.naming import store_stem
from data_pipeline.stores.neo4j import graph, schema
from data_pipeline.stores.neo4j.facts import FAMILY, NODES, RELATIONSHIPS, Neo4jFacts
from data_pipeline.stores.neo4j.link import Kernel
from data_pipeline.stores.neo4j.reading import Reader

SUFFIX = "jsonl.zst"
LEVEL = 1
BLOCK_BYTES = 4 << 20
T = TypeVar("T")


class Export:
    """From one session into one draft. Every method raises ServiceError, Cancelled."""

    def __init__(self, session: Any, known: Kernel, draft: StoreDraft, progress: Progress) -> None:
        self._session = session
        self._known = known
        self._draft = draft
        self._progress = progress
        self._raw = 0

    def run(self, name: str) -> Neo4jFacts:
        """name: of the database."""
        moment = datetime.now().astimezone()
        described = schema.read(self._session)
        with self._session.begin_transaction() as transaction:
            reader = Reader(transaction)
            self._write(name, NODES, reader.nodes(), graph.node_line)
            self._write(name, RELATIONSHIPS, reader.relationships(), graph.relationship_line)
        sums = reader.sums
        return Neo4jFacts(
            consistency="live",
            moment=moment.isoformat(timespec="milliseconds"),
            edition=self._known.edition,
            nodes=sums.nodes,
            relationships=sums.relationships,
            labels=dict(sorted(sums.labels.items())),
            types=dict(sorted(sums.types.items())),
            digest=sums.digest,
            left_out=reader.left_out,
            raw_bytes=self._raw,
            schema=described,
        )

    def _write(self, name: str, key: str, found: Iterable[T], line_of: Callable[[T], bytes]) -> None:
        self._progress.enter("load", key)
        lines: list[bytes] = []
        size = 0
        with self._draft.file(key, store_stem(FAMILY, name, key), SUFFIX) as file:
            for one in found:
                lines.append(line_of(one))
                size += len(lines[-1])
                if size >= BLOCK_BYTES:
                    file.write(compression.compress(b"".join(lines), LEVEL), len(lines), size)
                    self._progress.advance(size, len(lines))
                    self._raw += size
                    lines, size = [], 0
            if lines:
                file.write(compression.compress(b"".join(lines), LEVEL), len(lines), size)
            self._raw += size
            self._progress.advance(size, len(lines))
