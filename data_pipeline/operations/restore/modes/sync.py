"""Tables, or some collections, made equal to the backup; only rows that differ are written: `strategy: "sync"`."""

from collections.abc import Sequence
from typing import ClassVar

from common.messages import say
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes.mode import OWNERS_OR_VALUES, Clash, Mode, needs
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.writing import conflicts, references, sync
from data_pipeline.postgres.writing.references import Going


class Sync(Mode):
    """No index is dropped, and readers go on with the old rows until the commit."""

    strategy = "sync"
    clashes: ClassVar[tuple[Clash, ...]] = (
        Clash("strategy", "truncate_before_restore", say("clash_sync_does_not_empty")),
        Clash("atomic", "strategy", say("clash_sync_is_atomic")),
        OWNERS_OR_VALUES,
    )
    privileges = needs("INSERT", "UPDATE", "DELETE")
    meeting = conflicts.WITHIN_SCOPE
    compares = True
    digests = True
    removes = True

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return request.strategy == cls.strategy

    def expect_harmless(self, incoming: Incoming) -> None:
        self.expect_unreferred(incoming)
        self.expect_writable(incoming)
        super().expect_harmless(incoming)

    def going(self, incoming: Incoming) -> Sequence[Going]:
        return [references.equalled(one) for one in incoming.staged.values()]

    def write(self, incoming: Incoming) -> None:
        counts = sync.apply(self.session, self.live, incoming.staged)
        for name, found in counts.items():
            self.context.expect_rows(name, found.rows, incoming.scope)
        self.context.written += incoming.staged.values()
        self.record(counts)
        self.context.finish()
