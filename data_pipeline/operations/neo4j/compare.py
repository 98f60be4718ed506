"""Neo4jComparison: whether a set and a live graph are the same."""

import time

from common.errors import ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.neo4j import told
from data_pipeline.operations.neo4j.requests import Neo4jCompareRequest
from data_pipeline.operations.neo4j.results import Neo4jCompared
from data_pipeline.operations.results.result import StoreTarget as ShownTarget
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.storage import location
from data_pipeline.stores.neo4j import reading, schema
from data_pipeline.stores.neo4j.facts import FAMILY, Neo4jFacts
from data_pipeline.stores.neo4j.link import session
from data_pipeline.stores.neo4j.store import STORE


class Neo4jComparison:
    """Changes nothing. Every method raises ServiceError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def compare(self, request: Neo4jCompareRequest, progress: Progress = SILENT) -> Neo4jCompared:
        started = time.monotonic()
        target, named = self._engine.store_target(request.target, FAMILY), request.named_set
        with self._engine.catalog.held(location.parse(named.backup_path), named.timestamp, FAMILY) as held:
            facts: Neo4jFacts = STORE.facts_of(held)
            STORE.verify(held)
            try:
                with session(target, float(self._engine.timeouts.connect)) as opened:
                    missing = schema.missing(opened, facts.schema_)
                    with opened.begin_transaction() as transaction:
                        found = reading.sums(transaction, progress.expect_wanted)
            except ServiceError as error:
                error.data.setdefault("target", target.public())
                raise
            identical = found.digest == facts.digest and not missing
            return Neo4jCompared(
                response=say("compared_identical") if identical else say("compared_different"),
                identical=identical,
                graph=told.of_set(facts),
                live=told.of_live(found),
                missing=[fact.name for fact in missing],
                backup_info=told.info(held),
                warnings=told.warnings(facts),
                target=ShownTarget(**target.public()),
                duration=round(time.monotonic() - started, 3),
            )
