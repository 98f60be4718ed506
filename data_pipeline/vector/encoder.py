"""A block of CSV -> what COPY is fed with."""

from dataclasses import dataclass

import numpy as np

from data_pipeline.vector import copy_binary, rows
from data_pipeline.vector.rows import Layout, Records


@dataclass(frozen=True)
class Encoded:
    """What becomes of a block: bytes for COPY, in pieces, how many records they are, how many line ends it had."""

    payload: tuple[bytes, ...]
    rows: int
    lines: int


def encode_csv(block: bytes, layout: Layout, binary: bool) -> Encoded:
    """Encode a block of whole records: as tuples of binary COPY without header and trailer, or as CSV for COPY.

    CSV is for tables with columns that copy_binary.BINARY_TYPES doesn't know; the same checks are made. Raises
    RowError, its line counted from the start of the block.
    """
    records = rows.parse(block, layout)
    payload = copy_binary.encode(records, layout) if binary else _checked_csv(records, layout)
    return Encoded((payload,), len(records), _line_ends(block))


def _line_ends(block: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n")))  # bytes.count takes ten times longer


def _checked_csv(records: Records, layout: Layout) -> bytes:
    copy_binary.values(records, layout)
    return b"".join(b",".join(map(_csv_field, record)) + b"\n" for record in records)


def _csv_field(value: bytes | None) -> bytes:
    """Quoted always: then nothing but NULL is an unquoted nothing, and no `\\.` can end the data."""
    return b"" if value is None else b'"' + value.replace(b'"', b'""') + b'"'
