"""Transactions. Every driver error leaves this module as one of ours."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED, ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.sql import SQL, Composed, Identifier, Literal

from common.errors import DatabaseError, ServiceError
from common.messages import say
from data_pipeline.postgres import sqlstate
from data_pipeline.postgres.link.line import Asking, Line
from data_pipeline.postgres.link.wire import Timeouts, connect, leave, translate
from data_pipeline.postgres.progress import SILENT, Progress, ProgressPhase
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.sqlstate import Phase, Relations
from data_pipeline.postgres.target import Target

# What the values in a backup must not depend on: the server's or the role's own settings of these.
FIXED_SETTINGS = {
    "row_security": "off",  # rows hidden by a policy are an error (42501), never a smaller backup
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
}

OUTCOME_WAITS = (0.1, 0.3, 1, 2, 3, 4)
"""Seconds before each question about a lost COMMIT: a server that restarts after a crash is back within these."""

OUTCOME_SECONDS = 30
"""No more questions after that: a server that is silent lets each of them wait."""

SHOWN: dict[Phase, ProgressPhase] = {
    "prepare": "verify",
    "truncate": "verify",
    "load": "load",
    "read": "load",
    "index": "index",
    "check": "check",
}
"""A phase as progress tells of it. COMMIT has none: it is over in a moment, and nothing can stop it."""

OUTCOME_UNKNOWN = say("commit_outcome_unknown")


@dataclass
class Session:
    """A transaction under way: its cursor, where the tables are, and the phase its next failure belongs to."""

    cursor: Cursor
    schema: str
    phase: Phase = "prepare"
    progress: Progress = SILENT
    ours: Relations = frozenset()
    """The tables it is about: a row of one of them that refers to nothing is an orphan, one of another table stands in
    the way."""

    def enter(self, phase: Phase, table: str | None = None) -> None:
        """Begin a phase, of one table or of all. Raises Cancelled."""
        self.progress.expect_wanted()
        self.phase = phase
        self.progress.enter(SHOWN[phase], table)

    def settle(self) -> None:
        """Begin the COMMIT, which can't be cancelled. Raises Cancelled."""
        self.progress.settle()
        self.phase = "commit"


def make_settings(cursor: Cursor, settings: Mapping[str, str]) -> None:
    """Make settings for this transaction, in one message to the server."""
    cursor.execute(_settings(settings))


def _settings(settings: Mapping[str, str]) -> Composed:
    each = [SQL("SET LOCAL {} = {}").format(Identifier(name), Literal(value)) for name, value in settings.items()]
    return SQL("; ").join(each)


def prefer(cursor: Cursor, name: str, value: str) -> None:
    """Make a setting for this transaction, or go on without it where the server won't have it."""
    try:
        cursor.execute(f"SAVEPOINT preference; SET LOCAL {name} = %s; RELEASE SAVEPOINT preference", (value,))
    except psycopg2.DataError:  # 22023
        cursor.execute("ROLLBACK TO SAVEPOINT preference; RELEASE SAVEPOINT preference")


@contextmanager
def transaction(
    target: Target,
    timeouts: Timeouts,
    *,
    snapshot: bool = False,
    read_only: bool = False,
    progress: Progress = SILENT,
) -> Iterator[Session]:
    """One transaction on a connection of its own: committed at the end, rolled back by any exception.

    With `snapshot` it is REPEATABLE READ. Its snapshot is taken by the first query, so locks taken before that query
    are older than the snapshot. A `read_only` one can't make temporary tables either.
    Raises ServiceError for what the database refuses, Cancelled once `progress` says so.
    """
    progress.expect_wanted()
    line = connect(target, timeouts, progress)
    try:
        with transaction_over(
            line, target, timeouts, snapshot=snapshot, read_only=read_only, progress=progress
        ) as session:
            yield session
    finally:
        leave(line)


@contextmanager
def transaction_over(
    line: Line,
    target: Target,
    timeouts: Timeouts,
    *,
    snapshot: bool = False,
    read_only: bool = False,
    progress: Progress = SILENT,
) -> Iterator[Session]:
    """The same on a connection that was made before; only after one that was committed may another follow."""
    session = Session(line.cursor(cursor_factory=Cursor), target.schema, progress=progress)
    progress.connected(line, target)
    try:
        _begin(session.cursor, timeouts, snapshot, read_only)
        yield session
        if read_only:
            _end(line, session)
        else:
            commit(line, session, target, timeouts)
    except ServiceError:
        progress.expect_wanted()
        raise
    except psycopg2.Error as error:
        progress.expect_wanted()
        answer = translate(error, session.phase, line, session.ours)
        answer.nothing_sent = session.phase == "prepare" and isinstance(answer, DatabaseError)
        raise answer from None
    finally:
        progress.disconnected(line)


def join(target: Target, timeouts: Timeouts, snapshot: str, progress: Progress) -> Session:
    """A read-only transaction in a snapshot that another one exported; the caller ends it by part().

    Raises ServiceError, Cancelled.
    """
    line = connect(target, timeouts, progress)
    cursor = line.cursor(cursor_factory=Cursor)
    progress.connected(line, target)
    try:
        _begin(cursor, timeouts, snapshot=True, read_only=True)
        cursor.execute("SET TRANSACTION SNAPSHOT %s", (snapshot,))
    except psycopg2.Error as error:
        progress.disconnected(line)
        leave(line)
        raise translate(error, "prepare", line) from None
    return Session(cursor, target.schema, "read", progress)


