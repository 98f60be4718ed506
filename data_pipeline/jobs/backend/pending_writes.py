"""Writes to the queue's database that wait until it can be reached again."""

from collections import deque
from collections.abc import Callable

import structlog

from common.errors import ServiceError
from data_pipeline.jobs.backend.database import JobsDatabase

MOST = 1000
"""One for each call that was under way when the queue went away: more than that many threads could have made."""

log = structlog.get_logger("jobs")


class PendingWrites:
    """Kept in memory, in order. Safe to use from many threads."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database
        self._waiting: deque[Callable[[], object]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def write(self, what: Callable[[], object]) -> bool:
        """Now if the queue can be reached, later if not; whether it was now. `what` raises ServiceError."""
        try:
            self._database.expect_up()
            what()
        except ServiceError:
            self.write_later(what)
            return False
        return True

    def write_later(self, what: Callable[[], object]) -> None:
        if len(self._waiting) < MOST:
            self._waiting.append(what)
        else:
            log.error("the queue was away for too long: not everything is written down")

    def flush(self) -> None:
        """Do all writes that wait. Raises ServiceUnavailable; what was not written still waits."""
        while self._waiting:
            try:
                what = self._waiting.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                what()
            except ServiceError:
                self._waiting.appendleft(what)
                raise
