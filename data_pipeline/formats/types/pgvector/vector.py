"""pgvector's text form -> its binary form, to the bit what the server's vector_in makes of the text.

vector_in reads each element with strtof: the decimal number rounded once, to the nearest float4. The fast way reads
many vectors as one JSON document and rounds twice, to double and then to float4. That gives the same float4 unless the
double stands exactly half-way between two of them. Those, and all text that isn't JSON, go the exact way.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from math import floor, frexp, ldexp
from struct import pack

import numpy as np
import numpy.typing as npt
import simdjson

from common.messages import say
from data_pipeline.formats.csv_reader import BadValue

MAX_DIMENSIONS = 16000
_GROUP_BYTES = 1 << 18  # text, doubles and floats of a group stay in a core's cache

_SMALLEST_NORMAL = 2.0**-126
_OVERFLOW = 2.0**128 - 2.0**103  # half-way between the largest float4 and the next power of two
_TAIL_BITS, _HALF = np.uint64(0x1FFFFFFF), np.uint64(0x10000000)  # of a double, what float4 has no room for

_SPACE = b" \t\n\r\v\f"  # vector_isspace; strtof skips the same
_decimal = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_hexadecimal = re.compile(rb"[+-]?0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)(?:[pP]([+-]?[0-9]+))?")
_integer_minus_zero = re.compile(rb"-0(?=[ \t\r\n,\]])")
_gap_between_numbers = re.compile(rb"[0-9.]\s+[-0-9.]")

_LOST = say("vector_abbreviated")
NOT_A_VECTOR = say("vector_invalid")
_NOT_FINITE = say("vector_not_finite")
_TOO_LONG = say("vector_too_long", most=MAX_DIMENSIONS)

Doubles = npt.NDArray[np.float64]


def encode(texts: Sequence[bytes]) -> list[bytes]:
    """Binary values for vector_recv: int16 dimensions, int16 zero, float4 each, all big-endian.

    Raises BadValue for the first text that vector_in would refuse.
    """
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
        except ValueError as error:
            raise BadValue(first + len(values), str(error)) from None
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
    if parsed is None or len(parsed[1]) != len(texts) or not _rounds_safely(parsed[0]):
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


def _rounds_safely(numbers: Doubles) -> bool:
    """Whether rounding to float4 now is the same as rounding the decimal number once."""
    sizes = np.abs(numbers)
    if sizes.max() >= _OVERFLOW or ((numbers.view(np.uint64) & _TAIL_BITS) == _HALF).any():
        return False
    if sizes.min() >= _SMALLEST_NORMAL:
        return True
    # Subnormal floats are multiples of 2**-149, so half-way is elsewhere.
    steps = sizes[sizes < _SMALLEST_NORMAL] * 2.0**149
    return not (steps - np.floor(steps) == 0.5).any()


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
    """The value of one vector, element by element. Raises ValueError with a reason for people."""
    text = text.strip(_SPACE)
    if _is_array_print(text):
        raise ValueError(_LOST)
    if text[:1] != b"[" or text[-1:] != b"]":
        raise ValueError(NOT_A_VECTOR)
    if text.count(b",") >= MAX_DIMENSIONS:
        raise ValueError(_TOO_LONG)
    elements = text[1:-1].split(b",")
    return pack(f">hh{len(elements)}f", len(elements), 0, *map(_float4, elements))


def _is_array_print(text: bytes) -> bool:
    """`[0.1 0.2 ... 0.9]`, what numpy prints: eight digits a number, and only six numbers of more than a thousand."""
    return b"..." in text or (b"," not in text and _gap_between_numbers.search(text) is not None)


def _float4(element: bytes) -> float:
    """What strtof makes of an element."""
    element = element.strip(_SPACE)
    size, sign = element.lstrip(b"+-"), -1.0 if element.startswith(b"-") else 1.0
    if _decimal.fullmatch(element):
        text = size.decode()
        return sign * _round(float(text), lambda double: _compare(Decimal(text), double))
    parts = _hexadecimal.fullmatch(element)
    if parts and (parts[1] or parts[2]):
        return sign * _round(_double_of_hexadecimal(size), lambda double: _compare_hexadecimal(parts, double))
    raise ValueError(_NOT_FINITE if size.lower() in (b"nan", b"inf", b"infinity") else NOT_A_VECTOR)


def _double_of_hexadecimal(size: bytes) -> float:
    try:
        return float.fromhex(size.decode())
    except OverflowError:
        raise ValueError(_NOT_FINITE) from None


def _compare(number: Decimal | int, other: float | int) -> int:
    return (number > other) - (number < other)


def _compare_hexadecimal(parts: re.Match[bytes], double: float) -> int:
    """Compare as integers: both numbers are an integer times a power of two."""
    digits, exponent = int(parts[1] + parts[2], 16), int(parts[3] or 0) - 4 * len(parts[2])
    numerator, denominator = double.as_integer_ratio()
    shift = exponent + denominator.bit_length() - 1
    return _compare(digits << max(shift, 0), numerator << max(-shift, 0))


def _round(double: float, compare: Callable[[float], int]) -> float:
    """The float4 nearest to the number, not negative, that `double` was rounded from; ties go to the even one.

    compare(double): -1, 0 or 1 as that number is less than, equal to or greater than the double.
    """
    if double > _OVERFLOW:
        raise ValueError(_NOT_FINITE)
    exponent = max(frexp(double)[1] - 24, -149)  # of a float4's last bit
    steps = ldexp(double, -exponent)
    whole = floor(steps)
    if steps - whole == 0.5:
        beyond = compare(double)
        whole += beyond > 0 or (beyond == 0 and whole % 2)
    else:
        whole = round(steps)
    nearest = ldexp(whole, exponent)
    if nearest >= 2.0**128:
        raise ValueError(_NOT_FINITE)
    return nearest
