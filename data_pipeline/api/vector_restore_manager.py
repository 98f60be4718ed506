"""VectorRestoreManager: which backups there are, and the way back into the database."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import InternalError, NotFound, ServiceError, ServiceUnavailable
from common.result import now
from common.sizes import format_size
from data_pipeline.api.restore import Options, Restore
from data_pipeline.api.schemas import Strategy
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
from data_pipeline.vector import connection, location, naming
from data_pipeline.vector.catalog import ListedLocation, ListedSet
from data_pipeline.vector.connection import retrying
from data_pipeline.vector.location import MAIN_STORAGE
from data_pipeline.vector.naming import LOG, TABLES, backup_date
from data_pipeline.vector.target import Target

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
        found, unreachable = self._scan(names, global_only, task_id)
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
            },
        }

    def _scan(
        self, storages: list[str], global_only: bool, task_id: str | None
    ) -> tuple[list[ListedLocation], list[str]]:
        """The locations of some storages, and those that can't be reached. One that is asked for alone must be."""
        found: list[ListedLocation] = []
        unreachable = []
        for name in storages:
            try:
                found += self._engine.catalog.scan(global_only=global_only, task_id=task_id, storage=name)
            except (ServiceUnavailable, InternalError):
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
        atomic: bool = False,
        strategy: Strategy = "reload",
        require_manifest: bool = False,
        expect_database: str | None = None,
    ) -> dict[str, Any]:
        """Load a set into the database; returns what the answer says of it.

        With truncate_before_restore the selected tables hold exactly the backup afterwards, or what they held before
        if anything fails. So they do with the strategy "sync", which writes only rows that differ. With neither, rows
        are added; a table that fails is undone alone, unless `atomic`.
        """
        started = time.monotonic()
        naming.check_timestamp(timestamp)
        selected = naming.in_order(tables or TABLES)
        options = Options(selected, truncate_before_restore, atomic, strategy, require_manifest, expect_database)
        where = location.parse(backup_path)
        self._engine.storages.check(where.storage)
        target = self._engine.databases.resolve(pg_conn)
        with _named(target, options), self._engine.catalog.hold(where, timestamp, selected) as backup_set:
            outcome = retrying(lambda: Restore(self._engine, backup_set, options).run(target))
        return outcome.describe(target, time.monotonic() - started)

    def get_connection(self) -> Any:
        """A psycopg2 connection to the configured database, the caller's to close."""
        return connection.connect(self._engine.databases.resolve(), self._engine.timeouts)

    def _restore_table_from_csv(self, table_name: str, csv_file: Path) -> dict[str, Any]:
        """Append one CSV file to one table of the configured database; the entry restore_results has for it."""
        backup_set = self._engine.catalog.single(table_name, csv_file)
        options = Options(naming.in_order([table_name]), atomic=True)
        outcome = Restore(self._engine, backup_set, options).run(self._engine.databases.resolve())
        return outcome.results[table_name]


@contextmanager
def _named(target: Target, options: Options) -> Iterator[None]:
    """Let a failure say which database it was about, and that nothing was changed where that is so."""
    try:
        yield
    except NotFound:
        raise
    except ServiceError as error:
        error.data.setdefault("target", target.public())
        if options.all_or_nothing and "outcome" not in error.data:
            error.data["rolled_back"] = True
        raise


def _describe_location(listed: ListedLocation) -> dict[str, Any]:
    where = listed.location
    task_id = where.task_id
    kind = {"type": "task", "task_id": task_id} if task_id else {"type": "global"}
    backups = [_describe_set(found, listed.has_log) for found in listed.sets]
    return {**kind, "relative_path": where.relative_path, "backups": backups, "storage": where.storage}


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
