"""Backup sets in a directory: the storage that knows paths."""

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from common.errors import InvalidBackup, NotFound, OperationInProgress, ServiceError
from common.messages import say
from data_pipeline.storage.base import Portions
from data_pipeline.storage.draft import DirectoryDraft, sweep
from data_pipeline.storage.local import file_faults
from data_pipeline.storage.local.directory import HAS_LOCKS, Directory, NotRegular, open_directory
from data_pipeline.storage.local.file_faults import NamedStream, named
from data_pipeline.storage.location import MAIN_STORAGE, Location

SHARING_VIOLATION = 32
"""Windows' number for a file that another process has open."""


@dataclass(frozen=True)
class DirectoryFile:
    """A file as it was when the operation began. Picklable, so that other processes can read ranges of it."""

    root: str
    location: Location
    name: str
    size: int
    identity: tuple[int, ...]
    kept_as: str
    """Its name in the directory: a hidden one as long as its set is not published."""

    @property
    def path(self) -> str:
        """The logical path, for people."""
        return self.location.file(self.name)

    @contextmanager
    def open(self) -> Iterator[NamedStream]:
        """The file for reading. Raises InvalidBackup if it is not, or does not stay, the one it was."""
        root, location = Path(self.root), self.location
        with _located(root, location) as directory, _opened(directory, location, self.kept_as) as file:
            self._expect_same(file)
            yield NamedStream(file, self.path)
            self._expect_same(file)

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of a range; fewer only at the end of the file."""
        with self.open() as file:
            file.seek(offset)
            return file.read(length)

    @contextmanager
    def portions(self) -> Iterator[Portions]:
        """Itself: whoever gets it reads the range from the disk."""
        yield lambda _offset, _length: self

    def _expect_same(self, file: BinaryIO) -> None:
        if _identity(os.fstat(file.fileno())) != self.identity:
            raise InvalidBackup(say("backup_file_changed", path=self.path), details={"file": self.name})


@dataclass(frozen=True)
class DirectoryListing:
    """The files of a location, looked at when they are asked for: a directory that can't be read fails alone.

    Sizes are looked up one by one: a directory tells only names.
    """

    storage: "DirectoryStorage"
    location: Location

    @property
    def names(self) -> set[str]:
        return self.storage.files(self.location)

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        """In bytes, None for one that is gone."""
        if not names:
            return []
        with _located(self.storage.root, self.location) as directory, named(self.location.relative_path):
            return [_size(directory, name) for name in names]


class DirectoryStorage:
    """Backup sets below one directory."""

    def __init__(self, root: Path, name: str = MAIN_STORAGE) -> None:
        self.root = root
        self._path = Location((), name).relative_path

    def names(self) -> list[str]:
        """Names of the real directories directly below the root."""
        try:
            with os.scandir(self.root) as entries:
                return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise file_faults.translated(error, self._path) from error

    def files(self, location: Location) -> set[str]:
        """The names of a location's regular files; none if it does not exist or is a link."""
        try:
            with _located(self.root, location) as directory, named(location.relative_path):
                return set(directory.files())
        except (NotFound, InvalidBackup):
            return set()

    def listings(self, locations: Sequence[Location]) -> Iterator[DirectoryListing]:
        """What lies in each of them."""
        return (DirectoryListing(self, location) for location in locations)

    def unreadable(self, locations: Sequence[Location]) -> list[Location]:
        """Those of them whose files can't be listed."""
        return [location for location in locations if not self._is_readable(location)]

    @contextmanager
    def held(self, location: Location, names: Sequence[str], *, exclusive: bool = False) -> Iterator[None]:
        """Keep files from being deleted, or (exclusive) from being read, by any process meanwhile.

        Raises OperationInProgress if somebody holds one of them the other way.
        """
        with _located(self.root, location) as directory, ExitStack() as stack:
            for name in names if HAS_LOCKS or not exclusive else ():
                stack.enter_context(_locked(directory, location, name, exclusive))
            yield

    def delete(self, location: Location, names: Sequence[str]) -> None:
        """Remove files, in order; they are gone for good when this returns.

        Raises PermissionDenied, with those that are gone already (`removed`), for one that may not be removed.
        """
        removed: list[str] = []
        with _located(self.root, location) as directory:
            for name in names:
                try:
                    directory.remove(name)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise _kept_from_removal(error, location, name, removed) from error
                removed.append(name)
            with named(location.relative_path):
                directory.sync()

    def file(self, location: Location, name: str) -> DirectoryFile:
        """Take hold of a file. Raises NotFound, or InvalidBackup if it is no regular file."""
        return self._kept(location, name, name)

    def has_directory(self, name: str) -> bool:
        """Whether a real directory of that name is directly below the root."""
        try:
            return stat.S_ISDIR(os.lstat(self.root / name).st_mode)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise file_faults.translated(error, f"{self._path}/{name}") from error

    @contextmanager
    def draft(self, location: Location, timestamps: Iterator[str]) -> Iterator[DirectoryDraft]:
        """A new set under the first free timestamp; what is not published by the end is removed."""
        path = location.relative_path
        with named(path), suppress(FileExistsError):  # something else has that name: _located says what
            self.root.joinpath(*location.parts).mkdir(parents=True, exist_ok=True)
        with _located(self.root, location) as directory:
            with named(path):
                draft = DirectoryDraft.claim(directory, location, timestamps, partial(self._kept, location))
            try:
                yield draft
            finally:
                with named(path):
                    draft.close()

    def expect_writable(self) -> None:
        """Raise ServiceError unless new backups could be written."""
        with named(self._path):
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass

    def sweep(self, location: Location) -> list[str]:
        """Remove what backups that were killed have left behind; returns their timestamps."""
        if not self.files(location):
            return []
        with _located(self.root, location) as directory, named(location.relative_path):
            return sweep(directory)

    def log(self, location: Location, name: str, line: str) -> None:
        """Add a line to a text file of the location. Raises InvalidBackup if it is no regular file."""
        with _located(self.root, location) as directory, named(location.file(name)):
            try:
                directory.append(name, f"{line}\n".encode())
            except NotRegular:
                raise _not_regular(location.file(name)) from None

    def _is_readable(self, location: Location) -> bool:
        try:
            self.files(location)
            DirectoryListing(self, location).sizes(["."])  # a name may be listed where nothing can be looked up
        except (NotFound, InvalidBackup):  # nothing, a link, a file: no location
            return True
        except ServiceError:
            return False
        return True

    def _kept(self, location: Location, name: str, kept_as: str) -> DirectoryFile:
        with _located(self.root, location) as directory, _opened(directory, location, kept_as) as file:
            status = os.fstat(file.fileno())
        return DirectoryFile(str(self.root.absolute()), location, name, status.st_size, _identity(status), kept_as)


