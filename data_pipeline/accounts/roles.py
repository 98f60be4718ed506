"""Roles, and who asks for something: a user, or a token of the environment."""

from dataclasses import dataclass
from typing import Literal

UserRole = Literal["viewer", "operator", "admin"]
Role = Literal["viewer", "reader", "operator", "admin"]
"""reader: API_READ_TOKEN, which no user has. API_TOKEN is an admin without an account."""

USER_ROLES: tuple[UserRole, ...] = ("viewer", "operator", "admin")


@dataclass(frozen=True)
class Caller:
    """Who asks, by the name that jobs and the audit log have; the name of a user, None for a token of the environment.

    session: the id of a user's session, None where a token was sent.
    """

    who: str
    role: Role
    user: str | None = None
    session: int | None = None


def called(user: str) -> str:
    """What jobs and the audit log call a user. No token and no schedule is called so."""
    return f"user:{user}"
