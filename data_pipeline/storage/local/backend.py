"""A directory as a backend: the only module that makes paths."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from common.errors import InvalidBackup, NotFound
from data_pipeline.storage.base import Status
from data_pipeline.storage.local import file_faults
from data_pipeline.storage.local.directory import sync_directory
from data_pipeline.storage.local.file_faults import named
from data_pipeline.storage.local.folder import DirectoryFolder, open_folder
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
    """What lies below one directory. name: the storage's, for texts."""

    opens_in_workers = True

    def __init__(self, root: Path, name: str = MAIN_STORAGE) -> None:
        self._root = root.absolute()
        self._path = Location((), name).relative_path

    def names(self) -> list[str]:
        """Names of the real directories directly below the root."""
        try:
            with os.scandir(self._root) as entries:
                return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise file_faults.translated(error, self._path) from error

    def has_directory(self, name: str) -> bool:
        """Whether a real directory of that name is directly below the root."""
        try:
            return stat.S_ISDIR(os.lstat(self._root / name).st_mode)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise file_faults.translated(error, f"{self._path}/{name}") from error

    @contextmanager
    def folder(self, location: Location, *, make: bool = False) -> Iterator[DirectoryFolder]:
        """An open location; make: with its directories. Raises NotFound, or InvalidBackup for what is no directory."""
        if make:
            with named(location.relative_path), suppress(FileExistsError):  # something else has that name
                _make(self._root.joinpath(*location.parts))
        with open_folder(self._root, location) as directory:
            yield DirectoryFolder(directory, location)

    def listings(self, locations: Sequence[Location]) -> Iterator[DirectoryListing]:
        """What lies in each of them."""
        return (DirectoryListing(self, location) for location in locations)

    def expect_writable(self) -> None:
        """Raise ServiceError unless new backups could be written."""
        with named(self._path):
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._root):
                pass

    def free_bytes(self) -> int:
        """Of the root's file system, for this process's user."""
        with named(self._path):
            return shutil.disk_usage(self._root).free


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
