"""Chosen rows, replaced by the backup's: `truncate_before_restore` with `where`."""

from typing import ClassVar

from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes.mode import OWNERS_OR_VALUES, Clash, Mode
from data_pipeline.operations.restore.modes.replace import Replace
from data_pipeline.operations.restore.modes.sync import Sync
from data_pipeline.operations.restore.stager import Incoming


class ReplaceWhere(Sync):
    """Rows that are in the backup as they are here are left alone: the end is the same, and no index is dropped."""

    strategy = Mode.strategy
    clashes: ClassVar[tuple[Clash, ...]] = (*Replace.clashes, OWNERS_OR_VALUES)

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return request.truncate and request.where is not None

    def write(self, incoming: Incoming) -> None:
        self.report.truncated(self.rows_before(incoming.scope), 0)
        super().write(incoming)

    def count(self, incoming: Incoming) -> None:
        self.count_emptied(incoming)
        super().count(incoming)
