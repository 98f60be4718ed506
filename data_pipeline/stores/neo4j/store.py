"""The store as the registry knows it."""

from typing import Any

from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.neo4j import stored
from data_pipeline.stores.neo4j.facts import FAMILY, Neo4jFacts
from data_pipeline.stores.neo4j.link import kernel, session
from data_pipeline.stores.store import Capabilities, Store
from data_pipeline.stores.target import StoreTarget

PROBE_SECONDS = 5.0


class Neo4jStore(Store):
    """Graphs. A restore is one transaction where it fits; a backup reads while others write."""

    family = FAMILY
    capabilities = Capabilities(transactional=True, snapshot=False, diffable=True, indexed=True)
    facts = Neo4jFacts

    def probe(self, target: StoreTarget) -> dict[str, Any]:
        with session(target, PROBE_SECONDS) as opened:
            known = kernel(opened)
        return {"server_version": known.version, "edition": known.edition}

    def verify(self, held: HeldSet) -> None:
        """Every line of it, too."""
        stored.expect_whole(held, self.facts_of(held))


STORE = Neo4jStore()
