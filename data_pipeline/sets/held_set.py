"""A set of another store, taken hold of: no byte of it is handed out that its manifest doesn't vouch for."""

import hashlib
import io
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.store_manifest import BlockFact, FileFact, StoreManifest
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location


@dataclass(frozen=True)
class HeldSet:
    """files: by key, as the manifest has them. Reading raises InvalidBackup for what isn't as promised."""

    location: Location
    timestamp: str
    files: Mapping[str, StoredFile]
    manifest: StoreManifest
    manifest_file: StoredFile | None = None

    @property
    def family(self) -> str:
        return self.manifest.layout

    @property
    def facts(self) -> dict[str, Any]:
        """The store's own, which only a model of the store makes sense of."""
        return self.manifest.store

    def blocks(self, key: str) -> Iterator[bytes]:
        """A file's blocks as they are stored, in order."""
        file = self.files[key]
        with file.open() as stream:
            for block in self.manifest.files[key].blocks:
                yield _expected(stream.read(block.bytes), block, file)

    def reader(self, key: str) -> BinaryIO:
        """A file to be read from any place; a block is kept in memory."""
        return io.BufferedReader(_BlockReader(self.files[key], self.manifest.files[key]))


AnySet: TypeAlias = BackupSet | HeldSet
"""Of tables, or of another store."""


class _BlockReader(io.RawIOBase):
    """A file by whole blocks, each checked before any byte of it is handed out."""

    def __init__(self, file: StoredFile, fact: FileFact) -> None:
        super().__init__()
        self._file = file
        self._size = fact.bytes
        self._blocks = [block for block in fact.blocks if block.bytes]
        self._offsets = [block.offset for block in self._blocks]
        self._position = 0
        self._kept: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("no place before the start of a file")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self._size:
            return 0
        place = bisect_right(self._offsets, self._position) - 1
        rest = self._block(place)[self._position - self._offsets[place] :][: len(buffer)]
        buffer[: len(rest)] = rest
        self._position += len(rest)
        return len(rest)

    def _block(self, place: int) -> bytes:
        if self._kept[0] != place:
            block = self._blocks[place]
            self._kept = (place, _expected(self._file.read(block.offset, block.bytes), block, self._file))
        return self._kept[1]


def _expected(data: bytes, block: BlockFact, file: StoredFile) -> bytes:
    """The bytes of a block. Raises InvalidBackup for any others."""
    if len(data) == block.bytes and hashlib.sha256(data).hexdigest() == block.sha256:
        return data
    reason = say("block_checksum_differs")
    raise InvalidBackup(
        say("about", reason=reason, subject=file.path),
        details={"file": file.name, "offset": block.offset, "reason": reason},
    )
