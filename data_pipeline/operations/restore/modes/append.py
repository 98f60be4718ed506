"""Rows beside those that are there: the default."""

from collections.abc import Sequence

from common.errors import ServiceError
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes.mode import Mode, needs
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.connection import savepoint
from data_pipeline.postgres.schema import analyze
from data_pipeline.postgres.writing import conflicts
from data_pipeline.sets.tables.dialect import WrongDialect


def adds(request: RestoreOptions) -> bool:
    """Whether rows go beside those that are there, without a look at these."""
    others = request.truncate or request.merges or request.collection_suffix is not None
    return request.strategy == Mode.strategy and not others


class Append(Mode):
    """Each table in a savepoint of its own: one that fails is undone alone, unless the request is atomic."""

    privileges = needs("INSERT")
    lock = None
    meeting = conflicts.ADDED
    straight = True
    among_live = True
    alone = True

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return adds(request) and request.where is None

    def watch(self) -> None:
        """Nothing yet: a table whose triggers stand in the way fails alone, when it is written."""

    def write(self, incoming: Incoming) -> None:
        for names in [self.tables] if self.layout.cyclic else [[name] for name in self.tables]:
            try:
                with savepoint(self.session, "some_tables"):
                    self._write(names)
            except WrongDialect:  # which its other table can't be read in either
                raise
            except ServiceError as error:
                for name in names:
                    self.report.failed(name, error)
        self.report.expect_something(bool(self.context.request.atomic))

    def _write(self, names: Sequence[str]) -> None:
        """Some tables together: those that refer to one another are kept, or undone, as one."""
        matched = [self.context.match(name) for name in names]
        self.context.watch(names)
        for source in matched:
            self.context.load(source)
            self.context.guard.expect_written(source.name, self.report.rows(source.name), 0, 0)
        self.context.finish()
        for name in names:
            analyze.refresh(self.cursor, self.live[name])

    def count(self, incoming: Incoming) -> None:
        self.context.watch(self.tables)
        super().count(incoming)
