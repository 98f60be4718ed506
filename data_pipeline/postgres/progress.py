"""How an operation tells how far it is, and learns that it is no longer wanted.

The engine knows this one small observer. The default neither listens nor cancels.
"""

from collections.abc import Sequence
from typing import Literal

from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.target import Target

ProgressPhase = Literal["verify", "load", "index", "check"]


class Cancelled(Exception):
    """The operation was cancelled, and nothing of it stays.

    Not a ServiceError: code that goes on after a failed table must not take this for one.
    """


class Progress:
    """What an operation calls as it goes on, from the thread it runs in."""

    def connected(self, line: Line, target: Target) -> None:
        """A connection to the target, whose statements are cancelled with the operation. The first one is its own."""

    def disconnected(self, line: Line) -> None:
        """That connection is about to be closed."""

    def expect_bytes(self, total: int) -> None:
        """The size of all files that will be loaded."""

    def begin_again(self) -> None:
        """The files that were read so far are read once more."""

    def expect_rows(self, total: int) -> None:
        """About how many rows will be saved, 0 if unknown."""

    def expect_indexes(self, methods: Sequence[str]) -> None:
        """The access methods of the indexes that will be built."""

    def enter(self, phase: ProgressPhase, table: str | None) -> None:
        """What begins now, and the table it is about."""

    def advance(self, size: int, rows: int) -> None:
        """Bytes of the files and rows that are done, since the last call. Raises Cancelled."""

    def indexed(self) -> None:
        """One of the expected indexes is built."""

    def expect_wanted(self) -> None:
        """Raises Cancelled if the operation has been cancelled."""

    def settle(self) -> None:
        """From here on it can't be cancelled. Raises Cancelled if it has been."""

    def beside(self) -> "Progress":
        """For the operation's further transactions."""
        return Beside(self)


class Beside(Progress):
    """A further transaction of an operation: all is as the operation's own, but that its COMMIT settles nothing."""

    def __init__(self, operation: Progress) -> None:
        self._operation = operation

    def connected(self, line: Line, target: Target) -> None:
        self._operation.connected(line, target)

    def disconnected(self, line: Line) -> None:
        self._operation.disconnected(line)

    def begin_again(self) -> None:
        self._operation.begin_again()

    def enter(self, phase: ProgressPhase, table: str | None) -> None:
        self._operation.enter(phase, table)

    def advance(self, size: int, rows: int) -> None:
        self._operation.advance(size, rows)

    def expect_wanted(self) -> None:
        self._operation.expect_wanted()

    def settle(self) -> None:
        self._operation.expect_wanted()


class Uncounted(Progress):
    """For what an operation does on its way: it can be cancelled there, but these aren't the rows it is about."""

    def __init__(self, operation: Progress) -> None:
        self._operation = operation

    def enter(self, phase: ProgressPhase, table: str | None) -> None:
        self._operation.enter("verify", table)

    def advance(self, size: int, rows: int) -> None:
        self._operation.expect_wanted()

    def expect_wanted(self) -> None:
        self._operation.expect_wanted()


SILENT = Progress()
