"""A place where backup sets are kept: claims, drafts, locks, deletion and sweeping, on any backend.

Callers name a Location and a file, never a path or a key: only a backend knows those.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

from common.errors import (
    InternalError,
    InvalidBackup,
    NotFound,
    PermissionDenied,
    ServiceError,
    StorageUnsupported,
)
from data_pipeline.encryption.keyring import Keyring
from data_pipeline.layouts.registry import LAYOUTS
from data_pipeline.storage import faults
from data_pipeline.storage.base import Backend, Changed, Folder, Listing, Status
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import ROOT, Location
from data_pipeline.storage.naming import (
    CLAIM_FILE,
    KINDS,
    MARK_FILE,
    described_timestamp,
    manifest_name,
    published_name,
    table_file,
    timestamp_of,
)


class Storage:
    """The backup sets of one backend. What it raises are ServiceError. keyring: for sets that are written."""

    def __init__(self, backend: Backend, keyring: Keyring) -> None:
        self._backend = backend
        self._keyring = keyring

    def names(self) -> list[str]:
        """Names of the directories directly below the root."""
        return self._backend.names()

    def has_directory(self, name: str) -> bool:
        """Whether backups may be put below a directory of that name."""
        return self._backend.has_directory(name)

    def listings(self, locations: Sequence[Location]) -> Iterable[Listing]:
        """What lies in each of them."""
        return self._backend.listings(locations)

    def files(self, location: Location) -> set[str]:
        """The names of a location's regular files; none if it does not exist."""
        (listing,) = self._backend.listings([location])
        return listing.names

    def unreadable(self, locations: Sequence[Location]) -> list[Location]:
        """Those of them that can't be looked through though the storage can."""
        return [location for location in locations if not self._is_readable(location)]

    def file(self, location: Location, name: str) -> StoredFile:
        """Take hold of a file. Raises NotFound, or InvalidBackup if it is no regular file."""
        with self._backend.folder(location) as folder:
            return StoredFile.found(self._backend, folder, location, name, name)

    def listed_file(self, location: Location, name: str, status: Status) -> StoredFile:
        """A file as a listing has shown it."""
        return StoredFile(self._backend, location, name, name, status)

    @contextmanager
    def locked(
        self, location: Location, timestamp: str, names: Sequence[str], *, exclusive: bool = False
    ) -> Iterator[None]:
        """Keep a set's files from being deleted, or (exclusive) from being read, by any process meanwhile.

        Raises OperationInProgress if a process has locked the set the other way.
        """
        with (
            self._backend.folder(location) as folder,
            (folder.exclusive if exclusive else folder.shared)(timestamp, names),
        ):
            yield

    def delete(self, location: Location, names: Sequence[str]) -> None:
        """Remove files, in order; they are gone for good when this returns.

        An error for one that can't be removed tells which are gone already (`removed`).
        """
        removed: list[str] = []
        with self._backend.folder(location) as folder:
            try:
                for name in names:
                    folder.delete(name)
                    removed.append(name)
            except ServiceError as error:
                if removed:
                    error.data["details"] = {**error.data.get("details", {}), "removed": removed}
                raise
            folder.sync()

    def replace(self, file: StoredFile, data: bytes) -> None:
        """Give a file other content, at once: a reader has the one or the other. Raises InvalidBackup if it is
        not the one that was taken hold of any more."""
        with self._backend.folder(file.location) as folder:
            try:
                folder.replace(file.name, data, file.identity)
            except Changed:
                raise faults.changed(file.location, file.name) from None
            folder.sync()

    def expect_removable(self, location: Location) -> None:
        """Raise PermissionDenied where no file of a location can be removed, as far as that can be known beforehand."""
        with self._backend.folder(location) as folder:
            folder.expect_removable()

    @contextmanager
    def draft(self, location: Location, timestamps: Iterator[str]) -> Iterator[Draft]:
        """A new set under the first free timestamp; what is not published by the end is removed.

        Raises BackupExists if none of the timestamps is free.
        """
        with self._backend.folder(location, make=True) as folder:
            # A worker that was killed since the last start leaves files that fill the storage. Those that may not be
            # removed keep no backup from being made: the sweep at the start tells of them.
            with suppress(PermissionDenied, InternalError, StorageUnsupported):
                _sweep(folder)
            draft = Draft.claim(self._backend, folder, location, timestamps, self._keyring)
            try:
                yield draft
            finally:
                draft.close()

    def sweep(self, location: Location) -> list[str]:
        """Remove what backups that were killed have left behind; returns their timestamps."""
        try:
            with self._backend.folder(location) as folder:
                return _sweep(folder)
        except (NotFound, InvalidBackup):  # nothing, or no folder: no location
            return []

    def create(self, location: Location, name: str, data: bytes) -> None:
        """A new file, whole, which lasts when this returns. Raises FileExistsError if there is one."""
        with self._backend.folder(location, make=True) as folder:
            folder.create(name, data)
            folder.sync()

    def log(self, location: Location, name: str, line: str) -> None:
        """Add a line to a text file of the location. Raises InvalidBackup if it is no regular file."""
        with self._backend.folder(location) as folder:
            folder.append(name, f"{line}\n".encode())

    def has_note(self, name: str) -> bool:
        """Whether there is a file of that name beside the locations."""
        try:
            with self._backend.folder(ROOT) as folder:
                folder.status(name)
        except NotFound:
            return False
        return True

    def note(self, name: str, line: str) -> None:
        """Make such a file, unless there is one."""
        if not self.has_note(name):
            with self._backend.folder(ROOT, make=True) as folder:
                folder.append(name, f"{line}\n".encode())
                folder.sync()

    def expect_writable(self) -> None:
        """Raise ServiceError unless new backups could be written, and be kept safely."""
        self._backend.expect_writable()

    def free_bytes(self) -> int | None:
        """How much more it takes, None where that has no limit of its own."""
        return self._backend.free_bytes()

    def _is_readable(self, location: Location) -> bool:
        try:
            with self._backend.folder(location) as folder:
                folder.expect_readable()
        except (NotFound, InvalidBackup):  # nothing, or no folder: no location
            return True
        except ServiceError:
            return False
        return True


def _sweep(folder: Folder) -> list[str]:
    """Remove claims and marks whose process is gone, and what was written under the claims.

    A claim is ours before anything goes: its writer, should it be alive after all, can't publish any more.
    """
    marks = sorted(name for name in folder.names() if CLAIM_FILE.fullmatch(name) or MARK_FILE.fullmatch(name))
    swept = []
    with closing(folder.abandoned(marks)) as abandoned:
        for mark in abandoned:
            if claim := CLAIM_FILE.fullmatch(mark):
                for name in _leftovers(folder, claim[1]):
                    folder.delete(name)
                swept.append(claim[1])
            folder.delete(mark)
    return swept


def _leftovers(folder: Folder, timestamp: str) -> list[str]:
    """What an abandoned claim's writer left, as it is now that no other process works on it.

    A set whose manifest is there was complete: nothing of it goes. Of files with their names only those of a layout's
    tables go: any other could be a person's that happens to be called so.
    """
    names = {name for name in folder.names() if timestamp_of(name) == timestamp}
    unpublished = {name for name in names if published_name(name)}
    if manifest_name(timestamp) in names:
        return sorted(unpublished)
    tables = [table for layout in LAYOUTS.values() for table in layout.tables]
    own = {table_file(table.stem, timestamp, each) for table in tables for each in KINDS.values()}
    return sorted(unpublished | (names & own) | {name for name in names if described_timestamp(name) == timestamp})
