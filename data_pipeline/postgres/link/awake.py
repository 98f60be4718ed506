"""A clock that stands still while this process does.

A process that was stopped (SIGSTOP, a frozen cgroup, a machine that swaps) has heard nothing meanwhile, and that says
nothing of its servers: their answers may lie in its sockets. So of each stretch in which this clock was not read
only the first second counts. While a connection is waited for, it is looked at four times a second.
"""

import threading
import time

LONGEST = 1.0
"""Seconds between two looks that a process which runs can need, on a machine that has much to do."""


class Awake:
    """Seconds that this process has been seen running. Any thread may ask."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._seconds = 0.0
        self._looked = time.monotonic()

    def now(self) -> float:
        with self._guard:
            looked = time.monotonic()
            self._seconds += min(looked - self._looked, LONGEST)
            self._looked = looked
            return self._seconds


AWAKE = Awake()
"""The one of this process: what waits for a server is measured with it."""
