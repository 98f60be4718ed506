"""sparsevec, `{1:0.5,7:-2}/9`: int32 dimensions, count and zero, then indices as int32, then values as float4.

A text counts its indices from 1, the bytes from 0. sparsevec_in takes elements in any order, leaves out those whose
value is zero before it looks at their index, and then refuses an index that is out of range or there twice. A number
that only rounding makes zero is refused, unlike in a vector: the element would be lost.
"""

import re
from collections.abc import Sequence
from struct import pack, unpack_from

from common.messages import say
from data_pipeline.formats.types.column_type import BadValue, ColumnType
from data_pipeline.formats.types.pgvector import vector
from data_pipeline.formats.types.rounding import SPACE

MAX_DIMENSIONS = 1_000_000_000
MAX_ELEMENTS = 16000
_HEAD_BYTES = 12
_ZEROS = (b"\0\0\0\0", b"\x80\0\0\0")

_text = re.compile(rb"[ \t\n\r\v\f]*\{([^{}/]*)\}[ \t\n\r\v\f]*/([^{}/]*)", re.DOTALL)
_rounded_to_zero = re.compile(rb"(?!\s*[+-]?0[xX])[^eE]*[1-9]|\s*[+-]?0[xX][^pP]*[1-9a-fA-F]")
_integer = re.compile(rb"[ \t\n\r\v\f]*[+-]?[0-9]+")

_INVALID = say("sparsevec_invalid")


class SparseVector(ColumnType):
    name = "sparsevec"
    certain = True
    opening = b"{"

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        values: list[bytes] = []
        for text in texts:
            try:
                values.append(_encode(text))
            except BadValue as error:
                raise BadValue(len(values), error.reason) from None
        return values

    def check(self, value: bytes) -> None:
        if len(value) < _HEAD_BYTES:
            raise BadValue(0, _INVALID)
        dimensions, count, unused = unpack_from(">iii", value)
        known = 0 < dimensions <= MAX_DIMENSIONS and 0 <= count <= MAX_ELEMENTS and unused == 0
        if not known or len(value) != _HEAD_BYTES + 8 * count:
            raise BadValue(0, _INVALID)

    def dimensions(self, value: bytes) -> int:
        return int.from_bytes(value[:4], "big")

    def modifiers(self, modifier: int) -> tuple[int, ...]:
        return (modifier,) if modifier > 0 else ()


def _encode(text: bytes) -> bytes:
    found = _text.fullmatch(text)
    if not found:
        raise BadValue(0, _INVALID)
    elements = found[1].split(b",") if found[1].strip(SPACE) else []
    if len(elements) > MAX_ELEMENTS:
        raise BadValue(0, _INVALID)
    dimensions = _number(found[2])
    numbered = sorted(_elements(elements))
    indices = [index for index, _ in numbered]
    in_range = not indices or (indices[0] >= 1 and indices[-1] <= dimensions)
    if not 0 < dimensions <= MAX_DIMENSIONS or not in_range or len(set(indices)) < len(indices):
        raise BadValue(0, _INVALID)
    head = pack(f">iii{len(indices)}i", dimensions, len(indices), 0, *(index - 1 for index in indices))
    return head + b"".join(value for _, value in numbered)


def _elements(texts: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Index and float4 of each element that isn't zero."""
    pairs = [text.partition(b":") for text in texts]
    if not pairs:
        return []
    (floats,) = vector.encode([b"[" + b",".join(value for _, _, value in pairs) + b"]"])
    values = [floats[start : start + 4] for start in range(4, len(floats), 4)]
    elements = []
    for (index, _, text), value in zip(pairs, values, strict=True):
        number = _number(index)
        if value not in _ZEROS:
            elements.append((number, value))
        elif _rounded_to_zero.match(text):
            raise BadValue(0, _INVALID)
    return elements


def _number(text: bytes) -> int:
    """What strtol reads, if that is all there is."""
    text = text.rstrip(SPACE)
    if not _integer.fullmatch(text):
        raise BadValue(0, _INVALID)
    digits = text.strip(SPACE + b"+").lstrip(b"0")
    return int(text) if len(digits) <= 20 else MAX_DIMENSIONS + 1


TYPES = (SparseVector(),)
