"""`\\u0000` in JSON text: json keeps it, jsonb has no room for it."""

import re
from collections.abc import Sequence

from common.messages import say
from data_pipeline.formats import utf8
from data_pipeline.formats.csv_reader import Layout, Records
from data_pipeline.formats.types.column_type import BadValue

ESCAPE = re.compile(rb"(\\[^u])|\\u0000")
"""An escape of another kind is passed over whole, so that of `\\\\u0000` nothing is taken: that is a backslash."""

FOUND = say("json_holds_nul")


def holds(text: bytes) -> bool:
    """Whether JSON text has one."""
    return b"\\u0000" in text and any(found[1] is None for found in ESCAPE.finditer(text))


def check(text: bytes) -> None:
    """Raise BadValue for json that is no UTF-8, or that jsonb could not hold."""
    if not utf8.is_valid(text):
        raise BadValue(0, utf8.INVALID)
    if holds(text):
        raise BadValue(0, FOUND)


def settle(records: Records, layout: Layout, block: bytes) -> tuple[Records, int]:
    """Records that jsonb takes, and how many were changed for it: none where the layout does not strip.

    A column that is staged as json, to become jsonb on the server, is only looked at here. Raises RowError for the
    first value that would have to be changed.
    """
    if b"\\" not in block:  # one byte is found at memory's speed; `\\u0000` took as long as to parse the vectors
        return records, 0
    changed: set[int] = set()
    for number, column in enumerate(layout.columns):
        if column.name in layout.jsonb:
            places = _places(records.columns[number])
            if places and not layout.strip_nul:
                raise records.error(BadValue(places[0], FOUND), column.name)
            if column.type == "jsonb":
                changed.update(places)
                _strip(records.columns[number], places)
    return records, len(changed)


def _places(values: Sequence[bytes | None]) -> list[int]:
    return [index for index, value in enumerate(values) if value is not None and holds(value)]


def _strip(values: list[bytes | None], places: Sequence[int]) -> None:
    for index in places:
        values[index] = ESCAPE.sub(lambda found: found[1] or b"", values[index] or b"")
