"""bool: one byte."""

from collections.abc import Sequence

from data_pipeline.formats.types.column_type import Declined, FixedSize

_WORDS = {b"t": b"\1", b"true": b"\1", b"True": b"\1", b"f": b"\0", b"false": b"\0", b"False": b"\0"}
"""As COPY, SQL and Python write it; boolin takes many more."""


class Boolean(FixedSize):
    name, oid = "bool", 16
    size = 1
    operator_classes = ("bool_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        try:
            return [_WORDS[text] for text in texts]
        except KeyError:
            raise Declined from None


TYPES = (Boolean(),)
