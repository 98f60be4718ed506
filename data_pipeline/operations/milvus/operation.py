"""MilvusBackupOperation and MilvusRestoreOperation: what is asked, found and done, and what is said of it."""

from common import memory
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.milvus import results, sources
from data_pipeline.operations.milvus.backup import Saving
from data_pipeline.operations.milvus.into_milvus import restore
from data_pipeline.operations.milvus.into_postgres import IntoPostgres
from data_pipeline.operations.milvus.requests import MilvusBackupRequest, MilvusRestoreRequest
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.results.restore import Restored
from data_pipeline.operations.results.result import Result
from data_pipeline.operations.store_backup import StoreBackup
from data_pipeline.operations.target import AnyTarget
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.stores.milvus.server import connected
from data_pipeline.stores.milvus.store import FAMILY
from data_pipeline.stores.target import StoreTarget as Target


class MilvusBackupOperation(Operation[MilvusBackupRequest]):
    """Saves collections of a Milvus as one set."""

    request: type[MilvusBackupRequest] = MilvusBackupRequest
    bug: Message = say("milvus_backup_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: MilvusBackupRequest) -> Target:
        return self._engine.store_target(request.target, FAMILY)

    def expect_possible(self, request: MilvusBackupRequest) -> Target:
        target = self.target(request)
        StoreBackup(self._engine, FAMILY, target, request.storages).expect_possible()
        return target

    def run(self, request: MilvusBackupRequest, progress: Progress = SILENT) -> results.MilvusBackedUp:
        target = self.target(request)
        backup = StoreBackup(self._engine, FAMILY, target, request.storages)
        made: list[Saving] = []

        def save(draft: StoreDraft) -> None:
            with connected(target, progress) as server:
                saving = Saving(server, draft, request, progress, self._engine.settings.milvus.untried_types)
                facts = saving.run()
                progress.settle()
                draft.publish(
                    facts.model_dump(mode="json", by_alias=True),
                    database=server.database,
                    server_version=server.version,
                    server=target.digest,
                    partial=request.collections is not None,
                )
            backup.warnings += saving.warnings
            made.append(saving)

        with memory.returned():
            done = backup.run(save)
        return results.MilvusBackedUp.of(done, made[-1].saved, made[-1].name)


class MilvusRestoreOperation(Operation[MilvusRestoreRequest]):
    """Puts collections of a set into a Milvus, or into PostgreSQL."""

    request: type[MilvusRestoreRequest] = MilvusRestoreRequest
    bug: Message = say("milvus_restore_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: MilvusRestoreRequest) -> AnyTarget:
        if request.into is not None:
            return self._engine.databases.named(request.target)
        return self._engine.store_target(request.target, FAMILY)

    def expect_possible(self, request: MilvusRestoreRequest) -> AnyTarget:
        target = self.target(request)
        with sources.of_set(self._engine, request.named_set) as source:
            sources.expect_fitting(source, request.into)
        return target

    def run(self, request: MilvusRestoreRequest, progress: Progress = SILENT) -> Result:
        with memory.returned(), sources.of_set(self._engine, request.named_set) as source:
            sources.expect_fitting(source, request.into)
            if request.into is not None:
                restored: Restored = IntoPostgres(self._engine, request, request.into, source).run(progress)
                return restored
            return restore(self._engine, source, request, progress)