def _size(directory: Directory, name: str) -> int | None:
    try:
        return directory.size(name)
    except FileNotFoundError:
        return None


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _located(root: Path, location: Location) -> Directory:
    try:
        return open_directory(root, location.parts)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(say("backup_directory_missing", path=location.relative_path)) from None
    except NotRegular:
        raise _not_regular(location.relative_path) from None
    except OSError as error:
        raise file_faults.translated(error, location.relative_path) from error


def _opened(directory: Directory, location: Location, name: str) -> BinaryIO:
    try:
        return directory.open(name)
    except FileNotFoundError:
        raise NotFound(say("backup_file_missing", path=location.file(name))) from None
    except NotRegular:
        raise _not_regular(location.file(name)) from None
    except OSError as error:
        raise file_faults.translated(error, location.file(name)) from error


def _locked(directory: Directory, location: Location, name: str, exclusive: bool) -> BinaryIO:
    try:
        return directory.locked(name, exclusive=exclusive)
    except FileNotFoundError:
        raise NotFound(say("backup_file_missing", path=location.file(name))) from None
    except NotRegular:
        raise _not_regular(location.file(name)) from None
    except BlockingIOError:
        raise _in_use(location, say("set_in_use") if exclusive else say("set_being_deleted")) from None
    except OSError as error:
        raise file_faults.translated(error, location.file(name)) from error


def _kept_from_removal(error: OSError, location: Location, name: str, removed: list[str]) -> ServiceError:
    if getattr(error, "winerror", None) == SHARING_VIOLATION:
        return _in_use(location, say("set_in_use"))
    answer = file_faults.translated(error, location.file(name))
    if removed:
        answer.data["details"] = {**answer.data.get("details", {}), "removed": removed}
    return answer


def _in_use(location: Location, text: str) -> OperationInProgress:
    return OperationInProgress(say("about", reason=text, subject=location.relative_path), can_retry=True)


def _not_regular(path: str) -> InvalidBackup:
    return InvalidBackup(say("neither_file_nor_directory", path=path), details={"file": path.rpartition("/")[2]})
