"""How long a restore would take, who would wait for it and what room it would need, as a dry run has measured it."""

from common.errors import StorageFull
from common.messages import say
from data_pipeline.operations.restore.dry_context import DryContext
from data_pipeline.operations.restore.modes.mode import Mode
from data_pipeline.operations.results.restore import Expected
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.writing import estimate
from data_pipeline.postgres.writing.estimate import Growth
from data_pipeline.postgres.writing.staging import Staged

BASIS = say("dry_run_basis")


class Cost:
    """Seconds and bytes. What could not be measured is None."""

    def __init__(self, mode: Mode, context: DryContext, compare_seconds: float) -> None:
        self._looks = {} if mode.compares else context.stager.narrowing.begun
        """Tables that would be loaded as a whole, of which some rows were."""
        self._load_seconds = context.load_seconds + sum(one.further_seconds for one in self._looks.values())
        self._write_seconds = compare_seconds if mode.compares else self._load_seconds
        self._rebuilds = mode.rebuilds
        self._readers_wait = mode.readers_wait
        self._writers_wait = mode.lock is not None
        self._cursor = context.session.cursor
        succeeded = {name: one for name, one in context.staged.items() if context.report.succeeded(name)}
        self._rows = {name: context.report.rows(name) for name in succeeded}
        self._growth = {
            name: self._of_table(context.session, succeeded[name], rows) for name, rows in self._rows.items()
        }
        self._free: int | None = None

    def describe(self, local: bool) -> Expected:
        """As the answer shows it. local: the server is on this machine, so its disk can be asked."""
        free = estimate.free_bytes(self._cursor, local)
        if free is not None:  # what is staged now will be gone by then
            self._free = free + sum(growth.staged_bytes for growth in self._growth.values())
        index = self._index_seconds()
        blocked = None if index is None else round(self._write_seconds + index, 3)
        return Expected(
            load_seconds=round(self._load_seconds, 3),
            index_seconds=None if index is None else round(index, 3),
            indexes={name: round(seconds, 3) for name, seconds in self._builds().items()},
            readers_blocked_seconds=blocked if self._readers_wait is None else self._readers_wait,
            writers_blocked_seconds=blocked if self._writers_wait else 0,
            disk_bytes=self._needed(),
            disk_free_bytes=self._free,
            basis=BASIS,
        )

    def expect_room(self) -> None:
        """Raise StorageFull if what is known says that it would not fit."""
        if self._free is not None and self._needed() > self._free:
            raise StorageFull(say("database_storage_full"), can_retry=False)

    def _of_table(self, session: Session, staged: Staged, rows: int) -> Growth:
        look = self._looks[staged.live.name].look if staged.live.name in self._looks else None
        return (
            estimate.growth(session, look.staged, rows, look.rows) if look else estimate.growth(session, staged, rows)
        )

    def _index_seconds(self) -> float | None:
        if self._rebuilds:
            return sum(self._builds().values())
        each = [self._through(growth, self._rows[name]) for name, growth in self._growth.items()]
        return None if None in each else sum(seconds for seconds in each if seconds is not None)

    @staticmethod
    def _through(growth: Growth, rows: int) -> float | None:
        """Seconds to write rows through all indexes."""
        return None if growth.per_row is None else growth.per_row * rows

    def _builds(self) -> dict[str, float]:
        return {name: seconds for growth in self._growth.values() for name, seconds in growth.builds.items()}

    def _needed(self) -> int:
        return sum(growth.bytes for growth in self._growth.values())
