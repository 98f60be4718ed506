"""Neo4jRestoreOperation: a set into a database, or told what that would do."""

import time

from common.errors import ServiceError
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.neo4j import told
from data_pipeline.operations.neo4j.requests import Neo4jRestoreRequest
from data_pipeline.operations.neo4j.results import Graph, Neo4jRehearsed, Neo4jRestored
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.results.restore import Problem
from data_pipeline.operations.results.result import StoreTarget as ShownTarget
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.storage import location
from data_pipeline.stores.neo4j import lock, reading
from data_pipeline.stores.neo4j.facts import FAMILY, Neo4jFacts
from data_pipeline.stores.neo4j.link import session
from data_pipeline.stores.neo4j.restoring import Plan, Restoring
from data_pipeline.stores.neo4j.store import STORE
from data_pipeline.stores.target import StoreTarget


class Neo4jRestoreOperation(Operation[Neo4jRestoreRequest]):
    """Brings a graph back."""

    request: type[Neo4jRestoreRequest] = Neo4jRestoreRequest
    bug: Message = say("neo4j_restore_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: Neo4jRestoreRequest) -> StoreTarget:
        return self._engine.store_target(request.target, FAMILY)

    def expect_possible(self, request: Neo4jRestoreRequest) -> StoreTarget:
        target, named = self.target(request), request.named_set
        with self._engine.catalog.held(location.parse(named.backup_path), named.timestamp, FAMILY) as held:
            STORE.facts_of(held)
        return target

    def expect_free(self, request: Neo4jRestoreRequest) -> None:
        with session(self.target(request), float(self._engine.timeouts.connect)) as opened:
            lock.expect_free(opened)

    def run(self, request: Neo4jRestoreRequest, progress: Progress = SILENT) -> Neo4jRestored | Neo4jRehearsed:
        target, named = self.target(request), request.named_set
        started = time.monotonic()
        plan = Plan(request.mode, request.merge_keys or {})
        with self._engine.catalog.held(location.parse(named.backup_path), named.timestamp, FAMILY) as held:
            facts: Neo4jFacts = STORE.facts_of(held)
            progress.expect_rows(facts.nodes + facts.relationships)
            restoring = Restoring(target, held, facts, float(self._engine.timeouts.connect), progress)
            try:
                if request.dry_run:
                    return self._rehearsed(request, target, held, facts, restoring, progress, started)
                done = restoring.run(plan)
            except ServiceError as error:
                error.data.setdefault("target", target.public())
                raise
            return Neo4jRestored(
                response=say("neo4j_restored"),
                restore_performed=True,
                mode=request.mode,
                backup_info=told.info(held),
                graph=told.of_set(facts),
                batches=done.batches,
                created=done.created,
                warnings=told.warnings(facts),
                target=ShownTarget(**target.public()),
                duration=round(time.monotonic() - started, 3),
            )

    def _rehearsed(
        self,
        request: Neo4jRestoreRequest,
        target: StoreTarget,
        held: HeldSet,
        facts: Neo4jFacts,
        restoring: Restoring,
        progress: Progress,
        started: float,
    ) -> Neo4jRehearsed:
        problems: list[Problem] = []
        live: Graph | None = None
        created: list[str] = []
        batches = False
        try:
            with session(target, float(self._engine.timeouts.connect)) as opened:
                with opened.begin_transaction() as transaction:
                    live = told.of_live(reading.sums(transaction, progress.expect_wanted))
                _, missing, batches = restoring.check(Plan(request.mode, request.merge_keys or {}), opened)
                created = [fact.name for fact in missing]
        except ServiceError as error:
            problems.append(Problem(error=error.response, error_type=error.error_type))
        return Neo4jRehearsed(
            response=say("neo4j_rehearsed_with_problems") if problems else say("neo4j_rehearsed"),
            dry_run=True,
            restore_performed=False,
            mode=request.mode,
            backup_info=told.info(held),
            graph=told.of_set(facts),
            live=live,
            batches=batches,
            created=created,
            problems=problems,
            warnings=told.warnings(facts),
            target=ShownTarget(**target.public()),
            duration=round(time.monotonic() - started, 3),
        )
