"""What a type of PostgreSQL's is here: its texts, and their bytes in binary COPY.

A text's bytes are those that the type's receive function makes the same value of as its input function of the text, in
a session with DateStyle "ISO, MDY" and IntervalStyle "postgres". They are also what the send function gives for that
value. So `record_send` of a row can be made without the server.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from common.messages import say
from data_pipeline.formats import utf8

LONGEST_SHOWN = 800
"""Bytes of a value that are looked at to show it."""


class BadValue(Exception):
    """A value can't be restored: the one at `index` of its column. Records.error() knows the line."""

    def __init__(self, index: int, reason: str, kind: str = "invalid") -> None:
        super().__init__(index, reason, kind)
        self.index, self.reason, self.kind = index, reason, kind


class Declined(Exception):
    """What a text means is not known for certain here: the server's input function has to say."""


class ColumnType(ABC):
    """A type by its name in pg_type. Modifiers (lengths, precisions, dimensions) are applied by receive functions."""

    name: str
    oid: int | None = None
    """None for types of an extension: they have another one in every database."""

    certain = False
    """Whether encode() knows every text: it raises BadValue for what the server would refuse, and never Declined."""

    verbatim = False
    """Whether encode() leaves every text as it is."""

    empty_text = False
    """Whether a value's text can be empty."""

    json = False
    opening = b""
    """With what a value's text begins, where it is most of a row, and never has quotes in it."""

    receives = frozenset[str]()
    """Other types whose bytes are read just the same."""

    operator_classes: tuple[str, ...] = ()
    """PostgreSQL's own ones, by which an index may order or hash the type."""

    @abstractmethod
    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        """The bytes of each text. Raises Declined, or BadValue for the first text that the input function refuses."""

    @abstractmethod
    def check(self, value: bytes) -> None:
        """Raise BadValue for bytes that can't be a value's; some of them are left for the receive function to find."""

    def dimensions(self, value: bytes) -> int:
        """Of a vector's bytes, which passed check(); 0 for other types."""
        return 0

    def expect_dimensions(self, dimensions: int, value: bytes) -> None:
        """check(), and raise BadValue for a vector of other dimensions."""
        self.check(value)
        found = self.dimensions(value)
        if found != dimensions:
            raise BadValue(0, say("vector_dimensions_differ", found=found, expected=dimensions))

    def modifiers(self, modifier: int) -> tuple[int, ...]:
        """What stands in brackets behind the type's name, for a column with this atttypmod; empty for none."""
        return ()

    def shown(self, value: bytes) -> str:
        """A value's bytes as text for people, cut where it is long."""
        return value[:LONGEST_SHOWN].decode(errors="replace")

    def malformed(self) -> BadValue:
        return BadValue(0, say("value_malformed", type=self.name))


class Utf8(ColumnType):
    """A type whose bytes are text. A server with the encoding SQL_ASCII sends the bytes that it was given."""

    def check(self, value: bytes) -> None:
        if not utf8.is_valid(value):
            raise BadValue(0, utf8.INVALID)


class FixedSize(ColumnType):
    """A type whose values all have the same number of bytes."""

    size: int

    def check(self, value: bytes) -> None:
        if len(value) != self.size:
            raise self.malformed()


def length(modifier: int, longest: int) -> tuple[int, ...]:
    """The length that an atttypmod stands for, with the four bytes of a header counted in it."""
    return (modifier - 4,) if 0 < modifier - 4 <= longest else ()
