"""New tables, filled and indexed beside the live ones, then put in their place: `strategy: "swap"`."""

import os
import time

from common.messages import say
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes.mode import Clash, Mode, needs
from data_pipeline.operations.restore.modes.replace import Replace
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import tables, triggers
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.swapping import dependents, leftovers, swap
from data_pipeline.postgres.swapping.crew import Crew
from data_pipeline.postgres.swapping.swap import Swapped
from data_pipeline.postgres.swapping.switch import Switch
from data_pipeline.postgres.writing import conflicts

MOST_CONNECTIONS = 4
"""Where no number is configured: one a core of the server, if that is this machine, and no more than these."""


class Swap(Mode):
    """Afterwards the tables hold exactly the backup. Writers wait from the beginning, readers for the switch alone."""

    strategy = "swap"
    clashes = (
        Clash("strategy", "truncate_before_restore", say("clash_swap_does_not_empty")),
        Clash("strategy", "on_conflict", say("clash_swap_does_not_merge")),
        Clash("strategy", "collections", say("clash_swap_takes_whole_tables")),
        Clash("strategy", "collection_suffix", say("clash_swap_takes_whole_tables")),
        Clash("strategy", "where", say("clash_swap_takes_whole_tables")),
        Clash("atomic", "strategy", say("clash_swap_is_atomic")),
    )
    privileges = needs()
    meeting = conflicts.REPLACED
    straight = True
    removes = True
    replaces = True
    rebuilds = True
    digests = True
    makes_tables = True
    readers_wait = 0.1

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return request.strategy == cls.strategy

    @property
    def swapped(self) -> list[Table]:
        return [self.live[name] for name in self.tables]

    def run(self) -> None:
        """Tables that this transaction has made no other connection can fill, and none reads: they are replaced."""
        if swap.is_own_alone(self.session, self.live):
            Replace(self.context).run()
        else:
            super().run()

    def secure(self, incoming: Incoming) -> Scope:
        for table in self.swapped:
            with self.context.step():
                dependents.expect_may(self.cursor, table)
        scope = super().secure(incoming)
        self.report.writers_wait()
        return scope

    def watch(self) -> None:
        """Nothing is written into a table that has triggers: they are told of, and are there again afterwards."""
        found = triggers.firing(self.cursor, self.swapped)
        for name in self.tables:
            if listed := ", ".join(one.name for one in found if one.table.name == name):
                self.report.warn(say("triggers_not_fired", table=name, triggers=listed))

    def expect_harmless(self, incoming: Incoming) -> None:
        with self.context.step():
            tables.expect_none_refer(self.cursor, self.live, self.tables)
        with self.context.step():
            swap.expect_possible(self.session, self.live, self.swapped)

    def write(self, incoming: Incoming) -> None:
        before = self.rows_before(incoming.scope)
        leftovers.remove(self.session, self.context.target, self.context.engine.timeouts)
        with self._crew() as crew:
            swapped = Swapped(self.session, self.live, self.swapped, crew)
            swapped.make()
            for one in swapped.made:
                self._load(swapped, one.live.name, incoming)
            rows = {name: self.report.rows(name) for name in self.tables}
            self.report.rebuilt(swapped.finish(rows, self.context.engine.settings.index_memory), [])
        for warning in swapped.prepare():
            self.report.warn(warning)
        started = time.monotonic()
        attempts = Switch(self.session, swapped.locked, self.report.readers_wait, self.report.readers_go_on)
        swapped.switch(attempts)
        if attempts.cancelled:
            self.report.warn(say("swap_cancelled_statements", count=attempts.cancelled))
        self.report.truncated(before, time.monotonic() - started)
        self.report.swapped(crew.size)
        if self.context.request.create_tables:  # for the indexes that it makes
            self.context.live = tables.inspect(self.cursor, self.live.schema, self.layout)

    def _crew(self) -> Crew:
        engine, target = self.context.engine, self.context.target
        cores = (os.cpu_count() or 1) if target.is_here else MOST_CONNECTIONS
        most = engine.settings.load_connections or min(cores, MOST_CONNECTIONS)
        return Crew(target, engine.timeouts, self.session.progress, self.session.ours, most)

    def _load(self, swapped: Swapped, name: str, incoming: Incoming) -> None:
        """One table; the owners that its rows may name are in a new one, if theirs is swapped too."""
        started = time.monotonic()
        source = incoming.direct[name]
        among = [one.table for one in swapped.made if one.live.name == self.layout.owner] or None
        loaded = swapped.load(
            source,
            lambda session: self.context.known(session, name, among),
            self.context.fill,
            self.context.engine.pool,
        )
        self.report.restored(source, loaded, time.monotonic() - started)

    def count(self, incoming: Incoming) -> None:
        self.count_emptied(incoming)
        super().count(incoming)
