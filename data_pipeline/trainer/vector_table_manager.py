"""VectorTableManager, the documented front of backups: what it does stands in operations/backup."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_pipeline.engine import Engine
from data_pipeline.operations.backup.operation import BackupOperation
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.settings import Settings
from data_pipeline.storage.location import MAIN_STORAGE
from data_pipeline.storage.naming import FileFormat


class VectorTableManager:
    """Backs up the two tables into the vector_bak directory of a task, or of the whole system.

    task_output_dir is the task's directory, or without a task_id the output directory itself.
    """

    def __init__(self, task_output_dir: str, task_id: str | None = None, *, engine: Engine | None = None) -> None:
        directory = Path(task_output_dir)
        self._engine = engine or Engine.build(Settings.load(), directory.parent if task_id else directory)
        self._location = self._engine.catalog.location(directory.name if task_id else None, MAIN_STORAGE)

    def execute_vector_management(
        self,
        backup: bool = True,
        truncate: bool = False,
        pg_conn: str | None = None,
        file_format: FileFormat = "csv",
        collections: Sequence[str] | None = None,
        probe_count: int = 0,
        copies: Sequence[str] = (),
        progress: Progress = SILENT,
    ) -> dict[str, Any]:
        """Back up both tables from one snapshot; returns what the answer says of it. Raises ServiceError.

        collections: only those of these names. Raises NotFound for a name that isn't there.
        With `truncate` the embedding table is emptied in the same transaction, once the backup is published whole:
        nothing can be written in between, so no row falls out of both. Truncating switches the backup on.
        `probe_count` is how many searches to remember for a restore to repeat. copies: further storages the set goes
        to, verified there; before any row is removed, if rows are. Raises Cancelled once `progress` says so: the
        tables are as before.
        """
        request = BackupRequest.read(
            {
                "task_id": self._location.task_id,
                "pg_conn": pg_conn,
                "truncate_vector_tables": truncate,
                "backup_vector_tables": backup,
                "collections": None if collections is None else list(collections),
                "probes": probe_count,
                "format": file_format,
                "storages": [MAIN_STORAGE, *copies],
            }
        )
        return BackupOperation(self._engine).run_in(self._location, request, progress).data()
