"""CSV text -> fields. The one home of what files written by older tools look like.

Two dialects are read. "copy" means exactly what PostgreSQL's `COPY ... WITH (FORMAT csv)` takes a file to mean: `""`
is an empty string, an unquoted nothing is NULL. "python" is what csv.writer, or pandas, makes of psycopg2 rows: there
None and '' are both an empty field, and JSON became Python's repr of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import simdjson

from common.messages import say
from data_pipeline.formats import csv_fields, types, utf8
from data_pipeline.formats.csv_fields import BadRecord, Fields
from data_pipeline.formats.dialects import evidence, python_repr
from data_pipeline.formats.dialects.evidence import Contradicted, Dialect, Evidence, Sign
from data_pipeline.formats.dialects.python_repr import NotJson
from data_pipeline.formats.types.column_type import BadValue, ColumnType

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


@dataclass(frozen=True)
class Column:
    """A column of a file; type is PostgreSQL's name (pg_type.typname) for the target's.

    dimensions: what every vector must have, None for any number. element_oid: of a live column that is an array, the
    oid of its elements' type.
    """

    name: str
    type: str
    dimensions: int | None = None
    element_oid: int | None = None

    @property
    def known(self) -> ColumnType | None:
        """What is known of the type."""
        return types.find(self.type, self.element_oid)

    @property
    def foreign_elements(self) -> bool:
        """Whether its values name the type of their elements by a number that is another one in every database."""
        return self.element_oid is not None and self.type not in types.BUILT_IN


@dataclass(frozen=True)
class Layout:
    """How a file's records are read, and what they may hold. Columns are in file order.

    collections: allowed collection_id as 16 bytes each, None if that isn't checked. wanted: only rows of these
    collections are restored, None for all. unnamed: fields that stand before the columns and are none. decided: a
    manifest or the caller says that this is the dialect; else what the values say is compared with it. quoted: the file
    puts everything in quotes, so that `""` says nothing. largest_field: bytes of a value, without the quotes around it.
    jsonb: columns whose values end as jsonb, if as json at first; strip_nul: what jsonb can't hold is dropped from
    them.
    """

    columns: tuple[Column, ...]
    dialect: Dialect
    newline: bytes
    collections: frozenset[bytes] | None
    wanted: frozenset[bytes] | None = None
    unnamed: int = 0
    decided: bool = True
    quoted: bool = False
    largest_field: int = LARGEST_FIELD
    jsonb: frozenset[str] = frozenset()
    strip_nul: bool = False

    @property
    def too_long(self) -> str:
        """The reason for a value that is refused for its length."""
        return say("field_over_limit", megabytes=self.largest_field >> 20)

    @property
    def owner(self) -> int:
        """Which column says whose a row is: an embedding's collection_id, a collection's own uuid."""
        names = [column.name for column in self.columns]
        return names.index("collection_id" if "collection_id" in names else "uuid")


class Records:
    """The records of one block, stored by column. Iterates over rows: lists of bytes, or None for NULL."""

    evidence: Evidence | None = None
    """What the values say about their writer; None where that is decided."""

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
        """The block's line, 1-based, in which a record starts. Counted only when it is asked for."""
        return _line(self._block, self._starts[index])

    def error(self, bad: BadValue, column: str) -> RowError:
        return RowError(bad.kind, self.line(bad.index), column, bad.reason)


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
    """Split a block of whole records into fields and undo the quirks of what Python wrote.

    The last record may lack its line end. Raises RowError for the first record that COPY would refuse to split, and
    for Python's values that have no JSON form; what the values mean is not looked at. Raises Contradicted for values
    that the layout's dialect can't have.
    """
    raw, records = _records(block, layout)
    if len(block) > layout.largest_field:
        _expect_short(records, layout)
    if not layout.decided:
        records.evidence = _gather(block, raw, records, layout)
        if records.evidence.of(evidence.other(layout.dialect)):
            raise Contradicted(records.evidence)
    if layout.dialect == "python":
        _undo_python(records, layout)
    return records


def gather(block: bytes, layout: Layout) -> Evidence:
    """What the values of a block of whole records say about their writer. Raises RowError where COPY can't split it."""
    return _gather(block, *_records(block, layout), layout)


def _records(block: bytes, layout: Layout) -> tuple[Sequence[Fields], Records]:
    """The fields of a block by column, as they stand in the file, and the records they are without their quotes."""
    nul = block.find(b"\0")
    if nul >= 0:
        raise _at(block, nul, say("holds_nul"))
    fields, starts = _split(block, layout)
    raw: Sequence[Fields] = list(zip(*fields, strict=True))[layout.unnamed :] or [()] * len(layout.columns)
    _expect_utf8(block, raw)
    return raw, Records([_unquote(values) for values in raw], block, starts)


def _split(block: bytes, layout: Layout) -> tuple[list[Fields], list[int]]:
    returns = layout.newline == b"\n" and not (layout.decided and layout.dialect == "copy")
    try:
        return csv_fields.split(block, layout.unnamed + len(layout.columns), _vector(layout), layout.newline, returns)
    except BadRecord as error:
        raise _at(block, error.position, error.reason) from None


def _vector(layout: Layout) -> tuple[int, bytes] | None:
    """Which field of a record is its first vector, and what that begins with."""
    known = enumerate((column.known for column in layout.columns), start=layout.unnamed)
    return next(((place, one.opening) for place, one in known if one and one.opening), None)


def _at(block: bytes, position: int, reason: str) -> RowError:
    return RowError("invalid", _line(block, position), None, reason)


def _line(block: bytes, position: int) -> int:
    return block.count(b"\n", 0, position) + 1


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


def _gather(block: bytes, raw: Sequence[Fields], records: Records, layout: Layout) -> Evidence:
    named = [(column.name, column.type) for column in layout.columns]
    if len(block) > csv_fields.LARGE_BYTES:  # a field's beginning tells as much, and no large one is copied
        raw = [[bytes(value[:3]) for value in fields] for fields in raw]
    ambiguous = sum(values.count(b"") for (name, _), values in zip(named, raw, strict=True) if name == "document")
    copy, python = (
        Sign(records.line(place[0]), place[1]) if place else None
        for place in (
            evidence.copys(named, raw, records.columns, quotes_tell=not layout.quoted),
            evidence.pythons(named, raw, records.columns, returns=layout.newline == b"\n" and b"\r" in block),
        )
    )
    return Evidence(copy, python, ambiguous)


def _undo_python(records: Records, layout: Layout) -> None:
    """An empty field is NULL, but LangChain can't load a NULL document: there an empty string is meant."""
    for number, column in enumerate(layout.columns):
        values = records.columns[number]
        if column.name == "document":
            values = [value or b"" for value in values]
        else:
            values = [value or None for value in values]
        if types.is_json(column.type):
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
