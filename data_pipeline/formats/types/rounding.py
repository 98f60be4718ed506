"""The text of a number -> the nearest float4, to the bit as strtof rounds it.

strtof rounds the decimal number once. Python rounds it to a double, which is then rounded to a float4. That gives the
same float4 unless the double stands exactly half-way between two of them. Such numbers go an exact way.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from math import floor, frexp, ldexp

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

SPACE = b" \t\n\r\v\f"  # pgvector's isspace; strtof skips the same
DECIMAL = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_hexadecimal = re.compile(rb"[+-]?0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)(?:[pP]([+-]?[0-9]+))?")

_SMALLEST_NORMAL = 2.0**-126
_OVERFLOW = 2.0**128 - 2.0**103  # half-way between the largest float4 and the next power of two
_TAIL_BITS, _HALF = np.uint64(0x1FFFFFFF), np.uint64(0x10000000)  # of a double, what float4 has no room for


class NotANumber(ValueError):
    """A text that strtof doesn't read to its end."""


class NotFinite(ValueError):
    """A number that is infinite as a float4, or none."""


def rounds_safely(numbers: Doubles) -> bool:
    """Whether rounding to float4 now is the same as rounding the decimal numbers once."""
    sizes = np.abs(numbers)
    if sizes.max() >= _OVERFLOW or ((numbers.view(np.uint64) & _TAIL_BITS) == _HALF).any():
        return False
    if sizes.min() >= _SMALLEST_NORMAL:
        return True
    # Subnormal floats are multiples of 2**-149, so half-way is elsewhere.
    steps = sizes[sizes < _SMALLEST_NORMAL] * 2.0**149
    return not (steps - np.floor(steps) == 0.5).any()


def float4(text: bytes) -> float:
    """What strtof makes of a text. Raises NotANumber, and NotFinite."""
    text = text.strip(SPACE)
    size, sign = text.lstrip(b"+-"), -1.0 if text.startswith(b"-") else 1.0
    if DECIMAL.fullmatch(text):
        digits = size.decode()
        return sign * _round(float(digits), lambda double: _compare(Decimal(digits), double))
    parts = _hexadecimal.fullmatch(text)
    if parts and (parts[1] or parts[2]):
        return sign * _round(_double_of_hexadecimal(size), lambda double: _compare_hexadecimal(parts, double))
    raise NotFinite if size.lower() in (b"nan", b"inf", b"infinity") else NotANumber


def _double_of_hexadecimal(size: bytes) -> float:
    try:
        return float.fromhex(size.decode())
    except OverflowError:
        raise NotFinite from None


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
        raise NotFinite
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
        raise NotFinite
    return nearest
