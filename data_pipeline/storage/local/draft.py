"""A backup set while it is written into a directory: nobody sees it before it is whole.

The claim, a hidden file made with O_EXCL and locked while its writer lives, gives a timestamp to one writer only, in
any process. Data files are written under hidden names. To publish, everything is on disk first, then the data files
get their names, then the manifest, and the claim goes. A timestamp with a claim and no manifest is not listed; a set
that has none is published by the end of its claim.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import BinaryIO

from common.errors import BackupExists
from common.messages import say
from data_pipeline.storage.base import StoredFile
from data_pipeline.storage.local.directory import Directory
from data_pipeline.storage.local.file_faults import NamedWriter, named
from data_pipeline.storage.local.synced_file import SyncedFile
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import CLAIM_FILE, claim_name, manifest_name, set_files

Kept = Callable[[str, str], StoredFile]
"""From a file's name and the one it has in the directory to the file."""


class DirectoryDraft:
    """A claimed timestamp and the files written for it so far."""

    def __init__(self, directory: Directory, location: Location, claim: BinaryIO, timestamp: str, kept: Kept) -> None:
        self.timestamp = timestamp
        self._directory = directory
        self._location = location
        self._claim = claim
        self._kept = kept
        self._written: list[str] = []
        self._published: list[str] = []
        self._complete = False
        self._vouched = False

    @classmethod
    def claim(cls, directory: Directory, location: Location, timestamps: Iterator[str], kept: Kept) -> "DirectoryDraft":
        """Take the first timestamp that no set, done or under way, has. Raises BackupExists if there is none."""
        for timestamp in timestamps:
            try:
                claim = directory.claim(claim_name(timestamp))
            except FileExistsError:
                continue
            if not set_files(timestamp, directory.names()):
                return cls(directory, location, claim, timestamp, kept)
            claim.close()
            directory.remove(claim_name(timestamp))
        raise BackupExists(say("set_exists"))

    @contextmanager
    def create(self, name: str) -> Iterator[NamedWriter]:
        """A file for writing, under a hidden name until the set is published; on the disk when the `with` ends."""
        path = self._location.file(name)
        self._written.append(name)
        with named(path):
            file = self._directory.create(_hidden(name))
        with file, SyncedFile(file) as synced:
            yield NamedWriter(synced, path)
            with named(path):
                synced.finish()

    def file(self, name: str) -> StoredFile:
        """A file that was written, to be read back before anybody else can."""
        return self._kept(name, _hidden(name))

    def publish(self, manifest: bytes | None) -> None:
        """Give every file its name, the manifest last."""
        name = manifest_name(self.timestamp)
        if manifest is not None:
            with self.create(name) as file:
                file.write(manifest)
        with named(self._location.relative_path):
            for written in self._written:
                if written == name:
                    self._directory.sync()  # the manifest never reaches the disk before what it vouches for
                self._directory.rename(_hidden(written), written)
                self._published.append(written)
            self._directory.sync()
        self._written, self._published, self._complete = [], [], True
        self._vouched = manifest is not None

    def close(self) -> None:
        """Remove what was not published, and the claim.

        A set with a manifest is published whether or not its claim goes: rows may be gone by now that only it holds, so
        a claim that can't be removed is left to the next sweep.
        """
        for name in self._written:
            self._remove(name if name in self._published else _hidden(name))
        self._claim.close()  # before its name goes: Windows removes no open file
        with suppress(OSError) if self._vouched else nullcontext():
            self._remove(claim_name(self.timestamp))
        if self._complete and not self._vouched:
            self._directory.sync()  # a set without a manifest is published by that

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._directory.remove(name)


def sweep(directory: Directory) -> list[str]:
    """Remove what killed writers left: a claim that nobody holds any more, and what was written under it.

    A set whose manifest is there was complete; only its claim goes. Returns the timestamps.
    """
    swept = []
    for found in filter(None, map(CLAIM_FILE.fullmatch, sorted(directory.names()))):
        timestamp = found[1]
        with directory.abandoned(found[0]) as abandoned:
            if abandoned:
                _remove_leftovers(directory, timestamp)
                directory.remove(found[0])
                swept.append(timestamp)
    return swept


def _remove_leftovers(directory: Directory, timestamp: str) -> None:
    names = directory.names()  # as they are now that nobody else works on them
    leftovers = {name for name in names if set_files(timestamp, [_shown(name)])}
    if manifest_name(timestamp) not in names:
        leftovers |= set_files(timestamp, names)
    for name in sorted(leftovers):
        directory.remove(name)


def _hidden(name: str) -> str:
    return f".{name}.partial"


def _shown(name: str) -> str:
    """The name that a hidden file would get; none for any other."""
    return name[1:].removesuffix(".partial") if name.startswith(".") and name.endswith(".partial") else ""
