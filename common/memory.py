"""The C library's memory allocator, told to keep less for itself."""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

IS_GLIBC = platform.libc_ver()[0] == "glibc"
M_ARENA_MAX = -8  # malloc.h
ARENAS = 2
"""glibc gives each thread an arena of its own, up to eight a core, and each one keeps what it once needed: a service of
40 threads that had moved megabytes through most of them held twice as much."""

KEPT_BYTES = 32 << 20
"""What the process may have grown by since memory was last given back. Less isn't worth it: a small restore would get
the same pages back from the system, zeroed, that the one before it had just returned."""


def share_arenas() -> None:
    """Let all threads share a few arenas; before they start. Nothing where the C library isn't glibc."""
    if IS_GLIBC:
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


class _Memory:
    """What the process holds, and when it gives some of it back."""

    def __init__(self) -> None:
        self._left = 0  # bytes it held after it had last given some back

    def give_back(self) -> None:
        if IS_GLIBC and self._held() > self._left + KEPT_BYTES:
            ctypes.CDLL(None).malloc_trim(0)
            self._left = self._held()

    def _held(self) -> int:
        return int(psutil.Process().memory_info().rss)


_memory = _Memory()


@contextmanager
def returned() -> Iterator[None]:
    """What is free goes back to the system before an operation begins and after it has ended, if it is much.

    By itself glibc keeps what lies between pieces that are still in use.
    """
    try:
        give_back()
        yield
    finally:
        give_back()


def give_back() -> None:
    """Return what is free to the system, if it is much."""
    _memory.give_back()
