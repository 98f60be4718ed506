"""A set of another store, taken hold of: no byte of it is handed out that its manifest doesn't vouch for."""

import hashlib
import io
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.encryption.set_key import OVERHEAD, SetKey, Unsealable
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.store_manifest import BlockFact, FileFact, StoreManifest
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location


@dataclass(frozen=True)
class HeldSet:
    """files: by key, as the manifest has them. key: of an encrypted set. Reading raises InvalidBackup for what isn't as
    promised."""

    location: Location
    timestamp: str
    files: Mapping[str, StoredFile]
    manifest: StoreManifest
    manifest_file: StoredFile | None = None
    key: SetKey | None = None

    @property
    def family(self) -> str:
        return self.manifest.layout

    @property
    def facts(self) -> dict[str, Any]:
        """The store's own, which only a model of the store makes sense of."""
        return self.manifest.store

    def content(self, key: str) -> FileFact:
        """What the manifest says of a file, without what encryption adds: places and sizes as reader() has them."""
        fact = self.manifest.files[key]
        if self.key is None:
            return fact
        plain = [
            one.model_copy(update={"offset": one.offset - number * OVERHEAD, "bytes": one.bytes - OVERHEAD})
            for number, one in enumerate(fact.blocks)
        ]
        return fact.model_copy(update={"bytes": fact.bytes - len(plain) * OVERHEAD, "blocks": plain})

    def blocks(self, key: str) -> Iterator[bytes]:
        """A file's blocks, in order, as its writer gave them; each is checked first."""
        with self.files[key].open() as stream:
            for number, block in enumerate(self.manifest.files[key].blocks):
                yield self.opened(key, number, stream.read(block.bytes))

    def opened(self, key: str, number: int, stored: bytes) -> bytes:
        """A block as its writer gave it, of the bytes that are stored. Raises InvalidBackup for any others."""
        file, block = self.files[key], self.manifest.files[key].blocks[number]
        if len(stored) != block.bytes or hashlib.sha256(stored).hexdigest() != block.sha256:
            raise _refused(file, block, say("block_checksum_differs"))
        if self.key is None:
            return stored
        try:
            return self.key.block(self.manifest.files[key].file, number).unseal(stored)
        except Unsealable:
            raise _refused(file, block, say("block_seal_broken")) from None

    def reader(self, key: str) -> BinaryIO:
        """A file to be read from any place; a block is kept in memory."""
        return io.BufferedReader(_BlockReader(self, key))


AnySet: TypeAlias = BackupSet | HeldSet
"""Of tables, or of another store."""


class _BlockReader(io.RawIOBase):
    """A file by whole blocks, each checked before any byte of it is handed out."""

    def __init__(self, held: HeldSet, key: str) -> None:
        super().__init__()
        self._held = held
        self._key = key
        content = held.content(key)
        self._size = content.bytes
        self._places = [number for number, block in enumerate(content.blocks) if block.bytes]
        self._offsets = [content.blocks[number].offset for number in self._places]
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
            number = self._places[place]
            block = self._held.manifest.files[self._key].blocks[number]
            stored = self._held.files[self._key].read(block.offset, block.bytes)
            self._kept = (place, self._held.opened(self._key, number, stored))
        return self._kept[1]


def _refused(file: StoredFile, block: BlockFact, reason: str) -> InvalidBackup:
    return InvalidBackup(
        say("about", reason=reason, subject=file.path),
        details={"file": file.name, "offset": block.offset, "reason": reason},
    )
