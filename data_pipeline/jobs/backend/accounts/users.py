"""The rows of users, and the links that the first admin is made with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from common.errors import LastAdmin, NotFound, ResourceExists, Unauthorized
from common.messages import say
from data_pipeline.jobs.backend.database import Connection, JobsDatabase

LINK_LIFETIME = timedelta(hours=24)

# Changes of users come one after the other: two that each leave one admin could leave none.
SERIALLY = "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"
ADD = "INSERT INTO users (name, role, password) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING *"
CHANGE = "UPDATE users SET role = %s, disabled = %s WHERE name = %s RETURNING *"
ADMINS = "SELECT count(*) AS found FROM users WHERE role = 'admin' AND NOT disabled"
SET_PASSWORD = "UPDATE users SET password = %s, password_at = now() WHERE name = %s RETURNING *"  # noqa: S105
REHASHED = "UPDATE users SET password = %s WHERE name = %s AND password = %s"
END_SESSIONS = "DELETE FROM user_sessions WHERE user_name = %s"
END_TOKENS = "DELETE FROM user_tokens WHERE user_name = %s"
ADD_LINK = "INSERT INTO first_links (digest, expires_at) VALUES (%s, now() + %s)"
TAKE_LINK = "DELETE FROM first_links WHERE digest = %s AND expires_at > now() RETURNING digest"


@dataclass(frozen=True)
class User:
    """A user. password: its hash. password_at: since when it is this one."""

    name: str
    role: Any
    password: str = field(repr=False)
    disabled: bool
    created_at: datetime
    password_at: datetime
    signed_in_at: datetime | None


FIELDS = [one.name for one in fields(User)]


class Users:
    """The users of one jobs database."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def all(self) -> list[User]:
        """By name."""
        with self._database.transaction() as connection:
            return [_read(row) for row in connection.execute("SELECT * FROM users ORDER BY name").fetchall()]

    def find(self, name: str) -> User | None:
        with self._database.transaction() as connection:
            row = connection.execute("SELECT * FROM users WHERE name = %s", (name,)).fetchone()
        return _read(row) if row else None

    def add(self, name: str, role: str, password: str) -> User:
        """Raises ResourceExists."""
        with self._database.transaction() as connection:
            return _add(connection, name, role, password)

    def change(self, name: str, role: str, disabled: bool) -> User:
        """Give a user another role, or shut it out and let it in again. Raises NotFound, LastAdmin."""
        with self._database.transaction() as connection:
            with _admins_left(connection, name):
                row = connection.execute(CHANGE, (role, disabled, name)).fetchone()
            if disabled:
                connection.execute(END_SESSIONS, (name,))
        return _found(row, name)

    def set_password(self, name: str, password: str, *, tokens_too: bool) -> User:
        """Every session of the user ends; its tokens as well where they are not to be trusted. Raises NotFound."""
        with self._database.transaction() as connection:
            row = connection.execute(SET_PASSWORD, (password, name)).fetchone()
            connection.execute(END_SESSIONS, (name,))
            if tokens_too:
                connection.execute(END_TOKENS, (name,))
        return _found(row, name)

    def rehash(self, user: User, password: str) -> None:
        """The same password, hashed anew."""
        with self._database.transaction() as connection:
            connection.execute(REHASHED, (password, user.name, user.password))

    def note_sign_in(self, name: str) -> None:
        """A session of the user begins."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE users SET signed_in_at = now() WHERE name = %s", (name,))

    def remove(self, name: str) -> None:
        """Its sessions and tokens go too. Raises NotFound, LastAdmin."""
        with self._database.transaction() as connection, _admins_left(connection, name):
            row = connection.execute("DELETE FROM users WHERE name = %s RETURNING *", (name,)).fetchone()
        _found(row, name)

    def offer_first(self, digest: bytes) -> bool:
        """Keep a link's digest, unless there is an admin; whether it was kept."""
        with self._database.transaction() as connection:
            connection.execute(SERIALLY)
            if _admins(connection):
                return False
            connection.execute(ADD_LINK, (digest, LINK_LIFETIME))
            return True

    def add_first(self, digest: bytes, name: str, password: Callable[[], str]) -> User:
        """Make the first admin with a link; every link is used up by it. password: its hash, which takes a while.

        Raises Unauthorized for a link that is none, or is none any more; ResourceExists.
        """
        with self._database.transaction() as connection:
            connection.execute(SERIALLY)
            taken = connection.execute(TAKE_LINK, (digest,)).fetchone()
            if taken is None or _admins(connection):
                raise Unauthorized(say("first_link_wrong"))
            connection.execute("DELETE FROM first_links")
            return _add(connection, name, "admin", password())

    def forget(self) -> None:
        """Links that are too old."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM first_links WHERE expires_at < now()")


@contextmanager
def _admins_left(connection: Connection, name: str) -> Iterator[None]:
    """Serialize changes of users, and raise LastAdmin for one that leaves no admin who may sign in."""
    connection.execute(SERIALLY)
    before = _admins(connection)
    yield
    if before and not _admins(connection):
        raise LastAdmin(say("last_admin", name=name), can_retry=False)


def _admins(connection: Connection) -> int:
    row = connection.execute(ADMINS).fetchone()
    return int(row["found"]) if row else 0


def _add(connection: Connection, name: str, role: str, password: str) -> User:
    row = connection.execute(ADD, (name, role, password)).fetchone()
    if row is None:
        raise ResourceExists(say("user_exists", name=name), can_retry=False)
    return _read(row)


def _found(row: dict[str, Any] | None, name: str) -> User:
    if row is None:
        raise NotFound(say("user_unknown", name=name))
    return _read(row)


def _read(row: dict[str, Any]) -> User:
    return User(**{name: row[name] for name in FIELDS})
