"""Empty database numbers, taken for a restore: known by an intent in each, and given up with a lease that runs out.

The intent is a key that says what the database is for. As long as its lease is renewed, a process is at work; without
one what lies there was left by a process that was killed, and the next restore sweeps it. In the transaction that puts
a restored database in its place, the intent moves to what was there before: the old data are what is swept then.
"""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from common.errors import InternalError, OperationInProgress, StorageFull
from common.messages import say
from data_pipeline.stores.redis.link.server import Server
from data_pipeline.stores.redis.link.wire import Command, Wire
from data_pipeline.stores.redis.reading import INTENT, LEASE

LEASE_MS = 60_000
MOST_DATABASES = 256
"""Numbers that are looked at: more than any server is configured with, so that a look is one round trip."""
TRIES = 20

Phase = Literal["loading", "switched"]


class Claim:
    """databases: by the number that is restored, the empty one that is filled meanwhile."""

    def __init__(self, wire: Wire, databases: Mapping[int, int], token: str, *, keep: bool) -> None:
        self._wire = wire
        self._token = token
        self._keep = keep
        self.databases = databases

    @classmethod
    def take(cls, wire: Wire, known: Server, targets: Sequence[int], *, keep: bool) -> "Claim":
        """Raises OperationInProgress while another restore is at work in one of them, StorageFull without enough empty
        numbers."""
        numbers = range(min(known.databases, MOST_DATABASES))
        token = secrets.token_hex(16)
        for _ in range(TRIES):
            sweep(wire, known)
            looked = _look(wire, numbers)
            _expect_free(looked, targets)
            empty = [number for number in reversed(numbers) if looked[number].keys == 0 and number not in targets]
            if len(empty) < len(targets):
                wire.call("UNWATCH")
                raise StorageFull(say("redis_no_empty_database", needed=len(targets)), can_retry=False)
            claim = cls(wire, dict(zip(targets, empty, strict=False)), token, keep=keep)
            if claim._set():
                return claim
        raise OperationInProgress(say("redis_restore_in_progress"), can_retry=True)

    def renew(self) -> None:
        """While it is worked on. Raises InternalError once the lease is another's."""
        replies = self._wire.each(
            [
                one
                for scratch in self.databases.values()
                for one in (("SELECT", scratch), ("GET", LEASE), ("PEXPIRE", LEASE, LEASE_MS))
            ]
        )
        if any(lease != self._token.encode() for lease in replies[1::3]):
            raise InternalError(say("redis_claim_lost"), can_retry=True)

    def watch(self) -> None:
        """Before a transaction that goes through only while the claim is ours. Raises InternalError."""
        self.renew()
        each = [(("SELECT", scratch), ("WATCH", LEASE), ("GET", LEASE)) for scratch in self.databases.values()]
        replies = self._wire.each([one for commands in each for one in commands])
        if any(lease != self._token.encode() for lease in replies[2::3]):
            raise InternalError(say("redis_claim_lost"), can_retry=True)

    def left(self) -> list[Command]:
        """In that transaction, before the switch: the restored database has none of our keys."""
        each = [(("SELECT", scratch), ("DEL", INTENT, LEASE)) for scratch in self.databases.values()]
        return [one for commands in each for one in commands]

    def handed_over(self) -> list[Command]:
        """In that transaction, after the switch: what lies in these numbers now is what goes."""
        return self._marked("switched")

    def taken_back(self) -> list[Command]:
        """In a transaction that undoes it, after the switch: what lies there is the set's again."""
        return self._marked("loading")

    def phase(self, wire: Wire) -> Phase | None:
        """Of a transaction whose answer was lost: what the server says. None where another has swept it by now."""
        (scratch, *_) = self.databases.values()
        wire.select(scratch)
        found = _parsed(wire.call("GET", INTENT))
        return found["phase"] if found and found["token"] == self._token else None

    def finish(self, wire: Wire) -> None:
        """After the switch: what was there before goes, or is kept where it is."""
        for scratch in self.databases.values():
            wire.each([("SELECT", scratch), ("DEL", INTENT) if self._keep else ("FLUSHDB", "ASYNC")])

    def _set(self) -> bool:
        commands: list[Command] = [("MULTI",)]
        for scratch in self.databases.values():
            commands += [
                ("SELECT", scratch),
                ("SET", INTENT, self._intent("loading")),
                ("SET", LEASE, self._token, "PX", LEASE_MS),
            ]
        return self._wire.each([*commands, ("EXEC",)])[-1] is not None

    def _marked(self, phase: Phase) -> list[Command]:
        each = [(("SELECT", scratch), ("SET", INTENT, self._intent(phase))) for scratch in self.databases.values()]
        return [one for commands in each for one in commands]

    def _intent(self, phase: Phase) -> str:
        facts = {"token": self._token, "phase": phase, "targets": list(self.databases), "keep": self._keep}
        return json.dumps(facts)


class Looked:
    """A database number: how many keys it has, and the intent in it, if there is one; alive: its lease runs."""

    def __init__(self, keys: int, intent: bytes | None, alive: int) -> None:
        self.keys = keys
        self.intent = _parsed(intent)
        self.alive = bool(alive)


def expect_free(wire: Wire, known: Server, targets: Sequence[int]) -> None:
    """Raise OperationInProgress while a restore is at work in one of them; nothing is changed."""
    looked = _look(wire, range(min(known.databases, MOST_DATABASES)))
    wire.call("UNWATCH")
    _expect_free({number: found for number, found in looked.items() if found.alive}, targets)


def sweep(wire: Wire, known: Server) -> list[int]:
    """Remove what restores left that were killed; the numbers it lay in."""
    swept = []
    numbers = range(min(known.databases, MOST_DATABASES))
    for number, found in _look(wire, numbers).items():
        if found.intent is None or found.alive:
            continue
        kept = found.intent["phase"] == "switched" and found.intent["keep"]
        clean: Command = ("DEL", INTENT) if kept else ("FLUSHDB", "ASYNC")
        watch: list[Command] = [("UNWATCH",), ("SELECT", number), ("WATCH", INTENT, LEASE), ("EXISTS", LEASE)]
        if not wire.each(watch)[-1] and wire.each([("MULTI",), clean, ("EXEC",)])[-1] is not None:
            swept.append(number)
    wire.call("UNWATCH")
    return swept


def _look(wire: Wire, numbers: Sequence[int]) -> dict[int, Looked]:
    """Every number, its two keys watched from here on."""
    each: Iterator[list[Command]] = (
        [("SELECT", number), ("WATCH", INTENT, LEASE), ("GET", INTENT), ("EXISTS", LEASE), ("DBSIZE",)]
        for number in numbers
    )
    replies: list[Any] = wire.each([one for commands in each for one in commands])
    found = zip(numbers, replies[2::5], replies[3::5], replies[4::5], strict=True)
    return {number: Looked(keys, intent, alive) for number, intent, alive, keys in found}


def _expect_free(looked: Mapping[int, Looked], targets: Sequence[int]) -> None:
    for number, found in looked.items():
        if found.intent is not None and (number in targets or {*found.intent["targets"]} & {*targets}):
            raise OperationInProgress(say("redis_restore_in_progress"), can_retry=True)


def _parsed(intent: bytes | None) -> dict[str, Any] | None:
    """None for a key of this name that isn't ours."""
    if intent is None:
        return None
    try:
        found = json.loads(intent)
        known = found["phase"] in ("loading", "switched") and isinstance(found["targets"], list)
        return found if known and isinstance(found["token"], str) and "keep" in found else None
    except (ValueError, KeyError, TypeError):
        return None
