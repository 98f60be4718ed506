"""A place where there is little room: a small file system where we may mount one, else a limit on the size of files."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096
BALLAST = "ballast"


def may_mount() -> bool:
    return os.name == "posix" and os.geteuid() == 0


class SmallDisk:
    """A file system in memory; a file of ballast in it leaves as much room as is wanted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def leave(self, size: int) -> None:
        """Leave room for `size` bytes, in whole pages."""
        self.free()
        status = os.statvfs(self._directory)
        ballast = status.f_bavail * status.f_frsize - size // PAGE * PAGE
        with open(self._directory / BALLAST, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(ballast, 1))

    def free(self) -> None:
        """Leave all the room there is."""
        (self._directory / BALLAST).unlink(missing_ok=True)


class FileSizeLimit:
    """A limit on how large a file a process may write: EFBIG is what a user without a quota can have of a full disk."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def leave(self, size: int) -> None:
        self._set(size)

    def free(self) -> None:
        self._set(resource.RLIM_INFINITY)

    def _set(self, size: int) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def mounted(directory: Path, megabytes: int, owner: tuple[int, int]) -> Iterator[SmallDisk]:
    """A new small file system on a directory; root's privilege."""
    directory.mkdir(exist_ok=True)
    options = f"size={megabytes}m,uid={owner[0]},gid={owner[1]},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "torture", directory], check=True)
    try:
        yield SmallDisk(directory)
    finally:
        # Lazily: it goes even if somebody still holds a file of it.
        subprocess.run(["umount", "--lazy", directory], check=True)
