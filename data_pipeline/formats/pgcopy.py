"""Values -> PostgreSQL's binary COPY format, and a walk through such bytes.

The format is in PostgreSQL's documentation of COPY, "Binary Format": a header, tuples, a trailer. A tuple is an int16
field count, then per field an int32 length, -1 for NULL, and what the type's receive function reads.
"""

import re
from binascii import unhexlify
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from struct import Struct

import numpy as np

from common.messages import say
from data_pipeline.formats import json_nul, utf8, vectors
from data_pipeline.formats.csv_reader import BadValue, Column, Layout, Records, RowError

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEADER = SIGNATURE + bytes(8)  # no flags, no header extension
TRAILER = b"\xff\xff"
_TEXT_TYPES = frozenset({"varchar", "text", "json", "jsonb"})
BINARY_TYPES = _TEXT_TYPES | {"uuid", "vector"}

_NULL = b"\xff\xff\xff\xff"
_JSONB_VERSION = b"\x01"
_CRITICAL_FLAGS = 0xFFFF0000
_DASHES = np.array([8, 13, 18, 23])
_HEX = np.delete(np.arange(36), _DASHES)
_length = Struct(">i").pack
_header_fields = Struct(">II").unpack_from
_uuid = re.compile(rb"(?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}")

_NOT_A_UUID = say("not_a_uuid")
_NO_COLLECTION = say("collection_of_row_missing")

Value = bytes | None
Convert = Callable[[Sequence[bytes]], list[bytes]]
Check = Callable[[bytes], None]  # raises BadValue


def values(records: Records, layout: Layout) -> list[list[Value]]:
    """Each column's values as its type's receive function reads them; of types without a binary form here, the text.

    Raises RowError for a value that is no uuid or vector, has other dimensions, or names no known collection: of
    several such columns, the one whose record comes first.
    """
    found: list[list[Value]] = []
    bad: list[tuple[BadValue, str]] = []
    for column, texts in zip(layout.columns, records.columns, strict=True):
        try:
            found.append(_convert(texts, _converter(column, layout)))
        except BadValue as error:
            bad.append((error, column.name))
    if bad:
        raise records.error(*min(bad, key=lambda error: error[0].index))
    return found


def encode(records: Records, layout: Layout) -> bytes:
    """Tuples of binary COPY, without header and trailer. Every column is of BINARY_TYPES. Raises RowError."""
    columns = [_fields(column) for column in values(records, layout)]
    count = len(columns).to_bytes(2, "big")
    return b"".join(chain.from_iterable(zip(repeat(count, len(records)), *columns, strict=True)))


def pieces(records: Records, layout: Layout) -> Iterator[bytes]:
    """The same, not joined: of a value that is large there is no further copy. Raises RowError."""
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
    texts = records.columns[layout.owner]
    different = [text for text in dict.fromkeys(texts) if text is not None]
    try:
        owners = dict(zip(different, _uuids(different), strict=True))
    except BadValue as error:
        bad = BadValue(texts.index(different[error.index]), error.reason)
        raise records.error(bad, layout.columns[layout.owner].name) from None
    chosen = {text for text, owner in owners.items() if owner in layout.wanted}
    return records.only([index for index, text in enumerate(texts) if text in chosen])


def _fields(column: list[Value]) -> list[bytes]:
    return [_NULL if value is None else _length(len(value)) + value for value in column]


def _converter(column: Column, layout: Layout) -> Convert | None:
    if column.type == "vector":
        return lambda texts: _vectors(texts, layout.dimensions)
    if column.type == "uuid" and column.name == "collection_id":
        return lambda texts: _members(texts, layout.collections)
    if column.type == "uuid":
        return _uuids
    if column.type == "jsonb":
        return lambda texts: [_JSONB_VERSION + text for text in texts]
    return None


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


