"""MilvusBackupOperation and MilvusRestoreOperation: what is asked, found and done, and what is said of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from common import memory
from common.errors import InvalidParams, ServiceError
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.milvus import results, sources
from data_pipeline.operations.milvus.backup import Saving
from data_pipeline.operations.milvus.into_postgres import IntoPostgres
from data_pipeline.operations.milvus.requests import MilvusBackupRequest, MilvusRestoreRequest
from data_pipeline.operations.milvus.restore import Restoring
from data_pipeline.operations.milvus.sources import SetSource, Source
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.results.restore import Restored
from data_pipeline.operations.results.result import BackupInfo, Result, StoreTarget
from data_pipeline.operations.store_backup import StoreBackup
from data_pipeline.operations.target import AnyTarget
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.storage.naming import backup_date
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
                saving = Saving(server, draft, request, progress, self._engine.settings.milvus_untried_types)
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
            expect_fitting(source, request)
        return target

    def run(self, request: MilvusRestoreRequest, progress: Progress = SILENT) -> Result:
        with memory.returned(), sources.of_set(self._engine, request.named_set) as source:
            expect_fitting(source, request)
            if request.into is not None:
                restored: Restored = IntoPostgres(self._engine, request, request.into, source).run(progress)
                return restored
            return restore(self._engine, source, request, progress)


def expect_fitting(source: Source, request: MilvusRestoreRequest) -> None:
    """Raise InvalidParams for a set of tables that would become tables: that is another route's."""
    if request.into is not None and not isinstance(source, SetSource):
        text = say("into_not_from", layout="tables", into=request.into.layout)
        raise InvalidParams(text, details={"field": "into"})


def restore(
    engine: Engine, source: Source, request: MilvusRestoreRequest, progress: Progress
) -> results.MilvusRestored:
    """Put a source's collections into a Milvus; a dry run only says what would happen. Raises ServiceError."""
    started, named = time.monotonic(), request.named_set
    target = engine.store_target(request.target, FAMILY)
    progress.expect_rows(sum(one.rows for one in source.facts.collections))
    intents = None if request.dry_run else engine.intents.store
    with _named(target), connected(target, progress) as server:
        untried = engine.settings.milvus_untried_types
        restoring = Restoring(server, source, request, target, progress, untried)
        found = restoring.plan() if intents is None else restoring.run(intents)
    return results.MilvusRestored(
        response=say("milvus_restore_planned") if request.dry_run else say("milvus_restore_done"),
        restore_performed=not request.dry_run,
        dry_run=request.dry_run or None,
        backup_info=BackupInfo(
            backup_path=named.backup_path, timestamp=named.timestamp, backup_date=backup_date(named.timestamp)
        ),
        restore_results=found,
        problems=restoring.problems if request.dry_run else None,
        errors=[],
        warnings=list(dict.fromkeys([*source.warnings, *restoring.warnings])),
        target=StoreTarget(**target.public()),
        duration=round(time.monotonic() - started, 3),
    )


@contextmanager
def _named(target: Target) -> Iterator[None]:
    """Let a failure say which server it was about."""
    try:
        yield
    except ServiceError as error:
        error.data.setdefault("target", target.public())
        raise
