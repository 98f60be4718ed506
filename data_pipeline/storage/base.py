"""What a kind of storage has to know: bytes by name in folders. Everything else stands once, above (storage.py).

A backend opens folders; a folder lists, reads, writes, publishes and deletes files, and keeps the locks of the sets in
it. A store that has no locks of its own inherits them (leased_folder.py). What goes wrong is raised as ServiceError in
our words, with the texts of faults.py where every kind of storage can have it.
"""

from collections.abc import Generator, Hashable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from data_pipeline.storage.location import Location


class Stream(Protocol):
    """An open file, read from its start to its end."""

    def read(self, length: int, /) -> bytes:
        """Exactly that many bytes, fewer only at the end."""

    def seek(self, offset: int, /) -> object:
        """Go on from there."""


class Writable(Protocol):
    """A file while it is written."""

    def write(self, data: bytes, /) -> object:
        """Add to its end."""


class Status(NamedTuple):
    """A file's size in bytes, and what tells it from another file, or another content, of the same name."""

    size: int
    identity: Hashable


class Changed(Exception):
    """A file is not, or no longer, the one that was meant."""


class Listing(Protocol):
    """The regular files of a location. Raises ServiceError where that location alone can't be looked through."""

    @property
    def names(self) -> set[str]:
        """None if there is no such location."""

    def statuses(self, names: Sequence[str]) -> list[Status | None]:
        """As a folder has them, None for one that is gone."""


class Claim(Protocol):
    """A timestamp that one writer has, for as long as its process lives."""

    def expect_ours(self) -> None:
        """Raise ServiceUnavailable if it was taken over meanwhile, or that can't be known."""

    def expect_awake(self) -> None:
        """The same, asked of the storage only where this process may have slept: nothing is written for a set that is
        swept already."""

    def release(self) -> None:
        """Remove it for good. Raises ServiceError if it stays: then it counts as abandoned."""

    def abandon(self) -> None:
        """Leave it to the next sweep: what was written under it could not be put in order."""


class Folder(Protocol):
    """The files of one location, by name. What is published, created or deleted lasts once sync() returns."""

    def names(self) -> set[str]:
        """The names of everything in it, regular files or not."""

    def status(self, name: str) -> Status:
        """Raises NotFound, or InvalidBackup if it is no regular file."""

    def open(self, name: str, known: Status) -> AbstractContextManager[Stream]:
        """A file for reading; opening or reading it raises Changed if it is not, or does not stay, the known one."""

    def read(self, name: str, known: Status, offset: int, length: int) -> bytes:
        """The bytes of a range; fewer only at the end of the file. Raises Changed."""

    def write(self, name: str) -> AbstractContextManager[Writable]:
        """A new file, under its unpublished name: safely stored when the `with` ends without an exception."""

    def unpublished(self, name: str) -> str:
        """What a file is called between write() and publish()."""

    def publish(self, name: str) -> None:
        """Give a written file its name. Raises FileExistsError rather than replace another."""

    def create(self, name: str, data: bytes) -> object:
        """A new file, under its name, whole or not at all. Raises FileExistsError if there is one."""

    def replace(self, name: str, data: bytes, known: Hashable) -> object:
        """New content for a file that has this identity (Status), whole or not at all. Raises Changed if it has not."""

    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is none to remove."""

    def sync(self) -> None:
        """Make what was done to names survive a power cut."""

    def append(self, name: str, line: bytes) -> None:
        """Add a line to a text file, which is made if there is none."""

    def expect_readable(self) -> None:
        """Raise ServiceError unless it can be looked through."""

    def expect_removable(self) -> None:
        """Raise PermissionDenied where no file can be removed, as far as that can be known beforehand."""

    def claim(self, name: str) -> Claim:
        """A new claim, seen under that name by every process. Raises FileExistsError if the name is taken."""

    def abandoned(self, names: Sequence[str]) -> Generator[str, None, None]:
        """Those of these claims and marks whose process is gone. Each is ours to remove until the next is asked for."""

    def shared(self, timestamp: str, names: Sequence[str]) -> AbstractContextManager[None]:
        """Keep a set's files from being deleted by any process. Raises OperationInProgress if one is deleting it."""

    def exclusive(self, timestamp: str, names: Sequence[str]) -> AbstractContextManager[None]:
        """Keep a set's files from being read by any process. Raises OperationInProgress if one reads or deletes it."""


class Backend(Protocol):
    """Folders below the root of one storage."""

    @property
    def opens_in_workers(self) -> bool:
        """Whether it can be pickled, so that worker processes open its files themselves."""

    def names(self) -> list[str]:
        """Names of the directories directly below the root."""

    def has_directory(self, name: str) -> bool:
        """Whether backups may be put below a directory of that name."""

    def folder(self, location: Location, *, make: bool = False) -> AbstractContextManager[Folder]:
        """An open location; make: there is one afterwards. Raises NotFound, or InvalidBackup for what is no folder."""

    def listings(self, locations: Sequence[Location]) -> Iterable[Listing]:
        """What lies in each of them."""

    def expect_writable(self) -> None:
        """Raise ServiceError unless new backups could be written, and be kept safely."""

    def free_bytes(self) -> int | None:
        """How much more it takes, None where that has no limit of its own."""
