"""What a way to restore is: steps that a run and a dry run share, and, side by side, what only one of the two does."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from common.messages import say
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.context import Context
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import analyze, tables
from data_pipeline.postgres.schema.tables import LockMode
from data_pipeline.postgres.writing import conflicts, sync
from data_pipeline.postgres.writing.conflicts import Meeting
from data_pipeline.postgres.writing.references import Going
from data_pipeline.postgres.writing.sync import Counts


class Clash(NamedTuple):
    """Two fields of the request that can't stand together, as an answer names them, and the reason."""

    first: str
    second: str
    reason: str


OWNERS_OR_VALUES = Clash("collections", "where", say("clash_two_choices_of_rows"))
"""Rows are chosen in one way or in the other, in every mode that takes a choice."""


class Mode(ABC):
    """One restore in one way. run() writes; plan() takes the same steps and counts, where a run writes.

    A mode says what it needs by its attributes, and overrides the steps in which it differs from the others. Under a
    DryContext no step locks or writes, and one that fails is noted.
    """

    strategy: ClassVar[str] = "reload"
    """The value of that field which it takes."""
    clashes: ClassVar[tuple[Clash, ...]] = ()
    """The fields that this way excludes. The first one that a request has is refused."""
    privileges: ClassVar[frozenset[str]]
    """What the role needs on the tables that are written, to write them."""
    lock: ClassVar[LockMode | None] = "SHARE ROW EXCLUSIVE"
    """On all tables of the layout while rows are written; None where others go on writing."""
    meeting: ClassVar[Meeting]
    """Which rows are written, and which live ones stay beside them, for unique indexes to refuse."""
    compares: ClassVar[bool] = False
    """Rows are told apart by key, and only those that differ are written."""
    among_live: ClassVar[bool] = False
    """The owner of a row may be a live one, though the backup's owners are restored as well."""
    straight: ClassVar[bool] = False
    """Rows go straight into the tables; none are staged, unless in a dry run."""
    removes: ClassVar[bool] = False
    """Live rows in scope that the backup doesn't have go."""
    replaces: ClassVar[bool] = False
    """All live rows in scope go, those that the backup has too."""
    reads_all: ClassVar[bool] = False
    """All files are read, whichever tables are restored."""
    alone: ClassVar[bool] = False
    """A table that fails is undone alone."""
    rebuilds: ClassVar[bool] = False
    """Indexes are built over all rows once these are there."""
    digests: ClassVar[bool] = False
    """Of what is staged, rows that are here as in the backup may be left out."""
    makes_tables: ClassVar[bool] = False
    """Other transactions make tables for it, which have to go where it fails."""
    readers_wait: ClassVar[float | None] = 0.0
    """Seconds that readers wait at the most; None for as long as rows are written."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.session = context.session
        self.cursor = context.session.cursor
        self.live = context.live
        self.layout = context.layout
        self.report = context.report
        self.tables = context.request.tables

    @classmethod
    @abstractmethod
    def serves(cls, request: RestoreOptions) -> bool:
        """Whether a request is for this mode. One without clashes is for exactly one."""

    def run(self) -> None:
        """Restore. Raises ServiceError for what keeps it from the end that the mode promises."""
        incoming = self.arrange(self.read())
        self.context.back_up(incoming.scope)
        self.write(incoming)

    def plan(self) -> None:
        """Find out what run() would do, and fail with: what the server would refuse is asked for here."""
        incoming = self.read()
        for name, privileges in self.needed().items():
            with self.context.step():
                conflicts.expect_privileges(self.cursor, self.live[name], privileges)
        self.count(self.arrange(incoming))

    # Shared by run() and plan(), in this order.

    def read(self) -> Incoming:
        """The backup's rows. Raises SchemaMismatch for a table whose rows nothing tells apart, if they are compared."""
        for name in self.compared if self.compares else ():
            with self.context.step(name):
                conflicts.expect_key(self.cursor, self.live[name])
        return self.context.read(
            self.compared, self.direct, among_live=self.among_live, alone=self.alone, digests=self.digests
        )

    def arrange(self, incoming: Incoming) -> Incoming:
        """All that comes between reading and writing. Nothing is changed by it but temporary tables."""
        incoming = self.meet(incoming.within(self.secure(incoming)))
        self.watch()
        incoming = self.context.settle(incoming)
        self.expect_harmless(incoming)
        return incoming

    @property
    def compared(self) -> Sequence[str]:
        """The tables whose rows are staged, to be compared with the live ones."""
        return () if self.straight else self.tables

    @property
    def direct(self) -> Sequence[str]:
        """The tables whose rows go straight into the live ones, after the compared ones. A dry run stages them."""
        return self.tables if self.straight else ()

    @property
    def written(self) -> Sequence[str]:
        """The tables whose triggers may fire."""
        return self.tables

    def secure(self, incoming: Incoming) -> Scope:
        """Lock what will be written, and find the live rows that may be touched. What is read here stays as it is."""
        return self.context.secure(self.lock)

    def meet(self, incoming: Incoming) -> Incoming:
        """The rows as they will be written, seen from the live ones; only those of the tables that are written."""
        return incoming

    def watch(self) -> None:
        """Look after triggers, and after the rows of other tables."""
        self.context.watch(self.written)

    def expect_harmless(self, incoming: Incoming) -> None:
        """Raise for rows elsewhere that would be lost, or refer to nothing any more."""
        self.context.expect_none_lost(self.going(incoming))

    def expect_unreferred(self, incoming: Incoming) -> None:
        """Raise for rows that would go while rows refer to them whose table, of the same layout, isn't written."""
        for one in incoming.staged.values():
            with self.context.step():
                sync.expect_none_lost(self.cursor, self.live, one, self.tables)

    def expect_writable(self, incoming: Incoming) -> None:
        """Raise for live rows that can't be given the backup's values."""
        for one in incoming.staged.values():
            with self.context.step():
                conflicts.expect_writable(self.cursor, one)

    def going(self, incoming: Incoming) -> Sequence[Going]:
        """The live rows that go, or lose the values by which others refer to them."""
        return ()

    def tell(self, name: str, counts: Counts) -> None:
        """Report what became of a table's rows, or would, where they are compared."""
        self.report.synced(name, counts)

    # Only a run does this.

    @abstractmethod
    def write(self, incoming: Incoming) -> None:
        """Write the rows, report them, and have the context finish."""

    def record(self, counts: Mapping[str, Counts]) -> None:
        """Report what was written into each table."""
        self.expect_written(counts)
        for name, found in counts.items():
            self.tell(name, found)
            changed = found.inserted + found.updated + found.deleted
            analyze.refresh_if_due(self.cursor, self.live[name], changed)

    def expect_written(self, counts: Mapping[str, Counts]) -> None:
        """Tell the guard which rows are ours."""
        for name, found in counts.items():
            again = found.rewritten
            self.context.guard.expect_written(
                name, found.inserted + again, found.updated - again + found.parked, found.deleted + again
            )

    def expect_rows(self, scope: Scope) -> None:
        """Raise unless each table holds as many rows in scope as were loaded."""
        self.session.enter("check")
        for name in self.tables:
            self.context.expect_rows(name, self.report.rows(name), scope)

    # Only a dry run does this.

    def needed(self) -> dict[str, frozenset[str]]:
        """By table, what the role needs to write and to lock."""
        writing, locking = dict.fromkeys(self.tables, self.privileges), self.locking()
        return {
            name: writing.get(name, frozenset()) | locking.get(name, frozenset()) for name in {**writing, **locking}
        }

    def locking(self) -> dict[str, frozenset[str]]:
        """By table, what secure() needs."""
        return self.context.locking(self.lock)

    def count(self, incoming: Incoming) -> None:
        """Report what would be written, and what a unique index would refuse."""
        for name, one in incoming.staged.items():
            with self.context.step(name):
                unclear = conflicts.meets_unstaged(self.cursor, one)
                rows = self.context.stager.whole(one, self.context.rows) if unclear else one
                conflicts.expect_unique(self.cursor, rows, self.meeting)
                if self.compares:
                    self.tell(name, conflicts.counts(self.cursor, rows))

    # Of modes that empty something.

    def rows_before(self, scope: Scope) -> dict[str, int]:
        """How many live rows each table has in scope."""
        return {name: tables.count(self.cursor, self.live[name], scope) for name in self.tables}

    def count_emptied(self, incoming: Incoming) -> None:
        """Report how many rows would go, and how many of them the backup doesn't have."""
        self.report.truncated(self.rows_before(incoming.scope), 0)
        for name, one in incoming.staged.items():
            self.report.only_live(name, conflicts.only_live(self.cursor, one))


def needs(*privileges: str) -> frozenset[str]:
    """A mode's privileges: these, and to read what is there."""
    return frozenset({"SELECT", *privileges})
