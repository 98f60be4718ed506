"""The advisory lock that admits one writer per database, across processes and machines."""

from typing import Any

from common.errors import OperationInProgress
from common.messages import say
from data_pipeline.postgres.search_path import Cursor

KEY = 0x7665635F72737472
""""vec_rstr". Advisory locks are per database."""

HOLDER = """
SELECT a.pid, a.application_name, to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


def take(cursor: Cursor) -> None:
    """Become the one writer of this database until the transaction ends. Raises OperationInProgress at once.

    The lock is a transaction's, not a session's: a session's would outlive its owner behind a connection pool.
    """
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (KEY,))
    if not cursor.value():
        raise _in_progress(_writer(cursor))


def expect_free(cursor: Cursor) -> None:
    """Raise OperationInProgress if there is a writer, without becoming it."""
    if writer := _writer(cursor):
        raise _in_progress(writer)


def _writer(cursor: Cursor) -> dict[str, Any] | None:
    cursor.execute(HOLDER, (KEY,))
    row = cursor.fetchone()
    return {"pid": row[0], "application_name": row[1], "since": row[2]} if row else None


def _in_progress(holder: dict[str, Any] | None) -> OperationInProgress:
    return OperationInProgress(say("writer_in_progress"), can_retry=True, holder=holder)
