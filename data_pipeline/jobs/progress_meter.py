"""How far a job is: what the engine tells, as a percentage of the whole job that never goes back."""

import threading
import time
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from data_pipeline.operations.results.result import Count, Part, TableName
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.progress import Cancelled, Progress, ProgressPhase
from data_pipeline.postgres.target import Target

ORDER: tuple[ProgressPhase, ...] = ("verify", "load", "index", "check")
INDEX_WEIGHTS = {"hnsw": 8.0, "ivfflat": 1.0}
OTHER_INDEX = 0.2
"""How long an index takes to build, as a multiple of the time that loading the rows takes."""

CHECK_WEIGHT = 0.05
UNFINISHED = 99.0
"""The most that is said of a job that isn't over."""


class JobProgress(Part):
    """How far a job is. It never goes backwards; what is unknown is null."""

    phase: ProgressPhase
    table: TableName | None
    bytes_done: Count
    bytes_total: int | None
    rows_done: Count
    percent: Annotated[float, Field(ge=0, le=100)]
    eta_seconds: float | None


class ProgressMeter(Progress):
    """Counts what one operation does; asked, and told to cancel, from other threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._started = time.monotonic()
        self._phase: ProgressPhase = "verify"
        self._table: str | None = None
        self._bytes = self._rows = 0
        self._bytes_total = self._rows_total = 0
        self._indexes: list[float] = []
        self._indexes_done = 0
        self._index_part = 0.0
        self._percent = 0.0
        self._lines: list[Line] = []
        self._target: Target | None = None
        self._cancelled = self._settled = False

    # What the engine calls

    def connected(self, line: Line, target: Target) -> None:
        with self._guard:
            self._lines.append(line)
            self._target = target
            if self._cancelled:
                line.abandon()

    def disconnected(self, line: Line) -> None:
        with self._guard:
            self._lines.remove(line)

    def expect_bytes(self, total: int) -> None:
        self._bytes_total = total

    def begin_again(self) -> None:
        with self._guard:
            self._bytes_total += self._bytes

    def expect_rows(self, total: int) -> None:
        self._rows_total = total

    def expect_indexes(self, methods: Sequence[str]) -> None:
        with self._guard:
            self._indexes = [INDEX_WEIGHTS.get(method, OTHER_INDEX) for method in methods]

    def enter(self, phase: ProgressPhase, table: str | None) -> None:
        with self._guard:
            between = phase == "check" and self._bytes < self._bytes_total  # another file is still to be loaded
            if ORDER.index(phase) >= ORDER.index(self._phase) and not between:
                self._phase, self._table = phase, table
                self._index_part = 0.0

    def advance(self, size: int, rows: int) -> None:
        self.expect_wanted()
        with self._guard:
            self._bytes += size
            self._rows += rows

    def indexed(self) -> None:
        with self._guard:
            self._indexes_done += 1
            self._index_part = 0.0

    def expect_wanted(self) -> None:
        if self._cancelled:
            raise Cancelled

    def settle(self) -> None:
        with self._guard:
            self.expect_wanted()
            self._settled = True

    # What the others call

    @property
    def building(self) -> tuple[Target, int] | None:
        """The database and the backend's pid while an index is being built."""
        with self._guard:
            if self._phase != "index" or not self._lines or self._target is None:
                return None
            return self._target, self._lines[0].info.backend_pid

    def index_built(self, part: float) -> None:
        """How much of the current index is done, from 0 to 1."""
        with self._guard:
            self._index_part = max(self._index_part, part)

    def cancel(self) -> None:
        """Ask the operation to stop: what it waits for is cancelled until it ends, and soon given up.

        Returns at once. Once the COMMIT has begun it does nothing.
        """
        with self._guard:
            if not self._settled:
                self._cancelled = True
                for line in self._lines:
                    line.abandon()

    def reading(self) -> dict[str, Any]:
        """The progress as a job shows it. Seconds, bytes, percent from 0 to 99; null where unknown."""
        with self._guard:
            self._percent = max(self._percent, min(UNFINISHED, 100 * self._part()))
            return JobProgress(
                phase=self._phase,
                table=self._table,
                bytes_done=self._bytes,
                bytes_total=self._bytes_total or None,
                rows_done=self._rows,
                percent=round(self._percent, 1),
                eta_seconds=self._eta(),
            ).data()

    def complete(self) -> dict[str, Any]:
        """The progress of a job that is done."""
        return {**self.reading(), "percent": 100.0, "eta_seconds": 0.0}

    def _part(self) -> float:
        """How much of the whole is done, from 0 to 1. Loading weighs 1."""
        if self._bytes_total:
            loaded = self._bytes / self._bytes_total
        else:
            loaded = self._rows / self._rows_total if self._rows_total else 0.0
        if ORDER.index(self._phase) > ORDER.index("load"):
            loaded = 1.0
        indexed = sum(self._indexes[: self._indexes_done])
        if self._indexes_done < len(self._indexes):
            indexed += self._index_part * self._indexes[self._indexes_done]
        return (min(loaded, 1.0) + indexed) / (1.0 + sum(self._indexes) + CHECK_WEIGHT)

    def _eta(self) -> float | None:
        if self._percent < 1:
            return None
        return round((time.monotonic() - self._started) * (100 - self._percent) / self._percent, 1)
