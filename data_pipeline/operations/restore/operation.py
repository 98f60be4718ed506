"""RestoreOperation: a backup set found, held and restored, or what that would do found out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from common import memory
from common.errors import DependentRows
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.layouts.registry import OPEN
from data_pipeline.operations.milvus import into_milvus, sources
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.into import Into
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore import advice
from data_pipeline.operations.restore.converting.conversion import Conversion
from data_pipeline.operations.restore.dry_run import DryRun
from data_pipeline.operations.restore.dry_run_report import DryRunReport
from data_pipeline.operations.restore.report import LIMITED, LIMITED_ROWS, Report
from data_pipeline.operations.restore.restore import Restore
from data_pipeline.operations.results.restore import Rehearsed, Restored
from data_pipeline.operations.results.result import Result
from data_pipeline.operations.target import AnyTarget, told_of
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.retries import retrying
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.target import Target
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.storage import location
from data_pipeline.stores.milvus.store import FAMILY


class RestoreOperation(Operation[RestoreRequest]):
    """Loads a set into the database.

    With truncate_before_restore the selected tables hold exactly the backup afterwards, or what they held before if
    anything fails. Without it rows are added; a table that fails is undone alone, unless `atomic`.
    """

    request: type[RestoreRequest] = RestoreRequest
    bug: Message = say("restore_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: RestoreRequest) -> AnyTarget:
        if request.into and request.into.to_milvus:
            return self._engine.store_target(request.into.target or "", FAMILY)
        return self._database(request)

    def _database(self, request: RestoreRequest) -> Target:
        return self._engine.databases.resolve(request.pg_conn)

    def expect_possible(self, request: RestoreRequest) -> AnyTarget:
        target = self.target(request)
        found = self._engine.catalog.find(location.parse(request.backup_path), request.timestamp, request.chosen)
        if request.into and request.into.to_milvus:
            into_milvus.asked(request)
            return target
        fitting = request.of(found.layout)
        tables.expect_of_applications(fitting.moved(found.layout))
        Restore(self._engine, found, fitting).expect_possible()
        if request.into:
            Conversion(self._engine, found, fitting, request.into).expect_possible()
        return target

    def run(self, request: RestoreRequest, progress: Progress = SILENT) -> Result:
        if request.into and request.into.to_milvus:
            return self._into_milvus(request, progress)
        return self.run_here(request, progress)

    def _into_milvus(self, request: RestoreRequest, progress: Progress) -> Result:
        asked = into_milvus.asked(request)
        with memory.returned(), sources.of_set(self._engine, asked.named_set) as source:
            return into_milvus.restore(self._engine, source, asked, progress)

    def run_here(self, request: RestoreRequest, progress: Progress = SILENT) -> Restored:
        """Into PostgreSQL."""
        started = time.monotonic()
        self._engine.storages.check(location.parse(request.backup_path).storage)
        target = self._database(request)
        with memory.returned(), told_of(target, undone=True), self._locked(request) as (backup_set, limited):
            if limited.into:
                return self._convert(backup_set, limited, limited.into, target, progress, started)
            if limited.dry_run:
                return self._plan(backup_set, limited, target, progress, started)
            try:
                report = retrying(lambda: Restore(self._engine, backup_set, limited).run(target, progress))
            except DependentRows as error:
                if ways := advice.working(self._engine, backup_set, limited, target, progress):
                    error.response = say("others_advised", refusal=error.response, ways=ways)
                raise
        if limited.collections != request.collections:
            report.warn(LIMITED)
        if limited.where != request.where:
            report.warn(LIMITED_ROWS)
        answer = report.describe(target, time.monotonic() - started)
        if report.safety_backup is None:
            return answer
        return answer.model_copy(update={"undo": report.safety_backup.undo(limited)})

    def _plan(
        self, backup_set: BackupSet, request: RestoreRequest, target: Target, progress: Progress, started: float
    ) -> Rehearsed:
        report = retrying(lambda: DryRun(self._engine, backup_set, request).run(target, progress))
        if report.depends() and (ways := advice.working(self._engine, backup_set, request, target, progress)):
            report.advise(ways)
        return report.describe(target, time.monotonic() - started)

    def _convert(
        self,
        backup_set: BackupSet,
        request: RestoreRequest,
        into: Into,
        target: Target,
        progress: Progress,
        started: float,
    ) -> Restored:
        Restore(self._engine, backup_set, request).expect_possible()
        conversion = Conversion(self._engine, backup_set, request, into)
        conversion.expect_possible()
        done: Report | DryRunReport = retrying(
            lambda: conversion.plan(target, progress) if request.dry_run else conversion.run(target, progress)
        )
        return done.describe(target, time.monotonic() - started)

    @contextmanager
    def _locked(self, request: RestoreRequest) -> Iterator[tuple[BackupSet, RestoreRequest]]:
        """The files a restore needs, locked. A set of some collections replaces no others than these."""
        where, locked = location.parse(request.backup_path), self._engine.catalog.locked
        with locked(where, request.timestamp, None if request.reads_names else request.chosen) as backup_set:
            request = request.of(backup_set.layout)
            backup_set = replace(backup_set, layout=request.moved(backup_set.layout))
            tables.expect_of_applications(backup_set.layout)
            limited = request.limited_to(backup_set.manifest)
            if limited is request:
                yield backup_set, request
                return
            if request.layout in OPEN:
                yield backup_set, limited
                return
            with locked(where, request.timestamp) as whole:
                yield whole, limited
