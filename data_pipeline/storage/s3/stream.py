"""A file in object storage, as it was when the operation began."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from common.errors import InvalidBackup, NotFound
from common.messages import say
from data_pipeline.formats.byte_range import ByteRange
from data_pipeline.storage.base import Portions
from data_pipeline.storage.location import Location
from data_pipeline.storage.prefetch import ahead
from data_pipeline.storage.s3.bucket import Bucket, Changed, Version


@dataclass(frozen=True)
class ObjectFile:
    """Every request names the version that was found first, so nobody can put other bytes in its place unnoticed."""

    bucket: Bucket
    key: str
    location: Location
    name: str
    size: int
    identity: Version

    @property
    def path(self) -> str:
        """The logical path, for people."""
        return self.location.file(self.name)

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of a range; fewer only at the end of the file."""
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        with self._unchanged():
            return self.bucket.read(self.key, self.identity, offset, end)

    @contextmanager
    def open(self) -> Iterator["ObjectStream"]:
        """The file for reading, from one request as long as nobody seeks."""
        with self._unchanged():
            yield ObjectStream(self)

    @contextmanager
    def portions(self) -> Iterator[Portions]:
        """Its ranges, cut from one stream here: workers get bytes, and need neither the way here nor credentials."""
        with self.open() as stream:

            def take(offset: int, length: int) -> ByteRange:
                stream.seek(offset)
                return ByteRange(offset, stream.read(length))

            yield take

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise NotFound(say("backup_file_missing", path=self.path)) from None
        except Changed:
            raise InvalidBackup(say("backup_file_changed", path=self.path), details={"file": self.name}) from None


class ObjectStream:
    """An object read from its start to its end; a seek elsewhere begins another request."""

    def __init__(self, file: ObjectFile) -> None:
        self._file = file
        self._position = 0
        self._chunks: Iterator[bytes] | None = None
        self._left = b""

    def seek(self, offset: int) -> None:
        """Go on from there."""
        if offset != self._position:
            self._position, self._chunks, self._left = offset, None, b""

    def read(self, length: int) -> bytes:
        """Exactly that many bytes, fewer only at the end."""
        pieces = []
        while length and (chunk := self._left or self._next()):
            pieces.append(chunk[:length])
            self._left = chunk[length:]
            length -= len(pieces[-1])
            self._position += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _next(self) -> bytes:
        file = self._file
        if self._position >= file.size:
            return b""
        if self._chunks is None:
            self._chunks = ahead(file.bucket.stream(file.key, file.identity, self._position))
        return next(self._chunks, b"")


def prefix_of(location: Location) -> str:
    return "/".join(location.parts)


def key_of(location: Location, name: str) -> str:
    return f"{prefix_of(location)}/{name}"


def file_in(bucket: Bucket, location: Location, name: str) -> ObjectFile:
    """Take hold of an object. Raises NotFound."""
    key = key_of(location, name)
    try:
        found = bucket.head(key)
    except FileNotFoundError:
        raise NotFound(say("backup_file_missing", path=location.file(name))) from None
    return ObjectFile(bucket, key, location, name, found.size, found.version)
