"""One location of a directory storage, open: its files by name, and what the system refuses told by the logical path.

Locks are the system's own (flock) in place of leases: they go with the process that has them, at once, and readers need
to write nothing, so that a set on a read-only file system can be restored. They are on the files themselves, where
every earlier version looks for them.
"""

import errno
import os
from collections.abc import Generator, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from common.errors import ServiceError
from data_pipeline.storage import faults
from data_pipeline.storage.base import Changed, Status
from data_pipeline.storage.local import file_faults
from data_pipeline.storage.local.directory import HAS_LOCKS, Directory, NotRegular, open_directory
from data_pipeline.storage.local.file_faults import NamedStream, NamedWriter, named
from data_pipeline.storage.local.synced_file import SyncedFile
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import partial_name

SHARING_VIOLATION = 32
"""Windows' number for a file that another process has open."""


class FileClaim:
    """A claim's file, locked until release() or the end of the process."""

    def __init__(self, folder: "DirectoryFolder", directory: Directory, name: str, file: BinaryIO) -> None:
        self._folder = folder
        self._directory = directory
        self._name = name
        self._file = file

    def expect_ours(self) -> None:
        """Raise ServiceUnavailable if its name is gone, so that another process may have it."""
        if not self._directory.is_still(self._name, self._file):
            raise faults.claim_lost()

    expect_awake = expect_ours
    """It costs nothing."""

    def release(self) -> None:
        """Remove it. Its name goes before its lock: a sweep that came between would take the claim for abandoned."""
        if not HAS_LOCKS:
            self._file.close()  # Windows removes no open file
        try:
            self._folder.delete(self._name)
            self._folder.sync()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Leave it to the next sweep."""
        self._file.close()


class DirectoryFolder:
    """Closed with the directory it is made of."""

    def __init__(self, directory: Directory, location: Location) -> None:
        self._directory = directory
        self._location = location
        self._path = location.relative_path

    def names(self) -> set[str]:
        """The names of everything in it, regular files or not."""
        with named(self._path):
            return self._directory.names()

    def files(self) -> set[str]:
        """The names of the regular files."""
        with named(self._path):
            return set(self._directory.files())

    def statuses(self, names: Sequence[str]) -> list[Status | None]:
        """Without opening the files; None for one that is gone."""
        with named(self._path):
            return [self._seen(name) for name in names]

    def status(self, name: str) -> Status:
        """Raises NotFound, or InvalidBackup if it is no regular file."""
        with self._opened(name) as file:
            return _status(os.fstat(file.fileno()))

    @contextmanager
    def open(self, name: str, known: Status) -> Iterator[NamedStream]:
        """The file for reading. Raises Changed if it is not, or does not stay, the known one."""
        with self._opened(name) as file:
            _expect(file, known)
            yield NamedStream(file, self._location.file(name))
            _expect(file, known)

    def read(self, name: str, known: Status, offset: int, length: int) -> bytes:
        """The bytes of a range; fewer only at the end of the file."""
        with self.open(name, known) as stream:
            stream.seek(offset)
            return stream.read(length)

    @contextmanager
    def write(self, name: str) -> Iterator[NamedWriter]:
        """A new file under a hidden name; on the disk when the `with` ends."""
        path = self._location.file(name)
        with named(path):
            file = self._directory.create(self.unpublished(name))
        with file, SyncedFile(file) as synced:
            yield NamedWriter(synced, path)
            with named(path):
                synced.finish()

    def unpublished(self, name: str) -> str:
        """A hidden name."""
        return partial_name(name)

    def publish(self, name: str) -> None:
        """Rename a written file. Raises FileExistsError rather than replace another."""
        if self._directory.has(name):
            raise FileExistsError
        with named(self._path):
            self._directory.rename(self.unpublished(name), name)

    def create(self, name: str, data: bytes) -> None:
        """A new file, whole or not at all. Raises FileExistsError if there is one."""
        try:
            with self.write(name) as file:
                file.write(data)
            self.publish(name)
        except BaseException:
            with suppress(ServiceError):
                self.delete(self.unpublished(name))
            raise

    def replace(self, name: str, data: bytes, known: Hashable) -> None:
        """New content for a file of this identity, by one rename. The caller keeps others from doing the same."""
        self.delete(self.unpublished(name))  # of a process that was killed
        with self.write(name) as file:
            file.write(data)
        if self.status(name).identity != known:
            self.delete(self.unpublished(name))
            raise Changed
        with named(self._path):
            self._directory.rename(self.unpublished(name), name)

    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is none to remove."""
        try:
            self._directory.remove(name)
        except FileNotFoundError:
            return
        except OSError as error:
            if getattr(error, "winerror", None) == SHARING_VIOLATION:
                raise faults.being_read(self._location) from error
            raise file_faults.translated(error, self._location.file(name)) from error

    def sync(self) -> None:
        """Make what was done to names survive a power cut."""
        with named(self._path):
            self._directory.sync()

    def append(self, name: str, line: bytes) -> None:
        """Add a line to a text file. Raises InvalidBackup if it is no regular file."""
        with self._told(name):
            self._directory.append(name, line)

    def expect_readable(self) -> None:
        """Raise ServiceError unless it can be looked through."""
        self.files()
        self.statuses(["."])  # a name may be listed where nothing can be looked up

    def expect_removable(self) -> None:
        """Raise PermissionDenied unless files may be removed from it."""
        if not self._directory.may_change():
            raise file_faults.translated(PermissionError(errno.EACCES, ""), self._path)

    def claim(self, name: str) -> FileClaim:
        """A new claim. Raises FileExistsError if the name is taken."""
        try:
            return FileClaim(self, self._directory, name, self._directory.claim(name))
        except FileExistsError:
            raise
        except OSError as error:
            raise file_faults.translated(error, self._path) from error

    def abandoned(self, names: Sequence[str]) -> Generator[str, None, None]:
        """Those of these claims whose process is gone, each locked until the next is asked for."""
        for name in names:
            with self._directory.abandoned(name) as abandoned:
                if abandoned:
                    yield name

    def shared(self, _timestamp: str, names: Sequence[str]) -> AbstractContextManager[None]:
        """Keep files from being deleted by any process. Raises OperationInProgress if one is deleting them."""
        return self._locks(names, exclusive=False)

    def exclusive(self, _timestamp: str, names: Sequence[str]) -> AbstractContextManager[None]:
        """Keep files from being read by any process. Raises OperationInProgress if one reads or deletes them."""
        return self._locks(names if HAS_LOCKS else (), exclusive=True)

    @contextmanager
    def _locks(self, names: Sequence[str], *, exclusive: bool) -> Iterator[None]:
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(self._locked(name, exclusive=exclusive))
            yield

    def _locked(self, name: str, *, exclusive: bool) -> BinaryIO:
        try:
            with self._told(name):
                return self._directory.locked(name, exclusive=exclusive)
        except BlockingIOError:
            fault = faults.being_read if exclusive else faults.being_deleted
            raise fault(self._location) from None

    def _opened(self, name: str) -> BinaryIO:
        with self._told(name):
            return self._directory.open(name)

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Raise what the system says of one file as ServiceError; BlockingIOError says nothing of a file."""
        try:
            yield
        except FileNotFoundError:
            raise faults.file_missing(self._location, name) from None
        except NotRegular:
            raise faults.not_regular(self._location.file(name)) from None
        except BlockingIOError:
            raise
        except OSError as error:
            raise file_faults.translated(error, self._location.file(name)) from error

    def _seen(self, name: str) -> Status | None:
        try:
            return _status(self._directory.look(name))
        except FileNotFoundError:
            return None


def open_folder(root: Path, location: Location) -> Directory:
    """The directory of a location. Raises NotFound, or InvalidBackup for a link or a file on the way."""
    try:
        return open_directory(root, location.parts)
    except (FileNotFoundError, NotADirectoryError):
        raise faults.directory_missing(location) from None
    except NotRegular:
        raise faults.not_regular(location.relative_path) from None
    except OSError as error:
        raise file_faults.translated(error, location.relative_path) from error


def _status(status: os.stat_result) -> Status:
    return Status(status.st_size, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))


def _expect(file: BinaryIO, known: Status) -> None:
    if _status(os.fstat(file.fileno())) != known:
        raise Changed
