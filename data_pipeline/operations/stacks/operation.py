"""StackBackupOperation and StackRestoreOperation: what jobs and calls do with stacks."""

from collections.abc import Mapping
from typing import Any

from common import memory
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.stacks.backup import StackBackup
from data_pipeline.operations.stacks.members import Members, StackTarget
from data_pipeline.operations.stacks.requests import StackBackupRequest, StackRestoreRequest
from data_pipeline.operations.stacks.restore import StackRestore
from data_pipeline.operations.stacks.results import StackBackedUp, StackRestored
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.stack_set import StackSets
from data_pipeline.storage import location


class StackBackupOperation(Operation[StackBackupRequest]):
    """Backs up every member at a time. operations: those of the members, by kind."""

    request: type[StackBackupRequest] = StackBackupRequest
    bug: Message = say("stack_backup_failed")

    def __init__(self, engine: Engine, operations: Mapping[str, Operation[Any]]) -> None:
        self._engine = engine
        self._members = Members(engine, operations)

    def target(self, request: StackBackupRequest) -> StackTarget:
        return self._members.stack(request.stack, request.members)

    def expect_possible(self, request: StackBackupRequest) -> StackTarget:
        target = self.target(request)
        self._backup(request, target).expect_possible()
        return target

    def run(self, request: StackBackupRequest, progress: Progress = SILENT) -> StackBackedUp:
        with memory.returned():
            return self._backup(request, self.expect_possible(request)).run(progress)

    def _backup(self, request: StackBackupRequest, target: StackTarget) -> StackBackup:
        return StackBackup(self._engine, self._members, target, request.storages, request.options or {})


class StackRestoreOperation(Operation[StackRestoreRequest]):
    """Restores member after member, once every set is verified. operations: those of the members, by kind."""

    request: type[StackRestoreRequest] = StackRestoreRequest
    bug: Message = say("stack_restore_failed")

    def __init__(self, engine: Engine, operations: Mapping[str, Operation[Any]]) -> None:
        self._engine = engine
        self._members = Members(engine, operations)

    def target(self, request: StackRestoreRequest) -> StackTarget:
        return self._members.stack(request.stack, request.members)

    def expect_possible(self, request: StackRestoreRequest) -> StackTarget:
        target = self.target(request)
        self._restore(request, target).expect_possible()
        return target

    def run(self, request: StackRestoreRequest, progress: Progress = SILENT) -> StackRestored:
        with memory.returned():
            return self._restore(request, self.target(request)).run(progress)

    def _restore(self, request: StackRestoreRequest, target: StackTarget) -> StackRestore:
        where = location.parse(request.named_set.backup_path)
        found = StackSets(self._engine.storages).find(where, request.stack, request.named_set.timestamp)
        return StackRestore(self._engine, self._members, target, found, request)
