"""Connections to a target: opened within a time, watched, and left when what they did is rolled back."""

from contextlib import suppress
from dataclasses import dataclass

import psycopg2

from common.errors import DatabaseError, ServiceError
from data_pipeline.postgres import sqlstate
from data_pipeline.postgres.link import login, refusal
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.link.observer import Observer
from data_pipeline.postgres.link.watch import WATCH
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.sqlstate import Phase, Relations
from data_pipeline.postgres.target import Target

APPLICATION_NAME = "vector-restore"

ADDRESSES = 2
"""How many addresses of one host may use up libpq's time to connect, which is for each of them."""

UNACKNOWLEDGED_SECONDS = 60
"""What the server's machine hasn't acknowledged by then is lost, and the connection with it. No less, and twice the
time for a lock: Linux counts a full window too, and a COPY whose backend waits fills it."""

ROLLBACK_SECONDS = 3.0


@dataclass(frozen=True)
class Timeouts:
    """Limits in seconds, 0 for none: to connect, for one lock, one statement, and a transaction that does nothing.

    client_check is how often the server looks whether its client is still there, in milliseconds.
    """

    connect: int
    lock: int
    statement: int
    idle: int
    client_check: int

    def settings(self, server_version: int) -> dict[str, str]:
        """As settings of a transaction; what the server does not know yet is left out."""
        limits = {
            "lock_timeout": f"{self.lock}s",
            "statement_timeout": f"{self.statement}s",
            "idle_in_transaction_session_timeout": f"{self.idle}s",
        }
        if server_version >= 170000:
            limits["transaction_timeout"] = "0"
        return limits


def connect(target: Target, timeouts: Timeouts, progress: Progress = SILENT) -> Line:
    """Open a connection that is watched. Raises DatabaseError, Cancelled once `progress` says so."""
    given = target.parameters()
    seconds = min(timeouts.connect, int(given.get("connect_timeout", timeouts.connect)))
    parameters = {
        "application_name": APPLICATION_NAME,
        **given,
        "connect_timeout": seconds,
        "tcp_user_timeout": 1000 * max(UNACKNOWLEDGED_SECONDS, 2 * timeouts.lock),
        "client_encoding": "UTF8",
    }
    try:
        line = login.connect(parameters, seconds * ADDRESSES, progress)
    except psycopg2.Error as error:
        answer = sqlstate.at_connect(error)
        answer.nothing_sent = bool(answer.data["can_retry"])
        raise answer from None
    WATCH.add(line, Observer(line, parameters, timeouts.lock, WATCH.add))
    return line


def leave(line: Line) -> None:
    """Roll back what was not committed, hear that it is, and close.

    A connection that is only closed holds its locks until the server reads the end of it, a round trip later: the next
    writer would be told that this one is still at work.
    """
    line.settle(ROLLBACK_SECONDS)
    if not line.closed:
        with suppress(psycopg2.Error):  # what was never committed is rolled back, whether we hear it or not
            line.rollback()
    line.close()


def translate(error: psycopg2.Error, phase: Phase, line: Line, ours: Relations = frozenset()) -> ServiceError:
    """The answer for a statement that failed on this connection; ours: the tables that its transaction is about."""
    answer = sqlstate.translate(error, phase, bool(line.closed), ours)
    if line.given_up and isinstance(answer, DatabaseError):
        answer.data["details"] = refusal.SILENT
    return answer
