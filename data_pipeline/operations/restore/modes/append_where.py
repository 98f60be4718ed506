"""Chosen rows beside those that are there: `where`."""

from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes.append import adds
from data_pipeline.operations.restore.modes.mode import OWNERS_OR_VALUES, Mode, needs
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.writing import conflicts, staging, sync
from data_pipeline.postgres.writing.sync import Counts


class AppendWhere(Mode):
    """All tables or none. A row whose key is there already fails it."""

    clashes = (OWNERS_OR_VALUES,)
    privileges = needs("INSERT")
    lock = None
    meeting = conflicts.ADDED
    among_live = True

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return adds(request) and request.where is not None

    def write(self, incoming: Incoming) -> None:
        counts = {name: Counts(sync.insert_all(self.cursor, one)) for name, one in incoming.staged.items()}
        self.context.written += incoming.staged.values()
        self.record(counts)
        self.context.finish()

    def tell(self, name: str, counts: Counts) -> None:
        self.report.added(name, counts.inserted)

    def count(self, incoming: Incoming) -> None:
        super().count(incoming)
        for name, one in incoming.staged.items():
            self.report.added(name, staging.count(self.cursor, one))
