"""A row that COPY TO sent, and which of its values are too long: without a copy of any of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from data_pipeline.formats.csv_reader import Column
from data_pipeline.formats.format import Format

LONGEST_KEY = 200
"""Characters of a key that an answer repeats."""


@dataclass(frozen=True)
class Oversize:
    """The first value of a row that is too long: its column, its bytes, and the row's key as text."""

    column: str
    bytes: int
    key: str


def find(
    message: bytes, columns: Sequence[Column], key: Sequence[str], file_format: Format, largest: int
) -> Oversize | None:
    """The first value of more than `largest` bytes in a row of CSV or binary COPY; None if all are shorter.

    key: the columns a row is known by.
    """
    spans = list(file_format.spans(message))
    for column, (_, _, size) in zip(columns, spans, strict=True):
        if size > largest:
            named = [
                file_format.shown(message[begin:stop], one.type)
                for one, (begin, stop, length) in zip(columns, spans, strict=True)
                if one.name in key and length <= largest
            ]
            return Oversize(column.name, size, ", ".join(named)[:LONGEST_KEY])
    return None
