"""Which archives of databases this service has made, by SHA-256. Where that is remembered is said later."""

from typing import Protocol


class Memory(Protocol):
    """Remembers hexadecimal digits of SHA-256."""

    def note(self, sha256: str) -> None:
        """Raises nothing."""

    def knows(self, sha256: str) -> bool:
        """Raises ServiceUnavailable where that can't be told now."""


class KnownArchives:
    """Of one service. Before it has a memory it knows none."""

    def __init__(self) -> None:
        self._memory: Memory | None = None

    def extend(self, memory: Memory) -> None:
        self._memory = memory

    def note(self, sha256: str) -> None:
        """Remember an archive that was made here. Raises nothing."""
        if self._memory:
            self._memory.note(sha256)

    def knows(self, sha256: str) -> bool:
        """Raises ServiceUnavailable where that can't be told now."""
        return self._memory is not None and self._memory.knows(sha256)
