"""The archive in a set: its blocks checked and decompressed as they are read, from any place."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.formats import compression
from data_pipeline.formats.compression import BadFrame
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.sets.tables.table_facts import BlockFact
from data_pipeline.stores.pg_database.contents import Contents
from data_pipeline.stores.pg_database.facts import DumpFacts
from data_pipeline.stores.pg_database.in_order import worked_on
from data_pipeline.stores.pg_database.index import Head, Index, Indexed, Span

ARCHIVE = "archive"
"""What the manifest calls the file."""


class SetArchive:
    """An archive whose every byte was read once and found to be what its manifest promises.

    Each block is checked again as it is read to be restored.
    """

    def __init__(self, held: HeldSet, head: Contents, size: int, indexed: Indexed | None) -> None:
        self.contents = head
        self._size = size
        self._indexed = indexed
        self._held = held
        self._stored = held.reader(ARCHIVE)
        self._blocks = [block for block in held.content(ARCHIVE).blocks if block.bytes]
        self._starts = [0, *accumulate(block.size for block in self._blocks)][:-1]
        self._kept: tuple[int, bytes] = (-1, b"")

    @classmethod
    def verified(
        cls, held: HeldSet, facts: DumpFacts, progress: Progress = SILENT, *, indexing: bool = False
    ) -> "SetArchive":
        """Read it from end to end. indexing: its blocks' places will be asked for. Raises InvalidBackup, Cancelled."""
        digest, head, index, size = hashlib.sha256(), Head(), Index(), 0
        for data in contents(held):
            progress.expect_wanted()
            digest.update(data)
            (index if indexing else head).feed(data)
            size += len(data)
        if digest.hexdigest() != facts.sha256:
            raise _differs(held)
        indexed = index.complete() if indexing else None
        return cls(held, indexed.contents if indexed else head.complete(), size, indexed)

    def everything(self) -> list[Span]:
        """It was written by a pg_dump that ended well, so that its blocks need not be looked at."""
        return [Span(0, self._size)]

    def chosen(self, order: Sequence[int]) -> list[Span]:
        return self.indexed().spans(order)

    def indexed(self, *, hashing: bool = False) -> Indexed:
        """Where its blocks are; what wasn't learned with the first reading is read once more. Raises InvalidBackup."""
        if self._indexed and not hashing:
            return self._indexed
        index = Index(hashing=hashing)
        for data in contents(self._held):
            index.feed(data)
        return index.complete()

    def read(self, span: Span) -> Iterator[bytes]:
        """Raises InvalidBackup."""
        at = span.start
        while at < span.end:
            place = bisect_right(self._starts, at) - 1
            offset = at - self._starts[place]
            part = self._block(place)[offset : offset + span.end - at]
            at += len(part)
            yield part

    def _block(self, place: int) -> bytes:
        if self._kept[0] != place:
            block = self._blocks[place]
            self._stored.seek(block.offset)
            self._kept = (place, _content(self._held, block, self._stored.read(block.bytes)))
        return self._kept[1]


def contents(held: HeldSet) -> Iterator[bytes]:
    """The archive, a block at a time. Raises InvalidBackup, as it is read, for a byte that isn't as promised."""
    blocks = held.content(ARCHIVE).blocks
    stored = zip(blocks, held.blocks(ARCHIVE), strict=True)
    return worked_on(lambda one: _content(held, *one), stored)


def _content(held: HeldSet, block: BlockFact, data: bytes) -> bytes:
    if block.raw_bytes is None:
        return data
    try:
        return compression.decompress(data, block.raw_bytes)
    except BadFrame:
        raise _differs(held) from None


def _differs(held: HeldSet) -> InvalidBackup:
    file = held.files[ARCHIVE]
    reason = say("block_checksum_differs")
    return InvalidBackup(say("about", reason=reason, subject=file.path), details={"file": file.name, "reason": reason})
