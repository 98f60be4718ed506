"""numeric: int16 count of digits, weight, sign and scale, then the digits, which are of base 10,000.

The scale is how many decimals the text has; numeric(p, s) rounds by it when the bytes are received. Zeros at both ends
aren't stored.
"""

import re
from collections.abc import Sequence
from struct import pack

from data_pipeline.formats.types.column_type import ColumnType, Declined

MOST_DECIMALS = 0x3FFF
MOST_DIGITS = 131072
"""Before the point."""

_NEGATIVE = 0x4000
# The scale of the infinite is a bit of what marks them as such.
_WORDS = {
    b"NaN": pack(">hhHh", 0, 0, 0xC000, 0),
    b"Infinity": pack(">hhHh", 0, 0, 0xD000, 32),
    b"-Infinity": pack(">hhHh", 0, 0, 0xF000, 32),
}
_SIGNS = (b"\0\0", b"\x40\0", b"\xc0\0", b"\xd0\0", b"\xf0\0")

_number = re.compile(rb"(-?)([0-9]+)(?:\.([0-9]+))?")


class Numeric(ColumnType):
    name, oid = "numeric", 1700
    operator_classes = ("numeric_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return list(map(_encode, texts))

    def check(self, value: bytes) -> None:
        if len(value) < 8 or len(value) != 8 + 2 * int.from_bytes(value[:2], "big") or value[4:6] not in _SIGNS:
            raise self.malformed()

    def modifiers(self, modifier: int) -> tuple[int, ...]:
        if modifier < 4:
            return ()
        precision, scale = (modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF
        return precision, scale - 0x800 if scale > 0x3FF else scale


def _encode(text: bytes) -> bytes:
    found = _number.fullmatch(text)
    if not found:
        if text in _WORDS:
            return _WORDS[text]
        raise Declined
    whole, decimals = found[2].lstrip(b"0"), found[3] or b""
    if len(whole) > MOST_DIGITS or len(decimals) > MOST_DECIMALS:
        raise Declined
    first = -(-len(whole) // 4)  # digits before the point
    padded = whole.rjust(4 * first, b"0") + decimals.ljust(-(-len(decimals) // 4) * 4, b"0")
    digits = [int(padded[start : start + 4]) for start in range(0, len(padded), 4)]
    leading = next((place for place, digit in enumerate(digits) if digit), len(digits))
    while len(digits) > leading and not digits[-1]:
        digits.pop()
    digits = digits[leading:]
    weight, sign = (first - 1 - leading, _NEGATIVE if found[1] else 0) if digits else (0, 0)
    return pack(f">HhHH{len(digits)}H", len(digits), weight, sign, len(decimals), *digits)


TYPES = (Numeric(),)
