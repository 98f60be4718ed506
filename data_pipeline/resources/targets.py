"""Targets: databases and other stores that requests name, so that no password stands in one."""

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
from data_pipeline.resolver import of_a_store
from data_pipeline.resources.config import Config
from data_pipeline.resources.kind import Held, Kind
from data_pipeline.resources.scheduled import KINDS
from data_pipeline.stores import registry, target_url
from data_pipeline.stores.target import StoreTarget


class TargetConfig(Config):
    """A database, or another store."""

    secrets = frozenset({"url"})
    needed = ("url",)

    url: Text | None = Field(
        None,
        description="postgresql://user:password@host:port/dbname, or a URL of another store; encrypted, and never shown"
        " again",
    )
    schema_: Name | None = Field(None, alias="schema", description="Where the tables are; PGVECTOR_SCHEMA if absent")
    operators_may_restore: bool | None = Field(
        None, description="Users who are operators may restore into it; only admins if absent"
    )


class TargetKind(Kind[TargetConfig]):
    """Databases and other stores of rows, and those of TARGETS."""

    name, plural, config = "target", "targets", TargetConfig

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def environment(self) -> Mapping[str, Held[TargetConfig]]:
        settings = self._engine.settings
        return {name: Held(name, None, {}) for name in (*settings.targets, *settings.store_targets)}

    def expect_possible(self, name: str, config: TargetConfig) -> None:
        self.found(name, config)

    def found(self, name: str, config: TargetConfig) -> Target | StoreTarget:
        """What a configuration names. Raises InvalidParams, or Forbidden for a host that isn't allowed (any more)."""
        return self.store(name, config) or self.target(name, config)

    def store(self, name: str, config: TargetConfig) -> StoreTarget | None:
        """The store; None for a database. Raises as found() does."""
        url = config.url or ""
        if not target_url.is_meant(url):
            return None
        if config.schema_ is not None:
            text = say("param_invalid", field="schema", reason=say("value_extra"))
            raise InvalidParams(text, details={"field": "schema"})
        return self._engine.stores.allowed(name, url)

    def target(self, name: str, config: TargetConfig) -> Target:
        """The database. Raises as found() does, and InvalidParams for another store."""
        if target_url.is_meant(config.url or ""):
            raise of_a_store(name, "pg_conn")
        try:
            found = self._engine.databases.allowed(config.url or "", config.schema_)
        except InvalidParams as error:
            error.data["details"]["field"] = "url"
            raise
        return replace(found, source="target")

    def of_environment(self, name: str) -> Target | StoreTarget:
        """That of TARGETS."""
        return self._engine.stores.of_environment(name) or self._engine.settings.targets[name]

    def try_out(self, name: str, config: TargetConfig | None) -> dict[str, Any]:
        """Connect."""
        found = self.of_environment(name) if config is None else self.found(name, config)
        started = time.monotonic()
        if isinstance(found, StoreTarget):
            seen = registry.of(found.family).probe(found)
            return {**seen, "seconds": round(time.monotonic() - started, 3)}
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
