"""The C library's memory allocator, told to keep less for itself."""

import ctypes
import platform

M_ARENA_MAX = -8  # malloc.h
ARENAS = 2
"""glibc gives each thread an arena of its own, up to eight a core, and each one keeps what it once needed: a service of
40 threads that had moved megabytes through most of them held twice as much."""


def share_arenas() -> None:
    """Let all threads share a few arenas; before they start. Nothing where the C library isn't glibc."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)
