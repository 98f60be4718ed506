"""Every kind of operation that a job can be."""

from typing import Any

from data_pipeline.engine import Engine
from data_pipeline.operations.backup.operation import BackupOperation
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.restore.operation import RestoreOperation


def of(engine: Engine) -> dict[str, Operation[Any]]:
    """By their kinds."""
    operations: list[Operation[Any]] = [RestoreOperation(engine), BackupOperation(engine)]
    return {operation.kind: operation for operation in operations}
