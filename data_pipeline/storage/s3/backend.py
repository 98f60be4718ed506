"""A bucket of an object store as a backend: folders are prefixes, names are ends of keys."""

import uuid
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from data_pipeline.storage import faults
from data_pipeline.storage.base import Status, Writable
from data_pipeline.storage.lease import Entry
from data_pipeline.storage.leased_folder import LeasedFolder
from data_pipeline.storage.location import Location
from data_pipeline.storage.s3.bucket import Bucket, Version
from data_pipeline.storage.s3.bucket_url import BucketUrl
from data_pipeline.storage.s3.stream import ObjectStream, version_of


@dataclass(frozen=True)
class BucketListing:
    """The files of a location, by name."""

    found: dict[str, Status]

    @property
    def names(self) -> set[str]:
        return set(self.found)

    def statuses(self, names: Sequence[str]) -> list[Status | None]:
        """None for one that is not there."""
        return [self.found.get(name) for name in names]


class BucketFolder(LeasedFolder):
    """The objects below one prefix. It needs no closing."""

    def __init__(self, bucket: Bucket, location: Location) -> None:
        super().__init__(location)
        self._bucket = bucket
        self._prefix = _prefix(location)

    def names(self) -> set[str]:
        """The names of the objects."""
        return {entry.name for entry in self._bucket.entries(self._prefix)[1]}

    def entries(self) -> list[Entry]:
        """The objects, as leases look at them."""
        found = self._bucket.entries(self._prefix)[1]
        return [Entry(entry.name, entry.modified, entry.version) for entry in found]

    def status(self, name: str) -> Status:
        """Raises NotFound."""
        with self._expected(name):
            found = self._bucket.head(self._key(name))
        return Status(found.size, found.version)

    @contextmanager
    def open(self, name: str, known: Status) -> Iterator[ObjectStream]:
        """An object for reading; reading raises Changed if it is not the known one."""
        with self._expected(name):
            yield ObjectStream(self._bucket, self._key(name), known)

    def read(self, name: str, known: Status, offset: int, length: int) -> bytes:
        """The bytes of a range; fewer only at the end. Raises Changed."""
        end = min(offset + length, known.size)
        if offset >= end:
            return b""
        with self._expected(name):
            return self._bucket.read(self._key(name), version_of(known), offset, end)

    @contextmanager
    def write(self, name: str) -> Iterator[Writable]:
        """A new object: uploaded whole when the `with` ends, aborted if an exception ends it."""
        with self._bucket.writing(self._key(name)) as file:
            yield file

    def get(self, name: str) -> tuple[bytes, Version]:
        """A small object and its version. Raises FileNotFoundError."""
        return self._bucket.get(self._key(name))

    def create(self, name: str, data: bytes) -> Version:
        """A new object; its version. Raises FileExistsError if there is one."""
        return self._bucket.create(self._key(name), data)

    def replace(self, name: str, data: bytes, known: Hashable) -> Version:
        """New content for an object of that version. Raises Changed."""
        return self._bucket.replace(self._key(name), data, cast("Version", known))

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is none to remove."""
        self._bucket.delete(self._key(name))

    def clock(self) -> datetime:
        """The time at the store."""
        return self._bucket.clock()

    def expect_conditions(self, name: str) -> None:
        """Raise StorageUnsupported unless the store heeds conditions."""
        self._bucket.expect_conditions(self._key(name))

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    @contextmanager
    def _expected(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise faults.file_missing(self.location, name) from None


class BucketBackend:
    """What lies below the prefix of a bucket."""

    opens_in_workers = False
    """A worker process has neither a connection nor credentials."""

    def __init__(self, url: BucketUrl) -> None:
        self._bucket = Bucket(url)

    def names(self) -> list[str]:
        """Names of what keys have directly below the root, as directories are."""
        return self._bucket.entries("")[0]

    def has_directory(self, _name: str) -> bool:
        """Always: a bucket has no directories, a key may begin with any name."""
        return True

    @contextmanager
    def folder(self, location: Location, *, make: bool = False) -> Iterator[BucketFolder]:
        """A prefix, which is there as soon as an object is."""
        yield BucketFolder(self._bucket, location)

    def listings(self, locations: Sequence[Location]) -> Iterator[BucketListing]:
        """What lies in each of them: of one alone, or with a request for each thousand objects of all."""
        if len(locations) == 1:
            found = self._bucket.entries(_prefix(locations[0]))[1]
        else:
            found = list(self._bucket.all_entries()) if locations else []
        by_prefix: dict[str, dict[str, Status]] = {_prefix(location): {} for location in locations}
        for entry in found:
            by_prefix.get(entry.key.rpartition("/")[0], {})[entry.name] = Status(entry.size, entry.version)
        return (BucketListing(by_prefix[_prefix(location)]) for location in locations)

    def expect_writable(self) -> None:
        """Raise ServiceError unless new backups could be written."""
        key = f".vector_backup_probe.{uuid.uuid4().hex}"
        self._bucket.create(key, key.encode())
        try:
            self._bucket.expect_conditions(key)
        finally:
            self._bucket.delete(key)

    def free_bytes(self) -> None:
        """S3 has no limit that could be asked for."""


def _prefix(location: Location) -> str:
    return "/".join(location.parts)
