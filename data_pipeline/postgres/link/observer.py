"""Asks a server about a connection that has waited long for it. watch.py says what tells silence from work."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg2

from data_pipeline.postgres.link import login, refusal, vitals
from data_pipeline.postgres.link.awake import AWAKE
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.link.vitals import Vitals

LOOK_EVERY = 2.0
CANCEL_EVERY = 0.1
LOOK_SECONDS = 2.0
"""For one login of the second connection, and for its answer."""

SILENCE = 6.0
"""Seconds without any answer; with the looks' own time a wait ends within ten."""

LONG_SILENCE = 30.0
LISTENING = 5.0
"""Seconds for which a backend listens while its client waits: the request or the answer is on its way no longer."""

STILL = 300.0

UNHEARD = ("TIMED_OUT", "REFUSED", "UNREACHABLE", "CONNECTION_CLOSED", "NO_SUCH_HOST")
"""Failures to connect that are no word of a server's."""

log = logging.getLogger(__name__)


class Observer:
    """Asks about a line for as long as it waits for one answer, and gives it up where nothing lives.

    parameters: libpq's, for the second connection. lock_seconds: the server's lock_timeout. limit: has the limit of
    the second connection kept.
    """

    def __init__(
        self, line: Line, parameters: dict[str, Any], lock_seconds: float, limit: Callable[[Line], None]
    ) -> None:
        self._line = line
        self._pid: int = line.info.backend_pid
        self._parameters = parameters
        self._lock_seconds = lock_seconds
        self._limit = limit
        self._busy = threading.Lock()
        self._probe: Line | None = None
        self._asked_at = self._heard_at = self._moved_at = 0.0
        self._seen_alive = False
        self._last: Vitals | None = None

    def start(self, asked_at: float) -> None:
        """Look on in a thread of its own, unless one does, while the line waits for what it asked for then."""
        if self._busy.acquire(blocking=False):
            self._asked_at = self._heard_at = asked_at
            self._last = None
            threading.Thread(target=self._run, name="observe", daemon=True).start()

    def cancel(self) -> None:
        """Have the server end what the line waits for, again and again, in a thread of its own.

        A request to cancel is lost if it comes between two statements.
        """
        if self._busy.acquire(blocking=False):
            threading.Thread(target=self._cancel, name="cancel", daemon=True).start()

    def _cancel(self) -> None:
        line = self._line
        try:
            while line.abandoned_at is not None and not (line.over or line.given_up):
                if line.asked_at is not None:
                    vitals.cancel(self._connected(), self._pid)
                time.sleep(CANCEL_EVERY)
        except psycopg2.Error:  # the watch calls again, until the line is given up
            pass
        finally:
            self._hang_up()
            self._busy.release()

    def _run(self) -> None:
        try:
            while self._waits():
                why = self._look()
                if why and self._waits():
                    log.warning("a silent database was given up: %s", why)
                    self._line.give_up()
                self._pause()
        finally:
            self._hang_up()
            self._busy.release()

    def _pause(self) -> None:
        """Until the next look, or until there is nothing to look at: a cancel waits for this thread to end."""
        until = AWAKE.now() + LOOK_EVERY
        while self._waits() and AWAKE.now() < until:
            time.sleep(CANCEL_EVERY)

    def _waits(self) -> bool:
        line = self._line
        return line.asked_at == self._asked_at and line.abandoned_at is None and not line.given_up

    def _look(self) -> str | None:
        """Why the line is to be given up, if it is."""
        try:
            seen = vitals.read(self._connected(), self._pid)
        except psycopg2.Error as error:
            cause = "TIMED_OUT" if self._probe is not None and self._probe.given_up else refusal.of(error).cause
            self._hang_up()
            if cause in UNHEARD:
                timed_out = cause == "TIMED_OUT" and not self._seen_alive
                return self._unless_soon(AWAKE.now() - self._heard_at, SILENCE if timed_out else LONG_SILENCE)
            seen = None  # it refuses us, so it lives; of the backend nothing is known
        now = self._heard_at = AWAKE.now()
        self._seen_alive = True
        if seen is None or seen != self._last:
            self._last, self._moved_at = seen, now
        return self._unless_soon(now - self._moved_at, self._patience(seen)) if seen else None

    def _connected(self) -> Line:
        if self._probe is None:
            self._probe = login.connect(self._parameters, LOOK_SECONDS)
            self._probe.autocommit = True
            self._probe.limit = LOOK_SECONDS
            self._limit(self._probe)
        return self._probe

    def _patience(self, seen: Vitals) -> float:
        """How many seconds without any movement are a backend's in that state."""
        return {
            "gone": -1.0,
            "listening": LISTENING,
            "queueing": self._lock_seconds + SILENCE,
            "working": STILL,
            "computing": float("inf"),
        }[seen.doing]

    def _unless_soon(self, seconds: float, patience: float) -> str | None:
        if seconds <= patience:
            return None
        return self._last.doing if self._last else "no answer"

    def _hang_up(self) -> None:
        if self._probe is not None:
            self._probe.close()
            self._probe = None
