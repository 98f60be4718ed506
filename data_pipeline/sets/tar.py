"""A backup set as one tar: where every byte of it stands is known beforehand, so any range can be asked for.

Members are plain files: the manifest, if there is one, then the tables' files. The same set always makes the same tar.
"""

import hashlib
import tarfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.storage.file import StoredFile

BLOCK = 512
END = bytes(2 * BLOCK)
CHUNK_BYTES = 256 << 10
LARGEST_EXTENSION = 64 << 10
"""Bytes of a pax header that some tar writes before a member, for times that have fractions."""

PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
EXTENSIONS = (tarfile.XHDTYPE, tarfile.XGLTYPE)


class Archive:
    """The tar of some files, which never has to be made as a whole. folder: where they are in it."""

    def __init__(self, files: Sequence[StoredFile], folder: str = "") -> None:
        self._pieces: list[tuple[int, bytes | StoredFile]] = []
        for file in files:
            self._add(file, folder)
        self._pieces.append((len(END), END))
        self.size = sum(size for size, _ in self._pieces)
        self.identity = hashlib.sha256(repr([(file.name, file.identity) for file in files]).encode()).hexdigest()

    def read(self, start: int, end: int) -> Generator[bytes, None, None]:
        """The bytes from `start` up to `end`, in chunks. Raises InvalidBackup if a file changes meanwhile."""
        position = 0
        for size, piece in self._pieces:
            first, last = max(start - position, 0), min(end - position, size)
            if first < last:
                yield from [piece[first:last]] if isinstance(piece, bytes) else _range(piece, first, last)
            position += size

    def _add(self, file: StoredFile, folder: str) -> None:
        member = tarfile.TarInfo(folder + file.name)
        member.size, member.mode = file.size, 0o600
        header = member.tobuf(tarfile.GNU_FORMAT)  # of more blocks for a name that is longer than 100 bytes
        self._pieces.append((len(header), header))
        self._pieces.append((file.size, file))
        padding = bytes(-file.size % BLOCK)
        self._pieces.append((len(padding), padding))


class Bundle:
    """The tars of several sets as one.

    parts: of each set its tar, and what keeps the set from being deleted: it is held while the set is read. One that is
    gone by then, or has changed, ends the tar before its length, so that no client takes it for whole.
    """

    def __init__(self, parts: Sequence[tuple[Archive, Callable[[], AbstractContextManager[object]]]]) -> None:
        self._parts = parts
        self.size = sum(archive.size - len(END) for archive, _ in parts) + len(END)
        self.identity = hashlib.sha256("".join(archive.identity for archive, _ in parts).encode()).hexdigest()

    def read(self, start: int, end: int) -> Generator[bytes, None, None]:
        """The same as of one set."""
        position = 0
        for archive, held in self._parts:
            size = archive.size - len(END)
            first, last = max(start - position, 0), min(end - position, size)
            if first < last:
                with held():
                    yield from archive.read(first, last)
            position += size
        yield END[max(start - position, 0) : max(end - position, 0)]


def _range(file: StoredFile, first: int, last: int) -> Iterator[bytes]:
    with file.open() as stream:
        stream.seek(first)
        while first < last:
            chunk = stream.read(min(CHUNK_BYTES, last - first))
            if not chunk:
                raise InvalidBackup(say("backup_file_changed", path=file.path), details={"file": file.name})
            yield chunk
            first += len(chunk)


class Source(Protocol):
    """Bytes as they come in."""

    def read(self, length: int, /) -> bytes:
        """Up to that many; none only at the end."""


class Unpacking:
    """A tar as it comes in: iterates over the members' names; between two of them, data() is the member's bytes.

    Only plain files count. Links, directories, devices and names that a header of another kind would give are refused
    with InvalidBackup, and so is a tar that ends too early or goes on after its end.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        while (header := self._exactly(BLOCK)) != bytes(BLOCK):
            member = _header(header)
            if member.type in EXTENSIONS:
                self._skip_extension(member.size)
                continue
            if member.type not in PLAIN or member.issparse():
                raise InvalidBackup(say("tar_holds_more_than_files"), details={"reason": say("not_a_regular_file")})
            self._size = member.size
            yield member.name
            self._exactly(-member.size % BLOCK)
        self._expect_end()

    def data(self) -> Iterator[bytes]:
        """The bytes of the member that was named last."""
        left = self._size
        while left:
            chunk = self._source.read(min(CHUNK_BYTES, left))
            if not chunk:
                raise _cut_short()
            left -= len(chunk)
            yield chunk

    def _skip_extension(self, size: int) -> None:
        data = self._exactly(size if size <= LARGEST_EXTENSION else 0) + self._exactly(-size % BLOCK)
        if size > LARGEST_EXTENSION or any(b" %b=" % key in data for key in (b"path", b"linkpath", b"size")):
            raise InvalidBackup(say("tar_extension_unsupported"), details={"reason": say("extension_unsupported")})

    def _expect_end(self) -> None:
        while chunk := self._source.read(CHUNK_BYTES):
            if chunk.strip(b"\0"):
                raise InvalidBackup(say("tar_data_after_end"), details={"reason": say("tar_data_after_end")})

    def _exactly(self, length: int) -> bytes:
        pieces = []
        while length:
            piece = self._source.read(length)
            if not piece:
                raise _cut_short()
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError):
        raise InvalidBackup(say("upload_not_a_tar"), details={"reason": say("not_a_tar")}) from None
    if member.size < 0:
        raise InvalidBackup(say("upload_not_a_tar"), details={"reason": say("not_a_tar")})
    return member


def _cut_short() -> InvalidBackup:
    return InvalidBackup(say("upload_incomplete"), details={"reason": say("tar_cut_short")})
