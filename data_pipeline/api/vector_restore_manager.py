"""VectorRestoreManager: which backups there are, and the way back into the database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.errors import (
    InternalError,
    PermissionDenied,
    ServiceError,
    ServiceUnavailable,
)
from common.messages import say
from common.result import now
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.operation import RestoreOperation
from data_pipeline.operations.restore.restore import Restore
from data_pipeline.postgres.link import wire
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.catalog import ListedLocation, ListedSet, Scan
from data_pipeline.settings import Settings
from data_pipeline.storage import location
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.storage.naming import LOG, backup_date

EVERYWHERE = "all"
"""Not the name of a storage, but of all of them."""


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
        if task_id:
            location.check_task_id(task_id)
        names = list(self._engine.storages) if storage == EVERYWHERE else [storage]
        scans, unreachable = self._scan(names, global_only, task_id)
        found = [listed for scan in scans for listed in scan.locations]
        unreadable = [_describe_unreadable(*one) for scan in scans for one in scan.unreadable]
        of_tasks = sum(len(listed.sets) for listed in found if listed.location.task_id)
        total = sum(len(listed.sets) for listed in found)
        return {
            "backup_locations": [_describe_location(listed) for listed in found],
            "summary": {
                "total_locations": len(found),
                "total_backup_sets": total,
                "global_backups": total - of_tasks,
                "task_backups": of_tasks,
                "scan_time": now(),
                **({"unreachable_storages": unreachable} if storage == EVERYWHERE else {}),
                **({"unreadable": unreadable} if unreadable else {}),
            },
        }

    def _scan(self, storages: list[str], global_only: bool, task_id: str | None) -> tuple[list[Scan], list[str]]:
        """What some storages have, and those that can't be reached. One that is asked for alone must be."""
        found: list[Scan] = []
        unreachable = []
        for name in storages:
            try:
                found.append(self._engine.catalog.scan(global_only=global_only, task_id=task_id, storage=name))
            except (ServiceUnavailable, InternalError, PermissionDenied):
                if len(storages) == 1:
                    raise
                unreachable.append(name)
        return found, unreachable

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
        return RestoreOperation(self._engine).run(request, progress)

    def get_connection(self) -> Any:
        """A psycopg2 connection to the configured database, the caller's to close."""
        return wire.connect(self._engine.databases.resolve(), self._engine.timeouts)

    def _restore_table_from_csv(self, table_name: str, csv_file: Path) -> dict[str, Any]:
        """Append one CSV file to one table of the configured database; the entry restore_results has for it."""
        backup_set = self._engine.catalog.single(table_name, csv_file)
        request = RestoreRequest.model_construct(  # no set is asked for by its path, so there is none to check
            backup_path=str(csv_file.parent),
            timestamp=backup_set.timestamp,
            tables=DOCUMENTED.in_order([table_name]),
            atomic=True,
        )
        outcome = Restore(self._engine, backup_set, request).run(self._engine.databases.resolve())
        return outcome.results[table_name]


def counted(summary: dict[str, Any]) -> str:
    """What a list says of itself, by its summary."""
    locations, sets = summary["total_locations"], summary["total_backup_sets"]
    found = say("backups_found", locations=locations, sets=sets) if sets else say("backups_not_found")
    unreadable = len(summary.get("unreadable", ()))
    return say("backups_found_but_some_unreadable", found=found, unreadable=unreadable) if unreadable else found


def _describe_location(listed: ListedLocation) -> dict[str, Any]:
    where = listed.location
    task_id = where.task_id
    kind = {"type": "task", "task_id": task_id} if task_id else {"type": "global"}
    backups = [_describe_set(found, listed.has_log) for found in listed.sets]
    return {**kind, "relative_path": where.relative_path, "backups": backups, "storage": where.storage}


def _describe_unreadable(where: Location, error: ServiceError) -> dict[str, Any]:
    return {"relative_path": where.relative_path, "storage": where.storage, "error": error.response}


def _describe_set(found: ListedSet, has_log: bool) -> dict[str, Any]:
    log = {"has_log": True, "log_file": LOG} if has_log else {"has_log": False, "log_file": None}
    return {
        "timestamp": found.timestamp,
        "collection_file": found.files[0],
        "embedding_file": found.files[1],
        "collection_size": format_size(found.sizes[0]),
        "embedding_size": format_size(found.sizes[1]),
        "backup_date": backup_date(found.timestamp),
        **log,
        "format": found.format,
        "has_manifest": found.has_manifest,
    }