def part(session: Session) -> None:
    """End what join() began."""
    line = session.cursor.connection
    session.progress.disconnected(line)
    leave(line)


def _begin(cursor: Cursor, timeouts: Timeouts, snapshot: bool, read_only: bool) -> None:
    """Begin a transaction with our settings; no query is sent that would need a snapshot."""
    connection = cursor.connection
    level = ISOLATION_LEVEL_REPEATABLE_READ if snapshot else ISOLATION_LEVEL_READ_COMMITTED
    # Never READ WRITE: it would override default_transaction_read_only, which the database's owner has set on purpose.
    connection.set_session(isolation_level=level, readonly=read_only or None)
    cursor.begin(_settings({**FIXED_SETTINGS, **timeouts.settings(connection.server_version)}))
    if connection.server_version >= 140000:  # and not on every system: a server on Windows refuses it
        prefer(cursor, "client_connection_check_interval", f"{timeouts.client_check}ms")


def may_idle(session: Session) -> None:
    """Let this transaction send nothing for as long as it takes: what it waits for is a storage."""
    session.cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def _end(connection: Line, session: Session) -> None:
    """End a transaction that wrote nothing: a connection that is lost now loses nothing. Raises Cancelled."""
    session.settle()
    with suppress(psycopg2.Error):
        connection.commit()


def commit(connection: Line, session: Session, target: Target, timeouts: Timeouts) -> None:
    """Commit, and if the connection is lost over it, find out whether the server did.

    Raises DatabaseError if it did not, or if that can't be found out; Cancelled if that came first.
    """
    transaction_id = _transaction_id(session.cursor)
    session.settle()
    try:
        connection.commit()
    except psycopg2.Error:
        if not connection.closed:
            raise
        if transaction_id is None:
            return  # it wrote nothing, so there was nothing to lose
        if not _was_committed(target, timeouts, transaction_id):
            raise DatabaseError(say("connection_lost_at_commit"), can_retry=True) from None


@contextmanager
def savepoint(session: Session, name: str) -> Iterator[None]:
    """Undo what happens inside if it fails with an expected error; the transaction itself goes on.

    A lost connection is not caught here: the transaction is gone with it.
    """
    session.cursor.execute(f"SAVEPOINT {name}")
    try:
        yield
    except psycopg2.Error as error:
        session.progress.expect_wanted()
        lost = bool(session.cursor.connection.closed)
        if lost:
            raise
        session.cursor.execute(f"ROLLBACK TO SAVEPOINT {name}")
        raise sqlstate.translate(error, session.phase, lost, session.ours) from None
    except ServiceError:
        session.progress.expect_wanted()
        if not session.cursor.connection.closed:
            session.cursor.execute(f"ROLLBACK TO SAVEPOINT {name}")
        raise
    session.cursor.execute(f"RELEASE SAVEPOINT {name}")


def mark(session: Session) -> None:
    """Make this the place that return_to_mark goes back to."""
    session.cursor.execute("SAVEPOINT marked")


def return_to_mark(session: Session) -> None:
    """Undo what happened since the mark, which stays; locks that were taken before it stay as well."""
    session.cursor.execute("ROLLBACK TO SAVEPOINT marked")


@contextmanager
def scratch(session: Session, name: str, settings: Mapping[str, str]) -> Iterator[None]:
    """Settings for what happens inside, which leaves no trace: it is undone at the end, and so are they."""
    with savepoint(session, name):
        make_settings(session.cursor, settings)
        yield
        session.cursor.execute(f"ROLLBACK TO SAVEPOINT {name}")


def undo(session: Session) -> None:
    """Take everything back that the transaction did."""
    session.cursor.connection.rollback()


def _transaction_id(cursor: Cursor) -> str | None:
    """What pg_xact_status knows the transaction by; None if it wrote nothing."""
    cursor.in_own_path("SELECT pg_catalog.txid_current_if_assigned()::pg_catalog.text")
    found: str | None = cursor.value()
    return found


def _was_committed(target: Target, timeouts: Timeouts, transaction_id: str) -> bool:
    """Ask a new connection what became of a transaction. Raises DatabaseError if it can't be known.

    The server may be restarting, or the old backend still at work on the COMMIT, so it is asked several times, but
    not for ever where each time is waited for.
    """
    status, started = None, time.monotonic()
    for wait in OUTCOME_WAITS:
        if time.monotonic() - started > OUTCOME_SECONDS:
            break
        time.sleep(wait)
        with suppress(DatabaseError, psycopg2.OperationalError):
            status = _transaction_status(target, timeouts, transaction_id)
            if status != "in progress":
                break
    if status not in ("committed", "aborted"):
        raise DatabaseError(OUTCOME_UNKNOWN, can_retry=False, outcome="unknown")
    return status == "committed"


def _transaction_status(target: Target, timeouts: Timeouts, transaction_id: str) -> str | None:
    with closing(connect(target, timeouts)) as connection:
        cursor = connection.cursor(cursor_factory=Asking)
        try:
            cursor.execute("SELECT pg_catalog.txid_status(%s::bigint)", (transaction_id,))
        except psycopg2.DataError:  # 22023: a transaction of the future, so this is another server after a failover
            return None
        found: str | None = cursor.value()
        return found
