"""What both ways of a conversion have."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from data_pipeline.engine import Engine
from data_pipeline.operations.requests.into import Into
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.report import Report
from data_pipeline.operations.results.restore import ConvertedColumn
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.converting.metadata import ColumnCounts
from data_pipeline.postgres.converting.staged_set import StagedTable
from data_pipeline.postgres.writing.collections import absent
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables.table_facts import IndexFact

Step = Callable[[], AbstractContextManager[None]]
"""What may fail for a reason of its own: a dry run notes that and goes on."""


class Direction(ABC):
    """What both ways have."""

    def __init__(
        self,
        engine: Engine,
        backup_set: BackupSet,
        request: RestoreOptions,
        into: Into,
        session: Session,
        report: Report,
        staged: dict[str, StagedTable],
    ) -> None:
        self.memory = engine.settings.index_memory
        self.backup_set = backup_set
        self.request = request
        self.into = into
        self.session = session
        self.report = report
        self.staged = staged

    @abstractmethod
    def convert(self, step: Step, *, dry: bool) -> None:
        """Write all of it; dry: what leaves no trace once it is rolled back, and no index."""

    def indexes(self, table: str) -> Sequence[IndexFact]:
        """Those that a table of the set had, as far as it is known."""
        return self.backup_set.manifest.tables[table].indexes if self.backup_set.manifest else ()

    def expect_named(self, present: Sequence[str]) -> None:
        """Raise NotFound for collections that the request names and the set doesn't have."""
        named = [*(self.request.collections or ()), *(self.into.tables or ())]
        if unknown := [name for name in dict.fromkeys(named) if name not in present]:
            raise absent(unknown, present)


def columns(counts: Sequence[ColumnCounts]) -> dict[str, ConvertedColumn] | None:
    """As the answer shows them; None where there are none."""
    return {
        one.name: ConvertedColumn(
            type=one.type,
            converted=one.converted,
            changed=one.changed,
            missing=one.missing,
            not_convertible=one.not_convertible,
        )
        for one in counts
    } or None
