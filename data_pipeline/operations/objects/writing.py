"""Objects of a set written into a bucket, each read back; what was written is undone where something fails."""

import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from common.errors import DatabaseError
from common.messages import say
from data_pipeline.operations.objects.plan import Plan
from data_pipeline.operations.objects.saving import AHEAD, READERS, SMALL_BYTES
from data_pipeline.postgres.progress import Progress
from data_pipeline.stores.objects.bucket import Missing, ObjectBucket
from data_pipeline.stores.objects.content import SetReader
from data_pipeline.stores.objects.record import Record


class Writing:
    """One plan carried out. begun: whether anything is changed. met: objects that another client made meanwhile where
    the plan saw none; mirror: then the restore fails, else they stay. verified: how many were read back."""

    def __init__(
        self, bucket: ObjectBucket, reader: SetReader, plan: Plan, progress: Progress, *, mirror: bool
    ) -> None:
        self.begun = False
        self.met: list[Record] = []
        self.verified = 0
        self._bucket = bucket
        self._reader = reader
        self._plan = plan
        self._progress = progress
        self._mirror = mirror
        self._new = {one.key for one in plan.added}
        self._made: list[str] = []

    def run(self) -> None:
        """Write every object, then remove what isn't in the set. Raises Cancelled once `progress` says so."""
        self._progress.enter("load", None)
        with ThreadPoolExecutor(READERS) as pool:
            waiting: deque[tuple[Record, Future[bool]]] = deque()
            try:
                for record in self._plan.written:
                    self._progress.expect_wanted()
                    self.begun = True
                    if record.size <= SMALL_BYTES:
                        data = b"".join(self._reader.pieces(record))
                        waiting.append((record, pool.submit(self._put, record, data)))
                    else:
                        self._count(record, self._upload(record))
                    while len(waiting) >= AHEAD:
                        self._await(*waiting.popleft())
                for one in waiting:
                    self._await(*one)
                for key in self._plan.extra:
                    self.begun = True
                    self._bucket.delete(key)
                    self._progress.expect_wanted()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)  # what still runs is done before it is undone
                raise

    def take_back(self) -> None:
        """Remove what was added. Raises ServiceError."""
        for key in self._made:
            self._bucket.delete(key)

    def _await(self, record: Record, written: "Future[bool]") -> None:
        self._count(record, written.result())

    def _count(self, record: Record, written: bool) -> None:
        if written:
            self.verified += 1
            self._progress.advance(record.size, 1)
        elif self._mirror:
            raise DatabaseError(say("objects_made_meanwhile"), can_retry=True, details={"key": record.key})
        else:
            self.met.append(record)

    def _put(self, record: Record, data: bytes) -> bool:
        """Whether it is there now; False if another client has made one."""
        new = record.key in self._new
        if new:
            self._made.append(record.key)  # even if this fails: where an answer is lost, it is done all the same
        if not self._bucket.put(record.key, data, record.said, new=new):
            found = self._digest(record)
            if found is None:  # a server that was killed while it wrote one may go on refusing a key that nothing is at
                self._bucket.put(record.key, data, record.said, new=False)
            elif found != record.sha256:  # else it is our own, of an answer that was lost
                self._made.remove(record.key)
                return False
        self._expect_written(record)
        return True

    def _upload(self, record: Record) -> bool:
        if record.key in self._new:
            if self._bucket.has(record.key):
                return False
            self._made.append(record.key)
        with io.BufferedReader(_Pieces(self._reader.pieces(record)), SMALL_BYTES) as data:
            self._bucket.upload(record.key, data, record.said)
        self._expect_written(record)
        return True

    def _expect_written(self, record: Record) -> None:
        if self._digest(record) != record.sha256:
            raise DatabaseError(say("objects_not_as_written"), can_retry=True, details={"key": record.key})

    def _digest(self, record: Record) -> str | None:
        try:
            return self._bucket.digest(record.key)
        except Missing:
            return None


class _Pieces(io.RawIOBase):
    """An object's bytes as a file, from its start to its end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            if (piece := next(self._pieces, None)) is None:
                return 0
            self._left = piece
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
