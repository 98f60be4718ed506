"""The embedded PostgreSQL: what the service uses when no database is configured.

Processes share the server of a data directory: the first one starts it, the last one to leave stops it. A process
says that it uses the server by a lock on a file, which the system takes back from a process that was killed.
Leaving is registered with atexit. SIGTERM doesn't run that: a process that may get one has to turn it into sys.exit().
"""

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psycopg2
from fasteners import InterProcessLock, InterProcessReaderWriterLock
from psycopg2.sql import SQL

from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.postgres import writer_lock
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.schema import ddl
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import ownership
from data_pipeline.postgres_server.address import Address
from data_pipeline.postgres_server.cluster import (
    START_SECONDS,
    SUPERUSER,
    Cluster,
    EmbeddedServerError,
    binaries,
)
from data_pipeline.sets.tables import table_spec

__all__ = ["EmbeddedServer", "EmbeddedServerError", "binaries", "start"]

DATABASE = "vector_db"
# What a role's or the database's search path says is nothing to us.
OPTIONS = {"options": "-c search_path=pg_catalog,pg_temp"}

SCHEMA = "public"
OWNER = "vector_owner"
"""The role that the database belongs to."""

_servers: dict[tuple[int, Path], "EmbeddedServer"] = {}
_mutex = threading.Lock()


def start(data_dir: Path) -> "EmbeddedServer":
    """The running server of `data_dir`, its database and tables included; what is missing is made.

    Every call in a process gets the same object, from any thread. Raises EmbeddedServerError.
    """
    home = data_dir.resolve()
    # By process, because a forked child has to say for itself that it uses the server.
    key = os.getpid(), home
    with _mutex:
        server = _servers.get(key) or EmbeddedServer(home)
        server._join()
        _servers[key] = server
        return server


def as_owner(target: Target, timeouts: Timeouts) -> Target:
    """The embedded database as a role that owns it and is no superuser: what restores whole archives.

    Everything in the database becomes this role's, as it would be in a database of its own. Raises ServiceError.
    """
    with transaction(target, timeouts) as session:
        writer_lock.take(session.cursor)  # a writer needs its tables as they are
        ownership.hand_over(session, OWNER)
    return replace(target, user=OWNER)


def leave() -> None:
    """Leave every server this process uses, for an end that doesn't run what atexit has. Raises EmbeddedServerError."""
    for server in [*_servers.values()]:
        server.stop()


class EmbeddedServer:
    """What a process holds of the server it uses; start() gives it."""

    target: Target
    """The database, as the superuser. On Linux the host is the directory of a Unix socket."""

    def __init__(self, home: Path) -> None:
        self._cluster = Cluster(home)
        self._process = os.getpid()
        self._joined = False
        self._address = Address(self._cluster.data)
        self._turn = InterProcessLock(home / "turn.lock")  # held while one process starts or stops the server
        self._use = InterProcessReaderWriterLock(home / "use.lock")  # read-locked by all that use it

    def stop(self) -> None:
        """Leave the server and, if no other process uses it, stop it. Raises EmbeddedServerError.

        A second call does nothing, nor does one in a forked child that has inherited the object.
        """
        with _mutex:
            if self._joined and self._process == os.getpid():
                atexit.unregister(self.stop)
                with self._one_line_errors(), self._our_turn():
                    self._leave()

    def _join(self) -> None:
        if self._joined and self._cluster.running():
            return
        with self._one_line_errors(), self._our_turn():
            if not self._joined:
                self._use.acquire_read_lock()
                self._joined = True
                atexit.register(self.stop)
            try:
                self._cluster.create()
                self._cluster.start()
                self.target = self._reachable()
                _prepare(self.target)
                _make_owner(self.target)
            except BaseException:
                with suppress(EmbeddedServerError, OSError):  # the first error is the one to report
                    self._leave()
                raise

    def _leave(self) -> None:
        self._use.release_read_lock()
        self._joined = False
        self._address.close()
        if self._use.acquire_write_lock(blocking=False):
            try:
                self._cluster.stop()
            finally:
                self._use.release_write_lock()

    def _reachable(self) -> Target:
        return Target("embedded", self._address.host, self._cluster.port, DATABASE, SUPERUSER, self._cluster.password)

    @contextmanager
    def _our_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=START_SECONDS):
            raise EmbeddedServerError(f"another process has been starting or stopping it for {START_SECONDS} seconds")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, OSError, psycopg2.Error) as error:
            reason = str(error).strip().partition("\n")[0]
            raise EmbeddedServerError(f"the embedded PostgreSQL in {self._cluster.home}: {reason}") from error


def _prepare(target: Target) -> None:
    """Make the database, the extension and the tables, each unless it is there."""
    with closing(psycopg2.connect(**replace(target, dbname="postgres").parameters() | OPTIONS)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (target.dbname,))
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {target.dbname}")
    parameters = target.parameters() | OPTIONS
    with (
        closing(psycopg2.connect(**parameters, connection_factory=Line)) as connection,
        connection,
        connection.cursor(cursor_factory=Cursor) as cursor,
    ):
        cursor.begin(SQL("SET LOCAL lock_timeout = 0"))
        cursor.execute(f"CREATE EXTENSION IF NOT EXISTS vector SCHEMA {SCHEMA}")
        # A table that is there stays as it is: it may be the old schema's, or have lost its index on purpose.
        ddl.create_absent(cursor, SCHEMA, table_spec.as_made(DOCUMENTED))


def _make_owner(target: Target) -> None:
    """Let the database belong to a role that is no superuser. It logs in as the superuser does: only this user's
    processes reach the socket, and over TCP it has the same password."""
    with closing(psycopg2.connect(**replace(target, dbname="postgres").parameters() | OPTIONS)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,))
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD %s", (target.password,))
        cursor.execute(
            "SELECT 1 FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE datname = %s AND rolname = %s",
            (target.dbname, OWNER),
        )
        if cursor.fetchone() is None:
            cursor.execute(f"ALTER DATABASE {target.dbname} OWNER TO {OWNER}")
