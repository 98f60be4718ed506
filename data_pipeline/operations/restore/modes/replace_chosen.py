"""The rows of some collections, deleted and loaded: `truncate_before_restore` with `collections`."""

import time
from collections.abc import Sequence

from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes.mode import Mode, needs
from data_pipeline.operations.restore.modes.replace import Replace
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.schema import analyze
from data_pipeline.postgres.writing import collections, conflicts, references, sync
from data_pipeline.postgres.writing.references import Going


class ReplaceChosen(Mode):
    """No index is dropped, and readers go on with the old rows until the commit.

    An owner that stays is updated where it is: a client that waits to add a row to it then finds it again.
    """

    clashes = Replace.clashes
    privileges = needs("INSERT", "UPDATE", "DELETE")
    meeting = conflicts.WITHIN_SCOPE
    among_live = True
    removes = True
    replaces = True
    digests = True

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return request.truncate and request.collections is not None

    @property
    def compared(self) -> Sequence[str]:
        return [name for name in self.tables if name == self.layout.owned.owner]

    @property
    def direct(self) -> Sequence[str]:
        return [name for name in self.tables if name == self.layout.owned.member]

    def expect_harmless(self, incoming: Incoming) -> None:
        self.expect_unreferred(incoming.only(self.compared))
        self.expect_writable(incoming.only(self.compared))
        super().expect_harmless(incoming)

    def going(self, incoming: Incoming) -> Sequence[Going]:
        """Every member row, those that are loaded again included; of the owners those that don't stay as they are."""
        emptied = [references.emptied(self.live[name], incoming.scope) for name in self.direct]
        return [
            *emptied,
            *(references.equalled(incoming.staged[name]) for name in self.compared if name in incoming.staged),
        ]

    def write(self, incoming: Incoming) -> None:
        self._empty(incoming)
        self.expect_written(sync.apply(self.session, self.live, incoming.staged))
        self.context.written += incoming.staged.values()
        for name, source in incoming.direct.items():
            self.context.load(source)
            self.context.guard.expect_written(name, self.report.rows(name), 0, 0)
        self.expect_rows(incoming.scope)
        for name in self.tables:
            analyze.refresh(self.cursor, self.live[name])
        self.context.finish()

    def _empty(self, incoming: Incoming) -> None:
        """Delete the member rows; the owners that go are deleted when the backup's are written."""
        self.session.enter("truncate")
        started = time.monotonic()
        before = self.rows_before(incoming.scope)
        for name in self.direct:
            deleted = collections.delete_members(self.cursor, self.live, incoming.scope)
            self.context.guard.expect_written(name, 0, 0, deleted)
        self.report.truncated(before, time.monotonic() - started)

    def count(self, incoming: Incoming) -> None:
        self.count_emptied(incoming)
        super().count(incoming)
