"""CSV text -> fields. The one home of what files written by older tools look like.

Two dialects are read. A plain file means exactly what PostgreSQL's `COPY ... WITH (FORMAT csv)` takes it to mean: `""`
is an empty string, an unquoted nothing is NULL. A legacy file was written by Python's csv.writer over psycopg2 rows:
there None and '' are both an empty field, and JSON became Python's repr of it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import simdjson

from data_pipeline.vector import csv_fields, python_repr, utf8
from data_pipeline.vector.csv_fields import BadRecord, Fields
from data_pipeline.vector.python_repr import NotJson

_BOM = b"\xef\xbb\xbf"
_NAME = re.compile(r'("?)([A-Za-z_][A-Za-z0-9_]*)\1')
LARGEST_FIELD = 256 << 20
"""Bytes of one value, where the settings don't say otherwise. A longer one is taken for damage, such as a quote that is
never closed."""

_WINDOW = 1 << 18


class RowError(Exception):
    """A record that can't be restored.

    kind is "invalid" or "orphan"; line is 1-based from the start of the bytes given (in binary blocks: the record's
    number); column is a name or None; reason is a short sentence for people, without anything of the row's content.
    """

    def __init__(self, kind: str, line: int, column: str | None, reason: str) -> None:
        super().__init__(kind, line, column, reason)  # args, so that it can be pickled
        self.kind, self.line, self.column, self.reason = kind, line, column, reason

    def __str__(self) -> str:
        return self.reason


class BadValue(Exception):
    """A value can't be restored: the one at `index` of its column. Records.error() knows the line."""

    def __init__(self, index: int, reason: str, kind: str = "invalid") -> None:
        super().__init__(index, reason, kind)
        self.index, self.reason, self.kind = index, reason, kind


@dataclass(frozen=True)
class Header:
    """A file's first line: column names, its size in bytes with BOM and line end, and that line end."""

    columns: tuple[str, ...]
    size: int
    newline: bytes


@dataclass(frozen=True)
class Column:
    """A column of a file; type is PostgreSQL's name (pg_type.typname) for the target's."""

    name: str
    type: str


@dataclass(frozen=True)
class Layout:
    """How a file's records are read, and what they may hold. Columns are in file order.

    dimensions: what every vector must have, None for 1 to 16000. collections: allowed collection_id as 16 bytes each,
    None if that isn't checked. wanted: only rows of these collections are restored, None for all. largest_field: bytes
    of a value, without the quotes around it.
    """

    columns: tuple[Column, ...]
    legacy: bool
    newline: bytes
    dimensions: int | None
    collections: frozenset[bytes] | None
    wanted: frozenset[bytes] | None = None
    largest_field: int = LARGEST_FIELD

    @property
    def too_long(self) -> str:
        """The reason for a value that is refused for its length."""
        return f"字段超过 {self.largest_field >> 20} MB"

    @property
    def owner(self) -> int:
        """Which column says whose a row is: an embedding's collection_id, a collection's own uuid."""
        names = [column.name for column in self.columns]
        return names.index("collection_id" if "collection_id" in names else "uuid")


class Records:
    """The records of one block, stored by column. Iterates over rows: lists of bytes, or None for NULL."""

    def __init__(self, columns: list[list[bytes | None]], block: bytes, starts: list[int]) -> None:
        self.columns = columns
        self._block, self._starts = block, starts

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[list[bytes | None]]:
        return map(list, zip(*self.columns, strict=True))

    def __getitem__(self, index: int) -> list[bytes | None]:
        return [column[index] for column in self.columns]

    def only(self, kept: Sequence[int]) -> "Records":
        """Some of the records, in order."""
        columns = [[column[index] for index in kept] for column in self.columns]
        return Records(columns, self._block, [self._starts[index] for index in kept])

    def line(self, index: int) -> int:
        """The block's line, 1-based, in which a record starts. Counted only when somebody asks."""
        return _line(self._block, self._starts[index])

    def error(self, bad: BadValue, column: str) -> RowError:
        return RowError(bad.kind, self.line(bad.index), column, bad.reason)


def parse_header(start: bytes) -> Header:
    """Read the header line from a file's first bytes; a BOM is skipped. Raises RowError if there is no such line."""
    if not start:
        raise _bad_header("文件为空")
    end = start.find(b"\n")
    if end < 0:
        raise _bad_header("找不到表头行")
    newline = b"\r\n" if start[:end].endswith(b"\r") else b"\n"
    try:
        text = start[:end].removeprefix(_BOM).removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise _bad_header("文件不是有效的 UTF-8 编码") from None
    return Header(_names(text), end + 1, newline)


