"""PostgreSQL's binary COPY, as it is."""

from collections.abc import Iterator, Sequence

from common.messages import say
from data_pipeline.formats import pgcopy, types
from data_pipeline.formats.csv_header import Header
from data_pipeline.formats.csv_reader import Layout, RowError
from data_pipeline.formats.format import Encoded, Format, Span
from data_pipeline.formats.types.column_type import LONGEST_SHOWN


class Binary(Format):
    name = "binary"
    suffix = "pgcopy"
    described = False
    typed = True
    header_lines = 0
    stream_header = pgcopy.HEADER
    trailer = pgcopy.TRAILER
    # Blocks are only checked, and more of them would fall out of the cores' cache before COPY has them.
    read_ahead = 2

    def header(self, columns: Sequence[str]) -> bytes:
        return pgcopy.HEADER

    def read_header(self, start: bytes, columns: Sequence[str] | None) -> Header:
        if columns is None:
            raise RowError("invalid", 1, None, say("binary_needs_manifest"))
        return Header(tuple(columns), pgcopy.strip_header(start), b"\n")

    def cut(self, piece: bytes, within: bool) -> tuple[int, bool]:
        """Nowhere: a length is no different from what it measures."""
        return 0, within

    def encode(self, block: bytes, layout: Layout, binary: bool) -> Encoded:
        """The tuples themselves. They have no lines: the records are counted instead."""
        if layout.wanted is None:
            return self._whole(block, layout, pgcopy.check_block(block, layout))
        kept, count = pgcopy.wanted_tuples(block, layout)
        rows = pgcopy.relabelled(b"".join(data for _, data in kept), layout)
        return Encoded((rows,), count, lines=count, dropped=count - len(kept))

    def outline(self, block: bytes, layout: Layout) -> Encoded:
        if layout.wanted is not None:
            return self.encode(block, layout, True)
        return self._whole(block, layout, pgcopy.check_block(block, layout, owners_only=True))

    def _whole(self, block: bytes, layout: Layout, count: int) -> Encoded:
        return Encoded((pgcopy.relabelled(block, layout),), count, lines=count)

    def pick(self, block: bytes, layout: Layout, kept: Sequence[int]) -> Encoded:
        rows, count = pgcopy.tuples_at(block, layout, kept)
        return Encoded((pgcopy.relabelled(b"".join(rows), layout),), count, lines=count, dropped=count - len(rows))

    def may_decline(self, layout: Layout) -> bool:
        return False

    def record_before(self, block: bytes, layout: Layout, index: int) -> int:
        return index if layout.wanted is None else pgcopy.wanted_tuples(block, layout)[0][index][0] - 1

    def spans(self, row: bytes) -> Iterator[Span]:
        return pgcopy.spans(row)

    def shown(self, field: bytes, type_name: str) -> str:
        known = types.find(type_name)
        return known.shown(field) if known else field[:LONGEST_SHOWN].decode(errors="replace")
