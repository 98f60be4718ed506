"""Files that exist only while an import runs, in the system's directory for these: found and removed by their names."""

import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

Purpose = Literal["import", "list"]

NAME = re.compile(r"database_[a-z]+_\d{8}_\d{6}_[0-9a-f]{12}\.dump")
LONGEST_SECONDS = 6 * 3600


@contextmanager
def temp_file(purpose: Purpose) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file that only this user may read, gone at the end. Raises OSError."""
    stamp = datetime.now().strftime("%Y%m%d_%H%M%S")
    path = Path(tempfile.gettempdir()) / f"database_{purpose}_{stamp}_{secrets.token_hex(6)}.dump"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with open(descriptor, "w+b") as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def sweep() -> list[str]:
    """Remove files that a process which was killed has left; returns their names. One in use stays readable."""
    swept = []
    for path in Path(tempfile.gettempdir()).glob("database_*.dump"):
        with suppress(OSError):
            known = NAME.fullmatch(path.name) and not path.is_symlink() and path.is_file()
            if known and path.stat().st_mtime < time.time() - LONGEST_SECONDS:
                path.unlink()
                swept.append(path.name)
    return swept
