"""The rows of users' API tokens."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from common.errors import NotFound, ResourceExists
from common.messages import say
from data_pipeline.jobs.backend.database import JobsDatabase

ADD = """
INSERT INTO user_tokens (user_name, name, digest, expires_at) VALUES (%s, %s, %s, now() + %s)
ON CONFLICT (user_name, name) DO NOTHING RETURNING *
"""
FIND = """
SELECT t.id, t.name, u.name AS user_name, u.role, coalesce(t.used_at < now() - interval '1 minute', true) AS unnoted
FROM user_tokens t JOIN users u ON u.name = t.user_name
WHERE t.digest = %s AND NOT u.disabled AND (t.expires_at IS NULL OR t.expires_at > now())
"""


@dataclass(frozen=True)
class UserToken:
    """An API token, without its secret."""

    id: int
    user_name: str
    name: str
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


FIELDS = [one.name for one in fields(UserToken)]


class UserTokens:
    """The API tokens of all users."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def add(self, user: str, name: str, digest: bytes, lifetime: timedelta | None) -> UserToken:
        """Raises ResourceExists where the user has one of that name."""
        with self._database.transaction() as connection:
            row = connection.execute(ADD, (user, name, digest, lifetime)).fetchone()
        if row is None:
            raise ResourceExists(say("token_exists", name=name), can_retry=False)
        return _read(row)

    def find(self, digest: bytes) -> tuple[str, Any] | None:
        """The user whose token it is, and its role; None if it is of none, or is none any more."""
        with self._database.transaction() as connection:
            row = connection.execute(FIND, (digest,)).fetchone()
            if row is None:
                return None
            if row["unnoted"]:
                connection.execute("UPDATE user_tokens SET used_at = now() WHERE id = %s", (row["id"],))
            return row["user_name"], row["role"]

    def of(self, user: str) -> list[UserToken]:
        """Those of a user, oldest first."""
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT * FROM user_tokens WHERE user_name = %s ORDER BY id", (user,)).fetchall()
        return [_read(row) for row in rows]

    def remove(self, user: str, name: str) -> None:
        """Raises NotFound."""
        with self._database.transaction() as connection:
            gone = connection.execute("DELETE FROM user_tokens WHERE user_name = %s AND name = %s", (user, name))
        if not gone.rowcount:
            raise NotFound(say("token_unknown", name=name))


def _read(row: dict[str, Any]) -> UserToken:
    return UserToken(**{name: row[name] for name in FIELDS})
