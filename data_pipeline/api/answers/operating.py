"""The answers about the service itself: its health, its settings, and who is signed in."""

from typing import Any, Literal

from pydantic import Field

from data_pipeline.operations.results.result import Moment, Part, Result, Sometimes, StoreTarget, Target


class Alive(Result):
    """The process answers."""


class Checks(Part):
    """What was tried."""

    database: bool
    storage: bool
    queue: bool
    schedules: Sometimes[bool] = Field(None, description="Of `strict`: no schedule is overdue")


class Ready(Result):
    """Everything works."""

    checks: Checks
    targets: Sometimes[dict[str, bool]] = Field(
        None, description="Which of TARGETS are within reach: told to a caller that may do everything"
    )
    storages: Sometimes[dict[str, bool]] = Field(None, description="Which of STORAGES, likewise")
    room: Sometimes[dict[str, dict[str, int]]] = Field(
        None, description="How much more the storages take, the main one (local) among them, likewise"
    )
    reasons: Sometimes[dict[str, str]] = Field(None, description="Why other storages can't be used, likewise")
    warnings: Sometimes[list[str]] = Field(
        None, description="Why backups may not be of what is meant, likewise; only where there is something to say"
    )
    unreadable_locations: Sometimes[int] = Field(None, description="Of the main storage; only where there are some")


class ShownSettings(Result):
    """The configuration, without secrets and paths."""

    version: str
    database: Target | None = Field(description="Of requests that name none; null if the embedded server doesn't start")
    targets: dict[str, Target | StoreTarget] = Field(description="What pg_conn, or target, may name")
    storages: list[str] = Field(description="The main one first")
    settings: dict[str, Any] = Field(
        description="By name. Of a secret only that it is `set`; of a place only `directory`, `bucket` or `file`"
    )


class ShownSession(Result):
    """What the request's cookie may do."""

    sign_in_required: bool
    access: Literal["write", "read"] | None = Field(description="write: everything. null: not signed in")
    role: Literal["viewer", "reader", "operator", "admin"] | None = Field(
        description="reader: API_READ_TOKEN. null: not signed in"
    )
    user: str | None = Field(description="The user's name; null for a token")
    may: list[str] = Field(description="What the role may: the groups of the table of roles")
    csrf_token: str | None = Field(description="For the X-CSRF-Token header of each write")
    expires_at: Moment | None


class SignedIn(Result):
    """A session has begun; its cookie came along."""

    access: Literal["write", "read"]
    role: Literal["viewer", "reader", "operator", "admin"]


class SignedOut(Result):
    """The cookie was taken away."""
