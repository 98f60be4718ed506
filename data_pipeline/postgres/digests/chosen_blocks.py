"""Some rows of a file read again from their blocks, each checked against what it hashed to when it was first read."""

import pickle
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from data_pipeline.formats.blocks import Block, Job
from data_pipeline.formats.worker_pool import WorkerPool, encode_inline
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.digests.digested import Span
from data_pipeline.postgres.writing import copy_in
from data_pipeline.postgres.writing.copy_in import Part
from data_pipeline.sets.tables.table_source import Source

Chosen = tuple[Block, tuple[int, ...] | None]
"""A block, and the places of some of its rows; None for all."""


def at(spans: Iterable[Span], places: "array[int]") -> Iterator[Chosen]:
    """The blocks that have the rows at these places, which are in order."""
    for span in spans:
        start, end = bisect_left(places, span.first), bisect_left(places, span.first + span.rows)
        if start < end:
            yield span.block, tuple(place - span.first for place in places[start:end])


def load(session: Session, source: Source, chosen: Iterable[Chosen], pool: WorkerPool) -> int:
    """Write the rows into the source's table; returns how many. Raises RowError, Unencoded, and what COPY raises."""
    layout = replace(source.layout, collections=None, largest_field=pool.largest_field)
    return copy_in.copy(session, source, layout, _parts(session, source, chosen, pool, pickle.dumps(layout)))


def _parts(
    session: Session, source: Source, chosen: Iterable[Chosen], pool: WorkerPool, layout: bytes
) -> Iterator[Part]:
    waiting: deque[Block] = deque()

    def jobs() -> Iterator[Job]:
        with source.file.ranges() as byte_range:
            for block, kept in chosen:
                session.progress.expect_wanted()
                waiting.append(block)
                readable = byte_range(block.offset, block.length)
                yield Job(readable, block, layout, source.format.name, True, kept=kept)

    for encoded in encode_inline(jobs()) if pool.size == 0 else pool.encode(jobs()):
        sent = encoded.rows - encoded.dropped
        yield Part(waiting.popleft(), 0, sent, encoded.declined, copy_in.messages(encoded.payload))
