"""Bytes that can be read by range, and a range that was fetched already, on its way to a worker process."""

from dataclasses import dataclass
from typing import Protocol


class Readable(Protocol):
    """Bytes that can be read by range. Picklable, so that another process can do it."""

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of a range; fewer only at the end of the file."""


@dataclass(frozen=True)
class ByteRange:
    """Bytes of a file from an offset on."""

    offset: int
    data: bytes

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of a range of the file; fewer only at the end of what was fetched."""
        start = offset - self.offset
        return self.data[start : start + length]
