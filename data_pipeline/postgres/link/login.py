"""Opening a connection within a time, name lookup and session settings included.

libpq's connect_timeout leaves out what comes before and after its own protocol: a name server that says nothing, and
the statement by which the driver sets a DateStyle other than ISO right. So a login runs in a thread of its own, which
is left behind when time is up or the connection is no longer wanted; what it opens too late, it closes.
"""

import threading
from typing import Any, cast

import psycopg2

from data_pipeline.postgres.link.awake import AWAKE
from data_pipeline.postgres.link.line import Asking, Line
from data_pipeline.postgres.progress import SILENT, Progress

TICK = 0.1
"""Seconds between two looks whether the connection is still wanted."""

TOO_LATE = "timeout expired"
"""libpq's own words for it."""


class Login:
    """One attempt to connect."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._parameters = parameters
        self._outcome: Line | Exception | None = None
        self._guard = threading.Lock()
        self._left = False
        self._done = threading.Event()
        threading.Thread(target=self._run, name="login", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Whether it is over."""
        return self._done.wait(seconds)

    def leave(self) -> None:
        """The connection is no longer waited for."""
        with self._guard:
            self._left = True
            if isinstance(self._outcome, Line):
                self._outcome.close()

    def outcome(self) -> Line | Exception:
        """What it came to, once it is over."""
        self._done.wait()
        return cast("Line | Exception", self._outcome)

    def _run(self) -> None:
        outcome: Line | Exception
        try:
            outcome = psycopg2.connect(**self._parameters, connection_factory=Line, cursor_factory=Asking)
        except Exception as error:  # for the thread that waits
            outcome = error
        with self._guard:
            self._outcome = outcome
            if self._left and isinstance(outcome, Line):
                outcome.close()
        self._done.set()


def connect(parameters: dict[str, Any], seconds: float, progress: Progress = SILENT) -> Line:
    """A connection with libpq's parameters. Raises psycopg2.Error; Cancelled once `progress` says so."""
    deadline = AWAKE.now() + seconds
    login = Login(parameters)
    try:
        while not login.wait(TICK):
            progress.expect_wanted()
            if AWAKE.now() > deadline:
                raise psycopg2.OperationalError(TOO_LATE)
    except BaseException:
        login.leave()
        raise
    outcome = login.outcome()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
