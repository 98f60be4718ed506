"""Rows merged into a live collection by their primary keys, and read back.

It is not all or nothing: what was written before a failure stays, and the error says how many rows.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.errors import InternalError, ServiceError
from common.messages import say
from data_pipeline.operations.milvus.plan import Step
from data_pipeline.operations.milvus.sources import Source
from data_pipeline.postgres.progress import Progress
from data_pipeline.stores.milvus import live, making
from data_pipeline.stores.milvus.digest import hashes
from data_pipeline.stores.milvus.protocol import protocol
from data_pipeline.stores.milvus.reader import literal
from data_pipeline.stores.milvus.server import Server
from data_pipeline.stores.milvus.table import RowShape
from data_pipeline.stores.milvus.writer import Writer

KEYS_AT_ONCE = 500
"""How many keys stand in one expression when merged rows are read back."""


@dataclass
class Timing:
    """Seconds of the parts of a step."""

    load: float = 0.0
    index: float = 0.0
    check: float = 0.0


def merge(server: Server, source: Source, step: Step, progress: Progress) -> Timing:
    """Write the rows of a step. Raises ServiceError, Cancelled."""
    timing, started = Timing(), time.monotonic()
    loaded = live.is_loaded(server, step.fresh)
    _write(server, source, step, progress)
    live.flush(server, step.fresh)
    timing.load, started = time.monotonic() - started, time.monotonic()
    if not loaded:
        live.load(server, step.fresh)
    progress.enter("check", step.name)
    for partition in step.fact.partitions:
        for batch in source.batches(step.fact, partition):
            _expect_there(server, step, batch, progress)
    if not loaded:
        live.release(server, step.fresh)
    timing.check = time.monotonic() - started
    return timing


def _write(server: Server, source: Source, step: Step, progress: Progress) -> None:
    there, written = set(live.partitions(server, step.fresh)), 0
    try:
        for partition in step.fact.partitions:
            if partition.name and partition.name not in there:
                making.create_partition(server, step.fresh, partition.name)
            writer = Writer(server, step.fresh, step.shape, partition.name, upsert=True)
            before = written
            for batch in source.batches(step.fact, partition):
                writer.write(batch)
                written = before + writer.rows
                progress.advance(batch.nbytes, len(batch))
            writer.finish()
            written = before + writer.rows
    except ServiceError as error:
        details = {**error.data.get("details", {}), "collection": step.name, "rows_written": written}
        error.data |= {"details": details, "merged_in_part": written > 0}
        raise


def _expect_there(server: Server, step: Step, batch: Any, progress: Progress) -> None:
    """Raise InternalError unless the live collection has these rows."""
    for start in range(0, len(batch), KEYS_AT_ONCE):
        part = batch.slice(start, KEYS_AT_ONCE)
        expected = sorted(hashes(step.shape, part))
        pages = _by_keys(server, step.fresh, step.shape, part)
        found = sorted(one for page in pages for one in hashes(step.shape, page))
        if expected != found:
            raise differ(step.name, len(expected), len(found))
        progress.expect_wanted()


def _by_keys(server: Server, name: str, shape: RowShape, batch: Any) -> Iterator[Any]:
    """The rows of these keys."""
    keys = batch.column(shape.arrow.get_field_index(shape.key.name)).to_pylist()
    request = protocol().milvus.QueryRequest(
        collection_name=name,
        expr=f"{shape.key.name} in [{', '.join(map(literal, keys))}]",
        output_fields=[column.name for column in shape.columns],
    )
    page = server.call("Query", request, about=name)
    if any(data.field_name == shape.key.name for data in page.fields_data):
        yield shape.read(page)


def differ(name: str, expected: int, found: int) -> InternalError:
    """Rows that were read back aren't those that were written."""
    details = {"name": name, "expected": expected, "found": found}
    return InternalError(
        say("milvus_rows_differ", name=name, expected=expected, found=found), can_retry=True, details=details
    )
