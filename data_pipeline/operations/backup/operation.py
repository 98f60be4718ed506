"""BackupOperation: the location of a backup found, and the backup made."""

from common import memory
from common.errors import NotFound
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup.backup import Backup
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.results.backup import BackedUp
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import Target
from data_pipeline.storage import location
from data_pipeline.storage.location import Location


class BackupOperation(Operation[BackupRequest]):
    """Saves both tables, or some collections of them, from one snapshot."""

    request: type[BackupRequest] = BackupRequest
    bug: Message = say("backup_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: BackupRequest) -> Target:
        return self._engine.databases.resolve(request.named_database)

    def expect_possible(self, request: BackupRequest) -> Target:
        Backup(self._engine, self._place(request), request).expect_possible()
        return self.target(request)

    def run(self, request: BackupRequest, progress: Progress = SILENT) -> BackedUp:
        return self.run_in(self._place(request), request, progress)

    def run_in(self, where: Location, request: BackupRequest, progress: Progress = SILENT) -> BackedUp:
        """The same into a location that is known to be there, or may be made."""
        backup = Backup(self._engine, where, request)
        backup.expect_possible()
        target = self.target(request)
        with memory.returned():
            return backup.run(target, progress)

    def _place(self, request: BackupRequest) -> Location:
        """Where the set goes first. Raises NotFound if a task has no such directory."""
        storage, task_id = request.storages[0], request.task_id
        self._engine.storages.check(storage)
        where = self._engine.catalog.location(task_id, storage)
        if task_id is not None:
            there = location.is_task_directory(task_id) and self._engine.storages.of(where).has_directory(task_id)
            if not there:
                raise NotFound(say("task_directory_missing", task_id=task_id))
        return where
