"""Backup sets in a bucket of an object store: the storage that knows keys."""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from common.errors import ServiceUnavailable
from common.messages import say
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import CLAIM_FILE, TABLE_FILE, manifest_name, set_files
from data_pipeline.storage.s3 import locks
from data_pipeline.storage.s3.bucket import Bucket, Changed
from data_pipeline.storage.s3.bucket_url import BucketUrl
from data_pipeline.storage.s3.draft import ObjectDraft
from data_pipeline.storage.s3.file import ObjectFile, file_in, key_of, prefix_of
from data_pipeline.storage.s3.lease import stale, take_over

LOG_BYTES = 1 << 20
"""An object can't be added to: the log is written anew with every line, so its oldest lines go."""

LOG_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between attempts, while others write their lines."""


@dataclass(frozen=True)
class ObjectListing:
    """The files of a location, by name, with their sizes in bytes."""

    found: dict[str, int]

    @property
    def names(self) -> set[str]:
        return set(self.found)

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        """In bytes, None for one that is not there."""
        return [self.found.get(name) for name in names]


class ObjectStorage:
    """Backup sets below the prefix of a bucket."""

    def __init__(self, url: BucketUrl) -> None:
        self._bucket = Bucket(url)

    def names(self) -> list[str]:
        """Names of what keys have directly below the root, as directories are."""
        return self._bucket.entries("")[0]

    def has_directory(self, _name: str) -> bool:
        """Always: a bucket has no directories, a key may begin with any name."""
        return True

    def files(self, location: Location) -> set[str]:
        """The names of a location's files; none if there is no such location."""
        return self._bucket.names(prefix_of(location))

    def listings(self, locations: Sequence[Location]) -> Iterator[ObjectListing]:
        """What lies in each of them: of one alone, or with a request for each thousand files of all."""
        if len(locations) == 1:
            found = self._bucket.entries(prefix_of(locations[0]))[1]
        else:
            found = list(self._bucket.all_entries()) if locations else []
        by_prefix: dict[str, dict[str, int]] = {prefix_of(location): {} for location in locations}
        for entry in found:
            by_prefix.get(entry.key.rpartition("/")[0], {})[entry.name] = entry.size
        return (ObjectListing(by_prefix[prefix_of(location)]) for location in locations)

    def unreadable(self, _locations: Sequence[Location]) -> list[Location]:
        """None: a key that may list one prefix of a bucket may list all."""
        return []

    def file(self, location: Location, name: str) -> ObjectFile:
        """Take hold of a file. Raises NotFound."""
        return file_in(self._bucket, location, name)

    @contextmanager
    def held(self, location: Location, names: Sequence[str], *, exclusive: bool = False) -> Iterator[None]:
        """Keep a set from being deleted, or (exclusive) from being read, by anybody meanwhile.

        Raises OperationInProgress if somebody holds it the other way.
        """
        timestamp = next(found["timestamp"] for found in map(TABLE_FILE.fullmatch, names) if found)
        with (locks.removing if exclusive else locks.reading)(self._bucket, location, timestamp):
            yield

    def delete(self, location: Location, names: Sequence[str]) -> None:
        """Remove files, in order; they are gone for good when this returns."""
        self._bucket.delete([key_of(location, name) for name in names])

    @contextmanager
    def draft(self, location: Location, timestamps: Iterator[str]) -> Iterator[ObjectDraft]:
        """A new set under the first free timestamp; what is not published by the end is removed."""
        self.sweep(location)  # what was killed lately was not stale yet when a service last started
        draft = ObjectDraft.claim(self._bucket, location, timestamps)
        try:
            yield draft
        finally:
            draft.close()

    def expect_writable(self) -> None:
        """Raise ServiceError unless new backups could be written."""
        key = f".vector_backup_probe.{uuid.uuid4().hex}"
        self._bucket.create(key, key.encode())
        try:
            self._bucket.expect_conditions(key)
        finally:
            self._bucket.delete([key])

    def sweep(self, location: Location) -> list[str]:
        """Remove what backups that were killed have left behind; returns their timestamps.

        A claim is taken over before anything goes: its writer, should he be alive after all, can't publish any more.
        Of a set whose manifest is there only the claim goes. Parts of an upload that was never ended are the
        bucket's own to remove, by a lifecycle rule.
        """
        found = self._bucket.entries(prefix_of(location))[1]
        names = {entry.name for entry in found}
        marks = [entry for entry in found if CLAIM_FILE.fullmatch(entry.name) or locks.MARK.fullmatch(entry.name)]
        swept = []
        for mark in stale(self._bucket, marks):
            claim = CLAIM_FILE.fullmatch(mark.name)
            if take_over(self._bucket, mark):
                leftovers = self._leftovers(location, claim[1], names) if claim else []
                self._bucket.delete([*leftovers, mark.key])
                swept += [claim[1]] if claim else []
        return swept

    def log(self, location: Location, name: str, line: str) -> None:
        """Add a line to a text file of the location. Raises ServiceUnavailable if others always come first."""
        key, added = key_of(location, name), f"{line}\n".encode()
        for wait in LOG_WAITS:
            try:
                old, version = self._bucket.get(key)
                kept = old if len(old) < LOG_BYTES else old[-LOG_BYTES:].partition(b"\n")[2]
                self._bucket.replace(key, kept + added, version)
            except FileNotFoundError:
                try:
                    self._bucket.create(key, added)
                except FileExistsError:
                    continue
            except Changed:
                time.sleep(wait)
                continue
            return
        raise ServiceUnavailable(say("backup_log_busy"), can_retry=True)

    @staticmethod
    def _leftovers(location: Location, timestamp: str, names: set[str]) -> list[str]:
        if manifest_name(timestamp) in names:
            return []
        return [key_of(location, name) for name in sorted(set_files(timestamp, names))]
