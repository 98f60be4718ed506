"""The archive in a set: its blocks checked and decompressed as they are read, from any place."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.formats import compression
from data_pipeline.formats.compression import BadFrame
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.sets.tables.table_facts import BlockFact
from data_pipeline.stores.pg_database.facts import DumpFacts
from data_pipeline.stores.pg_database.index import Index, Indexed, Span

ARCHIVE = "archive"
"""What the manifest calls the file."""


class SetArchive:
    """An archive whose every byte was read once and found to be what its manifest promises.

    Only what that showed is restored, and each block is checked again as it is read for it.
    """

    def __init__(self, held: HeldSet, indexed: Indexed) -> None:
        self.indexed = indexed
        self._held = held
        self._stored = held.reader(ARCHIVE)
        self._blocks = [block for block in held.content(ARCHIVE).blocks if block.bytes]
        self._starts = [0, *accumulate(block.size for block in self._blocks)][:-1]
        self._kept: tuple[int, bytes] = (-1, b"")

    @classmethod
    def verified(cls, held: HeldSet, facts: DumpFacts, progress: Progress = SILENT) -> "SetArchive":
        """Read it from end to end. Raises InvalidBackup, Cancelled."""
        index, digest = Index(), hashlib.sha256()
        for data in contents(held):
            progress.expect_wanted()
            digest.update(data)
            index.feed(data)
        if digest.hexdigest() != facts.sha256:
            raise _differs(held)
        return cls(held, index.complete())

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
    """The archive, a block at a time. Raises InvalidBackup for a byte that isn't as promised, before it is told."""
    blocks = held.content(ARCHIVE).blocks
    for block, data in zip(blocks, held.blocks(ARCHIVE), strict=True):
        yield _content(held, block, data)


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
