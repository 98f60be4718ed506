"""The objects of a bucket written into a draft, several small ones read at a time."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeAlias

from common.errors import DatabaseError
from common.messages import say
from common.result import now
from data_pipeline.operations.store_backup import StoreBackup
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.sets.tables.table_facts import LONGEST_NAME
from data_pipeline.stores.objects.bucket import Missing, ObjectBucket, Opened
from data_pipeline.stores.objects.content import SetWriter
from data_pipeline.stores.objects.record import Record, Said
from data_pipeline.stores.target import StoreTarget

READERS = 8
SMALL_BYTES = 1 << 20
"""An object up to this size is read whole, beside others."""

AHEAD = 32

_Whole: TypeAlias = tuple[Opened, bytes, dict[str, str] | None]


class Saving:
    """One backup of the objects below a prefix, as a store's backup calls it."""

    def __init__(self, bucket: ObjectBucket, target: StoreTarget, selected: str, progress: Progress) -> None:
        self._bucket = bucket
        self._target = target
        self._selected = selected
        self._progress = progress
        self._read: dict[str, str] = {}
        self._bytes = 0
        self._objects = 0
        self._tags = True

    def save(self, draft: StoreDraft, backup: StoreBackup, *, precaution: bool = False) -> None:
        """Write and publish a set. Raises Cancelled once `progress` says so."""
        started, version = now(), self._bucket.probe()
        self._progress.enter("load", None)
        with SetWriter(draft, self._target.name) as writer, ThreadPoolExecutor(READERS) as pool:
            try:
                for key, waiting in self._ahead(pool):
                    self._add(writer, key, waiting)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        changed = self._changed()
        if changed:
            backup.warnings.append(say("objects_changed_meanwhile", count=changed))
        if not self._tags:
            backup.warnings.append(say("objects_without_tags"))
        self._progress.expect_wanted()
        draft.publish(
            {
                "bucket": self._bucket.name,
                "prefix": self._bucket.prefix,
                "selected": self._selected,
                "objects": self._objects,
                "bytes": self._bytes,
                "consistency": "live",
                "started_at": started,
                "ended_at": now(),
                "changed": changed,
                "tags": self._tags,
            },
            database=self._target.path[:LONGEST_NAME],
            server_version=version,
            server=self._target.server,
            partial=bool(self._selected),
            precaution=precaution,
        )

    def _ahead(self, pool: ThreadPoolExecutor) -> Iterator[tuple[str, "Future[_Whole | None] | None"]]:
        """The keys in order, of small objects with what reads them; of a large one None."""
        waiting: deque[tuple[str, Future[_Whole | None] | None]] = deque()
        for one in self._bucket.list(self._selected):
            waiting.append((one.key, pool.submit(self._whole, one.key) if one.size <= SMALL_BYTES else None))
            if len(waiting) >= AHEAD:
                yield waiting.popleft()
        yield from waiting

    def _whole(self, key: str) -> "_Whole | None":
        """A small object; None for one that is gone."""
        try:
            opened = self._bucket.open(key)
            with closing(opened):
                data = b"".join(opened.chunks())
            return opened, data, self._bucket.tags(key)
        except Missing:
            return None

    def _add(self, writer: SetWriter, key: str, waiting: "Future[_Whole | None] | None") -> None:
        if waiting is not None:
            if (whole := waiting.result()) is not None:
                opened, data, tags = whole
                self._store(writer, key, opened, [data], tags)
            return
        try:
            opened = self._bucket.open(key)
            with closing(opened):
                self._store(writer, key, opened, opened.chunks(), self._bucket.tags(key))
        except Missing:
            return

    def _store(
        self, writer: SetWriter, key: str, opened: Opened, chunks: Iterable[bytes], tags: dict[str, str] | None
    ) -> None:
        file, start = writer.begin()
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:
            digest.update(chunk)
            writer.write(chunk)
            size += len(chunk)
            self._progress.advance(len(chunk), 0)
        if size != opened.size:
            raise DatabaseError(say("bucket_unavailable"), can_retry=True)
        self._tags = self._tags and tags is not None
        said = Said(opened.headers, opened.metadata, tags or {})
        writer.end(Record(key, size, digest.hexdigest(), file, start, opened.etag, opened.modified, said))
        self._read[key] = opened.etag
        self._objects, self._bytes = self._objects + 1, self._bytes + size
        self._progress.advance(0, 1)

    def _changed(self) -> int:
        """How many objects are not, or no longer, what was read of them."""
        there = {one.key: one.etag for one in self._bucket.list(self._selected)}
        return sum(1 for key in there.keys() | self._read.keys() if there.get(key) != self._read.get(key))
