"""Connections to the database of the job queue. Every driver error leaves this module as ServiceUnavailable."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from common.errors import ServiceUnavailable
from common.messages import say
from data_pipeline.jobs.backend import schema, timeouts
from data_pipeline.jobs.backend.timeouts import LimitedConnection
from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server.embedded import EmbeddedServerError

APPLICATION_NAME = "vector-jobs"
DOWN_SECONDS = 5
"""How long after a failure work that doesn't need the queue is not held up by another attempt."""

MOST_IDLE = 8
Connection = psycopg.Connection[DictRow]
SEARCH_PATH = f"{schema.SCHEMA},pg_temp"
"""pg_catalog, which is not named, comes first; temporary tables, which a pooled session may have, come last."""

OPTIONS = " ".join(f"-c {name}={value}" for name, value in {"search_path": SEARCH_PATH, **timeouts.SERVER}.items())


class JobsDatabase:
    """Connections that are kept for the next use; the schema is made with the first. Safe to use from many threads.

    find: gives the target, its server running. Raises EmbeddedServerError.
    """

    def __init__(self, find: Callable[[], Target]) -> None:
        self._find = find
        self._idle: list[LimitedConnection] = []
        self._guard = threading.Lock()
        self._installed = False
        self._closed = False
        self._down_until = 0.0

    def conninfo(self) -> str:
        """For a connection of one's own. Raises ServiceUnavailable."""
        try:
            target = self._find()
        except EmbeddedServerError:
            raise unavailable() from None
        given = target.parameters()
        # Of what its URL says, an endpoint counts: the last of two settings of one name is the server's.
        settings = {"application_name": APPLICATION_NAME, "options": f"{given['options']} {OPTIONS}".lstrip()}
        return make_conninfo("", **given | timeouts.CONNECTION | settings)

    def expect_up(self) -> None:
        """Raise ServiceUnavailable if it could not be reached a moment ago: for what can do without it."""
        if time.monotonic() < self._down_until:
            raise unavailable()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; rows are dictionaries. Raises ServiceUnavailable."""
        connection = self._kept() or self._new()
        try:
            yield connection
            connection.commit()
        except (psycopg.OperationalError, psycopg.InternalError, psycopg.ProgrammingError):
            connection.close()
            raise unavailable() from None
        except BaseException:
            connection.close()
            raise
        self._down_until = 0.0
        self._keep(connection)

    def close(self) -> None:
        """Close every idle connection, and from now on each as soon as its transaction has ended: a thread that is not
        waited for may still have one."""
        with self._guard:
            self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _kept(self) -> LimitedConnection | None:
        """A connection from before, if it still answers; if not, none does, and all are closed."""
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            return None
        connection.patience = timeouts.CONNECT_SECONDS  # as little as a new one would get
        with suppress(psycopg.Error):
            connection.execute("SELECT")
            connection.patience = timeouts.ANSWER_SECONDS
            return connection
        connection.close()
        self._close_idle()
        return None

    def _keep(self, connection: LimitedConnection) -> None:
        with self._guard:
            if len(self._idle) < MOST_IDLE and not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _new(self) -> LimitedConnection:
        try:
            connection = LimitedConnection.connect(self.conninfo(), row_factory=dict_row)
            try:
                self._install(connection)
            except BaseException:
                connection.close()
                raise
        except (psycopg.Error, ServiceUnavailable):
            self._down_until = time.monotonic() + DOWN_SECONDS
            raise unavailable() from None
        except schema.NewerSchemaError:
            self._down_until = time.monotonic() + DOWN_SECONDS
            raise ServiceUnavailable(say("jobs_database_of_a_newer_version"), can_retry=False) from None
        return connection

    def _install(self, connection: Connection) -> None:
        with self._guard:
            if not self._installed:
                schema.install(connection)
                connection.commit()
                self._installed = True


def unavailable() -> ServiceUnavailable:
    """The answer where the queue can't be reached."""
    return ServiceUnavailable(say("job_queue_unavailable"), can_retry=True)
