"""Which dialect the CSV files of a set are in: a manifest decides, or the caller, or what the files hold.

Until the first value that only one of them can have, a file is read as its line ends suggest: csv.writer ends lines
with `\\r\\n`, COPY with the server's own line end. A later value that the assumed dialect can't have reopens the whole
set, so that what was loaded by then is read again. One set is in one dialect. What the caller says is final: then
nothing is compared.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from common.errors import InvalidBackup, InvalidParams
from common.messages import say
from data_pipeline.formats.csv_header import Header
from data_pipeline.formats.dialects.evidence import Dialect, Evidence, other
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.backup_set import BackupSet

WRITERS: dict[Dialect, str] = {"copy": "COPY", "python": "Python"}

Result = TypeVar("Result")


class Reopened(Exception):
    """A set turned out to be in the other dialect than assumed: what was read of it has to be read again.

    Not a ServiceError: nothing has failed, neither one table nor the whole.
    """


class WrongDialect(InvalidBackup):
    """Values in a set contradict each other: no table of it can be trusted."""


@dataclass(frozen=True)
class Found:
    """Where a file holds what only one dialect has."""

    file: str
    line: int
    column: str


class SetDialect:
    """The dialect of one set that nothing vouches for, as far as it is known. told: what the caller says it is."""

    def __init__(self, told: Dialect | None = None) -> None:
        self.told = told
        self._found: dict[Dialect, Found] = {}
        self._assumed: set[Dialect] = set()
        self._ambiguous: dict[str, tuple[Dialect, int]] = {}
        self._stripped: dict[str, int] = {}

    def of(self, header: Header) -> Dialect:
        """How a file with this header is to be read from now on."""
        windows = header.newline == b"\r\n" or header.unnamed > 0  # no index column is from COPY
        assumed: Dialect = "python" if windows else "copy"
        known: list[Dialect] = [self.told] if self.told else list(self._found)
        dialect = known[0] if known else assumed
        self._assumed.add(dialect)
        return dialect

    def remember(self, file: str, evidence: Evidence, lines_before: int) -> None:
        """Keep what a block holds for when the set is read; lines_before: how many lines of the file precede it."""
        for dialect in WRITERS:
            if sign := evidence.of(dialect):
                self._found.setdefault(dialect, Found(file, lines_before + sign.line, sign.column))

    def take(self, file: str, evidence: Evidence, lines_before: int) -> None:
        """Weigh what a block that was read holds, beside all that is known.

        Raises WrongDialect, and Reopened if another dialect was assumed of something that has been read.
        """
        self.remember(file, evidence, lines_before)
        if len(self._found) == len(WRITERS):
            raise _mixed(self._found)
        if self._assumed - self._found.keys() and self._found:
            self._assumed.clear()
            self._ambiguous.clear()
            raise Reopened

    def finished(self, table: str, read_as: Dialect, ambiguous: int) -> None:
        """Remember how many values of a table, read to its end, mean something else in the other dialect."""
        self._ambiguous[table] = read_as, ambiguous

    def stripped(self, table: str, rows: int) -> None:
        """Remember from how many rows of a table what jsonb can't hold was dropped as they were read."""
        self._stripped[table] = max(rows, self._stripped.get(table, 0))

    def warnings(self) -> Iterator[str]:
        """What the answer says of values that were changed, and of those that nothing tells how to read."""
        for table, rows in self._stripped.items():
            if rows:
                yield say("json_nul_stripped", table=table, rows=rows)
        if self.told or self._found:
            return
        for table, (dialect, count) in self._ambiguous.items():
            if count:
                meant = "NULL" if dialect == "copy" else say("empty_string")
                yield say(
                    "dialect_ambiguous",
                    table=table,
                    writer=WRITERS[dialect],
                    count=count,
                    meaning=meant,
                    other=other(dialect),
                )


def expect_open(told: Dialect | None, sets: Sequence[BackupSet]) -> None:
    """Raise InvalidParams if the caller says "python" of sets whose manifests say that COPY wrote them."""
    if told == "python" and all(one.manifest for one in sets):
        text = say("dialect_not_open")
        raise InvalidParams(text, details={"field": "dialect"})


def rereading(attempt: Callable[[], Result], progress: Progress) -> Result:
    """What the attempt returns, made again if a set was reopened: at most once for each set."""
    while True:
        try:
            return attempt()
        except Reopened:
            progress.begin_again()


def _mixed(found: dict[Dialect, Found]) -> WrongDialect:
    places = tuple(
        say(
            "dialect_found",
            file=found[dialect].file,
            line=found[dialect].line,
            column=found[dialect].column,
            writer=writer,
        )
        for dialect, writer in WRITERS.items()
    )
    reason = say("dialects_mixed")
    last = asdict(list(found.values())[-1])
    both = {dialect: asdict(place) for dialect, place in found.items()}
    return WrongDialect(
        say("about", reason=reason, subject=places), can_retry=False, details={**last, "reason": reason, **both}
    )
