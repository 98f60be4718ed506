"""The answer of GET /notifications."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from typing_extensions import Self

from common.messages import say
from data_pipeline.api.answers.jobs import Moment
from data_pipeline.jobs.backend.outbox import Outgoing
from data_pipeline.operations.results.result import Count, Part, Result

State = Literal["WAITING", "SENT", "FAILED"]


class ListedNotification(Part):
    """A message to one notifier."""

    id: str = Field(description="The same however often it is sent; a webhook gets it as X-Vector-Delivery")
    notifier: str
    event: str
    subject: str = Field(description="A schedule, or its drills")
    title: str
    state: State = Field(description="WAITING: to be sent, perhaps again")
    attempts: Count
    created_at: Moment
    next_at: Moment | None = Field(description="Of the next attempt")
    sent_at: Moment | None
    error: str | None = Field(description="Of the last attempt")
    error_type: str | None

    @classmethod
    def of(cls, found: Outgoing) -> Self:
        state: State = "SENT" if found.sent_at else "FAILED" if found.failed_at else "WAITING"
        error = found.error or {}
        return cls(
            id=found.message.id,
            notifier=found.notifier,
            event=found.message.event,
            subject=found.message.subject,
            title=found.message.title,
            state=state,
            attempts=found.attempts,
            created_at=found.created_at,
            next_at=found.next_at if state == "WAITING" else None,
            sent_at=found.sent_at,
            error=error.get("response"),
            error_type=error.get("error_type"),
        )


class NotificationList(Result):
    """The newest messages, and what became of them."""

    notifications: list[ListedNotification]

    @classmethod
    def of(cls, found: Sequence[Outgoing]) -> Self:
        return cls(
            response=say("notifications_listed", count=len(found)),
            notifications=[ListedNotification.of(one) for one in found],
        )