def cut(piece: bytes | bytearray | memoryview, quoted: bool = False) -> tuple[int, bool]:
    """Where the last record that ends in a piece of a file does, 0 if none does, and whether the piece ends in quotes.

    A record ends at a newline with an even number of quotes before it; `quoted`: they were odd before the piece. So
    no piece is looked at twice, however long a record is. Whole windows are looked at, from the back, so that an
    unfinished field with any number of newlines and quotes costs no more than a few scans.
    """
    data = np.frombuffer(piece, np.uint8)
    offsets = range(0, len(data), _WINDOW)
    quotes_in = (int(np.count_nonzero(data[offset : offset + _WINDOW] == ord('"'))) for offset in offsets)
    before = all_quotes = sum(quotes_in, start=int(quoted))
    for offset in reversed(offsets):
        window = data[offset : offset + _WINDOW]
        quotes, newlines = np.flatnonzero(window == ord('"')), np.flatnonzero(window == ord("\n"))
        before -= len(quotes)
        ends = newlines[(np.searchsorted(quotes, newlines) + before) % 2 == 0]
        if len(ends):
            return offset + int(ends[-1]) + 1, all_quotes % 2 == 1
    return 0, all_quotes % 2 == 1


def parse(block: bytes, layout: Layout) -> Records:
    """Split a block of whole records into fields and undo the quirks of legacy files.

    The last record may lack its line end. Raises RowError for the first record that COPY would refuse to split, and
    for legacy values that have no JSON form; what the values mean is not looked at.
    """
    nul = block.find(b"\0")
    if nul >= 0:
        raise _at(block, nul, "含有空字符")
    fields, starts = _split(block, layout)
    raw: list[Fields] = list(zip(*fields, strict=True)) or [()] * len(layout.columns)
    _expect_utf8(block, raw)
    records = Records([_unquote(values) for values in raw], block, starts)
    if len(block) > layout.largest_field:
        _expect_short(records, layout)
    if layout.legacy:
        _restore_legacy(records, layout)
    return records


def _split(block: bytes, layout: Layout) -> tuple[list[Fields], list[int]]:
    types = [column.type for column in layout.columns]
    vector = types.index("vector") if "vector" in types else None
    try:
        return csv_fields.split(block, len(types), vector, layout.newline)
    except BadRecord as error:
        raise _at(block, error.position, error.reason) from None


def _at(block: bytes, position: int, reason: str) -> RowError:
    return RowError("invalid", _line(block, position), None, reason)


def _line(block: bytes, position: int) -> int:
    return block.count(b"\n", 0, position) + 1


def _bad_header(reason: str) -> RowError:
    return RowError("invalid", 1, None, reason)


def _names(line: str) -> tuple[str, ...]:
    found = [_NAME.fullmatch(name) for name in line.split(",")]
    names = tuple(match[2] for match in found if match)
    if len(names) != len(found):
        raise _bad_header("第一行不是列名")
    if len(set(names)) != len(names):
        raise _bad_header("列名重复")
    return names


def _expect_utf8(block: bytes, raw: Sequence[Fields]) -> None:
    """Decoding is done where there is something to decode: vectors and uuids, most of a block, are ASCII."""
    if len(block) > csv_fields.LARGE_BYTES:
        valid = utf8.is_valid(block)
    else:
        valid = all(map(utf8.are_valid, cast("Sequence[Sequence[bytes]]", raw)))
    if not valid:
        raise _at(block, utf8.first_invalid(block) or 0, utf8.INVALID)


def _expect_short(records: Records, layout: Layout) -> None:
    for column, values in zip(layout.columns, records.columns, strict=True):
        for index, value in enumerate(values):
            if value is not None and len(value) > layout.largest_field:
                raise records.error(BadValue(index, layout.too_long), column.name)


def _unquote(values: Fields) -> list[bytes | None]:
    quote = ord('"')
    return [
        None if not value else bytes(value[1:-1]).replace(b'""', b'"') if value[0] == quote else bytes(value)
        for value in values
    ]


def _restore_legacy(records: Records, layout: Layout) -> None:
    """An empty field is NULL, but LangChain can't load a NULL document: there an empty string is meant."""
    for number, column in enumerate(layout.columns):
        values = records.columns[number]
        if column.name == "document":
            values = [value or b"" for value in values]
        else:
            values = [value or None for value in values]
        if column.type in ("json", "jsonb"):
            values = _to_json(records, column.name, values)
        records.columns[number] = values


def _to_json(records: Records, column: str, values: list[bytes | None]) -> list[bytes | None]:
    parser = simdjson.Parser()
    found: list[bytes | None] = []
    for value in values:
        try:
            found.append(python_repr.to_json(value, parser) if value else None)
        except NotJson as error:
            raise records.error(BadValue(len(found), str(error)), column) from None
    return found
