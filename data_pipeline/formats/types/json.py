"""json, whose bytes are its text, and jsonb: a version before them. Whether it is JSON is for the server to say.

What jsonb sends is the server's own print of the value: the same text only where a server wrote it.
"""

from collections.abc import Sequence

from data_pipeline.formats.types.column_type import ColumnType, expect_utf8

_VERSION = b"\x01"


class Json(ColumnType):
    name, oid = "json", 114
    certain = verbatim = json = True

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return list(texts)

    def check(self, value: bytes) -> None:
        expect_utf8(value)


class JsonB(Json):
    name, oid = "jsonb", 3802
    verbatim = False
    operator_classes = ("jsonb_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return [_VERSION + text for text in texts]

    def check(self, value: bytes) -> None:
        if value[:1] != _VERSION:
            raise self.malformed()
        expect_utf8(value)


TYPES = (Json(), JsonB())
