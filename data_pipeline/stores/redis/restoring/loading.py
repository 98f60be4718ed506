"""A set's records into an empty database number, each verified logically as soon as it is there."""

import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.errors import InvalidBackup, SchemaMismatch, StorageFull
from common.messages import say
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.redis import stored
from data_pipeline.stores.redis.facts import file_key
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.server import Server
from data_pipeline.stores.redis.link.wire import Command, Wire
from data_pipeline.stores.redis.reading import INTENT, LEASE, SCANNED, shown, value_commands, values_of
from data_pipeline.stores.redis.records import NEVER, Record
from data_pipeline.stores.redis.restoring.room import Room
from data_pipeline.stores.redis.values import Value

OUR_KEYS = 2
RENEW_SECONDS = 0.5
"""How often a claim is renewed, and the server's memory looked at, between batches."""
PAST = 1
"""A time (ms) before which no key of a set expired: a key that is restored with it is checked, and not kept."""

Wanted = Callable[[Record], bool]


@dataclass
class Loaded:
    """keys: that were written. expired: whose time was over before they could be. ends: when those that end do (ms)."""

    keys: int = 0
    expired: int = 0
    ends: "array[int]" = field(default_factory=lambda: array("q"))

    def gone(self, moment: int) -> int:
        """How many of the written may be gone by then."""
        return sum(1 for at in self.ends if at <= moment)


class Loading:
    """Into the databases of a claim. renew: called now and then. Every method raises ServiceError, Cancelled."""

    def __init__(
        self,
        wire: Wire,
        held: HeldSet,
        room: Room,
        *,
        known: Server,
        renew: Callable[[], None],
        progress: Progress,
    ) -> None:
        self._wire = wire
        self._held = held
        self._room = room
        self._known = known
        self._renew = renew
        self._progress = progress
        self._moment = 0
        """The server's clock (ms), as it was a while ago."""

    def load(self, source: int, scratch: int, wanted: Wanted) -> Loaded:
        """All wanted records of a database's file. Raises InvalidBackup for a key that isn't what its record says."""
        loaded = Loaded()
        self._progress.enter("load", file_key(source))
        try:
            due = self._due(source, scratch, wanted, loaded)
            for batch, replies in self._wire.ahead(due, _written):
                self._expect_written(batch, replies, loaded)
        except BaseException:
            self._wire.settle()  # what is under way would come after the withdrawal, which has another connection
            raise
        self._expect_all(scratch, loaded)
        return loaded

    def _due(self, source: int, scratch: int, wanted: Wanted, loaded: Loaded) -> Iterator[list[Record]]:
        """Batches of what hasn't expired yet; a moment ago is soon enough: the server keeps nothing that has."""
        looked = float("-inf")
        for size, found in stored.records(self._held, source):
            for batch in batches([record for record in found if wanted(record)], self._known.batch_bytes):
                if time.monotonic() - looked >= RENEW_SECONDS:
                    looked = time.monotonic()
                    self._renew()
                    self._room.expect_left(self._wire)
                    self._wire.select(scratch)
                    self._moment = server.clock(self._wire)
                due = [record for record in batch if record.ends_at > self._moment]
                loaded.expired += len(batch) - len(due)
                yield due
            self._progress.advance(size, len(found))

    def _expect_written(self, batch: Sequence[Record], replies: Sequence[Any], loaded: Loaded) -> None:
        """Compare what was read back with what was written: its value and its end."""
        count = len(batch)
        for record, reply in zip(batch, replies[:count], strict=True):
            _expect_taken(self._wire, record, reply)
        loaded.keys += count
        loaded.ends.extend(ends for record in batch if (ends := record.ends_at) < NEVER)
        asked = [(record.key, record.kind) for record in batch]
        values = values_of(self._wire, asked, replies[count:], field_ttls=self._known.field_ttls)
        for record, found in zip(batch, values, strict=True):
            if not self._is_as_written(record, found):
                self._moment = server.clock(self._wire)  # by now its time may be over
                if not self._is_as_written(record, found):
                    key = shown(record.key)
                    raise InvalidBackup(say("redis_key_differs", key=key), details={"key": key})

    def _is_as_written(self, record: Record, found: tuple[int, Value] | None) -> bool:
        same = found is not None and record.is_now(_expiry(found[0]), found[1], self._moment)
        return same or record.ends_at <= self._moment

    def _expect_all(self, scratch: int, loaded: Loaded) -> None:
        """Raise where keys are missing that can't have expired, or another client has written into the number."""
        self._wire.select(scratch)
        count = self._wire.call("DBSIZE") - OUR_KEYS
        missing = loaded.keys - count
        if missing < 0:
            raise SchemaMismatch(say("redis_scratch_not_ours", database=scratch), can_retry=True)
        if missing > loaded.gone(server.clock(self._wire)):
            raise StorageFull(say("redis_keys_vanished", keys=missing), can_retry=False)


def withdraw(wire: Wire, held: HeldSet, source: int, scratch: int) -> None:
    """Take out what was put in. A number that another client has put keys into as well loses only the set's."""
    wire.select(scratch)
    if wire.call("DBSIZE") <= held.manifest.files[file_key(source)].rows + OUR_KEYS:
        wire.call("FLUSHDB", "ASYNC")
        return
    for _, found in stored.records(held, source):
        wire.each([("UNLINK", *[record.key for record in found])])
    wire.call("DEL", INTENT, LEASE)


def batches(found: Sequence[Record], most: int) -> Iterator[list[Record]]:
    """So many as take no more than `most` bytes of the server's memory."""
    batch: list[Record] = []
    size = 0
    for record in found:
        if batch and (size + record.memory > most or len(batch) == SCANNED):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += record.memory
    if batch:
        yield batch


def _written(batch: Sequence[Record]) -> Iterator[Command]:
    """What makes keys, and reads them back."""
    yield from map(restored, batch)
    yield from value_commands((record.key, record.kind) for record in batch)


def restored(record: Record) -> Command:
    """The command that makes a key anew, with the time at which it expires."""
    return ("RESTORE", record.key, b"%d" % (record.expires_at or 0), record.dump, "ABSTTL")


def probe(wire: Wire, samples: Sequence[Record]) -> None:
    """Raise SchemaMismatch where the server can't take such payloads. Nothing is written: they count as expired."""
    replies = wire.many([("RESTORE", INTENT, PAST, record.dump, "REPLACE", "ABSTTL") for record in samples])
    for record, reply in zip(samples, replies, strict=True):
        _expect_taken(wire, record, reply)


def samples(held: HeldSet, numbers: Sequence[int]) -> list[Record]:
    """The first record of each type, of the first that each database has."""
    found: dict[str, Record] = {}
    for number in numbers:
        _, first = next(stored.records(held, number), (0, []))
        for record in first:
            found.setdefault(record.kind, record)
    return list(found.values())


def _expect_taken(wire: Wire, record: Record, reply: Any) -> None:
    if not wire.is_refusal(reply):
        return
    said = str(reply)
    if "version or checksum" in said:
        raise SchemaMismatch(
            say("redis_payload_newer", version=record.version), can_retry=False, details={"version": record.version}
        )
    if "Bad data format" in said:
        raise InvalidBackup(say("redis_payload_invalid", key=shown(record.key)), details={"key": shown(record.key)})
    if said.startswith("BUSYKEY"):
        raise SchemaMismatch(say("redis_scratch_busy"), can_retry=True)
    wire.expect(reply, ("RESTORE",))


def _expiry(at: int) -> int | None:
    return at if at > 0 else None
