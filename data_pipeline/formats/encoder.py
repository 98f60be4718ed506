"""A block of CSV -> what COPY is fed with."""

from dataclasses import dataclass

import numpy as np

from data_pipeline.formats import csv_reader as rows
from data_pipeline.formats import json_nul, pgcopy
from data_pipeline.formats.csv_fields import LARGE_BYTES
from data_pipeline.formats.csv_reader import Layout, Records
from data_pipeline.formats.evidence import Evidence

_WINDOW = 4 << 20


@dataclass(frozen=True)
class Encoded:
    """What becomes of a block: bytes for COPY, in pieces, how many records and line ends the block had.

    dropped: how many of the records are not in the payload, because their collection isn't wanted. evidence: what the
    records say about their writer, where that is not decided. stripped: from how many U+0000 was dropped, which jsonb
    can't hold.
    """

    payload: tuple[bytes, ...]
    rows: int
    lines: int
    dropped: int = 0
    evidence: Evidence | None = None
    stripped: int = 0


def encode_csv(block: bytes, layout: Layout, binary: bool) -> Encoded:
    """Encode a block of whole records: as tuples of binary COPY without header and trailer, or as CSV for COPY.

    CSV is for tables with columns that copy_binary.BINARY_TYPES doesn't know; the same checks are made. Raises
    RowError, its line counted from the start of the block, and Contradicted.
    """
    records = rows.parse(block, layout)
    kept, stripped = json_nul.settle(pgcopy.wanted(records, layout), layout, block)
    if not binary:
        payload: tuple[bytes, ...] = (_checked_csv(kept, layout),)
    elif len(block) > LARGE_BYTES:
        payload = tuple(pgcopy.pieces(kept, layout))
    else:
        payload = (pgcopy.encode(kept, layout),)
    return Encoded(payload, len(records), _line_ends(block), len(records) - len(kept), records.evidence, stripped)


def check_binary(block: bytes, layout: Layout) -> Encoded:
    """The same for tuples of binary COPY. They have no lines: the records are counted instead."""
    if layout.wanted is None:
        count = pgcopy.check_block(block, layout)
        return Encoded((block,), count, lines=count)
    kept, count = pgcopy.wanted_tuples(block, layout)
    return Encoded((b"".join(data for _, data in kept),), count, lines=count, dropped=count - len(kept))


def record_before(block: bytes, layout: Layout, csv: bool, index: int) -> int:
    """How many lines of a block (of binary: tuples) precede the one in which its record `index` starts.

    index: 0-based, among those that are wanted.
    """
    if csv:
        return pgcopy.wanted(rows.parse(block, layout), layout).line(index) - 1
    return index if layout.wanted is None else pgcopy.wanted_tuples(block, layout)[0][index][0] - 1


def _line_ends(block: bytes) -> int:
    data = np.frombuffer(block, np.uint8)  # bytes.count takes ten times longer
    windows = (data[start : start + _WINDOW] for start in range(0, len(data), _WINDOW))
    return sum(int(np.count_nonzero(window == ord("\n"))) for window in windows)


def _checked_csv(records: Records, layout: Layout) -> bytes:
    pgcopy.values(records, layout)
    return b"".join(b",".join(map(_csv_field, record)) + b"\n" for record in records)


def _csv_field(value: bytes | None) -> bytes:
    """Quoted always: then nothing but NULL is an unquoted nothing, and no `\\.` can end the data."""
    return b"" if value is None else b'"' + value.replace(b'"', b'""') + b'"'
