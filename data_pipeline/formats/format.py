"""What a format of backup files is: its frame, how its blocks are read, and how rows of COPY TO become them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from data_pipeline.formats.csv_header import Header
from data_pipeline.formats.csv_reader import Layout
from data_pipeline.formats.dialects.evidence import Evidence

FormatName = Literal["csv", "binary"]

Span = tuple[int, int, int]
"""Where a field begins and ends in a row, and how many bytes its value has."""


@dataclass(frozen=True)
class Encoded:
    """What becomes of a block: bytes for COPY, in pieces, how many records and line ends the block had.

    dropped: how many of the records are not in the payload, because their collection isn't wanted. evidence: what the
    records say about their writer, where that is not decided. declined: tuples of binary COPY were asked for, and the
    payload is CSV, for texts in it that only the server can read. stripped: from how many U+0000 was dropped, which
    jsonb can't hold. sha256: of the block as it is stored, where the payload is digests.
    """

    payload: tuple[bytes, ...]
    rows: int
    lines: int
    dropped: int = 0
    evidence: Evidence | None = None
    declined: bool = False
    stripped: int = 0
    sha256: str | None = None


class Format(ABC):
    """A format, by the name that COPY has for it."""

    name: FormatName
    suffix: str
    """Of its files' names."""

    described: bool
    """Whether a file tells its columns itself. A set of files that don't is nothing without its manifest."""

    typed: bool
    """Whether a value means something only to the type that wrote it."""

    header_lines: int
    """How many lines of a file precede its rows, where records are counted by lines."""

    stream_header: bytes
    """What a server's COPY TO puts before the first row, in the same message."""

    trailer: bytes
    """What follows the last row, in a stream as in a file."""

    read_ahead: int
    """Blocks encoded ahead of COPY beside those being encoded: enough that no worker waits, and memory stays flat."""

    @abstractmethod
    def header(self, columns: Sequence[str]) -> bytes:
        """What a file of these columns begins with."""

    @abstractmethod
    def read_header(self, start: bytes, columns: Sequence[str] | None) -> Header:
        """The header of a file that starts so. columns: their names, where a manifest has them. Raises RowError."""

    @abstractmethod
    def cut(self, piece: bytes, within: bool) -> tuple[int, bool]:
        """Where the last record in a piece of a file ends, 0 if none does, and whether the piece ends within a field.

        within: whether it begins within one.
        """

    @abstractmethod
    def encode(self, block: bytes, layout: Layout, binary: bool) -> Encoded:
        """What COPY is sent for a block of whole records: tuples of binary COPY without a frame, or CSV.

        Raises RowError, its line counted from the start of the block.
        """

    def outline(self, block: bytes, layout: Layout) -> Encoded:
        """The tuples that encode() sends, of which only the owners need be checked: for digests.

        A value that the server would refuse makes a digest that no live row has, and pick() checks it.
        """
        return self.encode(block, layout, True)

    @abstractmethod
    def pick(self, block: bytes, layout: Layout, kept: Sequence[int]) -> Encoded:
        """Some of the tuples that encode() sends, by their places among these. Raises RowError for one of them."""

    @abstractmethod
    def may_decline(self, layout: Layout) -> bool:
        """Whether encode() may give CSV although it was asked for binary tuples."""

    @abstractmethod
    def record_before(self, block: bytes, layout: Layout, index: int) -> int:
        """How many lines of a block, or of its records, precede the record `index`: 0-based, among those wanted."""

    @abstractmethod
    def spans(self, row: bytes) -> Iterator[Span]:
        """The fields of one row, as a server's COPY TO wrote it."""

    @abstractmethod
    def shown(self, field: bytes, type_name: str) -> str:
        """A field of such a row as text for people, cut where it is long."""
