"""The C library's memory allocator, told to keep less for itself."""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

IS_GLIBC = platform.libc_ver()[0] == "glibc"
M_ARENA_MAX = -8  # malloc.h
ARENAS = 2
"""glibc gives each thread an arena of its own, up to eight a core, and each one keeps what it once needed: a service of
40 threads that had moved megabytes through most of them held twice as much."""


def share_arenas() -> None:
    """Let all threads share a few arenas; before they start. Nothing where the C library isn't glibc."""
    if IS_GLIBC:
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


@contextmanager
def returned() -> Iterator[None]:
    """What is free goes back to the system before something large begins and after it has ended.

    By itself glibc keeps what lies between pieces that are still in use.
    """
    try:
        _give_back()
        yield
    finally:
        _give_back()


def _give_back() -> None:
    if IS_GLIBC:
        ctypes.CDLL(None).malloc_trim(0)
