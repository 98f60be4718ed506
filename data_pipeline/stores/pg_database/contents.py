"""The head of an archive in pg_dump's custom format: what it is of, and its table of contents.

Read without running anything. The format is that of PostgreSQL's pg_backup_archiver.c (ReadHead, ReadToc) and
pg_backup_custom.c: integers have a sign byte before their little-endian bytes, strings have their length before them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from common.errors import InvalidBackup
from common.messages import say

MAGIC = b"PGDMP"
OLDEST, NEWEST = (1, 12), (1, 16)
"""Of the format: PostgreSQL 9.0 and 18."""

CUSTOM = 1
MOST_ENTRIES = 5_000_000
LONGEST_TEXT = 256 << 20
"""Of one definition: a damaged length must not take all memory."""

INTEGER_SIZES = (4, 8)


class Incomplete(Exception):
    """The head goes on behind what has been read so far."""


@dataclass(frozen=True)
class Entry:
    """One line of the table of contents.

    kind: as pg_restore names it, such as TABLE DATA. depends_on: numbers of other entries, or of nothing that is in the
    archive. has_data: whether a block of data belongs to it.
    """

    id: int
    kind: str
    name: str
    schema: str
    owner: str
    tablespace: str
    definition: str
    depends_on: tuple[int, ...]
    has_data: bool

    @property
    def title(self) -> str:
        """As pg_restore shows it, for people."""
        return f"{self.kind} {self.schema}.{self.name}" if self.schema else f"{self.kind} {self.name}"

    @property
    def relation(self) -> tuple[str, str]:
        return self.schema, self.name


@dataclass(frozen=True)
class Contents:
    """The head of an archive. version: of the format. size: of the head, in bytes; the blocks of data follow it."""

    version: tuple[int, int]
    integer_size: int
    database: str
    server_version: str
    dump_version: str
    entries: Sequence[Entry]
    size: int

    @property
    def server_major(self) -> int:
        """Of the server it was made from."""
        return major(self.server_version)

    @property
    def dump_major(self) -> int:
        """Of the pg_dump that made it: no older pg_restore reads it."""
        return major(self.dump_version)

    @cached_property
    def by_id(self) -> Mapping[int, Entry]:
        return {entry.id: entry for entry in self.entries}


def major(version: str) -> int:
    """Of `18.4`, `16beta1` or `15.18 (Debian …)`; 9 for every 9.x. Raises InvalidBackup."""
    found = re.match(r"(\d{1,4})", version)
    if found is None:
        raise damaged()
    return int(found[1])


def parse(head: bytes) -> Contents:
    """The head at the beginning of an archive. Raises Incomplete, InvalidBackup."""
    reader = _Reader(head)
    if reader.take(len(MAGIC)) != MAGIC:
        raise not_an_archive()
    version, revised = (reader.byte(), reader.byte()), reader.byte()
    if not OLDEST <= version <= NEWEST:
        text = say("archive_format_unknown", version=f"{version[0]}.{version[1]}-{revised}")
        raise InvalidBackup(text, can_retry=False, details={"reason": text})
    reader.integer_size = reader.byte()
    reader.offset_size = reader.byte()
    if reader.integer_size not in INTEGER_SIZES or reader.offset_size not in INTEGER_SIZES or reader.byte() != CUSTOM:
        raise not_an_archive()
    if version >= (1, 15):
        reader.byte()  # the method of compression
    else:
        reader.integer()  # its level
    for _ in range(7):  # the time it was made
        reader.integer()
    database, server_version, dump_version = reader.text(), reader.text(), reader.text()
    count = reader.integer()
    if not 0 <= count <= MOST_ENTRIES:
        raise damaged()
    entries = [_entry(reader, version) for _ in range(count)]
    found = Contents(
        version, reader.integer_size, database, server_version, dump_version, entries, size=reader.position
    )
    if found.server_major and found.dump_major and len(found.by_id) == count:
        return found
    raise damaged()


def not_an_archive() -> InvalidBackup:
    """For plain SQL too, which is never run: psql would do anything it says, on this machine."""
    text = say("archive_not_custom")
    return InvalidBackup(text, can_retry=False, details={"reason": text})


def damaged() -> InvalidBackup:
    text = say("archive_damaged")
    return InvalidBackup(text, can_retry=False, details={"reason": text})


def _entry(reader: "_Reader", version: tuple[int, int]) -> Entry:
    number, has_data = reader.integer(), reader.integer() != 0
    reader.text()  # the oid of its catalog
    reader.text()  # its own
    name, kind = reader.text(), reader.text()
    reader.integer()  # the section
    definition = reader.text()
    reader.text()  # how it is dropped
    reader.text()  # the COPY of its data
    schema, tablespace = reader.text(), reader.text()
    if version >= (1, 14):
        reader.text()  # the access method
    if version >= (1, 16):
        reader.integer()  # the kind of relation
    owner = reader.text()
    reader.text()  # whether it has oids
    depends_on = []
    while (dependency := reader.optional_text()) is not None:
        depends_on.append(int(dependency) if dependency.isascii() and dependency.isdigit() else 0)
    reader.take(1 + reader.offset_size)  # where its data is, if the archive went to a file
    return Entry(number, kind, name, schema, owner, tablespace, definition, tuple(depends_on), has_data)


class _Reader:
    """Takes values from the beginning of an archive. Raises Incomplete at the end of what there is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0
        self.integer_size = 4
        self.offset_size = 8

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self._data):
            raise Incomplete
        found = self._data[self.position : end]
        self.position = end
        return found

    def byte(self) -> int:
        return self.take(1)[0]

    def integer(self) -> int:
        sign, value = self.byte(), int.from_bytes(self.take(self.integer_size), "little")
        return -value if sign else value

    def text(self) -> str:
        return self.optional_text() or ""

    def optional_text(self) -> str | None:
        size = self.integer()
        if size < 0:
            return None
        if size > LONGEST_TEXT:
            raise damaged()
        return self.take(size).decode("utf-8", "surrogateescape")
