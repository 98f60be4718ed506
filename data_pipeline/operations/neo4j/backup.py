"""Neo4jBackupOperation: a graph into a set."""

from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.neo4j import told
from data_pipeline.operations.neo4j.requests import Neo4jBackupRequest
from data_pipeline.operations.neo4j.results import Neo4jBackedUp
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.store_backup import StoreBackup
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import digest_of
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.stores.neo4j import lock
from data_pipeline.stores.neo4j.export import Export
from data_pipeline.stores.neo4j.facts import FAMILY, Neo4jFacts
from data_pipeline.stores.neo4j.link import kernel, session
from data_pipeline.stores.target import StoreTarget

DATABASE = "neo4j"
"""Of a server where the URL names none."""


class Neo4jBackupOperation(Operation[Neo4jBackupRequest]):
    """Saves the graph of one database."""

    request: type[Neo4jBackupRequest] = Neo4jBackupRequest
    bug: Message = say("neo4j_backup_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: Neo4jBackupRequest) -> StoreTarget:
        return self._engine.store_target(request.target, FAMILY)

    def expect_possible(self, request: Neo4jBackupRequest) -> StoreTarget:
        target = self.target(request)
        StoreBackup(self._engine, FAMILY, target, request.storages).expect_possible()
        return target

    def run(self, request: Neo4jBackupRequest, progress: Progress = SILENT) -> Neo4jBackedUp:
        target = self.expect_possible(request)
        saved: list[Neo4jFacts] = []
        backup = StoreBackup(self._engine, FAMILY, target, request.storages)
        done = backup.run(lambda draft: saved.append(self._save(target, draft, progress)))
        (facts,) = saved
        given = {name: getattr(done, name) for name in done.model_fields_set}
        kinds = [fact.kind for fact in facts.schema_]
        return Neo4jBackedUp(
            **{**given, "warnings": [*done.warnings, *told.warnings(facts)]},
            consistency=facts.consistency,
            moment=facts.moment,
            graph=told.of_set(facts),
            constraints=kinds.count("constraint"),
            indexes=kinds.count("index"),
        )

    def _save(self, target: StoreTarget, draft: StoreDraft, progress: Progress) -> Neo4jFacts:
        name = target.path or DATABASE
        with session(target, float(self._engine.timeouts.connect)) as opened:
            lock.recover(opened)
            known = kernel(opened)
            facts = Export(opened, known, draft, progress).run(name)
        progress.settle()
        draft.publish(
            facts.model_dump(mode="json", by_alias=True),
            database=target.name,
            server_version=f"neo4j {known.version}",
            server=digest_of([FAMILY, target.host.lower(), target.port or 0]),
        )
        return facts
