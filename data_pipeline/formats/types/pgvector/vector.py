"""vector: int16 dimensions, int16 zero, a float4 each.

vector_in reads each element with strtof. The fast way reads many vectors as one JSON document and rounds twice, where
that is safe. All text that isn't JSON goes the exact way.
"""

import re
from collections.abc import Sequence
from struct import pack

import numpy as np
import simdjson

from common.messages import say
from data_pipeline.formats.types.column_type import BadValue, ColumnType
from data_pipeline.formats.types.rounding import SPACE, Doubles, NotANumber, NotFinite, float4, rounds_safely

MAX_DIMENSIONS = 16000
_GROUP_BYTES = 1 << 18  # text, doubles and floats of a group stay in a core's cache

_integer_minus_zero = re.compile(rb"-0(?=[ \t\r\n,\]])")
_gap_between_numbers = re.compile(rb"[0-9.]\s+[-0-9.]")

_LOST = say("vector_abbreviated")
NOT_A_VECTOR = say("vector_invalid")
NOT_FINITE = say("vector_not_finite")
_TOO_LONG = say("vector_too_long", most=MAX_DIMENSIONS)


class Vector(ColumnType):
    name = "vector"
    certain = True
    opening = b"["
    element_bytes = 4

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return encode(texts)

    def check(self, value: bytes) -> None:
        found = int.from_bytes(value[:2], "big")
        whole = len(value) == 4 + self.element_bytes * found and value[2:4] == b"\0\0"
        if not whole or not 0 < found <= MAX_DIMENSIONS:
            raise BadValue(0, NOT_A_VECTOR)

    def dimensions(self, value: bytes) -> int:
        return int.from_bytes(value[:2], "big")

    def expect_dimensions(self, dimensions: int, value: bytes) -> None:
        """Without a second look at most values: it is done for every row of a binary backup."""
        if len(value) != 4 + self.element_bytes * dimensions or int.from_bytes(value[:4], "big") != dimensions << 16:
            super().expect_dimensions(dimensions, value)

    def modifiers(self, modifier: int) -> tuple[int, ...]:
        return (modifier,) if modifier > 0 else ()


def encode(texts: Sequence[bytes]) -> list[bytes]:
    """The bytes of vectors. Raises BadValue for the first text that vector_in would refuse."""
    parser = simdjson.Parser()
    size = 1 + _GROUP_BYTES // max(len(texts[0]), 1) if texts else 1
    values: list[bytes] = []
    for start in range(0, len(texts), size):
        group = texts[start : start + size]
        values += _fast(parser, group) or _one_by_one(parser, group, start)
    return values


def _one_by_one(parser: simdjson.Parser, texts: Sequence[bytes], first: int) -> list[bytes]:
    values: list[bytes] = []
    for text in texts:
        try:
            values += _fast(parser, [text]) or [_exact(text)]
        except NotANumber:
            raise BadValue(first + len(values), NOT_A_VECTOR) from None
        except NotFinite:
            raise BadValue(first + len(values), NOT_FINITE) from None
        except BadValue as error:
            raise BadValue(first + len(values), error.reason) from None
    return values


def _fast(parser: simdjson.Parser, texts: Sequence[bytes]) -> list[bytes] | None:
    """Values for a group of vectors, or None if one of them needs the exact way."""
    # One bracket each, at the start: then as many arrays inside of one array are the vectors, and nothing is nested.
    if any(text.rfind(b"[") for text in texts):
        return None
    joined = b"[" + b",".join(texts) + b"]"
    parsed = _parse(parser, joined)
    if parsed is not None and not parsed[0].all():
        rewritten, found = _integer_minus_zero.subn(b"-0.0", joined)  # JSON's integer -0 has no sign
        if found:
            parsed = _parse(parser, rewritten)
    if parsed is None or len(parsed[1]) != len(texts) or not rounds_safely(parsed[0]):
        return None
    return _binary(*parsed)


def _parse(parser: simdjson.Parser, document: bytes) -> tuple[Doubles, list[int]] | None:
    """All numbers of an array of arrays, and how many each of these has."""
    try:
        arrays = parser.parse(document)
        lengths = [len(array) for array in arrays]  # type: ignore[union-attr, arg-type]
        numbers = np.frombuffer(arrays.as_buffer(of_type="d"), np.float64)  # type: ignore[union-attr]
    except (ValueError, TypeError, RuntimeError):
        return None
    valid = min(lengths) > 0 and max(lengths) <= MAX_DIMENSIONS
    return (numbers, lengths) if valid else None


def _binary(numbers: Doubles, lengths: list[int]) -> list[bytes]:
    floats = numbers.astype(">f4").tobytes()
    values: list[bytes] = []
    start = 0
    for length in lengths:
        end = start + 4 * length
        values.append(length.to_bytes(2, "big") + b"\0\0" + floats[start:end])
        start = end
    return values


def _exact(text: bytes) -> bytes:
    """The value of one vector, element by element. Raises NotANumber, NotFinite, or BadValue with another reason."""
    text = text.strip(SPACE)
    if _is_array_print(text):
        raise BadValue(0, _LOST)
    if text[:1] != b"[" or text[-1:] != b"]":
        raise NotANumber
    if text.count(b",") >= MAX_DIMENSIONS:
        raise BadValue(0, _TOO_LONG)
    elements = text[1:-1].split(b",")
    return pack(f">hh{len(elements)}f", len(elements), 0, *map(float4, elements))


def _is_array_print(text: bytes) -> bool:
    """`[0.1 0.2 ... 0.9]`, what numpy prints: eight digits a number, and only six numbers of more than a thousand."""
    return b"..." in text or (b"," not in text and _gap_between_numbers.search(text) is not None)


TYPES = (Vector(),)
