"""One swap, step by step, as the transaction does it that holds the locks; the further connections do the work."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from psycopg2.sql import SQL

from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.connection import Session, may_idle
from data_pipeline.postgres.schema import analyze
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.swapping import builds, dependents, facts, loading, names, staged, switch
from data_pipeline.postgres.swapping.carrying import Exchange, position
from data_pipeline.postgres.swapping.crew import Crew
from data_pipeline.postgres.swapping.staged import Replacement
from data_pipeline.postgres.swapping.switch import Plan, Switch
from data_pipeline.postgres.writing import sequences
from data_pipeline.postgres.writing.conversion import Loaded
from data_pipeline.postgres.writing.copy_in import Miscounted
from data_pipeline.sets.tables.table_source import Source

OWN_ALONE = """
SELECT EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
               AND mode = 'AccessExclusiveLock' AND relation = ANY(%s::oid[])
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


def is_own_alone(session: Session, live: Live) -> bool:
    """Whether this transaction has made one of the tables, or locked it as a whole: no other connection reaches it."""
    session.cursor.execute(OWN_ALONE, ([table.oid for table in live.values()],))
    return bool(session.cursor.value())


def expect_possible(session: Session, live: Live, swapped: Sequence[Table]) -> None:
    """Raise DependentRows, PermissionDenied for what keeps new tables from taking the place of these."""
    views = facts.views(session.cursor, [table.oid for table in swapped])
    dependents.expect_none(session.cursor, live, swapped, views)


class Swapped:
    """New tables for some of a layout's. Each step raises ServiceError, Cancelled."""

    def __init__(self, session: Session, live: Live, swapped: Sequence[Table], crew: Crew) -> None:
        self.made: list[Replacement] = []
        self._session = session
        self._cursor = session.cursor
        self._live = live
        self._swapped = swapped
        self._crew = crew
        self._described: set[str] = set()

    def make(self) -> None:
        """Make the tables, empty, for other connections to fill; this one may wait for them as long as it takes."""
        may_idle(self._session)
        name = names.fresh()
        read = [(table, facts.read(self._cursor, table)) for table in self._swapped]

        def create(session: Session) -> list[Replacement]:
            return [
                staged.create(session.cursor, table, found, f"{name}_{number}")
                for number, (table, found) in enumerate(read)
            ]

        self.made = self._crew.do(create)
        relations = {(one.table.schema, one.table.relation) for one in self.made}
        self._crew.ours |= relations
        self._session.ours = {*self._session.ours, *relations}

    def load(
        self,
        source: Source,
        known: Callable[[Session], frozenset[bytes] | None],
        alone: Callable[[Session, Source, frozenset[bytes] | None], Loaded],
        pool: WorkerPool,
    ) -> Loaded:
        """Load a live table's file into the new one; known and alone as loading.load() has them."""
        one = next(made for made in self.made if made.live.name == source.name)

        def describe(session: Session, rows: int) -> None:
            if analyze.first_look(session.cursor, one.table, rows, one.live):
                self._described.add(source.name)

        source = replace(source, table=one.table)
        return loading.load(self._crew, source, known, alone, describe, pool, self._session.progress)

    def finish(self, expected: dict[str, int], memory: str | None) -> dict[str, dict[str, Any]]:
        """Index the loaded tables, and see that each has its rows; returns what was built, by name."""
        built = builds.build(self._crew, self.made, memory, self._session.progress)
        self._session.enter("check")
        for name, found in builds.count(self._crew, self.made).items():
            if found != expected[name]:
                raise Miscounted(name, expected[name], found)
        builds.settle(self._crew, self.made, self._described)
        return built

    def prepare(self) -> list[str]:
        """All that comes before the switch in its own transaction; what is to be told of sequences."""
        new = {one.live.oid for one in self.made}
        relations = SQL(", ").join(one.table.identifier for one in self.made)
        self._cursor.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(relations))
        self._session.phase = "index"
        for one in self.made:
            for key in one.facts.foreign_keys:
                if key.referenced not in new:
                    builds.add_reference(self._cursor, one, key, None)
        return [warning for one in self.made for warning in self._advance(one)]

    def switch(self, attempts: Switch) -> None:
        """Put the new tables in their place; the readers wait from here to the commit."""
        self._session.phase = "truncate"
        attempts.make(self._plan)

    @property
    def locked(self) -> list[Table]:
        """The tables that the switch locks, against load order, as a writer does."""
        names_ = self._live.layout.with_referring([table.name for table in self._swapped])
        return [self._live[name] for name in reversed(names_)]

    def _plan(self) -> Plan:
        """The exchange as the live tables are now: others may have granted something, or made a view."""
        cursor, oids = self._cursor, [one.live.oid for one in self.made]
        before = facts.views(cursor, oids)
        others = [*(view.oid for view in before), *(one.oid for made in self.made for one in made.facts.sequences)]
        known = switch.state(cursor, oids, others)
        self.made = [self._read_again(one) for one in self.made]
        views = facts.views(cursor, oids)
        dependents.expect_none(cursor, self._live, self._swapped, views)
        own = {one.table.oid: facts.sequences(cursor, one.table.oid) for one in self.made}
        exchange = Exchange(self.made, views, self._referring(oids), own, self._role())
        keys = [key for one in self.made for key in one.facts.foreign_keys]
        needed = {*oids, *others, *(table.oid for table in self.locked), *(key.referenced for key in keys)}
        script = SQL("; ").join(exchange.statements())
        return Plan(script, sorted(needed), lambda: switch.state(cursor, oids, others) != known)

    def _read_again(self, one: Replacement) -> Replacement:
        """Indexes and statistics stay as they were read: the new table's are named by their order."""
        found = facts.read(self._cursor, one.live)
        kept = replace(found, indexes=one.facts.indexes, statistics=one.facts.statistics)
        return replace(one, facts=kept, now=found)

    def _referring(self, oids: Sequence[int]) -> list[tuple[Table, facts.ForeignKey]]:
        """Keys of the set's tables that stay, to those that go."""
        staying = {table.oid: table for table in self._live.values() if table.oid not in oids}
        return [(staying[key.table], key) for key in facts.foreign_keys(self._cursor, list(staying), oids)]

    def _role(self) -> str:
        self._cursor.execute("SELECT current_user::text")
        return str(self._cursor.value())

    def _advance(self, one: Replacement) -> Iterator[str]:
        """Set sequences to what follows the largest value: those that stay, and those of the new identity columns."""
        new = {found.column: found for found in facts.sequences(self._cursor, one.table.oid) if found.identity}
        for sequence in one.facts.sequences:
            if sequence.identity:
                self._cursor.execute(position(sequence, new[sequence.column]))
        settable = {found.column: found for found in sequences.owned(self._cursor, one.table)}
        for found in sequences.owned(self._cursor, one.live):
            place = settable[found.column] if found.column in new else found
            yield from sequences.advance_one(self._cursor, place, one.live, one.table, found)
