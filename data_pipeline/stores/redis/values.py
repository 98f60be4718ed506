"""The logical value of a key: how it is read, and the digest by which two are the same in any encoding.

DUMP's bytes differ for equal sets and between versions of the server. The digest is the SHA-256 of the type's name and
of the value's parts, each as `length:bytes`, in an order of its own: as they stand for lists, sorted for sets, hashes
and sorted sets. docs/reference/file-formats.md has it for other programs.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from data_pipeline.stores.redis.link.wire import Command

Field = tuple[int, str]
"""A field of a hash that expires: when (ms since 1970), and the digest of its name and value."""


class Value(NamedTuple):
    """digest: of the value without fields that expire, which stand in `fields`, sorted."""

    digest: str
    fields: tuple[Field, ...] = ()


class Kind(NamedTuple):
    """A type: the command that reads a value (what stands before the key and behind it), and the parts of its reply."""

    around: tuple[Command, Command]
    parts: Callable[[Any], Iterable[bytes]]


def _ordered(reply: Sequence[bytes]) -> Sequence[bytes]:
    return reply


def _pairs(reply: Sequence[bytes]) -> Iterable[bytes]:
    pairs = sorted(zip(reply[::2], reply[1::2], strict=True))
    return [part for pair in pairs for part in pair]


def _scored(reply: Sequence[bytes]) -> Iterable[bytes]:
    """Members with the bits of their scores: servers write the same number differently."""
    pairs = sorted(zip(reply[::2], reply[1::2], strict=True))
    return [part for member, score in pairs for part in (member, struct.pack(">d", float(score)))]


def _streamed(reply: Sequence[Any]) -> Iterable[bytes]:
    """Entries, the ids that go on counting, and the groups with what they have not acknowledged.

    When a consumer was last seen isn't part of the value: looking at a group changes it.
    """
    stream = _mapping(reply)
    for name in (b"last-generated-id", b"max-deleted-entry-id", b"entries-added"):
        yield _text(stream[name])
    for entry, fields in stream[b"entries"]:
        yield from (b"entry", entry, _text(len(fields)), *fields)
    for group in sorted(map(_mapping, stream[b"groups"]), key=lambda one: one[b"name"]):
        yield from (b"group", group[b"name"], group[b"last-delivered-id"], _text(group[b"entries-read"]))
        for entry, consumer, delivered, count in sorted(group[b"pending"]):
            yield from (b"pending", entry, consumer, _text(delivered), _text(count))
        for consumer in sorted(_mapping(one)[b"name"] for one in group[b"consumers"]):
            yield from (b"consumer", consumer)


KINDS: dict[str, Kind] = {
    "string": Kind((("GET",), ()), lambda reply: (reply,)),
    "list": Kind((("LRANGE",), ("0", "-1")), _ordered),
    "set": Kind((("SMEMBERS",), ()), sorted),
    "hash": Kind((("HGETALL",), ()), _pairs),
    "zset": Kind((("ZRANGE",), ("0", "-1", "WITHSCORES")), _scored),
    "stream": Kind((("XINFO", "STREAM"), ("FULL", "COUNT", "0")), _streamed),
}


def command(kind: str, key: bytes) -> Command:
    """What reads a value."""
    before, after = KINDS[kind].around
    return (*before, key, *after)


def value(kind: str, reply: Any, expiries: Sequence[int] = ()) -> Value:
    """The value of a reply to that command. expiries: of a hash's fields, in the reply's order; -1 for none."""
    if not any(at > 0 for at in expiries):
        return Value(_digest(kind, KINDS[kind].parts(reply)))
    lasting: list[bytes] = []
    fields: list[Field] = []
    for name, content, at in zip(reply[::2], reply[1::2], expiries, strict=True):
        if at > 0:
            fields.append((at, _digest("field", (name, content))))
        else:
            lasting += (name, content)
    return Value(_digest(kind, KINDS[kind].parts(lasting)), tuple(sorted(fields)))


def _digest(kind: str, parts: Iterable[bytes]) -> str:
    whole = b"".join([b"%d:%b" % (len(part), part) for part in parts])
    return hashlib.sha256(b"%b\n%b" % (kind.encode(), whole)).hexdigest()


def _mapping(flat: Sequence[Any]) -> dict[bytes, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _text(word: Any) -> bytes:
    """nil as nothing: a group of which it isn't known how many entries it has read."""
    if word is None:
        return b""
    return word if isinstance(word, bytes) else str(word).encode()


EMPTY_HASH = value("hash", []).digest
