"""An object read from its start to its end, from one request as long as no seek leads elsewhere."""

from collections.abc import Iterator
from typing import cast

from data_pipeline.storage.base import Status
from data_pipeline.storage.prefetch import prefetched
from data_pipeline.storage.s3.bucket import Bucket, Version

NOTHING = memoryview(b"")


class ObjectStream:
    """Every request names the version that was found first, so other bytes in its place are noticed."""

    def __init__(self, bucket: Bucket, key: str, known: Status) -> None:
        self._bucket = bucket
        self._key = key
        self._known = known
        self._position = 0
        self._chunks: Iterator[bytes] | None = None
        self._left = NOTHING

    def seek(self, offset: int) -> None:
        """Go on from there."""
        if offset != self._position:
            self._position, self._chunks, self._left = offset, None, NOTHING

    def read(self, length: int) -> bytes:
        """Exactly that many bytes, fewer only at the end."""
        pieces = []
        while length and (chunk := self._left or self._next()):
            pieces.append(chunk[:length])
            self._left = chunk[length:]
            length -= len(pieces[-1])
            self._position += len(pieces[-1])
        return b"".join(pieces)  # the only copy

    def _next(self) -> memoryview:
        if self._position >= self._known.size:
            return NOTHING
        if self._chunks is None:
            self._chunks = prefetched(self._bucket.stream(self._key, version_of(self._known), self._position))
        return memoryview(next(self._chunks, b""))


def version_of(known: Status) -> Version:
    """What tells an object of this storage from the next of its name."""
    return cast("Version", known.identity)
