"""bit and varbit: how many bits as int32, then the bits, the first of them highest, filled up with zeros."""

from collections.abc import Sequence

import numpy as np

from data_pipeline.formats.types.column_type import ColumnType, Declined

LONGEST = 83886080
"""The most bits that may stand in bit(n)."""


class Bit(ColumnType):
    def __init__(self, name: str, oid: int, empty_text: bool) -> None:
        self.name, self.oid, self.empty_text = name, oid, empty_text
        self.operator_classes = (f"{name}_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return list(map(_encode, texts))

    def check(self, value: bytes) -> None:
        bits = int.from_bytes(value[:4], "big", signed=True)
        if len(value) < 4 or bits < 0 or len(value) != 4 + (bits + 7) // 8:
            raise self.malformed()

    def modifiers(self, modifier: int) -> tuple[int, ...]:
        return (modifier,) if 0 < modifier <= LONGEST else ()

    def shown(self, value: bytes) -> str:
        bits = int.from_bytes(value[:4], "big")
        return "".join(f"{byte:08b}" for byte in value[4:104])[:bits]


def _encode(text: bytes) -> bytes:
    digits = np.frombuffer(text, np.uint8) - ord("0")
    if (digits > 1).any():  # B'…' and X'…' are read as well, by the server
        raise Declined
    return len(text).to_bytes(4, "big") + np.packbits(digits).tobytes()


TYPES = (Bit("bit", 1560, empty_text=False), Bit("varbit", 1562, empty_text=True))
