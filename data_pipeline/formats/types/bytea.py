"""bytea, in both of its texts: hexadecimal (`\\x00ff`), and the older one with octal escapes (`\\000\\377`)."""

import re
from binascii import unhexlify
from collections.abc import Sequence

from data_pipeline.formats.types.column_type import ColumnType, Declined

_escaped = re.compile(rb"(?:[^\\]|\\\\|\\[0-3][0-7][0-7])*", re.DOTALL)
_escape = re.compile(rb"\\(\\|[0-3][0-7][0-7])")


class Bytea(ColumnType):
    name, oid = "bytea", 17
    empty_text = True
    operator_classes = ("bytea_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return [_hexadecimal(text) if text.startswith(b"\\x") else _unescaped(text) for text in texts]

    def check(self, value: bytes) -> None:
        """Any bytes will do."""

    def shown(self, value: bytes) -> str:
        return super().shown(b"\\x" + value[:100].hex().encode())


def _hexadecimal(text: bytes) -> bytes:
    try:
        return unhexlify(memoryview(text)[2:])
    except ValueError:
        raise Declined from None


def _unescaped(text: bytes) -> bytes:
    """What isn't ASCII would be bytes of the database's encoding, which need not be UTF-8."""
    if not text.isascii() or not _escaped.fullmatch(text):
        raise Declined
    return _escape.sub(lambda found: b"\\" if found[1] == b"\\" else bytes([int(found[1], 8)]), text)


TYPES = (Bytea(),)
