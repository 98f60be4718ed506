"""Checks that run beside their askers: one that hangs keeps a thread of its own, and the answer doesn't wait for it."""

import threading
import time
from collections.abc import Callable

import structlog

from common.errors import ServiceError

log = structlog.get_logger("health")


class Checkup:
    """One check. It is under way at most once, however many ask; its result is told again for `fresh` seconds.

    check: raises ServiceError or OSError where something is wrong.
    """

    def __init__(self, check: Callable[[], object], fresh: float = 0.0) -> None:
        self._check = check
        self._fresh = fresh
        self._guard = threading.Lock()
        self._over: threading.Event | None = None
        self._passed = False
        self.found: object = None
        """What the check returned when it last passed."""
        self.reason: str | None = None
        """Why it did not pass, as far as a caller may know."""
        self._known_until = 0.0

    def begin(self) -> None:
        """Start it, unless it is under way or its last result is fresh."""
        with self._guard:
            under_way = self._over is not None and not self._over.is_set()
            if under_way or time.monotonic() < self._known_until:
                return
            self._over = threading.Event()
            threading.Thread(target=self._run, args=(self._over,), name="checkup", daemon=True).start()

    def passed(self, deadline: float) -> bool:
        """Its result; False if it isn't there by then (time.monotonic)."""
        with self._guard:
            over = self._over
        return over is not None and over.wait(max(0.0, deadline - time.monotonic())) and self._passed

    def _run(self, over: threading.Event) -> None:
        passed, reason = False, None
        try:
            self.found = self._check()
            passed = True
        except ServiceError as error:
            reason = error.response
        except OSError:
            pass
        except Exception as error:  # only its kind: its text may quote a password
            log.error("a check failed", kind=type(error).__name__)
        finally:
            with self._guard:
                self.reason = reason
                self._passed, self._known_until = passed, time.monotonic() + self._fresh
            over.set()
