"""Where the records and fields of a CSV block are, by the rules of PostgreSQL's COPY (copyfromparse.c).

Fields come out as they stand in the file, quotes included: `""` isn't the same as nothing.
"""

import re
from collections.abc import Callable, Sequence

from common.messages import say
from data_pipeline.formats import utf8

# `{0,1000}` bounds the regex engine's memory: a huge field full of quotes is read in pieces, by the exact path. Each
# `[^"]*` stands before a quote: where there is none, the engine gives up after one look instead of one a character.
_INSIDE = rb'(?:[^"]*""){0,1000}[^"]*'
_PLAIN = rb'[^",\r\n]*'
_FIELD = rb'("' + _INSIDE + rb'"|' + _PLAIN + rb")"
_inside = re.compile(_INSIDE)
_plain = re.compile(_PLAIN)
_plain_with_returns = re.compile(rb'(?:[^",\r\n]|\r(?!\n))*')

LARGE_BYTES = 16 << 20
"""A block beyond this is one large row, mostly: it is handled alone, and copied as little as possible."""

Fields = Sequence[bytes | memoryview]
Reader = Callable[[int], tuple[Fields, int] | None]


class BadRecord(Exception):
    """COPY would refuse the record that starts at `position` in the block; reason is for people."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(position, reason)
        self.position, self.reason = position, reason


def split(
    block: bytes, width: int, vector: tuple[int, bytes] | None, newline: bytes, returns: bool
) -> tuple[list[Fields], list[int]]:
    """The fields of every record in a block of whole records, and where in the block each record starts.

    width: how many fields a record has. vector: which of them is a vector, 0-based, and what that begins with; it comes
    without quotes when it had some.
    returns: carriage returns that end no line may stand outside of quotes, as csv.writer leaves them where lines end
    in a newline alone.
    The last record may lack its newline. The fields of a large block are views of it. Raises BadRecord.
    """
    large = len(block) > LARGE_BYTES
    read = _view_reader(block, width, newline) if large else _reader(block, width, vector, newline)
    plain = _plain_with_returns if returns else _plain
    fields: list[Fields] = []
    starts: list[int] = []
    position, end = 0, len(block)
    while position < end:
        starts.append(position)
        record, position = read(position) or _read_exactly(block, position, width, newline, plain)
        fields.append(record)
    return fields, starts


def _reader(block: bytes, width: int, vector: tuple[int, bytes] | None, newline: bytes) -> Reader:
    """The fast way to read the record at a position; None where it doesn't apply."""
    end = rb"(?:" + newline + rb"|\Z)"
    if vector is None:
        return _whole_record_reader(block, b",".join([_FIELD] * width) + end)
    place, opening = vector
    head = (_FIELD + b",") * place + b'"(?=' + re.escape(opening) + b")"
    tail = b'"' + (b"," + _FIELD) * (width - place - 1) + end
    return _vector_record_reader(block, head, tail)


def _whole_record_reader(block: bytes, pattern: bytes) -> Reader:
    match = re.compile(pattern).match

    def read(position: int) -> tuple[Fields, int] | None:
        record = match(block, position)
        return (record.groups(), record.end()) if record else None

    return read


def _vector_record_reader(block: bytes, head: bytes, tail: bytes) -> Reader:
    """A vector is most of its record, and bytes.find crosses it ten times faster than a regex does."""
    match_head, match_tail, find = re.compile(head).match, re.compile(tail).match, block.find

    def read(position: int) -> tuple[Fields, int] | None:
        before = match_head(block, position)
        if not before:
            return None
        start = before.end()
        close = find(b'"', start)
        after = match_tail(block, close) if close > 0 else None
        if not after:
            return None
        return (*before.groups(), block[start:close], *after.groups()), after.end()

    return read


def _view_reader(block: bytes, width: int, newline: bytes) -> Reader:
    """For records that are large: no field is copied. Each is quoted as a whole or not at all."""
    view = memoryview(block)

    def read(position: int) -> tuple[Fields, int] | None:
        fields: list[memoryview] = []
        while True:
            start = position
            if block.startswith(b'"', position):
                position = closing_quote(block, position + 1) + 1
            else:
                position = _plain.match(block, position).end()  # type: ignore[union-attr]
            fields.append(view[start:position])
            if not (position and block.startswith(b",", position)):
                break
            position += 1
        if position and len(fields) == width and position == len(block):
            return fields, position
        ended = position and len(fields) == width and block.startswith(newline, position)
        return (fields, position + len(newline)) if ended else None

    return read


def _read_exactly(block: bytes, start: int, width: int, newline: bytes, plain: re.Pattern[bytes]) -> tuple[Fields, int]:
    """Any record that COPY accepts, in the form the fast way gives it. Raises BadRecord for the others."""
    fields: list[bytes] = []
    position = start
    while True:
        field, position = _read_field(block, position, start, plain)
        fields.append(field)
        if not block.startswith(b",", position):
            break
        position += 1
    if block.startswith(newline, position):
        position += len(newline)
    elif position < len(block):
        raise BadRecord(start, say("record_line_end_differs"))
    if len(fields) != width:
        raise BadRecord(start, say("record_width_differs", found=len(fields), expected=width))
    _expect_utf8(block, start, position)
    return fields, position


def _read_field(block: bytes, position: int, start: int, plain: re.Pattern[bytes]) -> tuple[bytes, int]:
    """COPY lets quotes open and close anywhere in a field: `a"b,c"d` is `ab,cd`."""
    parts: list[bytes] = []
    quoted = False
    while True:
        end = plain.match(block, position).end()  # type: ignore[union-attr]  # it matches nothing, too
        parts.append(block[position:end])
        if not block.startswith(b'"', end):
            break
        position = closing_quote(block, end + 1)
        if position < 0:
            raise BadRecord(start, say("record_quote_open"))
        parts.append(block[end + 1 : position])
        position, quoted = position + 1, True
    value = b"".join(parts)
    return (b'"' + value + b'"' if quoted else value), end


def closing_quote(block: bytes, position: int) -> int:
    """Where the quoted text ends that begins at a position; -1 if it doesn't."""
    while True:
        position = _inside.match(block, position).end()  # type: ignore[union-attr]
        if position == len(block):
            return -1
        if not block.startswith(b'""', position):
            return position


def _expect_utf8(block: bytes, start: int, end: int) -> None:
    """Joining the parts of a field must not make a character of bytes that stood apart."""
    if not utf8.is_valid(block[start:end]):
        raise BadRecord(start, utf8.INVALID)
