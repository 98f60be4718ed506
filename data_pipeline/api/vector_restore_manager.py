"""VectorRestoreManager: which backups there are, and the way back into the database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_pipeline.engine import Engine
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.listing import BackupList
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.operation import RestoreOperation
from data_pipeline.operations.restore.restore import Restore
from data_pipeline.postgres.link import wire
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.settings import Settings
from data_pipeline.storage.location import MAIN_STORAGE


class VectorRestoreManager:
    """Lists backup sets and restores them.

    base_output_dir takes the place of the configured output directory. Every method raises ServiceError for what can
    be expected to go wrong.
    """

    def __init__(self, base_output_dir: str | None = None, *, engine: Engine | None = None) -> None:
        directory = Path(base_output_dir) if base_output_dir else None
        self._engine = engine or Engine.build(Settings.load(), directory)

    def scan_backup_files(
        self, global_only: bool = False, task_id: str | None = None, storage: str = MAIN_STORAGE
    ) -> dict[str, Any]:
        """Every complete backup set, newest first: `backup_locations` and `summary`. task_id beats global_only.

        storage: where to look; "all" looks everywhere, and names in the summary the storages it could not reach.
        """
        listing = BackupList(self._engine).scan(global_only, task_id, storage).data()
        return {name: value for name, value in listing.items() if name != "response"}

    def restore_from_backup(
        self,
        backup_path: str,
        timestamp: str,
        tables: Sequence[str] | None = None,
        pg_conn: str | None = None,
        truncate_before_restore: bool = False,
        progress: Progress = SILENT,
        **more: Any,
    ) -> dict[str, Any]:
        """Load a set into the database; returns what the answer says of it.

        With truncate_before_restore the selected tables hold exactly the backup afterwards, or what they held before
        if anything fails. Without it rows are added; a table that fails is undone alone, unless `atomic`. `more` are
        further fields of POST /restore. Raises Cancelled once `progress` says so: the tables are as before.
        """
        request = RestoreRequest.read(
            {
                "backup_path": backup_path,
                "timestamp": timestamp,
                "tables": None if tables is None else list(tables),
                "pg_conn": pg_conn,
                "truncate_before_restore": truncate_before_restore,
                **more,
            }
        )
        return RestoreOperation(self._engine).run(request, progress).data()

    def get_connection(self) -> Line:
        """A psycopg2 connection to the configured database, the caller's to close."""
        return wire.connect(self._engine.databases.resolve(), self._engine.timeouts)

    def _restore_table_from_csv(self, table_name: str, csv_file: Path) -> dict[str, Any]:
        """Append one CSV file to one table of the configured database; the entry restore_results has for it."""
        backup_set = self._engine.catalog.single(table_name, csv_file)
        request = RestoreRequest.model_construct(  # no set is asked for by its path, so there is none to check
            backup_path=str(csv_file.parent),
            timestamp=backup_set.timestamp,
            named_tables=DOCUMENTED.in_order([table_name]),
            atomic=True,
        )
        report = Restore(self._engine, backup_set, request).run(self._engine.databases.resolve())
        return report.results[table_name].data()
