"""Connections to the database of the job queue. Every driver error leaves this module as ServiceUnavailable."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from common.errors import ServiceUnavailable
from data_pipeline.jobs import schema
from data_pipeline.vector.embedded import EmbeddedServerError
from data_pipeline.vector.target import Target

APPLICATION_NAME = "vector-jobs"
CONNECT_SECONDS = 3
DOWN_SECONDS = 5
"""How long nobody tries again after a failure, so that synchronous work isn't held up by every attempt."""

MOST_CONNECTIONS = 8
Connection = psycopg.Connection[dict[str, Any]]


class JobsDatabase:
    """A pool, opened on first use; the schema is made then too. Safe to use from several threads.

    find: gives the target, its server running. Raises EmbeddedServerError.
    """

    def __init__(self, find: Callable[[], Target]) -> None:
        self._find = find
        self._pool: ConnectionPool[Connection] | None = None
        self._guard = threading.Lock()
        self._down_until = 0.0

    def conninfo(self) -> str:
        """For a connection of one's own. Raises ServiceUnavailable."""
        try:
            target = self._find()
        except EmbeddedServerError:
            raise _unavailable() from None
        settings = {"connect_timeout": CONNECT_SECONDS, "application_name": APPLICATION_NAME}
        return make_conninfo("", **target.parameters() | settings | {"options": f"-c search_path={schema.SCHEMA}"})

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; rows are dictionaries. Raises ServiceUnavailable."""
        pool = self._opened()
        try:
            with pool.connection() as connection:
                yield connection
        except psycopg.OperationalError:
            self._give_up(pool)
            raise _unavailable() from None

    def close(self) -> None:
        """Close every connection; the next use opens them again."""
        with self._guard:
            pool, self._pool = self._pool, None
        if pool:
            pool.close()

    def _opened(self) -> "ConnectionPool[Connection]":
        with self._guard:
            if self._pool is None:
                if time.monotonic() < self._down_until:
                    raise _unavailable()
                try:
                    self._pool = _open(self.conninfo())
                except (psycopg.Error, ServiceUnavailable):
                    self._down_until = time.monotonic() + DOWN_SECONDS
                    raise _unavailable() from None
            return self._pool

    def _give_up(self, pool: "ConnectionPool[Connection]") -> None:
        with self._guard:
            if self._pool is not pool:
                return
            self._pool = None
            self._down_until = time.monotonic() + DOWN_SECONDS
        pool.close()


def _open(conninfo: str) -> "ConnectionPool[Connection]":
    with psycopg.Connection[dict[str, Any]].connect(conninfo, row_factory=dict_row) as connection:
        schema.install(connection)
    pool: ConnectionPool[Connection] = ConnectionPool(
        conninfo,
        kwargs={"row_factory": dict_row},
        min_size=1,
        max_size=MOST_CONNECTIONS,
        timeout=CONNECT_SECONDS,
        check=ConnectionPool.check_connection,
        open=False,
    )
    pool.open()
    return pool


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("任务队列不可用,请稍后重试", can_retry=True)
