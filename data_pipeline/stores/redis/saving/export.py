"""A server's databases into a set: a file each, a block of records at a time."""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.errors import NotFound
from common.messages import say
from data_pipeline.formats import compression
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.store_draft import BlockFile, StoreDraft
from data_pipeline.storage.naming import store_stem
from data_pipeline.stores.redis import facts as names
from data_pipeline.stores.redis.facts import DatabaseFact
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.server import Server
from data_pipeline.stores.redis.link.wire import Wire
from data_pipeline.stores.redis.reading import INTENT, Reader
from data_pipeline.stores.redis.records import Record, encode
from data_pipeline.stores.redis.saving.consistency import Ground

FAMILY = "redis"
SUFFIX = "jsonl.zst"
LEVEL = 1
BLOCK_BYTES = 4 << 20


@dataclass
class Counted:
    """What was written of a database."""

    keys: int = 0
    expiring: int = 0
    version: int = 0
    types: Counter[str] = field(default_factory=Counter)

    def add(self, record: Record) -> None:
        self.keys += 1
        self.expiring += record.expires_at is not None
        self.version = max(self.version, record.version)
        self.types[record.kind] += 1


class Export:
    """From one ground into one draft. largest: bytes of one key's payload. Every method raises ServiceError."""

    def __init__(self, ground: Ground, source: Server, draft: StoreDraft, largest: int, progress: Progress) -> None:
        self._ground = ground
        self._source = source
        self._draft = draft
        self._largest = largest
        self._progress = progress
        self.version = 0

    def databases(self, numbers: Sequence[int] | None, pattern: str | None) -> dict[str, DatabaseFact]:
        """The keys of some databases, or of all that have any; a database in which a restore is at work is none."""
        there = server.keyspace(self._ground.wire)
        chosen = self._all(there) if numbers is None else numbers
        self._progress.expect_rows(sum(there.get(number, 0) for number in chosen))
        return {str(number): self._database(number, pattern) for number in chosen}

    def functions(self) -> list[str]:
        """The libraries of the server, as their source; returns their names."""
        replies = self._ground.wire.call("FUNCTION", "LIST", "WITHCODE")
        libraries = [dict(zip(one[::2], one[1::2], strict=True)) for one in replies]
        lines = [_line({"library": one[b"library_name"], "code": one[b"library_code"]}) for one in libraries]
        if lines:
            self._write_small(names.FUNCTIONS, lines)
        return [one[b"library_name"].decode() for one in libraries]

    def users(self, source: Wire) -> int:
        """Users and their rules, with the hashes of their passwords; returns how many."""
        rules = [one.split(b" ", 2)[1:] for one in source.call("ACL", "LIST")]
        self._write_small(names.USERS, [_line({"user": user, "rules": rule}) for user, rule in rules])
        return len(rules)

    def _all(self, there: dict[int, int]) -> list[int]:
        found = []
        for number in sorted(there):
            self._ground.wire.select(number)
            if not self._ground.wire.call("EXISTS", INTENT):
                found.append(number)
        return found

    def _database(self, number: int, pattern: str | None) -> DatabaseFact:
        wire = self._ground.wire
        wire.select(number)
        if wire.call("EXISTS", INTENT):
            raise NotFound(say("redis_database_is_scratch", database=number))
        reader = Reader(wire, self._source, still=self._ground.still, largest=self._largest)
        counted = Counted()
        key = names.file_key(number)
        self._progress.enter("load", key)
        with self._draft.file(key, store_stem(FAMILY, str(number)), SUFFIX) as file:
            for lines in self._blocks(reader.records(pattern), counted):
                _write(file, lines)
        self.version = max(self.version, counted.version)
        return DatabaseFact(
            keys=counted.keys,
            expiring=counted.expiring,
            memory_bytes=reader.memory,
            types=dict(sorted(counted.types.items())),
            gone=reader.gone,
        )

    def _blocks(self, batches: Iterator[list[Record]], counted: Counted) -> Iterator[list[bytes]]:
        lines: list[bytes] = []
        size = 0
        for batch in batches:
            self._ground.expect_held()
            for record in batch:
                counted.add(record)
                lines.append(encode(record))
                size += len(lines[-1])
                if size >= BLOCK_BYTES:
                    yield lines
                    lines, size = [], 0
            self._progress.advance(sum(len(record.dump) for record in batch), len(batch))
        if lines:
            yield lines

    def _write_small(self, key: str, lines: list[bytes]) -> None:
        with self._draft.file(key, store_stem(FAMILY, key), SUFFIX) as file:
            _write(file, lines)


def _write(file: BlockFile, lines: list[bytes]) -> None:
    raw = b"".join(lines)
    file.write(compression.compress(raw, LEVEL), len(lines), len(raw))


def _line(texts: dict[str, bytes]) -> bytes:
    """A line of JSON; what isn't UTF-8 is `<name>_base64`."""
    found: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            found[name] = text.decode()
        except UnicodeDecodeError:
            found[f"{name}_base64"] = b64encode(text).decode()
    return json.dumps(found, ensure_ascii=False).encode() + b"\n"
