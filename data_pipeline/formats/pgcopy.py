"""Values -> PostgreSQL's binary COPY format, and a walk through such bytes.

The format is in PostgreSQL's documentation of COPY, "Binary Format": a header, tuples, a trailer. A tuple is an int16
field count, then per field an int32 length, -1 for NULL, and what the type's receive function reads.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from struct import Struct

from common.messages import say
from data_pipeline.formats import json_nul
from data_pipeline.formats.csv_reader import Column, Layout, Records, RowError
from data_pipeline.formats.types.column_type import BadValue, ColumnType, Declined

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEADER = SIGNATURE + bytes(8)  # no flags, no header extension
TRAILER = b"\xff\xff"

_NULL = b"\xff\xff\xff\xff"
_CRITICAL_FLAGS = 0xFFFF0000
_length = Struct(">i").pack
_size = Struct(">i").unpack_from
_header_fields = Struct(">II").unpack_from

_NO_COLLECTION = say("collection_of_row_missing")

Value = bytes | None
Convert = Callable[[Sequence[bytes]], list[bytes]]
Check = Callable[[bytes], None]  # raises BadValue


def expect_valid(records: Records, layout: Layout) -> None:
    """Raise RowError as values() does, where the rows go to the server as text."""
    _converted(records, layout, [column.known is not None and column.known.certain for column in layout.columns])


def values(records: Records, layout: Layout) -> list[list[Value]]:
    """Each column's values as its type's receive function reads them. Every column's type is known.

    Raises RowError for a value that is no uuid or vector, has other dimensions, or names no known collection: of
    several such columns, the one whose record comes first. Raises Declined for texts that only the server knows.
    """
    return _converted(records, layout, [True] * len(layout.columns))


def _converted(records: Records, layout: Layout, chosen: Sequence[bool]) -> list[list[Value]]:
    found: list[list[Value]] = []
    bad: list[tuple[BadValue, str]] = []
    declined = False
    for column, texts, wanted in zip(layout.columns, records.columns, chosen, strict=True):
        try:
            found.append(_convert(texts, _converter(column, layout) if wanted else None))
        except BadValue as error:
            bad.append((error, column.name))
        except Declined:
            declined = True
    if bad:
        raise records.error(*min(bad, key=lambda error: error[0].index))
    if declined:
        raise Declined
    return found


def encode(records: Records, layout: Layout) -> bytes:
    """Tuples of binary COPY, without header and trailer. Raises RowError, and Declined."""
    columns = [_fields(column) for column in values(records, layout)]
    count = len(columns).to_bytes(2, "big")
    return b"".join(chain.from_iterable(zip(repeat(count, len(records)), *columns, strict=True)))


def pieces(records: Records, layout: Layout) -> Iterator[bytes]:
    """The same, not joined: of a value that is large there is no further copy. Raises RowError, and Declined."""
    count = len(layout.columns).to_bytes(2, "big")
    for record in zip(*values(records, layout), strict=True):
        yield count
        for value in record:
            yield _NULL if value is None else _length(len(value))
            if value:
                yield value


def wanted(records: Records, layout: Layout) -> Records:
    """The records of the collections that are wanted; of the others no value is looked at. Raises RowError."""
    if layout.wanted is None:
        return records
    texts, column = records.columns[layout.owner], layout.columns[layout.owner]
    different = [text for text in dict.fromkeys(texts) if text is not None]
    try:
        owners = dict(zip(different, _known(column).encode(different), strict=True))
    except BadValue as error:
        bad = BadValue(texts.index(different[error.index]), error.reason)
        raise records.error(bad, column.name) from None
    chosen = {text for text, owner in owners.items() if owner in layout.wanted}
    return records.only([index for index, text in enumerate(texts) if text in chosen])


def _fields(column: list[Value]) -> list[bytes]:
    return [_NULL if value is None else _length(len(value)) + value for value in column]


def _converter(column: Column, layout: Layout) -> Convert | None:
    known, dimensions = _known(column), column.dimensions
    if _is_reference(column):
        return lambda texts: _members(texts, known, layout.collections)
    if dimensions is not None:
        return lambda texts: _expect_dimensions(known.encode(texts), known, dimensions)
    return None if known.verbatim else known.encode


def _known(column: Column) -> ColumnType:
    if column.known is None:
        raise Declined
    return column.known


def _is_reference(column: Column) -> bool:
    return column.name == "collection_id" and column.type == "uuid"


def _convert(texts: list[Value], convert: Convert | None) -> list[Value]:
    """Convert what isn't NULL. An error's index is the one in the whole column."""
    if convert is None:
        return texts
    present = [text for text in texts if text is not None]
    if len(present) == len(texts):
        return [*convert(present)]
    places = [index for index, text in enumerate(texts) if text is not None]
    found: list[Value] = [None] * len(texts)
    try:
        for place, value in zip(places, convert(present), strict=True):
            found[place] = value
    except BadValue as error:
        raise BadValue(places[error.index], error.reason, error.kind) from None
    return found


def _expect_dimensions(values: list[bytes], known: ColumnType, dimensions: int) -> list[bytes]:
    for index, value in enumerate(values):
        try:
            known.expect_dimensions(dimensions, value)
        except BadValue as error:
            raise BadValue(index, error.reason) from None
    return values


def _members(texts: Sequence[bytes], known: ColumnType, collections: frozenset[bytes] | None) -> list[bytes]:
    """Keys of collections: few different ones in a block."""
    different = list(dict.fromkeys(texts))
    try:
        keys = dict(zip(different, known.encode(different), strict=True))
    except BadValue as error:
        raise BadValue(texts.index(different[error.index]), error.reason) from None
    found = [keys[text] for text in texts]
    if collections is not None and not collections.issuperset(found):
        lost = next(index for index, value in enumerate(found) if value not in collections)
        raise BadValue(lost, _NO_COLLECTION, "orphan")
    return found


def strip_header(start: bytes) -> int:
    """The size of a file's header, given its first bytes. Raises RowError if it is no header of binary COPY."""
    fixed = len(HEADER)
    if len(start) < fixed or not start.startswith(SIGNATURE):
        raise _damaged(1, say("binary_signature_missing"))
    flags, extension = _header_fields(start, len(SIGNATURE))
    if flags & _CRITICAL_FLAGS or fixed + extension > len(start):
        raise _damaged(1, say("binary_header_unknown"))
    return fixed + int(extension)


