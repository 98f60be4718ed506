"""CSV, as PostgreSQL's COPY writes it, and as older tools did."""

from collections.abc import Iterator, Sequence

import numpy as np

from common.messages import say
from data_pipeline.formats import csv_fields, csv_header, csv_reader, json_nul, pgcopy
from data_pipeline.formats.csv_fields import LARGE_BYTES
from data_pipeline.formats.csv_header import Header
from data_pipeline.formats.csv_reader import Layout, Records, RowError
from data_pipeline.formats.format import Encoded, Format, Span
from data_pipeline.formats.types.column_type import LONGEST_SHOWN, Declined

_WINDOW = 4 << 20
_QUOTED = b'",\r\n'


class Csv(Format):
    name = "csv"
    suffix = "csv"
    described = True
    typed = False
    header_lines = 1
    stream_header = trailer = b""
    # Encoded CSV is a third of its block, and takes the workers longer than COPY: with 2 they waited for a tenth of the
    # time.
    read_ahead = 4

    def header(self, columns: Sequence[str]) -> bytes:
        return b",".join(map(_name, columns)) + b"\n"

    def read_header(self, start: bytes, columns: Sequence[str] | None) -> Header:
        """Where the columns are known already, only the line's end is looked for."""
        if columns is None:
            return csv_header.parse_header(start)
        size = start.find(b"\n") + 1
        if size == 0:
            raise RowError("invalid", 1, None, say("header_missing"))
        return Header(tuple(columns), size, csv_header.line_end(start))

    def cut(self, piece: bytes, within: bool) -> tuple[int, bool]:
        return csv_reader.cut(piece, within)

    def encode(self, block: bytes, layout: Layout, binary: bool) -> Encoded:
        """CSV is for tables with columns of unknown types, and for texts that no codec knows; it gets the same checks.

        Raises RowError, and Contradicted.
        """
        records = csv_reader.parse(block, layout)
        kept, stripped = json_nul.settle(pgcopy.wanted(records, layout), layout, block)
        payload = _tuples(block, kept, layout) if binary else None
        if not binary:
            pgcopy.expect_valid(kept, layout)
        return Encoded(
            payload or (_rewritten(kept),),
            len(records),
            _line_ends(block),
            len(records) - len(kept),
            records.evidence,
            declined=binary and payload is None,
            stripped=stripped,
        )

    def pick(self, block: bytes, layout: Layout, kept: Sequence[int]) -> Encoded:
        records = csv_reader.parse(block, layout)
        picked, _ = json_nul.settle(pgcopy.wanted(records, layout).only(kept), layout, block)
        payload = _tuples(block, picked, layout)
        return Encoded(payload or (), len(records), 0, len(records) - len(picked), declined=payload is None)

    def may_decline(self, layout: Layout) -> bool:
        return not all(column.known and column.known.certain for column in layout.columns)

    def record_before(self, block: bytes, layout: Layout, index: int) -> int:
        return pgcopy.wanted(csv_reader.parse(block, layout), layout).line(index) - 1

    def spans(self, row: bytes) -> Iterator[Span]:
        """A field is quoted as a whole or not at all."""
        position = 0
        while position < len(row):
            if row.startswith(b'"', position):
                start, end = position + 1, csv_fields.closing_quote(row, position + 1)
                position = end + 2
            else:
                ends = (row.find(b",", position), row.find(b"\n", position))
                start, end = position, min(place for place in ends if place >= 0)
                position = end + 1
            yield start, end, end - start - row.count(b'""', start, end)

    def shown(self, field: bytes, type_name: str) -> str:
        return field.replace(b'""', b'"')[:LONGEST_SHOWN].decode(errors="replace")


def _tuples(block: bytes, records: Records, layout: Layout) -> tuple[bytes, ...] | None:
    """The records as tuples of binary COPY, those of a large block in pieces; None where a text is declined."""
    try:
        large = len(block) > LARGE_BYTES
        return tuple(pgcopy.pieces(records, layout)) if large else (pgcopy.encode(records, layout),)
    except Declined:
        return None


def _rewritten(records: Records) -> bytes:
    return b"".join(b",".join(map(_field, record)) + b"\n" for record in records)


def _field(value: bytes | None) -> bytes:
    """Quoted always: then nothing but NULL is an unquoted nothing, and no `\\.` can end the data."""
    return b"" if value is None else b'"' + value.replace(b'"', b'""') + b'"'


def _name(column: str) -> bytes:
    """A column's name in a header line, quoted where COPY quotes it."""
    name = column.encode()
    return _field(name) if any(byte in _QUOTED for byte in name) else name


def _line_ends(block: bytes) -> int:
    data = np.frombuffer(block, np.uint8)  # bytes.count takes ten times longer
    windows = (data[start : start + _WINDOW] for start in range(0, len(data), _WINDOW))
    return sum(int(np.count_nonzero(window == ord("\n"))) for window in windows)
