"""How often somebody may guess."""

import threading
import time
from collections import OrderedDict
from math import ceil

from common.errors import TooManyAttempts

MOST_FAILURES = 10
WINDOW_SECONDS = 60.0
MOST_CLIENTS = 4096
"""Remembered at a time; with more, the one that was quiet for longest is forgotten."""


class Throttle:
    """Counts each client's failed attempts of the last minute."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def begin(self, client: str) -> None:
        """Count an attempt as failed until it succeeds. Raises TooManyAttempts, whatever is attempted."""
        now = time.monotonic()
        with self._guard:
            recent = [moment for moment in self._failures.pop(client, []) if moment > now - WINDOW_SECONDS]
            full = len(recent) >= MOST_FAILURES
            self._failures[client] = recent if full else [*recent, now]
            if len(self._failures) > MOST_CLIENTS:
                self._failures.popitem(last=False)
        if full:
            raise TooManyAttempts(ceil(recent[0] + WINDOW_SECONDS - now))

    def succeeded(self, client: str) -> None:
        """Forget a client's failures."""
        with self._guard:
            self._failures.pop(client, None)
