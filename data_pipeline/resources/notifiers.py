"""Notifiers: who is told what, and by which service."""

import uuid
from collections.abc import Mapping, Set
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import Field

from common.messages import say
from data_pipeline.notify import sender
from data_pipeline.notify.message import TEST, Event, Notification
from data_pipeline.operations.requests.fields import Text
from data_pipeline.resources.config import Config, ResourceName
from data_pipeline.resources.kind import Held, Kind
from data_pipeline.settings import Settings


class NotifierConfig(Config):
    """An address, and what it is told."""

    secrets = frozenset({"url", "secret"})
    needed = ("url",)

    url: Text | None = Field(None, description="Where to; encrypted, and never shown again")
    secret: Text | None = Field(None, description="What a webhook's messages are signed with")
    events: list[Event] = Field(
        ["failure", "overdue", "drill_failed", "recovered"], min_length=1, description="Of what"
    )
    repeat_hours: Annotated[int, Field(ge=1, le=720)] = Field(
        24, description="The same trouble is told again after so long"
    )
    language: Literal["zh", "en"] = Field("zh", description="Of its messages")
    schedules: list[ResourceName] | None = Field(None, min_length=1, description="Of which schedules; all if absent")

    @property
    def wanted(self) -> Set[Event]:
        """A dead man's switch is called after each success, and can't be told anything else."""
        return {"success"} if sender.only_pings(self.url or "") else set(self.events)


class NotifierKind(Kind[NotifierConfig]):
    """Those of rows: the environment configures none."""

    name, plural, config = "notifier", "notifiers", NotifierConfig

    def __init__(self, settings: Settings) -> None:
        self._hosts = settings.notify_hosts

    def environment(self) -> Mapping[str, Held[NotifierConfig]]:
        return {}

    def expect_possible(self, name: str, config: NotifierConfig) -> None:
        sender.expect_usable(config.url or "", self._hosts)

    def try_out(self, name: str, config: NotifierConfig | None) -> dict[str, Any]:
        """Send a message that says that it is a test; a dead man's switch is called."""
        assert config is not None  # noqa: S101
        url = config.url or ""
        at = datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")
        title = say("notice_test", subject=name).in_language(config.language)
        text = say("notice_at", time=at).in_language(config.language)
        test = Notification(id=uuid.uuid4().hex, event=TEST, subject=name, title=title, text=text, at=at)
        sender.send(url, config.secret, test, self._hosts)
        return {"service": url.partition(":")[0]}
