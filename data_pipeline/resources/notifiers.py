"""Notifiers: who is told what, and by which service."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.requests.fields import Text
from data_pipeline.resources.config import Config, ResourceName
from data_pipeline.resources.kind import Held, Kind

Event = Literal["failure", "success", "overdue", "drill_failed", "recovered"]


class NotifierConfig(Config):
    """An address, and what it is told."""

    secrets = frozenset({"url", "secret"})
    needed = ("url",)

    url: Text | None = Field(None, description="Where to; encrypted, and never shown again")
    secret: Text | None = Field(None, description="What a webhook's messages are signed with")
    events: list[Event] = Field(
        ["failure", "overdue", "drill_failed", "recovered"], min_length=1, description="Of what"
    )
    schedules: list[ResourceName] | None = Field(None, min_length=1, description="Of which schedules; all if absent")


class NotifierKind(Kind[NotifierConfig]):
    """Those of rows: the environment configures none."""

    name, plural, config = "notifier", "notifiers", NotifierConfig

    def environment(self) -> Mapping[str, Held[NotifierConfig]]:
        return {}

    def expect_possible(self, name: str, config: NotifierConfig) -> None:
        if not urlsplit(config.url or "").scheme:
            text = say("param_invalid", field="url", reason=say("value_invalid"))
            raise InvalidParams(text, details={"field": "url"})

    def try_out(self, name: str, config: NotifierConfig | None) -> dict[str, Any]:
        """Not known yet: what sends a message stands elsewhere."""
        raise NotImplementedError
