"""What the rest of the code asks of a place where backup sets are kept: list, open, publish and delete their files.

Whoever asks names a Location and a file, never a path or a key: only an implementation knows those. There are two,
a directory (directory_storage.py) and a bucket of an object store (object_storage.py).
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from data_pipeline.formats.byte_range import Readable
from data_pipeline.storage.location import Location


class Stream(Protocol):
    """An open file, read from its start to its end."""

    def read(self, length: int, /) -> bytes:
        """Up to that many bytes; none only at the end."""

    def seek(self, offset: int, /) -> object:
        """Go on from there."""


class Writable(Protocol):
    """A file while it is written."""

    def write(self, data: bytes, /) -> object:
        """Add to its end."""


Portions = Callable[[int, int], Readable]
"""From an offset and a length to what a worker process reads that range from."""


class StoredFile(Protocol):
    """A file as it was when the operation began. Reading raises InvalidBackup if it does not stay that one."""

    @property
    def location(self) -> Location: ...

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def identity(self) -> Hashable:
        """What tells it from another file of the same name."""

    @property
    def path(self) -> str:
        """The logical path, for people."""

    def open(self) -> AbstractContextManager[Stream]:
        """The file for reading."""

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of a range; fewer only at the end of the file."""

    def portions(self) -> AbstractContextManager[Portions]:
        """Its ranges, asked for from the start to the end, for worker processes to read."""


class Draft(Protocol):
    """A backup set while it is written: a timestamp that nobody else has, and files that nobody sees yet."""

    timestamp: str

    def create(self, name: str) -> AbstractContextManager[Writable]:
        """A file for writing. It is safely stored when the `with` ends, and gone if an exception ends it."""

    def file(self, name: str) -> StoredFile:
        """A file that was written, to be read back before anybody else can."""

    def publish(self, manifest: bytes | None) -> None:
        """Let everybody see the set, whole: its manifest, if it has one, goes last."""


class Listing(Protocol):
    """The files of a location as they were when it was listed."""

    @property
    def names(self) -> set[str]: ...

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        """In bytes, None for one that is gone."""


class Storage(Protocol):
    """A place for backup sets. What it raises are ServiceError."""

    def names(self) -> list[str]:
        """Names of the directories directly below the root."""

    def has_directory(self, name: str) -> bool:
        """Whether backups may be put below a directory of that name."""

    def files(self, location: Location) -> set[str]:
        """The names of a location's files; none if it does not exist."""

    def listings(self, locations: Sequence[Location]) -> Iterable[Listing]:
        """What lies in each of them. A listing raises ServiceError where its location alone can't be looked through."""

    def unreadable(self, locations: Sequence[Location]) -> list[Location]:
        """Those of them that can't be looked through though the storage can."""

    def file(self, location: Location, name: str) -> StoredFile:
        """Take hold of a file. Raises NotFound, or InvalidBackup if it is no regular file."""

    def held(
        self, location: Location, names: Sequence[str], *, exclusive: bool = False
    ) -> AbstractContextManager[None]:
        """Keep a set's files from being deleted, or (exclusive) from being read, by anybody meanwhile.

        Raises OperationInProgress if somebody holds one of them the other way.
        """

    def delete(self, location: Location, names: Sequence[str]) -> None:
        """Remove files, in order; they are gone for good when this returns."""

    def draft(self, location: Location, timestamps: Iterator[str]) -> AbstractContextManager[Draft]:
        """A new set under the first free timestamp; what is not published by the end is removed.

        Raises BackupExists if none of them is free.
        """

    def sweep(self, location: Location) -> list[str]:
        """Remove what backups that were killed have left behind; returns their timestamps."""

    def log(self, location: Location, name: str, line: str) -> None:
        """Add a line to a text file of the location."""

    def expect_writable(self) -> None:
        """Raise ServiceError unless new backups could be written, and be kept safely."""
