"""Arrays: int32 count of dimensions, whether there is a NULL, the elements' oid, each dimension's size and lower bound,
then each element as binary COPY has a field.

The text is what array_out writes: `{1,NULL,"a \\"quoted\\" one"}`, `{{1},{2}}`, `[0:1]={1,2}`. White space around
elements, and what else array_in takes, is left to the server.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from struct import error, pack, unpack_from

from data_pipeline.formats.types.column_type import BadValue, ColumnType, Declined

MOST_DIMENSIONS = 6
MOST_ELEMENTS = (1 << 27) - 1
_NULL = b"\xff\xff\xff\xff"

_bounds = re.compile(rb"((?:\[-?[0-9]{1,9}:-?[0-9]{1,9}\])+)=")
_bound = re.compile(rb"\[(-?[0-9]+):(-?[0-9]+)\]")
_token = re.compile(rb'([{},])|"((?:[^"\\]|\\.)*)"|([^{},"\\\s]+)', re.DOTALL)
_plain_list = re.compile(rb'\{[^{}"\\\s]+\}')
_escape = re.compile(rb"\\(.)", re.DOTALL)
_null = re.compile(rb"null", re.IGNORECASE)

Text = bytes | None


@dataclass
class _Parsed:
    """An array's dimensions, each as size and lower bound, and its elements in order."""

    dimensions: list[tuple[int, int]]
    elements: list[Text]


class Array(ColumnType):
    """Of elements of one type, whose oid the bytes have in them."""

    def __init__(self, element: ColumnType, element_oid: int | None = None) -> None:
        self._element = element
        self._element_oid = element_oid or element.oid
        self.name = f"_{element.name}"
        self.operator_classes = ("array_ops",) if element.operator_classes else ()

    def of(self, element_oid: int) -> "Array":
        """The same where the elements' type has this oid."""
        return Array(self._element, element_oid)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        """All elements of a column are encoded at once."""
        if not texts:
            return []
        if self._element_oid is None:
            raise Declined
        arrays = list(map(_parse, texts))
        present = [text for array in arrays for text in array.elements if text is not None]
        try:
            values = iter(self._element.encode(present))
        except BadValue:
            raise Declined from None
        return [
            _encoded(array, self._element_oid, [text if text is None else next(values) for text in array.elements])
            for array in arrays
        ]

    def check(self, value: bytes) -> None:
        try:
            for element in _elements(value):
                self._element.check(element)
        except (error, _Malformed):
            raise self.malformed() from None

    def modifiers(self, modifier: int) -> tuple[int, ...]:
        return self._element.modifiers(modifier)


class _Malformed(Exception):
    """Bytes that are no array."""


def _encoded(array: _Parsed, element_oid: int, values: list[bytes | None]) -> bytes:
    head = pack(">iiI", len(array.dimensions), None in values, element_oid)
    sizes = b"".join(pack(">ii", *dimension) for dimension in array.dimensions)
    fields = [_NULL if value is None else len(value).to_bytes(4, "big") + value for value in values]
    return b"".join([head, sizes, *fields])


def _elements(value: bytes) -> list[bytes]:
    """The elements of an array's bytes that aren't NULL. Raises _Malformed, struct.error."""
    count, with_nulls, _ = unpack_from(">iiI", value)
    if not 0 <= count <= MOST_DIMENSIONS or with_nulls not in (0, 1):
        raise _Malformed
    expected = 1 if count else 0
    for number in range(count):
        expected *= unpack_from(">i", value, 12 + 8 * number)[0]
    position, found = 12 + 8 * count, []
    if not 0 <= expected <= len(value):
        raise _Malformed
    for _ in range(expected):
        (size,) = unpack_from(">i", value, position)
        start, position = position + 4, position + 4 + max(size, 0)
        if size < -1 or position > len(value):
            raise _Malformed
        if size >= 0:
            found.append(value[start:position])
    if position != len(value):
        raise _Malformed
    return found


def _parse(text: bytes) -> _Parsed:
    if text == b"{}":
        return _Parsed([], [])
    prefix = _bounds.match(text)
    array = _nested(text[prefix.end() :] if prefix else text)
    if prefix:
        bounds = [(int(lower), int(upper)) for lower, upper in _bound.findall(prefix[1])]
        sizes = [(upper - lower + 1, lower) for lower, upper in bounds]
        if [size for size, _ in sizes] != [size for size, _ in array.dimensions]:
            raise Declined
        array.dimensions = sizes
    if len(array.dimensions) > MOST_DIMENSIONS or len(array.elements) > MOST_ELEMENTS:
        raise Declined
    return array


def _nested(text: bytes) -> _Parsed:
    if _plain_list.fullmatch(text):
        elements: list[Text] = [_unquoted(element) for element in text[1:-1].split(b",")]
        return _Parsed([(len(elements), 1)], elements)
    return _Reader(text).read()


def _unquoted(element: bytes) -> Text:
    if not element:
        raise Declined
    return None if _null.fullmatch(element) else element


class _Reader:
    """Reads an array token by token. All lists of a level have the same number of members, as the first one tells."""

    def __init__(self, text: bytes) -> None:
        self._text, self._position = text, 0
        self._sizes: list[int | None] = []
        self._elements: list[Text] = []
        self._leaves_at: int | None = None

    def read(self) -> _Parsed:
        if self._next() != b"{":
            raise Declined
        self._list(0)
        if self._position != len(self._text):
            raise Declined
        return _Parsed([(size or 0, 1) for size in self._sizes], self._elements)

    def _next(self) -> bytes:
        """The next brace or comma; an element is stored, and stands as nothing."""
        found = _token.match(self._text, self._position)
        if not found:
            raise Declined
        self._position = found.end()
        if found[1]:
            return found[1]
        quoted = found[2]
        self._elements.append(_escape.sub(rb"\1", quoted) if quoted is not None else _unquoted(found[3]))
        return b""

    def _list(self, level: int) -> None:
        """A list's members, up to its closing brace."""
        if level == len(self._sizes):
            self._sizes.append(None)
        if level >= MOST_DIMENSIONS:
            raise Declined
        count, separator = 0, b","
        while separator == b",":
            count += 1
            self._member(level)
            separator = self._next_mark()
        if separator != b"}" or self._sizes[level] not in (None, count):
            raise Declined
        self._sizes[level] = count

    def _member(self, level: int) -> None:
        mark = self._next()
        if mark == b"":
            self._leaves_at = level if self._leaves_at is None else self._leaves_at
        elif mark == b"{":
            self._list(level + 1)
            return
        if mark or self._leaves_at != level:
            raise Declined

    def _next_mark(self) -> bytes:
        mark = self._next()
        if not mark:
            raise Declined
        return mark
