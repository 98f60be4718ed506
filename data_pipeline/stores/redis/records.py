"""A record of a key: a line of JSON, so that a file can be read with `zstd -d` and any language.

{"key": "session:1", "type": "string", "expires_at": 1767225600000, "memory": 96, "dump": "base64", "digest": "sha256"}
A key that isn't UTF-8 is `key_base64`. A hash with fields that expire has `fields`: [[ms, digest], …].
"""

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from data_pipeline.stores.redis.values import EMPTY_HASH, KINDS, Field, Value

NEVER = 1 << 63


class Record(NamedTuple):
    """expires_at: ms since 1970, None for a key that stays. dump: what DUMP says, with version and checksum. memory:
    bytes that the key took in its server."""

    key: bytes
    kind: str
    expires_at: int | None
    dump: bytes
    value: Value
    memory: int

    @property
    def ends_at(self) -> int:
        """When the key is gone: its own time, or that of the last field of a hash whose fields all expire."""
        ends = NEVER if self.expires_at is None else self.expires_at
        _, _, _, _, (digest, fields), _ = self
        return min(ends, fields[-1][0]) if fields and digest == EMPTY_HASH else ends

    @property
    def version(self) -> int:
        """Of the payload's format: it precedes the checksum of 8 bytes, little endian."""
        return int.from_bytes(self.dump[-10:-8], "little")

    def is_now(self, expires_at: int | None, live: Value, moment: int) -> bool:
        """Whether a key that is there is this record's; fields may have expired by `moment` (ms), and only they."""
        if self.expires_at != expires_at or self.value.digest != live.digest:
            return False
        if not self.value.fields and not live.fields:
            return True
        due = {field for field in self.value.fields if field[0] > moment}
        return due <= set(live.fields) <= set(self.value.fields)


def encode(record: Record) -> bytes:
    """One line, its end included."""
    try:
        key = b'"key":' + encode_basestring(record.key.decode()).encode()
    except UnicodeDecodeError:
        key = b'"key_base64":"%b"' % b2a_base64(record.key, newline=False)
    expiry = b"" if record.expires_at is None else b',"expires_at":%d' % record.expires_at
    fields = b',"fields":%b' % json.dumps(record.value.fields).encode() if record.value.fields else b""
    line = b'{%b,"type":"%b"%b,"memory":%d,"dump":"%b","digest":"%b"%b}\n'
    kind, digest = record.kind.encode(), record.value.digest.encode()
    return line % (key, kind, expiry, record.memory, b2a_base64(record.dump, newline=False), digest, fields)


def decode_all(lines: Sequence[bytes]) -> list[Record]:
    """The records of some lines: parsed at once, which takes half of the time. Raises ValueError."""
    return [_record(found) for found in json.loads(b"[%b]" % b",".join(lines))]


def decode(line: bytes) -> Record:
    """Raises ValueError for anything that encode() doesn't make."""
    return _record(json.loads(line))


def _record(found: dict[str, Any]) -> Record:
    try:
        key = found["key"].encode() if "key" in found else a2b_base64(found["key_base64"], strict_mode=True)
        kind, expires_at, digest, memory = found["type"], found.get("expires_at"), found["digest"], found["memory"]
        dump = a2b_base64(found["dump"], strict_mode=True)
        fields: tuple[Field, ...] = tuple((at, of) for at, of in found["fields"]) if "fields" in found else ()
    except (KeyError, TypeError, AttributeError):
        raise ValueError("no record") from None
    if kind not in KINDS or type(digest) is not str or len(digest) != 64 or len(dump) <= 10:
        raise ValueError("no record")
    for number in (memory, 1 if expires_at is None else expires_at, *[at for at, _ in fields]):
        if type(number) is not int or not 0 < number < NEVER:
            raise ValueError("no record")
    return Record(key, kind, expires_at, dump, Value(digest, fields), memory)
