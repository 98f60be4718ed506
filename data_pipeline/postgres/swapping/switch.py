"""The moment of a swap: the live tables are locked against readers for as long as the exchange takes.

Each attempt is a savepoint in which no lock is waited for longer than 50 ms, since new readers queue up behind a lock
that is waited for. Between two of them others go on. A session that waits for this transaction and holds a lock that
the exchange needs would wait for ever, and the server's own search for deadlocks doesn't find it: this transaction is
never waiting for long enough. Its statement is cancelled.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from psycopg2.errors import DeadlockDetected, InsufficientPrivilege, LockNotAvailable
from psycopg2.sql import SQL

from common.errors import LockTimeout
from common.messages import say
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor

ATTEMPT_MS = 50
PAUSE, GROWTH, LONGEST_PAUSE = 0.05, 1.5, 2.0
LIMIT = 60.0
"""Seconds for all attempts."""

# pg_locks shows every role which sessions wait, pg_stat_activity does not. `stuck`: those that wait for this
# transaction, or for one that does.
STUCK = """
WITH RECURSIVE waiting AS MATERIALIZED (
  SELECT pid, pg_blocking_pids(pid) AS blockers FROM (SELECT DISTINCT pid FROM pg_locks WHERE NOT granted) w
), stuck (pid) AS (
  SELECT pid FROM waiting WHERE pg_backend_pid() = ANY(blockers)
  UNION SELECT w.pid FROM waiting w JOIN stuck s ON s.pid = ANY(w.blockers)
)
SELECT pid, {what} FROM (
  SELECT DISTINCT l.pid FROM pg_locks l{stuck} WHERE l.granted AND l.locktype = 'relation' AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.relation = ANY(%s::oid[])
) holding ORDER BY pid
"""
# What the exchange was composed from: anything that another session has changed since shows here.
STATE = """
SELECT ARRAY(SELECT concat_ws(' ', c.oid, c.xmin, c.ctid) FROM pg_class c WHERE c.oid = ANY(%(all)s::oid[]) ORDER BY 1),
       ARRAY(SELECT concat_ws(' ', a.attrelid, a.attnum, a.xmin) FROM pg_attribute a
             WHERE a.attrelid = ANY(%(tables)s::oid[]) ORDER BY 1),
       ARRAY(SELECT concat_ws(' ', d.classid, d.objid, d.objsubid, d.refobjid, d.refobjsubid, d.deptype)
             FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY(%(tables)s::oid[])
             ORDER BY 1),
       ARRAY(SELECT concat_ws(' ', r.oid, r.xmin) FROM pg_rewrite r WHERE r.ev_class = ANY(%(all)s::oid[]) ORDER BY 1)
"""


class Outdated(Exception):
    """What belongs to the tables has changed since the exchange was composed."""


def state(cursor: Cursor, tables: Sequence[int], others: Sequence[int]) -> tuple[object, ...]:
    """What another session may have changed of the tables, and of the views and sequences that go with them."""
    cursor.execute(STATE, {"tables": list(tables), "all": [*tables, *others]})
    return cursor.one()


class Switch:
    """Attempts, until one works or time is up.

    tables: those to lock against readers. blocked, free: called at the begin of an attempt, and at the end of one that
    has failed: between the two readers may wait.
    """

    def __init__(
        self, session: Session, tables: Sequence[Table], blocked: Callable[[], None], free: Callable[[], None]
    ) -> None:
        self.cancelled = 0
        """Statements of other sessions."""
        self._session = session
        self._cursor = session.cursor
        self._tables = tables
        self._blocked = blocked
        self._free = free

    def make(self, compose: Callable[[], "Plan"]) -> None:
        """Exchange the tables. Raises LockTimeout, naming the sessions that are in the way; Cancelled."""
        plan, pause, deadline = compose(), PAUSE, time.monotonic() + LIMIT
        while True:
            self._session.progress.expect_wanted()
            self._blocked()
            try:
                with self._attempt():
                    self._exchange(plan)
                return
            except Outdated:
                self._free()
                plan = compose()
            except (LockNotAvailable, DeadlockDetected):
                self._free()
                if self._cancel(plan.needed):
                    pause = PAUSE  # for these to let go
            except BaseException:
                self._free()
                raise
            if time.monotonic() > deadline:
                raise self._in_the_way(plan.needed)
            time.sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        self._cursor.execute("SAVEPOINT attempt")
        try:
            yield
        except (LockNotAvailable, DeadlockDetected, Outdated):
            self._cursor.execute("ROLLBACK TO SAVEPOINT attempt")
            raise
        self._cursor.execute("RELEASE SAVEPOINT attempt")

    def _exchange(self, plan: "Plan") -> None:
        names = SQL(", ").join(table.identifier for table in self._tables)
        limit = SQL("SET LOCAL lock_timeout = {}").format(SQL(str(ATTEMPT_MS)))
        self._cursor.execute(SQL("{}; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(limit, names))
        if plan.outdated():
            raise Outdated
        self._cursor.execute(plan.script)

    def _cancel(self, needed: Sequence[int]) -> int:
        """Cancel what would wait for ever; returns how many statements they were."""
        stuck = " JOIN stuck USING (pid)"
        self._cursor.execute("SAVEPOINT cancelling")
        try:
            self._cursor.execute(STUCK.format(stuck=stuck, what="pg_cancel_backend(pid)"), (list(needed),))
            found = sum(bool(done) for _, done in self._cursor.fetchall())
        except InsufficientPrivilege:
            self._cursor.execute("ROLLBACK TO SAVEPOINT cancelling")
            raise self._in_the_way(needed, stuck) from None
        self._cursor.execute("RELEASE SAVEPOINT cancelling")
        self.cancelled += found
        return found

    def _in_the_way(self, needed: Sequence[int], stuck: str = "") -> LockTimeout:
        self._cursor.execute(STUCK.format(stuck=stuck, what="NULL"), (list(needed),))
        pids = [pid for pid, _ in self._cursor.fetchall() if pid is not None]
        text = say("swap_in_the_way", pids=", ".join(map(str, pids)) or say("none"))
        return LockTimeout(text, can_retry=True, details={"pids": pids})


class Plan:
    """One exchange, ready to run. needed: relations that it locks. outdated(): whether it no longer fits the tables."""

    def __init__(self, script: object, needed: Sequence[int], outdated: Callable[[], bool]) -> None:
        self.script = script
        self.needed = needed
        self.outdated = outdated
