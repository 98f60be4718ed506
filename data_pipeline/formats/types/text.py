"""text, varchar, bpchar, name and "char": their bytes are their text."""

from collections.abc import Sequence

from data_pipeline.formats.types.column_type import Declined, Utf8, length

LONGEST = 10485760
"""The most that may stand in varchar(n)."""

LONGEST_NAME = 63
"""Bytes. namein cuts a longer text, which namerecv refuses."""


class Text(Utf8):
    certain = verbatim = empty_text = True

    def __init__(self, name: str, oid: int, receives: str = "", operator_classes: tuple[str, ...] = ()) -> None:
        self.name, self.oid = name, oid
        self.receives = frozenset({receives} - {""})
        self.operator_classes = operator_classes

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return list(texts)

    def modifiers(self, modifier: int) -> tuple[int, ...]:
        return length(modifier, LONGEST)


class Name(Text):
    certain = verbatim = False

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        if any(len(text) > LONGEST_NAME for text in texts):
            raise Declined
        return list(texts)


class Char(Text):
    """ "char", one byte. charin takes three octal digits behind a backslash for one that isn't ASCII."""

    certain = verbatim = False

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        if not all(len(text) == 1 and text.isascii() for text in texts):
            raise Declined
        return list(texts)

    def check(self, value: bytes) -> None:
        if len(value) != 1:
            raise self.malformed()


TYPES = (
    Text("text", 25, "varchar", ("text_ops", "text_pattern_ops")),
    Text("varchar", 1043, "text", ("varchar_ops", "varchar_pattern_ops")),
    Text("bpchar", 1042, "", ("bpchar_ops", "bpchar_pattern_ops")),
    Name("name", 19, "", ("name_ops",)),
    Char("char", 18, "", ("char_ops",)),
)
