"""The server's side of a child process: what its backend does, and the end of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.target import Target

WAITING = """
SELECT a.pid, coalesce((
    SELECT array_agg(b.pid::text || ' ' || b.application_name ORDER BY b.pid) FROM pg_stat_activity b
    WHERE b.pid = ANY (pg_blocking_pids(a.pid))), '{}')
FROM pg_stat_activity a WHERE a.application_name = %s AND a.wait_event_type = 'Lock'
"""
FORGET = "SELECT pg_stat_clear_snapshot()"
"""A transaction sees the activity of the moment it first looked."""
END = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = %s AND pid <> pg_backend_pid()
"""
ORPHANS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND starts_with(application_name, %s) AND pid <> pg_backend_pid()
"""
ANY_LEFT = """
SELECT EXISTS (SELECT FROM pg_stat_activity
               WHERE datname = current_database() AND starts_with(application_name, %s) AND pid <> pg_backend_pid())
"""
END_SECONDS = 20.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Blocked:
    """A backend that waits for a lock; by: the backends that have it, by pid and application_name."""

    pid: int
    by: Sequence[str]


def blocked(session: Session, application_name: str) -> Blocked | None:
    """The backend of that name, if it waits for a lock now."""
    session.cursor.execute(FORGET)
    session.cursor.execute(WAITING, (application_name,))
    row = session.cursor.fetchone()
    return Blocked(row[0], row[1]) if row else None


def end(target: Target, timeouts: Timeouts, application_name: str) -> None:
    """End the backends of that name, and wait until they are gone: what they did not commit is rolled back.

    Raises ServiceError where the server can't be asked.
    """
    deadline = time.monotonic() + END_SECONDS
    with transaction(target, timeouts, read_only=True) as session:
        while time.monotonic() < deadline:
            session.cursor.execute(END, (application_name,))
            if not session.cursor.value():
                return
            session.cursor.execute(FORGET)
            time.sleep(LOOK_SECONDS)


def any_of(session: Session, prefix: str) -> bool:
    """Whether this database has backends whose names begin so."""
    session.cursor.execute(ANY_LEFT, (prefix,))
    return bool(session.cursor.value())


def end_orphans(session: Session, prefix: str) -> int:
    """End the backends of this database whose names begin so; returns how many there were."""
    session.cursor.execute(ORPHANS, (prefix,))
    found: int = session.cursor.value()
    return found
