"""A row that COPY TO sent, and which of its values are too long: without a copy of any of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from data_pipeline.formats import csv_fields
from data_pipeline.formats.csv_reader import Column
from data_pipeline.storage.naming import FileFormat

LONGEST_KEY = 200
"""Characters of a key that an answer repeats."""


@dataclass(frozen=True)
class Oversize:
    """The first value of a row that is too long: its column, its bytes, and the row's key as text."""

    column: str
    bytes: int
    key: str


def find(
    message: bytes, columns: Sequence[Column], key: Sequence[str], file_format: FileFormat, largest: int
) -> Oversize | None:
    """The first value of more than `largest` bytes in a row of CSV or binary COPY; None if all are shorter.

    key: the columns a row is known by.
    """
    spans = list(_tuple(message) if file_format == "binary" else _record(message))
    for column, (_, _, size) in zip(columns, spans, strict=True):
        if size > largest:
            named = [
                _text(message[begin:stop], one.type, file_format)
                for one, (begin, stop, length) in zip(columns, spans, strict=True)
                if one.name in key and length <= largest
            ]
            return Oversize(column.name, size, ", ".join(named)[:LONGEST_KEY])
    return None


def _tuple(message: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, end and bytes of each field of a tuple of binary COPY."""
    position = 2
    while position < len(message):
        size = max(int.from_bytes(message[position : position + 4], "big", signed=True), 0)
        start = position + 4
        position = start + size
        yield start, position, size


def _record(message: bytes) -> Iterator[tuple[int, int, int]]:
    """The same for a line of CSV as the server writes it: a field is quoted as a whole or not at all."""
    position = 0
    while position < len(message):
        if message.startswith(b'"', position):
            start, end = position + 1, csv_fields.closing_quote(message, position + 1)
            position = end + 2
        else:
            start, end = position, min(place for place in _ends(message, position) if place >= 0)
            position = end + 1
        yield start, end, end - start - message.count(b'""', start, end)


def _ends(message: bytes, position: int) -> tuple[int, int]:
    return message.find(b",", position), message.find(b"\n", position)


def _text(value: bytes, type_name: str, file_format: FileFormat) -> str:
    if file_format == "binary" and type_name == "uuid" and len(value) == 16:
        return str(UUID(bytes=value))
    if file_format == "csv":
        value = value.replace(b'""', b'"')
    return value[: 4 * LONGEST_KEY].decode(errors="replace")
