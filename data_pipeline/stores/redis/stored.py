"""What lies in a set of Redis, parsed: every block is checked, and every line of it."""

import json
from base64 import b64decode
from collections.abc import Iterator, Sequence

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.formats import compression
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.redis.facts import RedisFacts, file_key
from data_pipeline.stores.redis.records import Record, decode, decode_all

AT_A_TIME = 1000
"""A block has thousands: all of them parsed at once would keep the garbage collector busy."""


def records(held: HeldSet, database: int) -> Iterator[tuple[int, list[Record]]]:
    """Records, some at a time, and how many stored bytes were read for them. Raises InvalidBackup."""
    key = file_key(database)
    line = 0
    for size, lines in _blocks(held, key):
        for place in range(0, len(lines), AT_A_TIME):
            some = lines[place : place + AT_A_TIME]
            try:
                found = decode_all(some)
            except ValueError:
                raise damaged(held, key, line + _first_bad(some)) from None
            if len(found) != len(some):
                raise damaged(held, key, line + _first_bad(some))
            line += len(some)
            yield (size if place == 0 else 0), found


def _first_bad(lines: Sequence[bytes]) -> int:
    """The number of the first line that is no record."""
    for number, line in enumerate(lines, 1):
        try:
            decode(line)
        except ValueError:
            return number
    return len(lines)


def texts(held: HeldSet, key: str, *names: str) -> Iterator[tuple[bytes, ...]]:
    """The lines of a file of the whole server: the values of these names."""
    if key not in held.files:
        return
    line = 0
    for _, lines in _blocks(held, key):
        for text in lines:
            line += 1
            try:
                found = json.loads(text)
                yield tuple(
                    found[name].encode() if name in found else b64decode(found[f"{name}_base64"]) for name in names
                )
            except (ValueError, KeyError, TypeError, AttributeError):
                raise damaged(held, key, line) from None


def expect_whole(held: HeldSet, facts: RedisFacts) -> None:
    """Read every line of every database. Raises InvalidBackup for keys that are missing, or there twice."""
    for name, fact in facts.databases.items():
        keys: set[bytes] = set()
        for _, found in records(held, int(name)):
            keys.update(record.key for record in found)
        count = held.manifest.files[file_key(int(name))].rows if file_key(int(name)) in held.manifest.files else 0
        if not len(keys) == count == fact.keys:
            raise damaged(held, file_key(int(name)), count)


def damaged(held: HeldSet, key: str, line: int) -> InvalidBackup:
    """A line that can't stand there, though its block is as it was written."""
    name = held.files[key].name if key in held.files else key
    return InvalidBackup(
        say("redis_record_invalid", file=name, line=line),
        details={"file": name, "line": line, "reason": say("redis_no_record")},
    )


def _blocks(held: HeldSet, key: str) -> Iterator[tuple[int, list[bytes]]]:
    """The stored bytes of each block, and its lines."""
    if key not in held.files:
        raise damaged(held, key, 0)
    line = 0
    for block, stored in zip(held.manifest.files[key].blocks, held.blocks(key), strict=True):
        try:
            lines = compression.decompress(stored, block.raw_bytes or 0).splitlines(keepends=True)
        except compression.BadFrame:
            raise damaged(held, key, line + 1) from None
        if len(lines) != block.rows:
            raise damaged(held, key, line + 1)
        line += len(lines)
        yield block.bytes, lines
