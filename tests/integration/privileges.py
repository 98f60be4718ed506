"""Root as an ordinary user: without the capabilities by which it reads and writes what its permissions don't allow."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

VERSION_3 = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3: two sets of 32 bits each."""

# CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
PAST_PERMISSIONS = 1 << 1 | 1 << 2 | 1 << 3


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


@contextmanager
def like_a_user() -> Iterator[None]:
    """This thread, and those it starts, are held by a file's permissions meanwhile; an ordinary user always is."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(VERSION_3, 0), (_Sets * 2)()
    _expect(libc.capget(ctypes.byref(header), sets))
    kept = sets[0].effective
    sets[0].effective = kept & ~PAST_PERMISSIONS
    _expect(libc.capset(ctypes.byref(header), sets))
    try:
        yield
    finally:
        sets[0].effective = kept
        _expect(libc.capset(ctypes.byref(header), sets))


def _expect(status: int) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), "capset")
