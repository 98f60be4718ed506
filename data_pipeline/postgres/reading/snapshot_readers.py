"""Further connections that see what a backup's transaction sees, so that a large table is read over several at once.

The server makes text of rows on one core a connection; of floats, that is most of the time a CSV backup takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg2

from common.errors import ServiceError
from data_pipeline.postgres import connection
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.reading import large_rows
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Live
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.target import Target

WORTH_SHARING = 32 << 20
"""Bytes of a table, TOAST included: a smaller one is saved before another connection is there."""


@contextmanager
def joined(session: Session, target: Target, timeouts: Timeouts, live: Live, most: int) -> Iterator[list[Session]]:
    """Sessions in a REPEATABLE READ session's own snapshot, which hold their own locks on all tables.

    At most `most`, none for small tables, and fewer where the server has no more to give: then the backup takes longer,
    but it is the same. They are closed at the end.
    """
    opened: list[Session] = []
    ready: list[Session] = []
    try:
        if most and _worth_sharing(session, live):
            snapshot = export_snapshot(session.cursor)
            with suppress(ServiceError, psycopg2.Error):
                for _ in range(most):
                    opened.append(connection.join(target, timeouts, snapshot, session.progress))
                    _lock(opened[-1], live)
                    ready.append(opened[-1])
        yield ready
    finally:
        for one in opened:
            connection.part(one)


def _worth_sharing(session: Session, live: Live) -> bool:
    """Where rows are large, each reader would need several times the largest one in memory."""
    cursor = session.cursor
    large = any(tables.total_size(cursor, table) > WORTH_SHARING for table in live.values())
    return large and not any(large_rows.exist(cursor, table) for table in live.values())


def _lock(session: Session, live: Live) -> None:
    """At once or not at all: a session in the queue for a lock on the tables waits for this one, and would block it."""
    tables.lock(session.cursor, live.schema, live.layout, "ACCESS SHARE", wait=False)


def export_snapshot(cursor: Cursor) -> str:
    """The transaction's snapshot, for others to see the same rows while it lasts."""
    cursor.execute("SELECT pg_export_snapshot()")
    return str(cursor.value())
