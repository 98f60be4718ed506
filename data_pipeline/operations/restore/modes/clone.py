"""New collections beside the originals, with uuids and ids of their own: `collection_suffix`."""

from collections.abc import Sequence

from common.messages import say
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes.mode import OWNERS_OR_VALUES, Clash, Mode, needs
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import analyze
from data_pipeline.postgres.writing import clone, conflicts


class Clone(Mode):
    """Nothing that is there is touched; rows without an owner are left out. Only for layouts whose rows have owners."""

    clashes = (
        Clash("atomic", "collection_suffix", say("clash_copy_is_atomic")),
        Clash("collection_suffix", "truncate_before_restore", say("clash_copy_leaves_the_original")),
        Clash("collection_suffix", "strategy", say("clash_copy_leaves_the_original")),
        Clash("collection_suffix", "tables", say("clash_copy_needs_both_tables")),
        OWNERS_OR_VALUES,
    )
    privileges = needs("INSERT")
    lock = None
    meeting = conflicts.ADDED
    reads_all = True

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return request.collection_suffix is not None

    @property
    def compared(self) -> Sequence[str]:
        return self.layout.names

    @property
    def suffix(self) -> str:
        return self.context.request.collection_suffix or ""

    def secure(self, incoming: Incoming) -> Scope:
        """No other transaction can make a collection of one of the new names meanwhile."""
        names: list[str] = []
        ownership = self.layout.owned
        if ownership.owner in incoming.staged:
            with self.context.step(ownership.owner):
                names = clone.names(self.cursor, ownership, incoming.staged[ownership.owner], self.suffix)
                self.report.concerned(names)
        return self.context.lock_owners(names)

    def locking(self) -> dict[str, frozenset[str]]:
        return self.context.owner_privileges()

    def expect_harmless(self, incoming: Incoming) -> None:
        ownership = self.layout.owned
        if ownership.owner in incoming.staged:
            with self.context.step(ownership.owner):
                names = clone.names(self.cursor, ownership, incoming.staged[ownership.owner], self.suffix)
                clone.expect_free(self.cursor, ownership, self.live.owner, names)
        super().expect_harmless(incoming)

    def write(self, incoming: Incoming) -> None:
        ownership = self.layout.owned
        self.report.left_out(clone.insert(self.session, ownership, incoming.staged, self.suffix))
        if self.context.guard.firing:
            self.context.written += clone.staged_copies(self.session, ownership, incoming.staged, self.suffix)
        for name in self.layout.names:
            self.context.guard.expect_written(name, self.report.rows(name), 0, 0)
            analyze.refresh(self.cursor, self.live[name])
        self.context.finish()

    def count(self, incoming: Incoming) -> None:
        ownership = self.layout.owned
        if ownership.member in incoming.staged:
            members = incoming.staged[ownership.member]
            self.report.left_out(clone.without_owner(self.cursor, members))
            with self.context.step(ownership.member):
                conflicts.expect_free_ids(self.cursor, ownership, members, self.suffix)
