"""The records of a logical database, batch by batch.

SCAN names each key that is there all the while at least once, some twice while its table shrinks: keys that were read
are remembered, about 100 bytes each. Memory is bounded by what the server says a key takes, before it is read.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from common.errors import InvalidBackup, LockTimeout, StoreUnsupported
from common.messages import say
from data_pipeline.stores.redis.link.server import Server
from data_pipeline.stores.redis.link.wire import Command, Wire
from data_pipeline.stores.redis.records import Record
from data_pipeline.stores.redis.values import KINDS, Value, command, value

SCANNED = 1000
TRIES = 10
"""How often a key is read again that another client changes between two replies."""

INTENT = b"vector-backup:intent"
LEASE = b"vector-backup:lease"
OURS = frozenset({INTENT, LEASE})
"""Keys by which a database number is known that a restore is at work in."""


Typed = tuple[bytes, str]
"""A key and its type."""


class Named(NamedTuple):
    """A key that is to be read: its type, and the bytes that it takes in the server."""

    key: bytes
    kind: str
    memory: int


class Reader:
    """Reads keys of the selected database. still: no client writes meanwhile; else each key is read in a transaction.

    gone: how many keys were named and weren't there any more. memory: what the keys read take, as the server says.
    """

    def __init__(self, wire: Wire, known: Server, *, still: bool, largest: int) -> None:
        self._wire = wire
        self._field_ttls = known.field_ttls
        self._most = known.batch_bytes
        self._still = still
        self._largest = largest
        self.gone = 0
        self.memory = 0

    def records(self, pattern: str | None) -> Iterator[list[Record]]:
        """Of every key, or of those that match."""
        if self._still:
            for group, replies in self._wire.ahead(self._groups(pattern), _asked):
                yield self._checked(self._read_still(group, replies))
        else:
            for group in self._groups(pattern):
                yield self._checked(self._read_live(group))

    def _groups(self, pattern: str | None) -> Iterator[list[Named]]:
        for keys, replies in self._wire.ahead(self._new(pattern), _facts):
            yield from self._grouped(keys, replies)

    def _new(self, pattern: str | None) -> Iterator[list[bytes]]:
        seen: set[bytes] = set(OURS)
        for keys in scanned(self._wire, pattern):
            new = [key for key in dict.fromkeys(keys) if key not in seen]
            seen.update(new)
            yield new

    def _grouped(self, keys: Sequence[bytes], replies: Sequence[Any]) -> Iterator[list[Named]]:
        """Keys with their types, so many as fit into memory together."""
        group: list[Named] = []
        size = 0
        for key, kind, memory in zip(keys, replies[::2], replies[1::2], strict=True):
            if type(memory) is not int and memory is not None:
                self._wire.expect(memory, ("MEMORY",))
            if kind == b"none" or memory is None:
                self.gone += 1
                continue
            if group and size + memory > self._most:
                yield group
                group, size = [], 0
            group.append(Named(key, _expect_known(kind.decode()), memory))
            size += memory
            self.memory += memory
        if group:
            yield group

    def _checked(self, found: list[Record]) -> list[Record]:
        for record in found:
            if len(record.dump) > self._largest:
                key = shown(record.key)
                raise InvalidBackup(say("redis_key_too_large", key=key), details={"key": key})
        return found

    def _read_still(self, group: Sequence[Named], replies: Sequence[Any]) -> list[Record]:
        values = replies[2::3]
        expiries = self._field_expiries(
            [(one.key, reply) for one, reply in zip(group, values, strict=True) if one.kind == "hash"]
        )
        found = []
        for (key, kind, memory), dump, expires_at, reply in zip(
            group, replies[::3], replies[1::3], values, strict=True
        ):
            if type(dump) is not bytes:
                self._wire.expect(dump, ("DUMP",))
            if dump is None or reply is None or expires_at == -2 or (kind == "hash" and not reply):
                self.gone += 1  # it expired between two of these
                continue
            if self._wire.is_refusal(reply):
                self._wire.expect(reply, command(kind, key))
            found.append(record(key, kind, dump, expires_at, value(kind, reply, expiries.get(key, ())), memory))
        return found

    def _field_expiries(self, hashes: Sequence[tuple[bytes, Any]]) -> dict[bytes, list[int]]:
        there = [(key, reply) for key, reply in hashes if reply and not self._wire.is_refusal(reply)]
        if not (self._field_ttls and there):
            return {}
        replies = self._wire.each([_expiries_of(key, reply) for key, reply in there])
        return {key: found for (key, _), found in zip(there, replies, strict=True)}

    def _read_live(self, group: Sequence[Named]) -> list[Record]:
        found: list[Record] = []
        rest = list(group)
        for _ in range(TRIES):
            read, rest = self._tried(rest)
            found += read
            if not rest:
                return found
        raise LockTimeout(say("redis_key_changes", key=shown(rest[0][0])), can_retry=True)

    def _tried(self, group: Sequence[Named]) -> tuple[list[Record], list[Named]]:
        """Records, and the keys that were changed meanwhile, with the types that they have now."""
        fields = self._field_names(group)
        each: list[list[Command]] = [
            [("MULTI",), ("DUMP", key), ("PEXPIRETIME", key), command(kind, key), *_of_fields(fields, key), ("EXEC",)]
            for key, kind, _ in group
        ]
        replies = iter(self._wire.many([one for commands in each for one in commands]))
        found, changed = [], []
        for named, commands in zip(group, each, strict=True):
            key, kind, memory = named
            *_, last = [next(replies) for _ in commands]
            if self._wire.is_refusal(last):
                self._wire.each([("DUMP", key)])  # says what is refused
                raise LockTimeout(say("redis_key_changes", key=shown(key)), can_retry=True)
            dump, expires_at, reply, *expiries = last
            if dump is None:
                self.gone += 1
            elif self._is_other(reply, fields.get(key)):
                changed.append(named)
            else:
                found.append(record(key, kind, dump, expires_at, value(kind, reply, *expiries), memory))
        kinds = [kind.decode() for kind in self._wire.each([("TYPE", one.key) for one in changed])]
        again = [
            one._replace(kind=_expect_known(kind)) for one, kind in zip(changed, kinds, strict=True) if kind != "none"
        ]
        self.gone += len(changed) - len(again)
        return found, again

    def _is_other(self, reply: Any, names: list[bytes] | None) -> bool:
        """A value of another type, or a hash whose fields aren't those whose times were asked for."""
        return self._wire.is_refusal(reply) or (names is not None and list(reply[::2]) != names)

    def _field_names(self, group: Sequence[Named]) -> dict[bytes, list[bytes]]:
        hashes = [one.key for one in group if one.kind == "hash"] if self._field_ttls else []
        replies = self._wire.many([("HKEYS", key) for key in hashes])
        return {key: names for key, names in zip(hashes, replies, strict=True) if names and isinstance(names, list)}


