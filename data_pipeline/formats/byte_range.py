"""A range of a file that was fetched already, on its way to a worker process."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Portion:
    """Bytes of a file from an offset on."""

    offset: int
    data: bytes

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of a range of the file; fewer only at the end of what was fetched."""
        start = offset - self.offset
        return self.data[start : start + length]
