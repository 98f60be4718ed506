"""A backup set while it is written: nobody sees it before it is whole.

The claim, a hidden file made with O_EXCL and locked while its writer lives, gives a timestamp to one writer only, in
any process. Data files are written under hidden names. To publish, everything is on disk first, then the data files
get their names, then the manifest, and the claim goes. A timestamp with a claim and no manifest is not listed.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from common.errors import InternalError
from data_pipeline.vector.directory import Directory
from data_pipeline.vector.naming import CLAIM_FILE, claim_name, manifest_name, set_files


class Draft:
    """A claimed timestamp and the files written for it so far."""

    def __init__(self, directory: Directory, claim: BinaryIO, timestamp: str) -> None:
        self.timestamp = timestamp
        self._directory = directory
        self._claim = claim
        self._written: list[str] = []
        self._published: list[str] = []

    @classmethod
    def claim(cls, directory: Directory, timestamps: Iterator[str]) -> "Draft":
        """Take the first timestamp that no set, done or under way, has."""
        for timestamp in timestamps:
            try:
                claim = directory.claim(claim_name(timestamp))
            except FileExistsError:
                continue
            if not set_files(timestamp) & directory.names():
                return cls(directory, claim, timestamp)
            claim.close()
            directory.remove(claim_name(timestamp))
        raise InternalError("没有可用的时间戳")

    def create(self, name: str) -> BinaryIO:
        """A data file for writing, under a hidden name until the set is published."""
        self._written.append(name)
        return self._directory.create(_hidden(name))

    def publish(self, manifest: bytes) -> None:
        """Give every file its name, the manifest last. The files created must be closed and synced by then."""
        name = manifest_name(self.timestamp)
        with self.create(name) as file:
            file.write(manifest)
            sync(file)
        for written in self._written:
            if written == name:
                self._directory.sync()  # the manifest never reaches the disk before what it vouches for
            self._directory.rename(_hidden(written), written)
            self._published.append(written)
        self._directory.sync()
        self._written, self._published = [], []

    def close(self) -> None:
        """Remove what was not published, and the claim."""
        for name in self._written:
            self._remove(name if name in self._published else _hidden(name))
        self._claim.close()  # before its name goes: Windows removes no open file
        self._remove(claim_name(self.timestamp))

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
    leftovers = set(map(_hidden, set_files(timestamp)))
    if manifest_name(timestamp) not in names:
        leftovers |= set_files(timestamp)
    for name in sorted(leftovers & names):
        directory.remove(name)


def sync(file: BinaryIO) -> None:
    """Bring what was written to the disk itself."""
    file.flush()
    os.fsync(file.fileno())


def _hidden(name: str) -> str:
    return f".{name}.partial"
