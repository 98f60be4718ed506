"""float4 and float8: IEEE, big-endian. float4in rounds the text once, as strtof does.

Other than pgvector, both refuse a number that isn't zero and would become zero: that is left to the server.
"""

import re
from collections.abc import Sequence
from struct import pack

import numpy as np

from data_pipeline.formats.types.column_type import Declined, FixedSize
from data_pipeline.formats.types.rounding import NotFinite, float4, rounds_safely

_number = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
_not_zero = re.compile(rb"[^e]*[1-9]")
_WORDS = {b"NaN": np.nan, b"Infinity": np.inf, b"-Infinity": -np.inf}


class Float8(FixedSize):
    name, oid = "float8", 701
    size = 8
    operator_classes = ("float8_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        numbers = np.array([_double(text) for text in texts], np.float64)
        return _cut(numbers.astype(">f8").tobytes(), 8)


class Float4(FixedSize):
    name, oid = "float4", 700
    size = 4
    operator_classes = ("float4_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        numbers = np.array([_double(text) for text in texts], np.float64)
        if len(numbers) and np.isfinite(numbers).all() and rounds_safely(numbers):
            values = _cut(numbers.astype(">f4").tobytes(), 4)
        else:
            values = [_rounded(text) for text in texts]
        zeros = (text for text, value in zip(texts, values, strict=True) if value in (b"\0\0\0\0", b"\x80\0\0\0"))
        if any(map(_not_zero.match, zeros)):
            raise Declined
        return values


def _double(text: bytes) -> float:
    if not _number.fullmatch(text):
        if text in _WORDS:
            return _WORDS[text]
        raise Declined
    number = float(text)
    if number in (0, np.inf, -np.inf) and _not_zero.match(text):
        raise Declined
    return number


def _rounded(text: bytes) -> bytes:
    try:
        return pack(">f", _WORDS[text] if text in _WORDS else float4(text))
    except NotFinite:
        raise Declined from None


def _cut(joined: bytes, size: int) -> list[bytes]:
    return [joined[start : start + size] for start in range(0, len(joined), size)]


TYPES = (Float4(), Float8())
