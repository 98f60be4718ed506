"""Targets: databases that requests name, so that no password stands in one."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from pydantic import Field

from common.errors import InvalidParams, ResourceInUse
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.fields import Name, Text
from data_pipeline.postgres.link.wire import connect
from data_pipeline.postgres.target import Target
from data_pipeline.resources.config import Config
from data_pipeline.resources.kind import Held, Kind
from data_pipeline.resources.scheduled import KINDS


class TargetConfig(Config):
    """A database."""

    secrets = frozenset({"url"})
    needed = ("url",)

    url: Text | None = Field(
        None, description="postgresql://user:password@host:port/dbname; encrypted, and never shown again"
    )
    schema_: Name | None = Field(None, alias="schema", description="Where the tables are; PGVECTOR_SCHEMA if absent")
    operators_may_restore: bool | None = Field(
        None, description="Users who are operators may restore into it; only admins if absent"
    )


class TargetKind(Kind[TargetConfig]):
    """Databases of rows, and those of TARGETS."""

    name, plural, config = "target", "targets", TargetConfig

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def environment(self) -> Mapping[str, Held[TargetConfig]]:
        return {name: Held(name, None, {}) for name in self._engine.settings.targets}

    def expect_possible(self, name: str, config: TargetConfig) -> None:
        self.target(config)

    def target(self, config: TargetConfig) -> Target:
        """The database. Raises InvalidParams, or Forbidden for a host that isn't allowed (any more)."""
        try:
            found = self._engine.databases.allowed(config.url or "", config.schema_)
        except InvalidParams as error:
            error.data["details"]["field"] = "url"
            raise
        return replace(found, source="target")

    def of_environment(self, name: str) -> Target:
        """That of TARGETS."""
        return self._engine.settings.targets[name]

    def try_out(self, name: str, config: TargetConfig | None) -> dict[str, Any]:
        """Connect."""
        found = self.of_environment(name) if config is None else self.target(config)
        started = time.monotonic()
        with closing(connect(found, self._engine.timeouts)) as line:
            version = line.info.parameter_status("server_version")
        return {"server_version": version, "seconds": round(time.monotonic() - started, 3)}

    def expect_unused(self, name: str, users: Callable[[str], list[Held[Any]]]) -> None:
        naming = [one.name for one in users("schedule") if one.config and name in _targets(one.config)]
        if naming:
            text = say("resource_in_use", name=name, users=tuple(naming))
            raise ResourceInUse(text, can_retry=False, details={"schedules": naming})


def _targets(config: Any) -> list[str]:
    return KINDS[config.kind].targets(config.request) if config.kind in KINDS else []
