"""What differs between a set and what is live, or another set: by key, and by logical value."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.redis import stored
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.server import Server
from data_pipeline.stores.redis.link.wire import Wire
from data_pipeline.stores.redis.reading import OURS, live_values, scanned, shown
from data_pipeline.stores.redis.records import Record
from data_pipeline.stores.redis.restoring.loading import batches
from data_pipeline.stores.redis.restoring.restoring import Plan

SAMPLES = 20


@dataclass
class Difference:
    """Keys by what they are; expired: those of the set whose time is over. samples: some of each but the same."""

    only_in_backup: int = 0
    only_in_other: int = 0
    different: int = 0
    same: int = 0
    expired: int = 0
    samples: dict[str, list[str]] = field(
        default_factory=lambda: {"only_in_backup": [], "only_in_other": [], "different": []}
    )

    def add(self, kind: str, key: bytes) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        if kind in self.samples and len(self.samples[kind]) < SAMPLES:
            self.samples[kind].append(shown(key))

    @property
    def identical(self) -> bool:
        return not (self.only_in_backup or self.only_in_other or self.different)


def with_live(
    wire: Wire,
    held: HeldSet,
    source: int,
    number: int,
    plan: Plan,
    *,
    known: Server,
    progress: Progress,
) -> Difference:
    """A set's database with a live one; of both only the keys that match the plan's pattern."""
    wanted = plan.wanted
    found = Difference()
    keys: set[bytes] = set(OURS)
    for size, records in stored.records(held, source):
        for batch in batches([record for record in records if wanted(record)], known.batch_bytes):
            keys.update(record.key for record in batch)
            wire.select(number)
            _batch(wire, batch, found, field_ttls=known.field_ttls)
        progress.advance(size, len(records))
    wire.select(number)
    for names in scanned(wire, plan.pattern):
        for key in names:
            if key not in keys:
                keys.add(key)
                found.add("only_in_other", key)
    return found


def _batch(wire: Wire, batch: list[Record], found: Difference, *, field_ttls: bool) -> None:
    asked = [(record.key, record.kind) for record in batch]
    replies = live_values(wire, asked, field_ttls=field_ttls)
    moment = server.clock(wire)
    there = wire.many([("EXISTS", record.key) for record in batch])
    for record, reply, exists in zip(batch, replies, there, strict=True):
        if reply is not None and record.is_now(reply[0] if reply[0] > 0 else None, reply[1], moment):
            found.add("same", record.key)
        elif not exists:
            found.add("expired" if record.ends_at <= moment else "only_in_backup", record.key)
        else:
            found.add("different", record.key)


def with_set(mine: Iterable[Record], other: Iterable[Record], moment: int) -> Difference:
    """Two sets. Keys that are over in both by `moment` (ms) are no difference."""
    found = Difference()
    known = {record.key: (record.expires_at, record.value, record.ends_at) for record in mine}
    for record in other:
        ours = known.pop(record.key, None)
        if ours is None:
            found.add("expired" if record.ends_at <= moment else "only_in_other", record.key)
        else:
            same = record.is_now(ours[0], ours[1], moment)
            found.add("same" if same else "different", record.key)
    for key, (_, _, ends_at) in known.items():
        found.add("expired" if ends_at <= moment else "only_in_backup", key)
    return found
