"""The files of a set of objects: an index, and the objects' bytes in compressed blocks."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import accumulate
from typing import BinaryIO

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.formats.compression import DEFAULT_LEVEL, BadFrame, compress, decompress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.sets.store_draft import BlockFile, StoreDraft
from data_pipeline.sets.tables.table_facts import BlockFact
from data_pipeline.storage.naming import store_stem
from data_pipeline.stores.objects import record
from data_pipeline.stores.objects.record import Record

INDEX = "index"
DATA = "data-{:04}"
BLOCK_BYTES = 4 << 20
FILE_BYTES = 32 << 30
"""Of objects in one file, before they are compressed: an upload to a bucket has room for 120 GB."""


class Blocks:
    """What is written, in blocks of a frame each. rows: things that end in a block."""

    def __init__(self, file: BlockFile) -> None:
        self._file = file
        self._waiting = bytearray()
        self._rows = 0
        self.size = 0

    def write(self, data: bytes) -> None:
        self._waiting += data
        self.size += len(data)
        while len(self._waiting) >= BLOCK_BYTES:
            self._store(bytes(self._waiting[:BLOCK_BYTES]))
            del self._waiting[:BLOCK_BYTES]

    def end(self) -> None:
        """One thing more is written whole."""
        self._rows += 1

    def close(self) -> None:
        if self._waiting or self._rows:
            self._store(bytes(self._waiting))
            self._waiting.clear()

    def _store(self, block: bytes) -> None:
        self._file.write(compress(block, DEFAULT_LEVEL), self._rows, raw_bytes=len(block))
        self._rows = 0


class SetWriter:
    """Writes the files of a draft, an object after the other. Used in a `with`."""

    def __init__(self, draft: StoreDraft, name: str) -> None:
        self._draft = draft
        self._name = name
        self._stack = ExitStack()
        self._data: Blocks | None = None
        self._data_files: list[str] = []
        self._index = self._opened(INDEX, "jsonl.zst")

    def __enter__(self) -> "SetWriter":
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._index.close()
            self._close_data()
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def begin(self) -> tuple[str, int]:
        """Where the next object's bytes will be: the key of a file, and an offset."""
        if self._data is None or self._data.size >= FILE_BYTES:
            self._close_data()
            self._data_files.append(DATA.format(len(self._data_files)))
            self._data = self._opened(self._data_files[-1], "zst")
        return self._data_files[-1], self._data.size

    def write(self, data: bytes) -> None:
        """Bytes of the object that was begun."""
        assert self._data is not None  # noqa: S101 - begin() comes first
        self._data.write(data)

    def end(self, found: Record) -> None:
        """The object that was begun is whole."""
        assert self._data is not None  # noqa: S101
        self._data.end()
        self._index.write(record.line(found))
        self._index.end()

    def _opened(self, key: str, suffix: str) -> Blocks:
        file = self._stack.enter_context(self._draft.file(key, store_stem("objects", self._name, key), suffix))
        return Blocks(file)

    def _close_data(self) -> None:
        if self._data is not None:
            self._data.close()


class SetReader:
    """What a held set has. Raises InvalidBackup for anything but whole, promised bytes."""

    def __init__(self, held: HeldSet) -> None:
        self._held = held
        self._readers: dict[str, BinaryIO] = {}
        self._known_offsets: dict[str, list[int]] = {}
        self._kept: tuple[str, int, bytes] = ("", -1, b"")

    def records(self, prefix: str = "") -> Iterator[Record]:
        """The objects whose key begins so, in the index' order."""
        rest = b""
        for number in range(len(self._blocks(INDEX))):
            *lines, rest = (rest + self._block(INDEX, number)).split(b"\n")
            yield from (one for one in self._parsed(lines) if one.key.startswith(prefix))
        if rest:
            raise self._damaged(INDEX)

    def pieces(self, one: Record) -> Iterator[bytes]:
        """The bytes of an object, in order."""
        blocks, offsets = self._blocks(one.file), self._offsets(one.file)
        position, end = one.start, one.start + one.size
        number = max(bisect_right(offsets, position) - 1, 0)
        while position < end and number < len(blocks):
            piece = self._block(one.file, number)[position - offsets[number] : end - offsets[number]]
            position += len(piece)
            yield piece
            number += 1
        if position != end:
            raise self._damaged(one.file)

    def expect_whole(self, one: Record) -> int:
        """Read an object's bytes and compare them with what the index says of them; how many there are."""
        digest = hashlib.sha256()
        for piece in self.pieces(one):
            digest.update(piece)
        if digest.hexdigest() != one.sha256:
            raise self._damaged(one.file)
        return one.size

    def _parsed(self, lines: list[bytes]) -> Iterator[Record]:
        try:
            yield from record.parsed(lines)
        except ValueError:
            raise self._damaged(INDEX) from None

    def _blocks(self, key: str) -> list[BlockFact]:
        if key not in self._held.files:
            raise self._damaged(INDEX)
        return self._held.content(key).blocks

    def _offsets(self, key: str) -> list[int]:
        """Where the content of each block begins among that of the file."""
        if key not in self._known_offsets:
            sizes = [block.raw_bytes or 0 for block in self._blocks(key)]
            self._known_offsets[key] = [0, *accumulate(sizes)][: len(sizes)]
        return self._known_offsets[key]

    def _block(self, key: str, number: int) -> bytes:
        if self._kept[:2] == (key, number):
            return self._kept[2]
        block = self._blocks(key)[number]
        reader = self._readers.get(key) or self._readers.setdefault(key, self._held.reader(key))
        reader.seek(block.offset)
        stored = reader.read(block.bytes)
        try:
            data = decompress(stored, block.raw_bytes or 0)
        except BadFrame:
            raise self._damaged(key) from None
        self._kept = (key, number, data)
        return data

    def _damaged(self, key: str) -> InvalidBackup:
        file = self._held.files[key]
        reason = say("stored_content_differs")
        return InvalidBackup(
            say("about", reason=reason, subject=file.path), details={"file": file.name, "reason": reason}
        )
