"""Whole tables, emptied and loaded without their indexes, which are built again: `truncate_before_restore`."""

import time
from collections.abc import Sequence

from common.messages import say
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes.mode import Clash, Mode, needs
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import analyze, indexes, tables
from data_pipeline.postgres.writing import conflicts, references


class Replace(Mode):
    """Afterwards the tables hold exactly the backup. Readers wait from the TRUNCATE to the commit."""

    clashes = (Clash("atomic", "truncate_before_restore", say("clash_replace_is_atomic")),)
    privileges = needs("INSERT", "TRUNCATE")
    lock = "ACCESS EXCLUSIVE"
    meeting = conflicts.REPLACED
    straight = True
    removes = True
    replaces = True
    rebuilds = True
    digests = True
    readers_wait = None

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return request.truncate and request.collections is None and request.where is None

    @property
    def written(self) -> Sequence[str]:
        """TRUNCATE takes a table only along with those that refer to it, though these are empty."""
        return self.layout.with_referring(self.tables)

    def secure(self, incoming: Incoming) -> Scope:
        """Not before TRUNCATE is known to be possible: readers would wait for nothing."""
        with self.context.step():
            references.expect_truncatable(self.cursor, self.live, [self.live[name] for name in self.written])
        return super().secure(incoming)

    def expect_harmless(self, incoming: Incoming) -> None:
        with self.context.step():
            tables.expect_none_refer(self.cursor, self.live, self.tables)
        super().expect_harmless(incoming)

    def write(self, incoming: Incoming) -> None:
        self.report.readers_wait()
        self._empty()
        dropped = indexes.droppable(self.cursor, self.live, self.tables)
        indexes.drop(self.session, dropped)
        for source in incoming.direct.values():
            self.context.load(source)
        built = indexes.rebuild(self.session, dropped, self.context.engine.settings.index_memory)
        self.report.rebuilt(built, dropped.warnings)
        self.expect_rows(EVERYTHING)
        for name in self.tables:
            analyze.describe_new(self.cursor, self.live[name], self.report.rows(name))
        self.context.finish()

    def _empty(self) -> None:
        self.session.enter("truncate")
        before = self.rows_before(EVERYTHING)
        started = time.monotonic()
        tables.truncate(self.cursor, self.live, self.tables)
        self.report.truncated(before, time.monotonic() - started)

    def count(self, incoming: Incoming) -> None:
        for warning in indexes.droppable(self.cursor, self.live, self.tables).warnings:
            self.report.warn(warning)
        self.count_emptied(incoming)
        super().count(incoming)
