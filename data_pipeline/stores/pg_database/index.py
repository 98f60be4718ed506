"""Where the data of each entry stands in an archive, found out while its bytes go by.

Of an archive that ends before its last block, or whose blocks don't belong to its entries, nothing is restored: what
pg_restore would notice only in the middle of its work is known before it is started.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data_pipeline.stores.pg_database import contents
from data_pipeline.stores.pg_database.contents import Contents, Incomplete

DATA, LARGE_OBJECTS = 1, 3
"""The kinds of blocks."""

FIRST_LOOK = 64 << 10
LARGEST_HEAD = 1 << 30


@dataclass(frozen=True)
class Span:
    """A range of an archive's bytes."""

    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Indexed:
    """An archive that is complete: its head, and the block of each entry that has one, by its number.

    digests: the SHA-256 of each table's data, if it was asked for: the same rows have the same one, in any archive that
    isn't compressed by pg_dump.
    """

    contents: Contents
    blocks: Mapping[int, Span]
    digests: Mapping[int, str] = field(default_factory=dict)

    @property
    def table_digests(self) -> Mapping[tuple[str, str], str]:
        """By the table's schema and name."""
        tables = {entry.id: entry.relation for entry in self.contents.entries if entry.kind == "TABLE DATA"}
        return {tables[number]: digest for number, digest in self.digests.items() if number in tables}

    def spans(self, order: Sequence[int]) -> list[Span]:
        """The head, then the blocks of these entries: an archive too, which a pipe can carry in this order."""
        return [Span(0, self.contents.size), *(self.blocks[number] for number in order if number in self.blocks)]


class Head:
    """Is fed an archive until its head is complete. Raises InvalidBackup."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._next_look = FIRST_LOOK
        self.found: Contents | None = None

    def feed(self, data: bytes) -> None:
        if self.found is not None:
            return
        self._data += data
        if len(self._data) >= len(contents.MAGIC) and not self._data.startswith(contents.MAGIC):
            raise contents.not_an_archive()
        if len(self._data) >= self._next_look:
            self._look()

    def complete(self) -> Contents:
        """What there is, once all of it was fed."""
        if self.found is None:
            self._look()
        if self.found is None:
            raise contents.damaged() if self._data else contents.not_an_archive()
        return self.found

    def rest(self) -> bytes:
        """What was fed of what follows it, as far as the head was looked for."""
        return bytes(self._data[self.found.size :]) if self.found else b""

    def _look(self) -> None:
        """Whether it is complete by now; again only when there is twice as much."""
        try:
            self.found = contents.parse(bytes(self._data))
        except Incomplete:
            if len(self._data) > LARGEST_HEAD:
                raise contents.damaged() from None
            self._next_look = 2 * len(self._data)


class Index:
    """Is fed an archive from its first byte to its last. Every method raises InvalidBackup.

    hashing: whether the data of each entry is hashed too.
    """

    def __init__(self, *, hashing: bool = False) -> None:
        self._hashes: dict[int, hashlib._Hash] | None = {} if hashing else None
        self._head: Head | None = Head()
        self._contents: Contents | None = None
        self._blocks: dict[int, Span] = {}
        self._position = 0
        """Of the byte that comes next, from the beginning of the archive."""
        self._skip = 0
        self._carry = b""
        self._missing: set[int] = set()
        """The entries whose block has not ended yet."""
        self._begun: tuple[int, int] | None = None
        """Where the block that is under way began, and its entry."""
        self._kind = 0
        self._in_object = False

    def feed(self, data: bytes) -> None:
        if self._head is None:
            self._walk(data)
            return
        self._head.feed(data)
        if self._head.found:
            self._begin_walk(self._head)

    def complete(self) -> Indexed:
        """What there is, once all of it was fed."""
        if self._head is not None:
            self._head.complete()
            self._begin_walk(self._head)
        if self._contents is None or self._missing:
            raise contents.damaged()
        digests = {number: one.hexdigest() for number, one in (self._hashes or {}).items()}
        return Indexed(self._contents, self._blocks, digests)

    def _begin_walk(self, head: Head) -> None:
        self._contents = head.complete()
        self._head, self._position = None, self._contents.size
        self._missing = {entry.id for entry in self._contents.entries if entry.has_data}
        self._walk(head.rest())

    def _walk(self, data: bytes) -> None:
        """Go from one length to the next. Called for each megabyte, and it may hold a length for each row."""
        if self._carry:
            data, self._position = self._carry + data, self._position - len(self._carry)
            self._carry = b""
        width = 1 + (self._contents.integer_size if self._contents else 0)
        at, end = 0, len(data)
        while self._missing:  # what stands behind the last block, such as a second table of contents, is not read
            if self._skip:
                step = min(self._skip, end - at)
                if self._hashes is not None and self._begun:
                    self._hashes.setdefault(self._begun[1], hashlib.sha256()).update(data[at : at + step])
                at, self._skip = at + step, self._skip - step
                if self._skip:
                    break
            needed = width if self._begun else 1 + width
            if end - at < needed:
                self._carry = data[at:]
                break
            if self._begun is None:
                self._begin(data[at], data[at + 1], data[at + 2 : at + needed], self._position + at)
            else:
                self._go_on(int.from_bytes(data[at + 1 : at + width], "little"), self._position + at + width)
            at += needed
        self._position += end

    def _begin(self, kind: int, sign: int, digits: bytes, position: int) -> None:
        number = int.from_bytes(digits, "little")
        if kind not in (DATA, LARGE_OBJECTS) or sign or number not in self._missing:
            raise contents.damaged()
        self._begun, self._kind, self._in_object = (position, number), kind, False

    def _go_on(self, length: int, position: int) -> None:
        """A length: of a piece of data, 0 at the end. Among large objects an object's number stands before its data."""
        if self._kind == LARGE_OBJECTS and not self._in_object:
            if length:
                self._in_object = True
            else:
                self._end(position)
            return
        if length:
            self._skip = length
        elif self._kind == LARGE_OBJECTS:
            self._in_object = False
        else:
            self._end(position)

    def _end(self, position: int) -> None:
        if self._begun:
            start, number = self._begun
            self._blocks[number] = Span(start, position)
            self._missing.discard(number)
            self._begun = None
