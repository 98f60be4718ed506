"""The answers about users, their tokens, and the audit log."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import Self

from common.messages import say
from data_pipeline.jobs.backend.accounts.tokens import UserToken
from data_pipeline.jobs.backend.accounts.users import User
from data_pipeline.jobs.backend.audit_rows import KeptEntry
from data_pipeline.operations.results.result import Count, Moment, Part, Result


class ListedUser(Part):
    """A user."""

    name: str
    role: Literal["viewer", "operator", "admin"]
    disabled: bool
    created_at: Moment
    password_at: Moment = Field(description="Since when the password is this one")
    signed_in_at: Moment | None

    @classmethod
    def of(cls, user: User, **more: Any) -> Self:
        shown = ("name", "role", "disabled", "created_at", "password_at", "signed_in_at")
        return cls(**{name: getattr(user, name) for name in shown}, **more)


class CountedUser(ListedUser):
    """A user, and how many sessions of it there are."""

    sessions: Count


class UserList(Result):
    """All users."""

    users: list[CountedUser]


class ShownUser(ListedUser, Result):
    """A user."""


class DeletedUser(Result):
    """It is gone, with its sessions and tokens."""

    name: str


class EndedSessions(Result):
    """Every session of the user has ended."""

    ended: Count


class ListedToken(Part):
    """An API token, without its secret."""

    name: str
    created_at: Moment
    used_at: Moment | None = Field(description="To the minute")
    expires_at: Moment | None = Field(description="null: never")

    @classmethod
    def of(cls, token: UserToken, **more: Any) -> Self:
        shown = ("name", "created_at", "used_at", "expires_at")
        return cls(**{name: getattr(token, name) for name in shown}, **more)


class TokenList(Result):
    """The tokens of a user."""

    tokens: list[ListedToken]

    @classmethod
    def told(cls, tokens: list[UserToken]) -> Self:
        return cls(response=say("tokens_listed", count=len(tokens)), tokens=[*map(ListedToken.of, tokens)])


class CreatedToken(ListedToken, Result):
    """A token, and its secret, which is told this once."""

    secret: str = Field(description="To be sent as `Authorization: Bearer …`")


class DeletedToken(Result):
    """It counts no more."""

    name: str


class AuditEntry(Part):
    """What was done."""

    at: Moment
    who: str = Field(
        description="`user:` and a name, the setting of a token, `local`, `schedule`, `command line`, or `refused`"
    )
    client: str | None = Field(description="The address it came from")
    what: str = Field(description="The operation of a route, or the kind of a job that has ended")
    set_: str | None = Field(alias="set", description="The backup set, as location/timestamp")
    target: str | None = Field(description="The database")
    outcome: str = Field(description="SUCCESS, ACCEPTED, STARTED (a stream), the state of a job, or the error's type")
    status: int | None = Field(description="Of the answer; null for a job")
    request_id: str
    job_id: str | None
    details: dict[str, Any] = Field(description="Harmless fields of the request")

    @classmethod
    def of(cls, kept: KeptEntry) -> Self:
        shown = ("at", "who", "client", "what", "target", "outcome", "status", "request_id", "job_id", "details")
        return cls(set_=kept.set_name, **{name: getattr(kept, name) for name in shown})


class AuditPage(Result):
    """A page of the audit log."""

    entries: list[AuditEntry]
    next: int | None = Field(description="The `after` of the next page; null: there is none")

    @classmethod
    def told(cls, kept: list[KeptEntry], limit: int) -> Self:
        return cls(
            response=say("audit_listed", count=len(kept)),
            entries=[*map(AuditEntry.of, kept)],
            next=kept[-1].number if len(kept) == limit else None,
        )
