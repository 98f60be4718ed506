"""Every kind of operation that a job can be."""

from typing import Any

from data_pipeline.engine import Engine
from data_pipeline.operations.backup.operation import BackupOperation
from data_pipeline.operations.database.backup import DatabaseBackupOperation
from data_pipeline.operations.database.restore import DatabaseRestoreOperation
from data_pipeline.operations.drill.operation import DrillOperation
from data_pipeline.operations.milvus.operation import MilvusBackupOperation, MilvusRestoreOperation
from data_pipeline.operations.neo4j.backup import Neo4jBackupOperation
from data_pipeline.operations.neo4j.restore import Neo4jRestoreOperation
from data_pipeline.operations.objects.operation import ObjectsBackupOperation, ObjectsRestoreOperation
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.redis.backup import RedisBackupOperation
from data_pipeline.operations.redis.restore import RedisRestoreOperation
from data_pipeline.operations.reference_data.operation import TableImportOperation
from data_pipeline.operations.requests.database import ImportRequest
from data_pipeline.operations.restore.operation import RestoreOperation
from data_pipeline.operations.restore.refresh import RefreshOperation
from data_pipeline.operations.stacks.operation import StackBackupOperation, StackRestoreOperation

KINDS: tuple[Any, ...] = (
    *(BackupOperation, RestoreOperation, DrillOperation, RefreshOperation, TableImportOperation),
    *(MilvusBackupOperation, MilvusRestoreOperation),
    *(ObjectsBackupOperation, ObjectsRestoreOperation),
    *(Neo4jBackupOperation, Neo4jRestoreOperation),
    *(DatabaseBackupOperation, DatabaseRestoreOperation),
    *(RedisBackupOperation, RedisRestoreOperation),
)
"""Subclasses of Operation that are made of an engine."""

TOGETHER: tuple[Any, ...] = (StackBackupOperation, StackRestoreOperation)
"""Those that are made of others."""


STREAMED = (ImportRequest,)
"""What is asked of those that are only in the history: their callers stay while they run."""


def kinds() -> list[str]:
    """What jobs can be."""
    return [one.request.kind for one in (*KINDS, *TOGETHER)] + [one.kind for one in STREAMED]


def of(engine: Engine) -> dict[str, Operation[Any]]:
    """By their kinds."""
    single: list[Operation[Any]] = [kind(engine) for kind in KINDS]
    operations = {operation.kind: operation for operation in single}
    together: list[Operation[Any]] = [kind(engine, operations) for kind in TOGETHER]
    return {**operations, **{operation.kind: operation for operation in together}}
