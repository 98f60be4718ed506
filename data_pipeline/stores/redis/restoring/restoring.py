"""A set into a server: claimed, filled, verified, switched. However it ends, each database is as before or new."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Literal

from common.errors import ServiceError
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.redis import stored
from data_pipeline.stores.redis.facts import RedisFacts
from data_pipeline.stores.redis.glob import compiled
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.server import Server
from data_pipeline.stores.redis.link.wire import connect
from data_pipeline.stores.redis.records import Record
from data_pipeline.stores.redis.restoring import loading, server_wide
from data_pipeline.stores.redis.restoring.claim import Claim
from data_pipeline.stores.redis.restoring.loading import Loaded, Loading, Wanted
from data_pipeline.stores.redis.restoring.room import Room
from data_pipeline.stores.redis.restoring.switching import Switch, Switched
from data_pipeline.stores.target import StoreTarget

Mode = Literal["replace", "skip", "update"]
CHUNK = 1000


@dataclass(frozen=True)
class Plan:
    """databases: by the number of the set's, the one that it goes to. mode: what becomes of the keys that are there:
    all are replaced, or those of the set are added, and the others stay as they are or are replaced (skip, update).
    keep: what was replaced stays, in another number."""

    databases: Mapping[int, int]
    mode: Mode = "replace"
    pattern: str | None = None
    keep: bool = False
    functions: bool = False
    users: bool = False

    @property
    def wanted(self) -> Wanted:
        if self.pattern is None:
            return lambda _record: True
        matches = compiled(self.pattern).match
        return lambda record: matches(record.key) is not None


@dataclass(frozen=True)
class Restored:
    """loaded: by the number of the set's database. kept: by a restored number, where its old data are."""

    loaded: Mapping[int, Loaded]
    switched: Switched
    kept: Mapping[int, int]


class Restoring:
    """One set and one target. Every method raises ServiceError, Cancelled."""

    def __init__(
        self, target: StoreTarget, held: HeldSet, facts: RedisFacts, connect_seconds: float, progress: Progress
    ) -> None:
        self._target = target
        self._held = held
        self._facts = facts
        self._connect_seconds = connect_seconds
        self._progress = progress

    def check(self, plan: Plan) -> Server:
        """Everything that can be known before a key is written: the set, the server, its memory, its version."""
        self._expect_set()
        with closing(connect(self._target, self._connect_seconds)) as wire:
            known = server.inspect(wire)
            server.expect_writable(known)
            for number in plan.databases.values():
                wire.select(number)
            self._room(plan).expect(wire)
            loading.probe(wire, loading.samples(self._held, list(plan.databases)))
            server_wide.commands(wire, self._held, functions=plan.functions, users=plan.users)
        return known

    def run(self, plan: Plan) -> Restored:
        known = self.check(plan)
        wire = connect(self._target, self._connect_seconds)
        try:
            room = self._room(plan)
            room.expect(wire)
            claim = Claim.take(wire, known, list(plan.databases.values()), keep=plan.keep)
            load = Loading(wire, self._held, room, known=known, renew=claim.renew, progress=self._progress)
            loaded: dict[int, Loaded] = {}
            try:
                for source, number in plan.databases.items():
                    loaded[source] = load.load(source, claim.databases[number], plan.wanted)
                beside = server_wide.commands(wire, self._held, functions=plan.functions, users=plan.users)
                self._progress.settle()
                switch = Switch(wire, self._target, claim, self._connect_seconds)
                if plan.mode == "replace":
                    switched = switch.swap(beside)
                else:
                    switched = switch.merge(self._keys(plan), update=plan.mode == "update")
            except BaseException as error:
                if not _is_unknown(error):
                    self._withdraw(plan, claim)
                raise
        finally:
            wire.close()
        with suppress(ServiceError), closing(connect(self._target, self._connect_seconds)) as after:
            claim.finish(after)  # or else the next restore does
        return Restored(loaded, switched, dict(claim.databases) if plan.keep else {})

    def _expect_set(self) -> None:
        self._progress.expect_bytes(sum(file.size for file in self._held.files.values()))
        for key in self._held.files:
            for _ in self._held.blocks(key):
                self._progress.expect_wanted()

    def _room(self, plan: Plan) -> Room:
        copies = 2 if plan.mode == "update" else 1
        return Room(copies * sum(self._facts.databases[str(source)].memory_bytes for source in plan.databases))

    def _withdraw(self, plan: Plan, claim: Claim) -> None:
        """With a connection of its own: the other may be the reason. A server out of reach keeps it for a sweep."""
        with suppress(ServiceError), closing(connect(self._target, self._connect_seconds)) as wire:
            if claim.phase(wire) != "loading":
                return
            for source, number in plan.databases.items():
                loading.withdraw(wire, self._held, source, claim.databases[number])

    def _keys(self, plan: Plan) -> Mapping[int, Iterable[Sequence[bytes]]]:
        return {number: self._chunks(source, plan.wanted) for source, number in plan.databases.items()}

    def _chunks(self, source: int, wanted: Wanted) -> Iterable[Sequence[bytes]]:
        for _, found in stored.records(self._held, source):
            keys: list[Record] = [record for record in found if wanted(record)]
            for place in range(0, len(keys), CHUNK):
                yield [record.key for record in keys[place : place + CHUNK]]


def _is_unknown(error: BaseException) -> bool:
    """Whether it isn't known if the transaction was carried out: then what lies there may be the old data."""
    return isinstance(error, ServiceError) and error.data.get("details", {}).get("outcome") == "unknown"