def record(key: bytes, kind: str, dump: bytes, expires_at: int, found: Value, memory: int) -> Record:
    """expires_at: as PEXPIRETIME says it, -1 for never."""
    return Record(key, kind, expires_at if expires_at > 0 else None, dump, found, memory)


def scanned(wire: Wire, pattern: str | None = None) -> Iterator[list[bytes]]:
    """The names of keys; some may come twice."""
    cursor = b"0"
    matching: Command = ("MATCH", pattern) if pattern is not None else ()
    while True:
        cursor, keys = wire.call("SCAN", cursor, *matching, "COUNT", SCANNED)
        yield keys
        if cursor == b"0":
            return


def live_values(wire: Wire, keys: Sequence[Typed], *, field_ttls: bool) -> list[tuple[int, Value] | None]:
    """When each key expires (-1: never) and its value; None for one that isn't there, or has another type."""
    return values_of(wire, keys, wire.many([*value_commands(keys)]), field_ttls=field_ttls)


def value_commands(keys: Iterable[Typed]) -> Iterator[Command]:
    """What values_of() is to be told."""
    for key, kind in keys:
        yield ("PEXPIRETIME", key)
        yield command(kind, key)


def values_of(
    wire: Wire, keys: Sequence[Typed], replies: Sequence[Any], *, field_ttls: bool
) -> list[tuple[int, Value] | None]:
    """The same of what was replied."""
    values = replies[1::2]
    there = [
        (key, reply)
        for (key, kind), reply in zip(keys, values, strict=True)
        if kind == "hash" and field_ttls and reply and isinstance(reply, list)
    ]
    asked = wire.many([_expiries_of(key, reply) for key, reply in there])
    expiries = {key: found for (key, _), found in zip(there, asked, strict=True) if isinstance(found, list)}
    return [
        None if wire.is_refusal(reply) or expires_at == -2 else (expires_at, value(kind, reply, expiries.get(key, ())))
        for (key, kind), expires_at, reply in zip(keys, replies[::2], values, strict=True)
    ]


def shown(key: bytes) -> str:
    """A key as answers name it."""
    return key.decode(errors="backslashreplace")[:200]


def _expiries_of(key: bytes, reply: Sequence[bytes]) -> Command:
    names = reply[::2]
    return ("HPEXPIRETIME", key, "FIELDS", len(names), *names)


def _facts(keys: Sequence[bytes]) -> Iterator[Command]:
    for key in keys:
        yield ("TYPE", key)
        yield ("MEMORY", "USAGE", key)


def _asked(group: Sequence[Named]) -> Iterator[Command]:
    for key, kind, _ in group:
        yield ("DUMP", key)
        yield ("PEXPIRETIME", key)
        yield command(kind, key)


def _of_fields(fields: dict[bytes, list[bytes]], key: bytes) -> list[Command]:
    names = fields.get(key)
    return [("HPEXPIRETIME", key, "FIELDS", len(names), *names)] if names else []


def _expect_known(kind: str) -> str:
    """Raise StoreUnsupported for a module's type, whose value only that module can read."""
    if kind not in KINDS and kind != "none":
        raise StoreUnsupported(say("redis_type_unsupported", type=kind[:40]), details={"type": kind[:40]})
    return kind
