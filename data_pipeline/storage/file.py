"""A stored file, as it was when the operation began: the bytes that are verified are the bytes that are loaded."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from data_pipeline.formats.byte_range import ByteRange, Readable
from data_pipeline.storage import faults
from data_pipeline.storage.base import Backend, Changed, Folder, Status, Stream
from data_pipeline.storage.location import Location

Ranges = Callable[[int, int], Readable]
"""From an offset and a length to what a worker process reads that range from."""


@dataclass(frozen=True)
class StoredFile:
    """Reading raises InvalidBackup if the file is not, or does not stay, the one that was found first."""

    backend: Backend
    location: Location
    name: str
    kept_as: str
    """Its name in the folder: another one as long as its set is not published."""
    status: Status

    @classmethod
    def found(cls, backend: Backend, folder: Folder, location: Location, name: str, kept_as: str) -> "StoredFile":
        """Take hold of a file. Raises NotFound, or InvalidBackup if it is no regular file."""
        return cls(backend, location, name, kept_as, folder.status(kept_as))

    @property
    def size(self) -> int:
        """In bytes."""
        return self.status.size

    @property
    def identity(self) -> Hashable:
        """What tells it from another file of the same name."""
        return self.status.identity

    @property
    def path(self) -> str:
        """The logical path, for people."""
        return self.location.file(self.name)

    @contextmanager
    def open(self) -> Iterator[Stream]:
        """The file for reading."""
        with (
            self._unchanged(),
            self.backend.folder(self.location) as folder,
            folder.open(self.kept_as, self.status) as stream,
        ):
            yield stream

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of a range; fewer only at the end of the file."""
        with self._unchanged(), self.backend.folder(self.location) as folder:
            return folder.read(self.kept_as, self.status, offset, length)

    @contextmanager
    def ranges(self) -> Iterator[Ranges]:
        """Its ranges, asked for from the start to the end, for worker processes to read.

        A worker reads a local file itself, in parallel with the others. What comes over a network is cut from one
        stream here: workers get bytes, and need neither the way to the store nor its credentials.
        """
        if self.backend.opens_in_workers:
            yield lambda _offset, _length: self
            return
        with self.open() as stream:

            def take(offset: int, length: int) -> ByteRange:
                stream.seek(offset)
                return ByteRange(offset, stream.read(length))

            yield take

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        try:
            yield
        except Changed:
            raise faults.changed(self.location, self.name) from None
