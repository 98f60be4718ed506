"""RefreshOperation: a database kept fresh from the newest backup of another one."""

from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations import newest
from data_pipeline.operations.backup_sets import BackupSetManager
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.refresh import RefreshRequest
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.operation import RestoreOperation
from data_pipeline.operations.results.restore import Restored
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import Target


class RefreshOperation(Operation[RefreshRequest]):
    """Restores the newest backup of everything, and makes the tables that are missing.

    Never into the database it was taken from, by whichever name the request reaches it.
    """

    request: type[RefreshRequest] = RefreshRequest
    bug: Message = say("restore_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sets = BackupSetManager(engine)
        self._restore = RestoreOperation(engine)

    def target(self, request: RefreshRequest) -> Target:
        return self._engine.databases.resolve(request.pg_conn)

    def expect_possible(self, request: RefreshRequest) -> Target:
        self._sets.place(request.location, newest.FUTURE, request.storage)
        return self.target(request)

    def run(self, request: RefreshRequest, progress: Progress = SILENT) -> Restored:
        where = self._sets.place(request.location, newest.FUTURE, request.storage)
        found = newest.whole(self._engine.catalog, where, request.layout, request.database)
        replacing = {"strategy": "sync"} if request.strategy == "sync" else {"truncate_before_restore": True}
        asked = {
            "backup_path": where.relative_path,
            "timestamp": found.timestamp,
            "pg_conn": request.pg_conn,
            "create_tables": True,
            "require_manifest": True,
            "refuse_source": True,
        }
        return self._restore.run_here(RestoreRequest.read(asked | replacing), progress)
