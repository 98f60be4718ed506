"""A connection that says since when it waits for its server, and that any thread may give up.

libpq waits for an answer as long as TCP holds, which is for ever where the server's machine still acknowledges what it
gets. So a thread beside (watch.py) shuts the socket down, and the waiting thread reads the end of it as a lost
connection. It is never closed from another thread: its number could already belong to something else, and libpq's
structures are not made for two. Nor is the driver's own cancel() called: it waits for the server with the interpreter's
lock held, and with it every thread of this process.
"""

import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from psycopg2.extensions import connection, cursor

from data_pipeline.postgres.link.awake import AWAKE

Result = TypeVar("Result")


class Line(connection):
    """A psycopg2 connection, used by one thread and watched by another.

    asked_at: when the answer it waits for was asked for (AWAKE.now), None while it waits for none. limit: the
    seconds one answer may take, None where only watching tells. abandoned_at: when the answer stopped being wanted.
    given_up: it was shut down from outside. over: it is closed.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.asked_at: float | None = None
        self.limit: float | None = None
        self.abandoned_at: float | None = None
        self.given_up = self.over = False
        try:
            super().__init__(*arguments, **options)
        except BaseException:  # which keeps this object: libpq's socket would stay until a garbage collection
            super().close()
            raise
        # A second descriptor of the same socket: it stays valid until close() is over. The family is not looked at.
        self._socket = socket.fromfd(self.fileno(), socket.AF_INET, socket.SOCK_STREAM)

    # By the thread that uses it

    def ask(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """Do what waits for the server."""
        self.asked_at = AWAKE.now()
        try:
            return call(*arguments)
        finally:
            self.asked_at = None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within COPY, what the driver calls back for: the server is not waited for meanwhile."""
        self.asked_at = None
        try:
            yield
        finally:
            self.asked_at = AWAKE.now()

    def await_room(self) -> None:
        """Before COPY ends: wait until the socket takes what is left of it.

        The driver sends the end while it holds the interpreter's lock: where the server reads nothing, every thread of
        this process would stand still, those that look after silence among them.
        """
        with selectors.DefaultSelector() as selector, suppress(OSError):
            selector.register(self._socket, selectors.EVENT_WRITE)
            selector.select()

    def commit(self) -> None:
        self.ask(super().commit)

    def rollback(self) -> None:
        self.ask(super().rollback)

    def close(self) -> None:
        """Say goodbye, which takes as long as a server that reads nothing lets it."""
        try:
            self.ask(super().close)
        finally:
            self.over = True
            self._socket.close()

    def settle(self, seconds: float) -> None:
        """From here on each answer is waited for so long, wanted or not."""
        self.limit, self.abandoned_at = seconds, None

    # By any thread

    def abandon(self) -> None:
        """What it waits for is no longer wanted: the server is asked to cancel it, and soon it is given up."""
        self.abandoned_at = self.abandoned_at or AWAKE.now()

    def give_up(self) -> None:
        """End every wait for the server, now and later, as if the connection were lost."""
        self.given_up = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class Asking(cursor):
    """A cursor whose line knows that it waits."""

    connection: Line

    def one(self) -> tuple[Any, ...]:
        """The next row, of a statement that always answers with one. Raises LookupError where there is none."""
        row = self.fetchone()
        if row is None:
            raise LookupError("the statement answered with no row")
        return row

    def value(self) -> Any:
        """The first column of that row."""
        return self.one()[0]

    def execute(self, query: Any, parameters: Any = None) -> None:
        self.connection.ask(super().execute, query, parameters)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        self.connection.ask(super().copy_expert, sql, file, size)
