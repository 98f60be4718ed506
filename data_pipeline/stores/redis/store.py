"""The store as the registry knows it."""

from contextlib import closing
from typing import Any

from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.redis import stored
from data_pipeline.stores.redis.facts import RedisFacts
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.wire import connect
from data_pipeline.stores.redis.saving.export import FAMILY
from data_pipeline.stores.store import Capabilities, Store
from data_pipeline.stores.target import StoreTarget

PROBE_SECONDS = 5.0


class RedisStore(Store):
    """Logical databases. A restore is one transaction; of which moment a backup is, is chosen."""

    family = FAMILY
    capabilities = Capabilities(transactional=True, snapshot=True, diffable=True, indexed=False)
    facts = RedisFacts

    def probe(self, target: StoreTarget) -> dict[str, Any]:
        with closing(connect(target, PROBE_SECONDS)) as wire:
            known = server.inspect(wire)
            return {"server_version": known.name, "keys": server.keyspace(wire).get(int(target.path or 0), 0)}

    def verify(self, held: HeldSet) -> None:
        """Every line of it, too."""
        stored.expect_whole(held, self.facts_of(held))


STORE = RedisStore()