def _vectors(texts: Sequence[bytes], dimensions: int | None) -> list[bytes]:
    found = vectors.encode(texts)
    if dimensions is None:
        return found
    for index, value in enumerate(found):
        if len(value) != 4 + 4 * dimensions:
            raise _wrong_dimensions(index, len(value) // 4 - 1, dimensions)
    return found


def _members(texts: Sequence[bytes], collections: frozenset[bytes] | None) -> list[bytes]:
    """uuids of collections: few different ones in a block."""
    different = list(dict.fromkeys(texts))
    try:
        known = dict(zip(different, _uuids(different), strict=True))
    except BadValue as error:
        raise BadValue(texts.index(different[error.index]), error.reason) from None
    found = [known[text] for text in texts]
    if collections is not None and not collections.issuperset(found):
        lost = next(index for index, value in enumerate(found) if value not in collections)
        raise BadValue(lost, _NO_COLLECTION, "orphan")
    return found


def _uuids(texts: Sequence[bytes]) -> list[bytes]:
    """16 bytes for each. Raises BadValue for what uuid_in refuses."""
    joined = b"".join(texts)
    if len(joined) == 36 * len(texts):
        try:
            return _canonical_uuids(joined)
        except ValueError:
            pass
    found: list[bytes] = []
    for text in texts:
        bare = text[1:-1] if text[:1] == b"{" and text[-1:] == b"}" else text
        if not _uuid.fullmatch(bare):
            raise BadValue(len(found), _NOT_A_UUID)
        found.append(unhexlify(bare.replace(b"-", b"")))
    return found


def _canonical_uuids(joined: bytes) -> list[bytes]:
    """For a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11, one after the other. Raises ValueError for anything else."""
    letters = np.frombuffer(joined, np.uint8).reshape(-1, 36)
    if (letters[:, _DASHES] != ord("-")).any():
        raise ValueError
    binary = unhexlify(letters[:, _HEX].tobytes())
    return [binary[start : start + 16] for start in range(0, len(binary), 16)]


def strip_header(start: bytes) -> int:
    """The size of a file's header, given its first bytes. Raises RowError if it is no header of binary COPY."""
    fixed = len(HEADER)
    if len(start) < fixed or not start.startswith(SIGNATURE):
        raise _damaged(1, say("binary_signature_missing"))
    flags, extension = _header_fields(start, len(SIGNATURE))
    if flags & _CRITICAL_FLAGS or fixed + extension > len(start):
        raise _damaged(1, say("binary_header_unknown"))
    return fixed + int(extension)


def check_block(block: bytes, layout: Layout) -> int:
    """Walk through tuples without header and trailer and return how many they are.

    Raises RowError, its line the tuple's number in the block: for bytes that are no whole tuples of the layout's
    columns, values that are too long, text that isn't UTF-8, vectors of other dimensions, unknown collections. What
    else the values hold is for the receive functions.
    """
    return sum(1 for _ in _tuples(block, layout, [_check(column, layout) for column in layout.columns]))


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
            data = block[start:end]
            _check_one(data, number, layout)
            kept.append((number, data))
    return kept, number


def _check_one(data: bytes, number: int, layout: Layout) -> None:
    try:
        check_block(data, layout)
    except RowError as error:
        raise RowError(error.kind, number, error.column, error.reason) from None


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
    for name, check in checks:
        start = position + 4
        size = int.from_bytes(block[position:start], "big", signed=True)
        position = start + max(size, 0)
        if size < -1 or position > len(block):
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
    if column.type == "vector":
        return lambda value: _check_vector(value, layout.dimensions)
    if column.type == "uuid" and column.name == "collection_id":
        return lambda value: _check_member(value, layout.collections)
    if column.type == "json" and column.name in layout.jsonb and not layout.strip_nul:
        return json_nul.check
    if column.type in _TEXT_TYPES:
        return _check_text
    return _check_uuid if column.type == "uuid" else None


def _check_text(value: bytes) -> None:
    """A server with the encoding SQL_ASCII gives away whatever bytes it was given, and takes only UTF-8 from us."""
    if not utf8.is_valid(value):
        raise BadValue(0, utf8.INVALID)


def _check_uuid(value: bytes) -> None:
    if len(value) != 16:
        raise BadValue(0, _NOT_A_UUID)


def _check_member(value: bytes, collections: frozenset[bytes] | None) -> None:
    _check_uuid(value)
    if collections is not None and value not in collections:
        raise BadValue(0, _NO_COLLECTION, "orphan")


def _check_vector(value: bytes, dimensions: int | None) -> None:
    found = int.from_bytes(value[:2], "big")
    if value[2:4] != b"\0\0" or len(value) != 4 + 4 * found or not 0 < found <= vectors.MAX_DIMENSIONS:
        raise BadValue(0, vectors.NOT_A_VECTOR)
    if dimensions is not None and found != dimensions:
        raise _wrong_dimensions(0, found, dimensions)


def _wrong_dimensions(index: int, found: int, expected: int) -> BadValue:
    return BadValue(index, say("vector_dimensions_differ", found=found, expected=expected))


def _damaged(number: int, reason: str) -> RowError:
    return RowError("invalid", number, None, reason)
