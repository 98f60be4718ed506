"""How far a drill is: its restore counts, its comparison doesn't; either can be cancelled until the drill is over."""

from collections.abc import Sequence

from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.progress import Progress, ProgressPhase
from data_pipeline.postgres.target import Target


class Checking(Progress):
    """For what follows the restore: how long it takes shows as the phase `check`."""

    def __init__(self, drill: Progress) -> None:
        self._drill = drill

    def connected(self, line: Line, target: Target) -> None:
        self._drill.connected(line, target)

    def disconnected(self, line: Line) -> None:
        self._drill.disconnected(line)

    def enter(self, phase: ProgressPhase, table: str | None) -> None:
        self._drill.enter("check", table)

    def advance(self, size: int, rows: int) -> None:
        self._drill.expect_wanted()

    def expect_wanted(self) -> None:
        self._drill.expect_wanted()

    def settle(self) -> None:
        """The COMMIT of a scratch database is no end: the drill can be cancelled after it."""
        self._drill.expect_wanted()


class Restoring(Checking):
    """For the restore into the scratch server."""

    def expect_bytes(self, total: int) -> None:
        self._drill.expect_bytes(total)

    def begin_again(self) -> None:
        self._drill.begin_again()

    def expect_rows(self, total: int) -> None:
        self._drill.expect_rows(total)

    def expect_indexes(self, methods: Sequence[str]) -> None:
        self._drill.expect_indexes(methods)

    def enter(self, phase: ProgressPhase, table: str | None) -> None:
        self._drill.enter(phase, table)

    def advance(self, size: int, rows: int) -> None:
        self._drill.advance(size, rows)

    def indexed(self) -> None:
        self._drill.indexed()
