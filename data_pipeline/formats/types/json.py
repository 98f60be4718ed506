"""json, whose bytes are its text, and jsonb: a version before them. Whether it is JSON is for the server to say.

What jsonb sends is the server's own print of the value: the same text only where a server wrote it.
"""

from collections.abc import Sequence

from data_pipeline.formats import utf8
from data_pipeline.formats.types.column_type import BadValue, Utf8

_VERSION = b"\x01"


class Json(Utf8):
    name, oid = "json", 114
    certain = verbatim = json = True

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return list(texts)


class JsonB(Json):
    name, oid = "jsonb", 3802
    verbatim = False
    operator_classes = ("jsonb_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return [_VERSION + text for text in texts]

    def check(self, value: bytes) -> None:
        if not value.startswith(_VERSION):
            raise self.malformed()
        if not utf8.is_valid(value):
            raise BadValue(0, utf8.INVALID)


TYPES = (Json(), JsonB())
