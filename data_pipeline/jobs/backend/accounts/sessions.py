"""The rows of users' sessions.

The secret of a session is exchanged for another one every hour. A client that never saw the new one goes on with the
one before; once the new one was used, the one before is a copy in other hands, and the session ends.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from data_pipeline.jobs.backend.accounts import secrets
from data_pipeline.jobs.backend.database import Connection, JobsDatabase

LIFETIME = timedelta(hours=12)
ROTATED_AFTER = timedelta(hours=1)
GRACE = timedelta(minutes=1)
"""For requests that were under way when the secret was exchanged."""

ADD = """
INSERT INTO user_sessions (user_name, digest, csrf, client, expires_at) VALUES (%s, %s, %s, %s, now() + %s) RETURNING id
"""
FIND = """
SELECT s.*, u.role, s.digest = %(digest)s AS current, s.rotated_at < now() - %(rotated)s AS due,
       s.rotated_at < now() - %(grace)s AS settled, s.confirmed_at < now() - %(grace)s AS replaced
FROM user_sessions s JOIN users u ON u.name = s.user_name
WHERE (s.digest = %(digest)s OR s.previous = %(digest)s) AND s.expires_at > now() AND NOT u.disabled
"""
CONFIRM = "UPDATE user_sessions SET confirmed_at = now() WHERE id = %s AND confirmed_at IS NULL"
ROTATE = """
UPDATE user_sessions SET digest = %s, previous = %s, rotated_at = now(), confirmed_at = NULL
WHERE id = %s AND rotated_at = %s
"""
END = "DELETE FROM user_sessions WHERE id = %s"


@dataclass(frozen=True)
class UserSession:
    """A session. renewed: its new secret, where it was exchanged just now."""

    id: int
    user: str
    role: Any
    csrf_token: str = field(repr=False)
    expires_at: datetime
    renewed: str | None = field(default=None, repr=False)


class UserSessions:
    """The sessions of all users."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def begin(self, user: str, client: str | None) -> str:
        """The secret of a new session."""
        secret = secrets.new(secrets.SESSION)
        with self._database.transaction() as connection:
            connection.execute(ADD, (user, secrets.digest(secret), secrets.new(""), client, LIFETIME))
        return secret

    def find(self, secret: str) -> UserSession | None:
        """The session that a secret stands for; None if it has ended, or its user is shut out."""
        digest = secrets.digest(secret)
        values = {"digest": digest, "rotated": ROTATED_AFTER, "grace": GRACE}
        with self._database.transaction() as connection:
            row = connection.execute(FIND, values).fetchone()
            if row is None:
                return None
            if not row["current"] and row["replaced"]:
                connection.execute(END, (row["id"],))
                return None
            return UserSession(
                id=row["id"],
                user=row["user_name"],
                role=row["role"],
                csrf_token=row["csrf"],
                expires_at=row["expires_at"],
                renewed=_renewed(connection, row, digest),
            )

    def end(self, session: int) -> None:
        """One session."""
        with self._database.transaction() as connection:
            connection.execute(END, (session,))

    def end_all(self, user: str) -> int:
        """Every session of a user; how many there were."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM user_sessions WHERE user_name = %s", (user,)).rowcount

    def counts(self) -> dict[str, int]:
        """How many sessions each user has."""
        counted = "SELECT user_name, count(*) AS found FROM user_sessions WHERE expires_at > now() GROUP BY 1"
        with self._database.transaction() as connection:
            return {row["user_name"]: row["found"] for row in connection.execute(counted).fetchall()}

    def forget(self) -> None:
        """Sessions whose time is over."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM user_sessions WHERE expires_at < now()")


def _renewed(connection: Connection, row: dict[str, Any], digest: bytes) -> str | None:
    """Exchange the secret where it is time to, or where the new one seems lost on its way to the client."""
    if row["current"] and row["confirmed_at"] is None:
        connection.execute(CONFIRM, (row["id"],))
        return None
    lost = not row["current"] and row["confirmed_at"] is None and row["settled"]
    if not (lost or (row["current"] and row["due"])):
        return None
    secret = secrets.new(secrets.SESSION)
    changed = connection.execute(ROTATE, (secrets.digest(secret), digest, row["id"], row["rotated_at"])).rowcount
    return secret if changed else None  # another request of the session was faster
