"""What jobs and synchronous calls do: a restore, a backup. A request is a body as its model has read it."""

from typing import Any

from common import memory
from common.messages import say
from data_pipeline.api.requests.bodies import BackupBody, RestoreBody
from data_pipeline.api.vector_restore_manager import VectorRestoreManager
from data_pipeline.engine import Engine
from data_pipeline.jobs.job import Operation
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.target import Target
from data_pipeline.trainer.vector_table_manager import VectorTableManager


def of(engine: Engine) -> dict[str, Operation]:
    """Everything there is to do, by its kind."""
    return {"restore": RestoreOperation(engine), "backup": BackupOperation(engine)}


class RestoreOperation:
    """POST /restore"""

    secrets: tuple[str, ...] = ("pg_conn",)
    bug: str = say("restore_failed")

    def __init__(self, engine: Engine) -> None:
        self._databases = engine.databases
        self._manager = VectorRestoreManager(engine=engine)

    def target(self, request: dict[str, Any]) -> Target:
        return self._databases.resolve(request.get("pg_conn"))

    def expect_possible(self, request: dict[str, Any]) -> Target:
        return self._manager.expect_possible(**RestoreBody.model_validate(request).as_arguments())

    def run(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        arguments = RestoreBody.model_validate(request).as_arguments()
        with memory.returned():
            return self._manager.restore_from_backup(**arguments, progress=progress)


class BackupOperation:
    """POST /backup"""

    secrets: tuple[str, ...] = ("pg_conn", "db_connection")
    bug: str = say("backup_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: dict[str, Any]) -> Target:
        return self._engine.databases.resolve(request.get("pg_conn") or request.get("db_connection"))

    def expect_possible(self, request: dict[str, Any]) -> Target:
        body = BackupBody.model_validate(request)
        return VectorTableManager.of_task(self._engine, body.task_id, body.storages[0]).expect_possible(
            **body.as_arguments()
        )

    def run(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        body = BackupBody.model_validate(request)
        manager = VectorTableManager.of_task(self._engine, body.task_id, body.storages[0])
        with memory.returned():
            return manager.execute_vector_management(**body.as_arguments(), progress=progress)
