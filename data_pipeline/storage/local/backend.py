"""A directory as a backend: the only module that makes paths."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import InvalidBackup, NotFound
from data_pipeline.storage.base import Status
from data_pipeline.storage.local import file_faults
from data_pipeline.storage.local.directory import sync_directory
from data_pipeline.storage.local.file_faults import named
from data_pipeline.storage.local.folder import DirectoryFolder, open_folder
from data_pipeline.storage.local.mark import DirectoryMark, Memory
from data_pipeline.storage.location import MAIN_STORAGE, Location


@dataclass(frozen=True)
class DirectoryListing:
    """The files of a location, looked at when they are asked for: a directory that can't be read fails alone.

    Files are looked at one by one: a directory tells only names.
    """

    backend: "DirectoryBackend"
    location: Location

    @property
    def names(self) -> set[str]:
        """Of the regular files; none if there is no such directory, or it is a link."""
        try:
            with self.backend.folder(self.location) as folder:
                return folder.files()
        except (NotFound, InvalidBackup):
            return set()

    def statuses(self, names: Sequence[str]) -> list[Status | None]:
        """None for one that is gone."""
        if not names:
            return []
        with self.backend.folder(self.location) as folder:
            return folder.statuses(names)


class DirectoryBackend:
    """What lies below one directory. name: the storage's, for texts.

    memory: of its mark, where one is expected: in a further storage, which may be a disk that isn't mounted now.
    """

    opens_in_workers = True

    def __init__(self, root: Path, name: str = MAIN_STORAGE, memory: Memory | None = None) -> None:
        self._root = root.absolute()
        self._name = name
        self._path = Location((), name).relative_path
        self._mark = DirectoryMark(self._root, self._path, memory) if memory else None

    def __reduce__(self) -> tuple[Any, ...]:
        """In a worker process without its mark: what is read there was found here."""
        return DirectoryBackend, (self._root, self._name)

    def names(self) -> list[str]:
        """Names of the real directories directly below the root."""
        self._expect_mark()
        try:
            with os.scandir(self._root) as entries:
                return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise file_faults.translated(error, self._path) from error

    def has_directory(self, name: str) -> bool:
        """Whether a real directory of that name is directly below the root."""
        self._expect_mark()
        try:
            return stat.S_ISDIR(os.lstat(self._root / name).st_mode)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise file_faults.translated(error, f"{self._path}/{name}") from error

    @contextmanager
    def folder(self, location: Location, *, make: bool = False) -> Iterator[DirectoryFolder]:
        """An open location; make: with its directories. Raises NotFound, or InvalidBackup for what is no directory."""
        self._expect_mark()
        if make:
            self._set_up()
            with named(location.relative_path), suppress(FileExistsError):  # something else has that name
                _make(self._root.joinpath(*location.parts))
        with open_folder(self._root, location) as directory:
            yield DirectoryFolder(directory, location)

    def listings(self, locations: Sequence[Location]) -> Iterator[DirectoryListing]:
        """What lies in each of them."""
        self._expect_mark()
        return (DirectoryListing(self, location) for location in locations)

    def expect_writable(self) -> None:
        """Raise ServiceError unless new backups could be written."""
        self._expect_mark()
        self._set_up()
        with named(self._path), tempfile.TemporaryFile(dir=self._root):
            pass

    def free_bytes(self) -> int:
        """Of the root's file system, for this process's user."""
        self._expect_mark()
        with named(self._path):
            return shutil.disk_usage(self._root).free

    def _expect_mark(self) -> None:
        """Raise ServiceUnavailable where another directory is in the place of the one that was set up."""
        if self._mark:
            self._mark.expect()

    def _set_up(self) -> None:
        """The root, made if it isn't there, and its mark."""
        with named(self._path), suppress(FileExistsError):
            _make(self._root)
        if self._mark:
            self._mark.set()


def _make(path: Path) -> None:
    """A directory with its parents. Each is made to last: a power cut takes no new directory with the set in it."""
    try:
        path.mkdir()
    except FileNotFoundError:
        _make(path.parent)
        path.mkdir(exist_ok=True)
    except OSError:
        if path.is_dir():
            return
        raise
    with suppress(PermissionError):  # a parent that may be written to and not read
        sync_directory(path.parent)
