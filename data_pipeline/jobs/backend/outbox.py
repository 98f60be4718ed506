"""All SQL about notifications: what notifiers were told, and what waits to be sent.

Every method is one transaction and raises ServiceUnavailable if the jobs database can't be reached.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Json

from common.messages import codes, recoded
from data_pipeline.jobs.backend.database import Connection, JobsDatabase
from data_pipeline.notify.message import Notification

ATTEMPT = timedelta(minutes=2)
"""No attempt takes longer: after that another process may make the next."""

# The same trouble is news again once `repeat` has passed, another cause at once.
TROUBLE = """
INSERT INTO troubles (notifier, subject, event, cause) VALUES (%(notifier)s, %(subject)s, %(event)s, %(cause)s)
ON CONFLICT (notifier, subject, event) DO UPDATE SET cause = excluded.cause, told_at = now()
WHERE troubles.cause <> excluded.cause OR troubles.told_at < now() - %(repeat)s
RETURNING event
"""
OVER = "DELETE FROM troubles WHERE notifier = %s AND subject = %s RETURNING event"
ADD = "INSERT INTO outbox (id, notifier, message) VALUES (%s, %s, %s)"
TAKE = """
UPDATE outbox SET attempts = attempts + 1, next_at = now() + %s
WHERE id = (SELECT id FROM outbox WHERE sent_at IS NULL AND failed_at IS NULL AND next_at <= now()
            ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
SENT = "UPDATE outbox SET sent_at = now(), error = NULL, texts = NULL WHERE id = %s"
FAILED = """
UPDATE outbox SET error = %(error)s, texts = %(texts)s, next_at = now() + %(wait)s,
                  failed_at = CASE WHEN created_at < now() - %(patience)s THEN now() END
WHERE id = %(id)s RETURNING failed_at
"""
# A notifier that is down would let each of its messages wait for a connection, and all others' behind them.
POSTPONE = """
UPDATE outbox SET next_at = greatest(next_at, now() + %(wait)s)
WHERE notifier = (SELECT notifier FROM outbox WHERE id = %(id)s) AND id <> %(id)s
  AND sent_at IS NULL AND failed_at IS NULL
"""
NEWEST = """
SELECT * FROM outbox WHERE %(notifier)s::text IS NULL OR notifier = %(notifier)s ORDER BY number DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Outgoing:
    """A message on its way. error: of the last attempt; failed_at: when it was given up."""

    notifier: str
    message: Notification
    created_at: datetime
    next_at: datetime
    attempts: int
    sent_at: datetime | None
    failed_at: datetime | None
    error: dict[str, Any] | None


class Outbox:
    """The messages of all processes."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def trouble(
        self, notifier: str, subject: str, event: str, cause: str, repeat: timedelta, message: Notification | None
    ) -> None:
        """Remember a trouble, and send the message if it is news; None: it isn't wanted."""
        values = {"notifier": notifier, "subject": subject, "event": event, "cause": cause, "repeat": repeat}
        with self._database.transaction() as connection:
            news = connection.execute(TROUBLE, values).fetchone()
            if news is not None and message is not None:
                _add(connection, notifier, message)

    def success(
        self, notifier: str, subject: str, recovered: Notification | None, success: Notification | None
    ) -> None:
        """End the troubles of a subject. What is sent says that they are over if there were some, else that all is
        well; None: it isn't wanted."""
        with self._database.transaction() as connection:
            over = connection.execute(OVER, (notifier, subject)).fetchall()
            message = recovered if over and recovered is not None else success
            if message is not None:
                _add(connection, notifier, message)

    def take(self) -> Outgoing | None:
        """The next message to be sent, for one process alone; None if none is due."""
        with self._database.transaction() as connection:
            row = connection.execute(TAKE, (ATTEMPT,)).fetchone()
        return _read(row) if row else None

    def sent(self, message_id: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(SENT, (message_id,))

    def failed(self, message_id: str, error: dict[str, Any], wait: timedelta, patience: timedelta) -> bool:
        """An attempt has failed; whether the message is given up, which is `patience` old."""
        texts = Json({"error": codes(error)})
        values = {"id": message_id, "error": Json(error), "texts": texts, "wait": wait, "patience": patience}
        with self._database.transaction() as connection:
            connection.execute(POSTPONE, values)
            row = connection.execute(FAILED, values).fetchone()
        return row is not None and row["failed_at"] is not None

    def newest(self, notifier: str | None, limit: int) -> list[Outgoing]:
        """Of one notifier or of all, the newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(NEWEST, {"notifier": notifier, "limit": limit}).fetchall()
        return [_read(row) for row in rows]

    def remove(self, notifier: str) -> None:
        """Forget a notifier that is deleted, and all that was on its way to it."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM outbox WHERE notifier = %s", (notifier,))
            connection.execute("DELETE FROM troubles WHERE notifier = %s", (notifier,))

    def forget(self, days: int) -> None:
        """Remove what was sent or given up so many days ago."""
        with self._database.transaction() as connection:
            ended = "DELETE FROM outbox WHERE coalesce(sent_at, failed_at) < now() - %s"
            connection.execute(ended, (timedelta(days=days),))


def _add(connection: Connection, notifier: str, message: Notification) -> None:
    connection.execute(ADD, (message.id, notifier, Json(message.public())))


def _read(row: dict[str, Any]) -> Outgoing:
    error = row["error"]
    if error is not None:
        error = recoded(error, (row["texts"] or {}).get("error", []))
    return Outgoing(
        notifier=row["notifier"],
        message=Notification.stored(row["message"]),
        created_at=row["created_at"],
        next_at=row["next_at"],
        attempts=row["attempts"],
        sent_at=row["sent_at"],
        failed_at=row["failed_at"],
        error=error,
    )
