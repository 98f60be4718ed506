"""A directory that is held open: its files are reached by name from it, never by a path that could change meanwhile.

On POSIX it is a descriptor and links are never followed. Windows has no such calls: there each part is looked at
before it is used, which leaves a moment in between.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None
BY_DESCRIPTOR = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
BINARY = getattr(os, "O_BINARY", 0)
# O_NONBLOCK: opening a FIFO without a writer would wait for ever.
SAFELY = BINARY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
READ = os.O_RDONLY | SAFELY
APPEND = os.O_WRONLY | os.O_APPEND | SAFELY
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY


class NotRegular(Exception):
    """A link, a device, a FIFO, or a file where a directory should be."""


class Directory:
    """An open directory, closed at the end of a `with`. Raises OSError as the calls it makes do, and NotRegular."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    def __enter__(self) -> "Directory":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def files(self) -> list[str]:
        """The names of the regular files, in no order. Asks nothing of the files themselves."""
        with os.scandir(self._path if self._descriptor is None else self._descriptor) as entries:
            return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]

    def look(self, name: str) -> os.stat_result:
        """What the system says of a name, without opening it."""
        if self._descriptor is None:
            return os.lstat(self._path / name)
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)

    def has(self, name: str) -> bool:
        """Whether a name stands for anything, a file or not."""
        return self._status(name) is not None

    def is_still(self, name: str, file: BinaryIO) -> bool:
        """Whether a name stands for an open file and no other, or none."""
        found = self._status(name)
        return found is not None and os.path.samestat(found, os.fstat(file.fileno()))

    def names(self) -> set[str]:
        """The names of everything in it, files or not."""
        return set(os.listdir(self._path if self._descriptor is None else self._descriptor))

    def open(self, name: str) -> BinaryIO:
        """A regular file for reading."""
        return os.fdopen(self._open_regular(name), "rb")

    def locked(self, name: str, *, exclusive: bool) -> BinaryIO:
        """A regular file, locked until it is closed. Raises BlockingIOError at once if another lock is in the way."""
        file = self.open(name)
        try:
            _lock(file, exclusive=exclusive)
        except BlockingIOError:
            file.close()
            raise
        return file

    def claim(self, name: str) -> BinaryIO:
        """A new file that only its maker has: locked until it is closed, or its process is gone.

        Raises FileExistsError if the name is taken.
        """
        file = self.create(name)
        try:
            _lock(file, exclusive=True)
            if HAS_LOCKS and not self.is_still(name, file):
                raise BlockingIOError
        except BlockingIOError:  # between the two, a sweep took it for left behind, and removes it
            file.close()
            raise FileExistsError from None
        return file

    @contextmanager
    def abandoned(self, name: str) -> Iterator[bool]:
        """Whether a claim's owner is gone; if so, no process can take the claim while it is removed.

        The lock of a process that was killed is gone with it. What is no file was never a claim, and one that is gone
        needs no removing: its owner may have done so between our opening it and our lock.
        """
        try:
            if not HAS_LOCKS:
                self.rename(name, name)  # Windows refuses to rename a file that a process has open
                yield True
                return
            held = self.locked(name, exclusive=True)
        except (BlockingIOError, PermissionError, FileNotFoundError, NotRegular):
            yield False
            return
        with held:
            yield self.is_still(name, held)

    def create(self, name: str) -> BinaryIO:
        """A new file for writing; FileExistsError if the name is taken."""
        return os.fdopen(self._open(name, CREATE), "wb")

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a regular file in one write; the file is made if there is none."""
        with suppress(FileExistsError):
            self.create(name).close()
        descriptor = self._open_regular(name, APPEND)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)

    def rename(self, old: str, new: str) -> None:
        if self._descriptor is None:
            os.replace(self._path / old, self._path / new)
        else:
            os.replace(old, new, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def remove(self, name: str) -> None:
        if self._descriptor is None:
            os.unlink(self._path / name)
        else:
            os.unlink(name, dir_fd=self._descriptor)

    def may_change(self) -> bool:
        """Whether names may be added and removed, by its permissions and those of the file system."""
        if self._descriptor is None:
            return os.access(self._path, os.W_OK)
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self._descriptor, effective_ids=True)

    def sync(self) -> None:
        """Make new names survive a power cut. Windows keeps them by itself and can't sync a directory."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def _status(self, name: str) -> os.stat_result | None:
        try:
            return self.look(name)
        except FileNotFoundError:
            return None

    def _open(self, name: str, flags: int) -> int:
        if self._descriptor is None:
            return os.open(self._path / name, flags, 0o666)
        return os.open(name, flags, 0o666, dir_fd=self._descriptor)

    def _open_regular(self, name: str, flags: int = READ) -> int:
        if self._descriptor is None and not stat.S_ISREG(self.look(name).st_mode):
            raise NotRegular
        try:
            descriptor = self._open(name, flags)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
                raise NotRegular from error
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotRegular
        return descriptor


def open_directory(root: Path, parts: tuple[str, ...]) -> Directory:
    """The directory `parts` below `root`. The root itself may be a link, nothing below it.

    Raises FileNotFoundError, or NotRegular for a link or a file on the way.
    """
    if not BY_DESCRIPTOR:
        return Directory(_checked(root, parts), None)
    return Directory(root.joinpath(*parts), _walk(root, parts))


def _lock(file: BinaryIO, *, exclusive: bool) -> None:
    """Windows has no such lock; there a file that a process has open can't be removed, which serves as well."""
    if fcntl is not None:
        fcntl.flock(file.fileno(), (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)


def _walk(root: Path, parts: tuple[str, ...]) -> int:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for part in parts:
        try:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise NotRegular from error
            raise
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def _checked(root: Path, parts: tuple[str, ...]) -> Path:
    path = root
    for part in parts:
        path = path / part
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise NotRegular
    if path.resolve() != root.resolve().joinpath(*parts):  # a junction
        raise NotRegular
    return path


def sync_directory(path: Path) -> None:
    """Make new names in a directory survive a power cut. Windows keeps them by itself and can't sync a directory."""
    if BY_DESCRIPTOR:
        with Directory(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY)) as directory:
            directory.sync()
