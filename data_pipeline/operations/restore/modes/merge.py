"""Rows beside those that are there, by key: `on_conflict` says which one stays of a row that both have."""

from collections.abc import Sequence
from typing import ClassVar

from common.messages import say
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes.mode import OWNERS_OR_VALUES, Clash, Mode, needs
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.writing import conflicts, merge, references
from data_pipeline.postgres.writing.references import Going
from data_pipeline.postgres.writing.sync import Counts


class Merge(Mode):
    """What both ways to merge share. An owner is known by its name, so all files are always read."""

    clashes = (
        Clash("atomic", "on_conflict", say("clash_merge_is_atomic")),
        Clash("on_conflict", "truncate_before_restore", say("clash_nothing_to_merge_with")),
        Clash("on_conflict", "strategy", say("clash_sync_does_not_merge")),
        Clash("on_conflict", "collection_suffix", say("clash_copy_does_not_merge")),
        OWNERS_OR_VALUES,
    )
    compares = True
    among_live = True
    reads_all = True
    updates: ClassVar[bool]
    """A live row that differs is given the backup's values."""

    @property
    def compared(self) -> Sequence[str]:
        return self.layout.names

    def meet(self, incoming: Incoming) -> Incoming:
        """Give the backup's owners the uuids that they have here, and their rows with them."""
        if len(incoming.staged) < len(self.layout.names):  # a dry run found a file that can't be read
            return incoming.only(())
        if self.layout.ownership:
            with self.context.step():
                merge.assign(self.session, self.layout.ownership, incoming.staged)
        return incoming.only(self.tables)

    def expect_harmless(self, incoming: Incoming) -> None:
        with self.context.step():
            merge.expect_owners(self.cursor, self.live, incoming.staged)
        super().expect_harmless(incoming)

    def write(self, incoming: Incoming) -> None:
        firing = bool(self.context.guard.firing)
        counts = merge.apply(self.session, incoming.staged, update=self.updates, compared=firing)
        self.context.written += incoming.staged.values()
        self.record(counts)
        self.context.finish()

    def tell(self, name: str, counts: Counts) -> None:
        updated = counts.updated if self.updates else 0
        unchanged = counts.unchanged + counts.updated - updated
        self.report.merged(name, Counts(counts.inserted, updated, unchanged=unchanged))


class Skip(Merge):
    """The live row stays."""

    privileges = needs("INSERT")
    meeting = conflicts.SKIPPED
    updates = False

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return request.on_conflict == "skip"


class Update(Merge):
    """The backup's row stays."""

    privileges = needs("INSERT", "UPDATE")
    meeting = conflicts.UPDATED
    updates = True

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return request.on_conflict == "update"

    def expect_harmless(self, incoming: Incoming) -> None:
        self.expect_writable(incoming)
        super().expect_harmless(incoming)

    def going(self, incoming: Incoming) -> Sequence[Going]:
        return [references.updated(one) for one in incoming.staged.values()]
