"""What is said of an event. Never a password, nor anything of a row: of a failure its text, which has neither."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

from typing_extensions import Self

Event: TypeAlias = Literal["failure", "success", "overdue", "drill_failed", "recovered"]
EVENTS: tuple[Event, ...] = get_args(Event)
TROUBLE: frozenset[Event] = frozenset({"failure", "overdue", "drill_failed"})
TEST = "test"
"""The event of a message that only tries a notifier out."""


@dataclass(frozen=True)
class Notification:
    """One message to one notifier, in its language.

    id: the same however often it is sent. subject: the schedule, or what is done to which database. at: when it
    happened, RFC 3339.
    """

    id: str
    event: str
    subject: str
    title: str
    text: str
    at: str
    schedule: str | None = None
    job_id: str | None = None
    error_type: str | None = None

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Self:
        """As public() gave it; keys that a later version added are left out."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def public(self) -> dict[str, Any]:
        return asdict(self)
