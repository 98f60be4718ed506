"""An archive on its way into a set: cut into blocks, each of which is compressed beside the others."""

import hashlib
from collections.abc import Callable, Iterable, Iterator

from data_pipeline.formats import compression
from data_pipeline.formats.compression import DEFAULT_LEVEL, Compression
from data_pipeline.sets.store_draft import BlockFile
from data_pipeline.stores.pg_database.in_order import worked_on

BLOCK_BYTES = 4 << 20


class Saved:
    """What an archive came to: its SHA-256 and its size before it was compressed."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def add(self, data: bytes) -> None:
        self._digest.update(data)
        self.size += len(data)


def save(chunks: Iterable[bytes], file: BlockFile, method: Compression, rows: Callable[[], int]) -> Saved:
    """Write an archive, block by block in its order. rows: of all of it; known when it ends, they are its last
    block's."""
    saved = Saved()
    packed = _compressed(chunks, saved) if method == "zstd" else _plain(chunks, saved)
    last: tuple[bytes, int | None] | None = None
    for one in packed:
        if last:
            file.write(last[0], 0, last[1])
        last = one
    if last:
        file.write(last[0], rows(), last[1])
    return saved


def _plain(chunks: Iterable[bytes], saved: Saved) -> Iterator[tuple[bytes, None]]:
    for block in blocks(chunks):
        saved.add(block)
        yield block, None


def _compressed(chunks: Iterable[bytes], saved: Saved) -> Iterator[tuple[bytes, int]]:
    def counted() -> Iterator[bytes]:
        for block in blocks(chunks):
            saved.add(block)
            yield block

    return worked_on(lambda block: (compression.compress(block, DEFAULT_LEVEL), len(block)), counted())


def blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one size, but for the last."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= BLOCK_BYTES:
            whole = b"".join(parts)
            for at in range(0, size - size % BLOCK_BYTES, BLOCK_BYTES):
                yield whole[at : at + BLOCK_BYTES]
            parts = [whole[size - size % BLOCK_BYTES :]]
            size %= BLOCK_BYTES
    if rest := b"".join(parts):
        yield rest
