"""int2, int4, int8 and oid: big-endian, of two, four or eight bytes."""

import re
from collections.abc import Sequence
from struct import Struct, error

from data_pipeline.formats.types.column_type import Declined, FixedSize

_integer = re.compile(rb"-?[0-9]{1,20}")


class Integer(FixedSize):
    def __init__(self, name: str, oid: int, layout: str) -> None:
        self.name, self.oid = name, oid
        self.operator_classes = (f"{name}_ops",)
        self.size, self._signed = Struct(layout).size, layout.islower()
        self._pack = Struct(layout).pack

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        if not all(map(_integer.fullmatch, texts)):
            raise Declined
        try:
            return [self._pack(number) for number in map(int, texts)]
        except error:  # out of range
            raise Declined from None

    def shown(self, value: bytes) -> str:
        return str(int.from_bytes(value, "big", signed=self._signed))


TYPES = (Integer("int2", 21, ">h"), Integer("int4", 23, ">i"), Integer("int8", 20, ">q"), Integer("oid", 26, ">I"))
