"""The one transaction in which a restore happens: databases swapped, or keys moved; others see all of it or nothing.

MULTI doesn't roll back. Where something of the whole server is refused in it (a function that doesn't compile, a
user's rule), the same databases are swapped once more, and what was changed beside them is put back.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any, NamedTuple

from common.errors import DatabaseError, InternalError, SchemaMismatch, ServiceError
from common.messages import say
from data_pipeline.stores.redis.link import faults
from data_pipeline.stores.redis.link.wire import Command, Wire, connect
from data_pipeline.stores.redis.restoring.claim import Claim
from data_pipeline.stores.target import StoreTarget

EXEC_SECONDS = 600.0
ASK_SECONDS = 10.0
ASK_AGAIN_SECONDS = 0.2


class Switched(NamedTuple):
    """seconds: how long the server did nothing else. moved, replaced: keys of a merge; None where the answer was lost
    and only the outcome is known."""

    seconds: float
    moved: int | None = 0
    replaced: int | None = 0


class Beside(NamedTuple):
    """Commands about the whole server that belong to a restore, and what takes them back."""

    do: Sequence[Command] = ()
    undo: Sequence[Command] = ()


class Switch:
    """Of a claim whose databases are filled and verified. Raises ServiceError: then all is as before, or it says that
    this is unknown."""

    def __init__(self, wire: Wire, target: StoreTarget, claim: Claim, connect_seconds: float) -> None:
        self._wire = wire
        self._target = target
        self._claim = claim
        self._connect_seconds = connect_seconds

    def swap(self, beside: Beside = Beside()) -> Switched:  # noqa: B008  a tuple
        """Each filled database in the place of the one it is for."""
        replies, seconds = self._executed([*beside.do, *self._claim.left(), *self._swaps(), *self._claim.handed_over()])
        if replies is not None and any(map(self._wire.is_refusal, replies)):
            back = [*beside.undo, *self._claim.left(), *self._swaps(), *self._claim.taken_back()]
            self._wire.each([("MULTI",), *back, ("EXEC",)])
            raise SchemaMismatch(say("redis_functions_refused"), can_retry=False)
        return Switched(seconds)

    def merge(self, keys: Mapping[int, Iterable[Sequence[bytes]]], *, update: bool) -> Switched:
        """Keys into the databases that they are for, in chunks; those that are there are replaced, or left alone."""
        commands: list[Command] = []
        counts: list[str] = []
        for number, scratch in self._claim.databases.items():
            for chunk in keys[number]:
                # A key that has expired meanwhile is neither moved nor copied: then the live one stays.
                there: list[Command] = [("SELECT", number), ("EXISTS", *chunk)] if update else []
                each: list[Command] = [
                    ("COPY", key, key, "DB", number, "REPLACE") if update else ("MOVE", key, number) for key in chunk
                ]
                commands += [*there, ("SELECT", scratch), *each]
                counts += [*(["", "replaced"] if update else []), "", *["moved"] * len(chunk)]
        replies, seconds = self._executed([*commands, *self._claim.left(), *self._claim.handed_over()])
        if replies is None:
            return Switched(seconds, None, None)
        totals = {"moved": 0, "replaced": 0}
        for count, reply in zip(counts, replies, strict=False):
            if count:
                self._wire.expect(reply, ("COPY" if update else "MOVE",))
                totals[count] += reply
        return Switched(seconds, totals["moved"], totals["replaced"])

    def _swaps(self) -> list[Command]:
        return [("SWAPDB", scratch, number) for number, scratch in self._claim.databases.items()]

    def _executed(self, commands: Sequence[Command]) -> tuple[list[Any] | None, float]:
        """The replies of a transaction, None where they were lost and it was carried out; and how long it took."""
        self._claim.watch()
        for reply, command in zip(self._wire.many([("MULTI",), *commands]), [("MULTI",), *commands], strict=True):
            self._wire.expect(reply, command)
        started = time.monotonic()
        try:
            replies = self._wire.call("EXEC", seconds=EXEC_SECONDS)
        except DatabaseError:
            self._expect_done()
            return None, round(time.monotonic() - started, 6)
        if replies is None:
            raise InternalError(say("redis_claim_lost"), can_retry=True)
        return replies, round(time.monotonic() - started, 6)

    def _expect_done(self) -> None:
        """The connection is gone over EXEC: what came of it is asked of the server, and never guessed."""
        deadline = time.monotonic() + ASK_SECONDS
        phase = None
        while time.monotonic() < deadline:
            with suppress(ServiceError), closing(connect(self._target, self._connect_seconds)) as wire:
                phase = self._claim.phase(wire)
                break
            time.sleep(ASK_AGAIN_SECONDS)
        if phase == "loading":
            raise faults.lost()
        if phase is None:
            raise DatabaseError(say("redis_outcome_unknown"), can_retry=False, details={"outcome": "unknown"})