def spans(message: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, end and bytes of each field of one tuple that a server made."""
    position = 2
    while position < len(message):
        size = max(int.from_bytes(message[position : position + 4], "big", signed=True), 0)
        start = position + 4
        position = start + size
        yield start, position, size


def check_block(block: bytes, layout: Layout, *, owners_only: bool = False) -> int:
    """Walk through tuples without header and trailer and return how many they are.

    owners_only: of the values only those that name collections are checked.
    Raises RowError, its line the tuple's number in the block: for bytes that are no whole tuples of the layout's
    columns, values that are too long or that their type's check() refuses, vectors of other dimensions, unknown
    collections. What else the values hold is for the receive functions.
    """
    checks = [None if owners_only and not _is_reference(one) else _check(one, layout) for one in layout.columns]
    return sum(1 for _ in _tuples(block, layout, checks))


def wanted_tuples(block: bytes, layout: Layout) -> tuple[list[tuple[int, bytes]], int]:
    """The tuples of the collections that are wanted, each with its number in the block, and how many there are in all.

    Of the others only the lengths are checked. Raises RowError as check_block does.
    """
    owners: list[bytes] = []
    checks: list[Check | None] = [None] * len(layout.columns)
    checks[layout.owner] = owners.append
    kept, number, wanted = [], 0, layout.wanted or frozenset()
    for number, start, end in _tuples(block, layout, checks):
        if owners and owners.pop() in wanted:
            kept.append((number, _checked(block[start:end], number, layout)))
    return kept, number


def tuples_at(block: bytes, layout: Layout, places: Sequence[int]) -> tuple[list[bytes], int]:
    """Some of the tuples that are wanted, by their places among these, and how many there are in all, wanted or not.

    Raises RowError as check_block does, for these.
    """
    if layout.wanted is not None:
        kept, count = wanted_tuples(block, layout)
        return [kept[place][1] for place in places], count
    chosen, found, number = set(places), [], 0
    for number, start, end in _tuples(block, layout, [None] * len(layout.columns)):
        if number - 1 in chosen:
            found.append(_checked(block[start:end], number, layout))
    return found, number


def relabelled(block: bytes, layout: Layout) -> bytes:
    """Checked tuples, in which arrays name the type of their elements as it is called in the live database."""
    oids = {place: one.element_oid or 0 for place, one in enumerate(layout.columns) if one.foreign_elements}
    if not oids:
        return block
    changed = bytearray(block)
    for _, start, end in _tuples(block, layout, [None] * len(layout.columns)):
        for place, (begin, stop, _) in enumerate(spans(block[start:end])):
            if place in oids and stop > begin:
                changed[start + begin + 8 : start + begin + 12] = oids[place].to_bytes(4, "big")
    return bytes(changed)


def _checked(data: bytes, number: int, layout: Layout) -> bytes:
    try:
        check_block(data, layout)
    except RowError as error:
        raise RowError(error.kind, number, error.column, error.reason) from None
    return data


def _tuples(block: bytes, layout: Layout, checks: list[Check | None]) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each tuple, its fields checked."""
    count = len(layout.columns).to_bytes(2, "big")
    named = [(column.name, check) for column, check in zip(layout.columns, checks, strict=True)]
    position = number = 0
    while position < len(block):
        number += 1
        if block[position : position + 2] != count:
            raise _damaged(number, say("binary_column_count_differs"))
        start, position = position, _check_tuple(block, position + 2, number, named, layout)
        yield number, start, position


def _check_tuple(
    block: bytes, position: int, number: int, checks: list[tuple[str, Check | None]], layout: Layout
) -> int:
    """Where the tuple ends whose first field starts at position."""
    end = len(block)
    for name, check in checks:
        start = position + 4
        size = _size(block, position)[0] if start <= end else -2  # there is no whole length any more
        position = start if size == -1 else start + size
        if size < -1 or position > end:
            raise _damaged(number, say("binary_length_differs"))
        if size > layout.largest_field:
            raise RowError("invalid", number, name, layout.too_long)
        if check and size >= 0:
            try:
                check(block[start:position])
            except BadValue as error:
                raise RowError(error.kind, number, name, error.reason) from None
    return position


def _check(column: Column, layout: Layout) -> Check | None:
    known = column.known
    if known is None:
        return None
    if _is_reference(column):
        return partial(_check_member, known, layout.collections)
    if column.name in layout.jsonb and column.type == "json" and not layout.strip_nul:
        return json_nul.check
    if column.dimensions is not None:
        return partial(known.expect_dimensions, column.dimensions)
    return known.check


def _check_member(known: ColumnType, collections: frozenset[bytes] | None, value: bytes) -> None:
    known.check(value)
    if collections is not None and value not in collections:
        raise BadValue(0, _NO_COLLECTION, "orphan")


def _damaged(number: int, reason: str) -> RowError:
    return RowError("invalid", number, None, reason)
