"""An archive on its way into a set: cut into blocks, each of which is compressed beside the others."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from data_pipeline.formats import compression
from data_pipeline.formats.compression import DEFAULT_LEVEL, Compression
from data_pipeline.sets.store_draft import BlockFile

BLOCK_BYTES = 4 << 20
THREADS = 2
AHEAD = 4
"""Blocks that are compressed, or wait to be written, at a time."""


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


def save(chunks: Iterable[bytes], file: BlockFile, method: Compression) -> Saved:
    """Write an archive, block by block in its order."""
    saved = Saved()
    if method == "none":
        for block in blocks(chunks):
            saved.add(block)
            file.write(block, 0)
        return saved
    waiting: deque[tuple[Future[bytes], int]] = deque()

    def write_next() -> None:
        compressed, size = waiting.popleft()
        file.write(compressed.result(), 0, size)

    with ThreadPoolExecutor(THREADS, "compress") as pool:
        for block in blocks(chunks):
            waiting.append((pool.submit(compression.compress, block, DEFAULT_LEVEL), len(block)))
            saved.add(block)
            if len(waiting) > AHEAD:
                write_next()
        while waiting:
            write_next()
    return saved


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
