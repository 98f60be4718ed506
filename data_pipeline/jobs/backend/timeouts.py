"""How long the queue's database may keep a request, the ticker or a worker waiting.

The server ends what takes too long there. An answer that never comes, since the network or the server stands still, is
given up here: TCP alone would wait for hours, and for ever where the server's machine still acknowledges what it gets.
"""

import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow

CONNECT_SECONDS = 3
LOCK_SECONDS = 5
"""Rows are locked for one short transaction at a time; a longer wait is for a session that is used by hand."""

STATEMENT_SECONDS = 10
"""None takes a tenth of a second by itself, but a COMMIT may have to wait for a disk that a restore keeps busy."""

IDLE_SECONDS = 20
"""What a process that stands still in the middle of a transaction has locked is free again after this."""

ANSWER_SECONDS = STATEMENT_SECONDS + 2
"""Longer than the server takes to say itself that it took too long."""

# libpq's parameters; the keepalives are the target's own.
CONNECTION = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": ANSWER_SECONDS * 1000}
SERVER = {
    "lock_timeout": f"{LOCK_SECONDS}s",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
}


class LimitedConnection(psycopg.Connection[DictRow]):
    """A connection that is closed, with an OperationalError, where an answer takes longer than `patience` seconds."""

    patience: float = ANSWER_SECONDS

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        return super().wait(_in_time(gen, self), *args, **kwargs)


class LimitedAsyncConnection(psycopg.AsyncConnection[DictRow]):
    """The same for an event loop. Waiting for a notification has no limit."""

    patience: float = ANSWER_SECONDS

    async def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        return await super().wait(_in_time(gen, self), *args, **kwargs)


def _in_time(
    gen: Generator[Any, Any, Any], connection: LimitedConnection | LimitedAsyncConnection
) -> Generator[Any, Any, Any]:
    """What psycopg waits with, ended when its time is up. psycopg looks in ten times a second with nothing ready."""
    deadline = time.monotonic() + connection.patience
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline and _is_asked(connection):
                connection.pgconn.finish()
                raise psycopg.OperationalError("no answer in time")
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value


def _is_asked(connection: LimitedConnection | LimitedAsyncConnection) -> bool:
    return connection.pgconn.transaction_status == TransactionStatus.ACTIVE
