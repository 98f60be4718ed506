"""Storages: buckets that backups may go to, beside those of the environment."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from common.errors import Forbidden, InvalidParams, ResourceInUse
from common.messages import say
from data_pipeline.engine import Engine, bucket_hosts
from data_pipeline.operations.requests.fields import Text
from data_pipeline.postgres.target import is_loopback
from data_pipeline.resources.config import Config
from data_pipeline.resources.kind import Held, Kind
from data_pipeline.resources.scheduled import KINDS
from data_pipeline.storage.location import MAIN_STORAGE, STORAGE_NAME, Location
from data_pipeline.storage.registry import storage_at
from data_pipeline.storage.s3 import bucket_url
from data_pipeline.storage.s3.bucket_url import AccessKey, BucketUrl
from data_pipeline.storage.storage import Storage

RESERVED = (MAIN_STORAGE, "all")
"""What stands for the output directory, and for every storage."""


class StorageConfig(Config):
    """A bucket, and the key to it: the service's own credentials never go to a place that a request named."""

    secrets = frozenset({"secret_access_key"})
    needed = ("secret_access_key",)

    url: Text = Field(description="s3://bucket/prefix or s3+http://host:port/bucket/prefix, without credentials")
    access_key_id: Text = Field(description="Of the bucket's credentials")
    secret_access_key: Text | None = Field(None, description="The same; encrypted, and never shown again")
    region: Text | None = Field(None, description="Of the bucket, where its server asks for one")


class StorageKind(Kind[StorageConfig]):
    """Buckets of rows, and the places of OUTPUT_DIRECTORY and STORAGES."""

    name, plural, config = "storage", "storages", StorageConfig

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def environment(self) -> Mapping[str, Held[StorageConfig]]:
        return {name: Held(name, None, {}) for name in self._engine.storages}

    def expect_possible(self, name: str, config: StorageConfig) -> None:
        if name in RESERVED or not STORAGE_NAME.fullmatch(name):
            text = say("param_invalid", field="name", reason=say("value_invalid"))
            raise InvalidParams(text, details={"field": "name"})
        try:
            self._open(name, config)
        except ValueError:  # obstore's, of a region that is none
            raise InvalidParams(say("storage_url_invalid"), details={"field": "region"}) from None

    def place(self, config: StorageConfig) -> BucketUrl:
        """The bucket. Raises InvalidParams, or Forbidden for a host that isn't allowed (any more)."""
        if "://" not in config.url:
            raise Forbidden(say("storage_directory_by_environment"))
        try:
            found = bucket_url.parse(config.url)
        except ValueError:
            raise InvalidParams(say("storage_url_invalid"), details={"field": "url"}) from None
        if not (is_loopback(found.host) or found.host.lower() in bucket_hosts(self._engine.settings)):
            raise Forbidden(say("storage_host_not_allowed"))
        return replace(found, access_key=AccessKey(config.access_key_id, config.secret_access_key or "", config.region))

    def try_out(self, name: str, config: StorageConfig | None) -> dict[str, Any]:
        """Write a file, read it, remove it; list what is there."""
        found = self._engine.storages.of(Location((), name)) if config is None else self._open(name, config)
        started = time.monotonic()
        found.expect_writable()
        found.names()
        return {"free_bytes": found.free_bytes(), "seconds": round(time.monotonic() - started, 3)}

    def expect_unused(self, name: str, users: Callable[[str], list[Held[Any]]]) -> None:
        naming = [one.name for one in users("schedule") if one.config and name in _storages(one.config)]
        if naming:
            text = say("resource_in_use", name=name, users=tuple(naming))
            raise ResourceInUse(text, can_retry=False, details={"schedules": naming})

    def _open(self, name: str, config: StorageConfig) -> Storage:
        return storage_at(self.place(config), name)


def _storages(config: Any) -> list[str]:
    return KINDS[config.kind].storages(config.request) if config.kind in KINDS else []
