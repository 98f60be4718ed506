"""What a restore of objects would do: the set's objects beside those that are there."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from data_pipeline.operations.objects.results import ObjectCounts, ObjectSamples
from data_pipeline.operations.objects.saving import AHEAD, READERS
from data_pipeline.postgres.progress import Progress
from data_pipeline.stores.objects.bucket import Listed, Missing, ObjectBucket
from data_pipeline.stores.objects.record import Record

MOST_SAMPLES = 20


@dataclass
class Plan:
    """Objects by what becomes of them. extra: keys that are there and not in the set."""

    added: list[Record] = field(default_factory=list)
    replaced: list[Record] = field(default_factory=list)
    kept: list[Record] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    unchanged: int = 0

    @property
    def written(self) -> list[Record]:
        """In the order of the set's files, which is the fastest to read."""
        return sorted([*self.added, *self.replaced], key=lambda one: (one.file, one.start))

    @property
    def changes_what_is_there(self) -> bool:
        return bool(self.replaced or self.extra)

    def meet(self, met: list[Record]) -> None:
        """Objects that were to be added, and that another client made meanwhile, stay as they are."""
        self.added = [one for one in self.added if one not in met]
        self.kept += met

    def counts(self) -> ObjectCounts:
        return ObjectCounts(
            added=len(self.added),
            replaced=len(self.replaced),
            removed=len(self.extra),
            unchanged=self.unchanged,
            kept=len(self.kept),
            bytes=sum(one.size for one in (*self.added, *self.replaced)),
        )

    def samples(self) -> ObjectSamples:
        def some(found: list[Record]) -> list[str]:
            return [one.key for one in found[:MOST_SAMPLES]]

        return ObjectSamples(
            added=some(self.added),
            replaced=some(self.replaced),
            removed=self.extra[:MOST_SAMPLES],
            kept=some(self.kept),
        )


def make(bucket: ObjectBucket, records: Iterable[Record], scope: str, progress: Progress, *, mirror: bool) -> Plan:
    """Compare a set's objects with those below `scope`. Nothing is written."""
    plan = Plan()
    there = {one.key: one for one in bucket.list(scope)}
    with ThreadPoolExecutor(READERS) as pool:
        try:
            for record, found, same in _compared(bucket, records, there, pool):
                progress.advance(0, 0)
                if found is None:
                    plan.added.append(record)
                elif same:
                    plan.unchanged += 1
                else:
                    (plan.replaced if mirror else plan.kept).append(record)
                there.pop(record.key, None)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    plan.extra = sorted(there) if mirror else []
    return plan


def _compared(
    bucket: ObjectBucket, records: Iterable[Record], there: dict[str, Listed], pool: ThreadPoolExecutor
) -> Iterator[tuple[Record, Listed | None, bool]]:
    """Each object, what a list shows in its place, and whether that is the same to the byte, headers and tags."""
    waiting: deque[tuple[Record, Listed | None, Future[bool] | None]] = deque()
    for record in records:
        found = there.get(record.key)
        if found is not None and found.size == record.size:
            waiting.append((record, found, pool.submit(_is_same, bucket, record, found)))
        else:
            waiting.append((record, found, None))
        if len(waiting) >= AHEAD:
            yield _answered(*waiting.popleft())
    yield from (_answered(*one) for one in waiting)


def _answered(record: Record, found: Listed | None, same: "Future[bool] | None") -> tuple[Record, Listed | None, bool]:
    return record, found, same is not None and same.result()


def _is_same(bucket: ObjectBucket, record: Record, found: Listed) -> bool:
    try:
        if bucket.said(record.key) != record.said:
            return False
        return found.etag == record.etag != "" or bucket.digest(record.key) == record.sha256
    except Missing:
        return False
