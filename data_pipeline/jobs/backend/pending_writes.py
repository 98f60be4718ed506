"""What the queue's database is still to be told, since it could not be reached when it happened."""

from collections import deque
from collections.abc import Callable

import structlog

from common.errors import ServiceError
from data_pipeline.jobs.backend.database import JobsDatabase

MOST = 1000
"""One for each call that was under way when the queue went away: more than that many threads could have made."""

log = structlog.get_logger("jobs")


class Backlog:
    """Kept in memory, in order, until it has been told. Safe to use from many threads."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database
        self._waiting: deque[Callable[[], object]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def tell(self, what: Callable[[], object]) -> bool:
        """Now if the queue can be reached, later if not; whether it was now. `what` raises ServiceError."""
        try:
            self._database.expect_up()
            what()
        except ServiceError:
            self.tell_later(what)
            return False
        return True

    def tell_later(self, what: Callable[[], object]) -> None:
        if len(self._waiting) < MOST:
            self._waiting.append(what)
        else:
            log.error("the queue was away for too long: not everything is written down")

    def catch_up(self) -> None:
        """Tell everything that waits. Raises ServiceUnavailable; what was not told still waits."""
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
