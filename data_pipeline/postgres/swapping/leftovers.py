"""Staging tables that an ended swap has left behind, and tables in whose place it has put new ones.

A swap removes them once it has committed; what it couldn't remove goes with the next writer, or when a service starts.

They are removed under the writer lock, so no swap is under way that could need them. A backend that outlives its
client for a moment may still hold a lock on one: that one stays for the next time.
"""

from contextlib import suppress

from psycopg2.errors import DependentObjectsStillExist, LockNotAvailable, UndefinedTable
from psycopg2.sql import SQL, Identifier

from common.errors import ServiceError
from data_pipeline.postgres import writer_lock
from data_pipeline.postgres.connection import Session, make_settings, transaction
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.swapping.names import IS_STAGING
from data_pipeline.postgres.target import Target

LEFT = """
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND {is_staging} AND pg_has_role(c.relowner, 'USAGE')
ORDER BY c.oid DESC
""".format(is_staging=IS_STAGING.format(table="c"))
"""The newest first: a table of a swap may refer to an earlier one."""

BRIEFLY = {"lock_timeout": "500ms"}


def find(cursor: Cursor) -> list[Identifier]:
    """The staging tables of this database that the role may remove."""
    cursor.execute(LEFT)
    return [Identifier(schema, name) for schema, name in cursor.fetchall()]


def remove(session: Session, target: Target, timeouts: Timeouts) -> None:
    """Remove them in a transaction of its own, for a session that holds the writer lock; they keep no restore
    from its work, so what can't be removed now stays."""
    if find(session.cursor):
        with suppress(ServiceError), transaction(target, timeouts, progress=session.progress.beside()) as other:
            _drop(other.cursor)


def sweep(target: Target, timeouts: Timeouts, progress: Progress = SILENT) -> int:
    """The same where no session holds the lock. Raises OperationInProgress if another writer is at work.

    Where nothing is left no writer is kept away, however briefly: a service looks for it when it starts.
    """
    with transaction(target, timeouts, progress=progress) as session:
        if not find(session.cursor):
            return 0
        writer_lock.take(session.cursor)
        return _drop(session.cursor)


def _drop(cursor: Cursor) -> int:
    found, removed = find(cursor), 0
    make_settings(cursor, BRIEFLY)
    for table in found:
        cursor.execute("SAVEPOINT one")
        try:
            cursor.execute(SQL("DROP TABLE {}").format(table))
            removed += 1
        except (LockNotAvailable, DependentObjectsStillExist, UndefinedTable):
            cursor.execute("ROLLBACK TO SAVEPOINT one")
        cursor.execute("RELEASE SAVEPOINT one")
    return removed
