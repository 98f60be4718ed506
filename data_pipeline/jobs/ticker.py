"""The thread that runs the recurring work."""

import threading
import time
from collections.abc import Callable

import structlog

from common.errors import ServiceError

HOUR = 3600.0

log = structlog.get_logger("jobs")


class Ticker:
    """Calls `often` once every `seconds`, and `hourly` once an hour; what they raise is logged."""

    def __init__(self, seconds: float, often: Callable[[], None], hourly: Callable[[], None]) -> None:
        self._seconds = seconds
        self._often = often
        self._hourly = hourly
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Call nothing more, and wait so long for what is being done."""
        self._over.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        next_hour = time.monotonic()
        while not self._over.wait(self._seconds):
            attempt(self._often)
            if time.monotonic() >= next_hour:
                attempt(self._hourly)
                next_hour = time.monotonic() + HOUR


class Beside:
    """Work in a thread of its own, at most once at a time: it may take longer than a heartbeat may."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self._name = name
        self._work = work
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Unless it is under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=attempt, args=(self._work,), name=self._name, daemon=True)
            self._thread.start()


def harmless(work: Callable[[], None]) -> Callable[[], None]:
    """The same, raising ServiceError only: of what a bug in it does, others' work has to know nothing."""

    def careful() -> None:
        try:
            work()
        except ServiceError:
            raise
        except Exception as error:
            log.error("not done", kind=type(error).__name__)

    return careful


def attempt(work: Callable[[], object]) -> None:
    """Do it; what it raises is logged."""
    try:
        work()
    except ServiceError as error:
        log.warning("not done this time", why=error.error_type)
    except Exception as error:
        log.error("not done this time", kind=type(error).__name__)
