"""How often a client may give a wrong token. A right one is never held up: it is looked at first."""

import threading
import time
from collections import OrderedDict
from math import ceil

from common.errors import TooManyAttempts
from data_pipeline.api.security import client_address

MOST_FAILURES = 10
WINDOW_SECONDS = 60.0
MOST_CLIENTS = 4096
"""Remembered at a time; with more, the one that was quiet for longest is forgotten."""

PAUSE_SECONDS = 1.0
"""Before a client that gives wrong tokens without end is answered."""


class Throttle:
    """Counts each client's wrong tokens of the last minute, at any route.

    places: how many answers may be held back at a time. Each keeps a thread of the server; one more isn't held back.
    """

    def __init__(self, places: int) -> None:
        self._guard = threading.Lock()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._places = threading.BoundedSemaphore(places) if places else None

    def failed(self, client: str | None) -> None:
        """Count a wrong token. Raises TooManyAttempts, after a pause, where there were too many."""
        wait = self._count(client_address.group(client))
        if wait is not None:
            self._pause()
            raise TooManyAttempts(wait)

    def _count(self, client: str) -> int | None:
        """The seconds until a wrong token is counted anew; None where it just was."""
        now = time.monotonic()
        with self._guard:
            recent = [moment for moment in self._failures.pop(client, []) if moment > now - WINDOW_SECONDS]
            full = len(recent) >= MOST_FAILURES
            self._failures[client] = recent if full else [*recent, now]
            if len(self._failures) > MOST_CLIENTS:
                self._failures.popitem(last=False)
        return ceil(recent[0] + WINDOW_SECONDS - now) if full else None

    def _pause(self) -> None:
        if self._places and self._places.acquire(blocking=False):
            try:
                time.sleep(PAUSE_SECONDS)
            finally:
                self._places.release()
