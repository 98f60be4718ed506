"""Every kind of operation that a job can be."""

from typing import Any

from common import memory
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.restore.operation import RestoreOperation
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import Target
from data_pipeline.trainer.vector_table_manager import VectorTableManager


def of(engine: Engine) -> dict[str, Operation[Any]]:
    """By their kinds."""
    operations: list[Operation[Any]] = [RestoreOperation(engine), BackupOperation(engine)]
    return {operation.kind: operation for operation in operations}


class BackupOperation(Operation[BackupRequest]):
    """Saves both tables, or some collections of them, from one snapshot."""

    request: type[BackupRequest] = BackupRequest
    bug: Message = say("backup_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: BackupRequest) -> Target:
        return self._engine.databases.resolve(request.named_database)

    def expect_possible(self, request: BackupRequest) -> Target:
        return self._manager(request).expect_possible(request)

    def run(self, request: BackupRequest, progress: Progress = SILENT) -> dict[str, Any]:
        with memory.returned():
            return self._manager(request).run(request, progress)

    def _manager(self, request: BackupRequest) -> VectorTableManager:
        return VectorTableManager.of_task(self._engine, request.task_id, request.storages[0])
