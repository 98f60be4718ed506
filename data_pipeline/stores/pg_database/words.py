"""What pg_dump and pg_restore say on standard error, under LC_ALL=C: objects as they come, and what went wrong.

Their exit status is 1 for everything. The server's part of an error is in the language of its lc_messages; where that
may not be English, no error is told from another one, and none is ignorable.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Cause = Literal[
    "EXISTS",
    "DUPLICATE",
    "NO_ROLE",
    "CONNECTION",
    "AUTHENTICATION",
    "PRIVILEGE",
    "NO_DATABASE",
    "MEMORY",
    "DISK_FULL",
    "DAMAGED",
    "DEPENDENTS",
    "EXTENSION",
    "LOCK",
    "TOO_MANY_LOCKS",
    "REFERENCES",
    "OTHER",
]

IGNORABLE: frozenset[Cause] = frozenset({"EXISTS", "DUPLICATE", "NO_ROLE"})
"""In a merge: what is there stays as it is."""

SERVER: tuple[tuple[Cause, str], ...] = (
    ("EXISTS", r"already exists|multiple primary keys for table .* are not allowed|is already a partition"),
    ("DUPLICATE", r"duplicate key value violates unique constraint"),
    ("NO_ROLE", r'^role ".*" does not exist'),
    ("DISK_FULL", r"No space left on device|could not extend file|disk full"),
    ("TOO_MANY_LOCKS", r"You might need to increase .?max_locks_per_transaction|out of shared memory"),
    ("MEMORY", r"out of memory|memory exhausted"),
    ("NO_DATABASE", r'^database ".*" does not exist'),
    ("DEPENDENTS", r"because other objects depend on it|cannot drop .* because"),
    ("EXTENSION", r'extension ".*" is not available|extension control file|required extension'),
    ("REFERENCES", r"violates foreign key constraint"),
    ("LOCK", r"lock timeout|deadlock detected"),
    ("PRIVILEGE", r"permission denied|must be (owner|superuser|able to)|row-level security"),
    ("CONNECTION", r"terminating connection|the database system is|connection to client lost"),
)
CHILD: tuple[tuple[Cause, str], ...] = (
    ("AUTHENTICATION", r"authentication failed|no password supplied|pg_hba\.conf"),
    ("NO_DATABASE", r'database ".*" does not exist'),
    ("DISK_FULL", r"No space left on device"),
    ("MEMORY", r"out of memory"),
    ("CONNECTION", r"connection to server|server closed the connection|no connection to the server|could not receive"),
    ("DAMAGED", r"input file|could not read|could not uncompress|corrupt|end of file|archive|magic|block"),
)
BEGIN = re.compile(
    r"pg_(?:restore|dump): (?:creating|processing data for|executing|dropping|dumping contents of) (?P<what>.+?)\s*$"
)
ENTRY = re.compile(r"pg_restore: from TOC entry (?P<id>\d+);")
ERROR = re.compile(r"pg_(?:restore|dump): (?:error|fatal): (?P<text>.*)")
FROM_SERVER = re.compile(r"(?:ERROR|FATAL|PANIC):  (?P<text>.*)")
DETAIL = re.compile(r"(?:pg_dump: detail: |DETAIL: +)(?P<text>.*)")
DEPENDENT = re.compile(r"(?P<dependent>.+) depends on .+")
END = re.compile("HINT: |Command was: ")
"""What follows is no detail of an error any more: a statement may hold any line."""

NAMES_SHOWN = 20


@dataclass
class Failure:
    """One error. entry: the number of the archive's entry that it is about, if it is about one.

    dependents: what stands in the way of a DROP, as the server names it.
    """

    cause: Cause
    entry: int | None = None
    dependents: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Begun:
    """What the child turns to next, as it names it: `TABLE "public.items"`."""

    what: str


class Listener:
    """Reads the lines of one child. known: whether the server's errors are English."""

    def __init__(self, known: bool) -> None:
        self.failures: list[Failure] = []
        self._known = known
        self._entry: int | None = None
        self._last: Failure | None = None

    def hear(self, line: str) -> Iterator[Begun | Failure]:
        """What a line says, if it says anything."""
        if found := BEGIN.match(line):
            self._last = None
            yield Begun(found["what"])
        elif found := ENTRY.match(line):
            self._entry, self._last = int(found["id"]), None
        elif found := ERROR.match(line):
            self._last = Failure(self._cause(found["text"]), self._entry)
            self.failures.append(self._last)
            yield self._last
        else:
            self._hear_more(line)

    def _hear_more(self, line: str) -> None:
        """The lines behind an error: its details, of which only names of objects are kept."""
        last = self._last
        if last is None or END.match(line):
            self._last = None
            return
        said = DETAIL.match(line)
        if last.cause == "OTHER" and said and (server := FROM_SERVER.search(said["text"])) and self._known:
            last.cause = _of(SERVER, server["text"])
        found = DEPENDENT.fullmatch((said["text"] if said else line).strip())
        if found and last.cause == "DEPENDENTS" and len(last.dependents) < NAMES_SHOWN:
            last.dependents.append(found["dependent"])

    def _cause(self, text: str) -> Cause:
        server = FROM_SERVER.search(text)
        if text.startswith("connection to server") or server is None:
            return _of(CHILD, text)
        return _of(SERVER, server["text"]) if self._known else "OTHER"


def _of(known: tuple[tuple[Cause, str], ...], text: str) -> Cause:
    return next((cause for cause, words in known if re.search(words, text)), "OTHER")
