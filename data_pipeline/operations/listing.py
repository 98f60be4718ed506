"""BackupList: every complete backup set, wherever it lies."""

from datetime import datetime

from common.errors import InternalError, PermissionDenied, ServiceError, ServiceUnavailable
from common.messages import Message, say
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.operations.results.listing import (
    ListedLocation,
    ListedSet,
    Listing,
    ListingSummary,
    UnreadableLocation,
)
from data_pipeline.sets import catalog
from data_pipeline.sets.catalog import Scan
from data_pipeline.storage import location
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.storage.naming import LOG, backup_date

EVERYWHERE = "all"
"""Not the name of a storage, but of all of them."""


UNKNOWN = "jobs_database"
"""What stands among the storages out of reach for those whose names the jobs database would tell."""


class BackupList:
    """Lists backup sets. Every method raises ServiceError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def scan(self, global_only: bool = False, task_id: str | None = None, storage: str = MAIN_STORAGE) -> Listing:
        """Newest first. task_id beats global_only.

        storage: where to look; "all" looks everywhere, and names in the summary the storages it could not reach.
        """
        if task_id:
            location.check_task_id(task_id)
        names, unknown = self._names() if storage == EVERYWHERE else ([storage], [])
        scans, unreachable = self._scan(names, global_only, task_id)
        found = [listed for scan in scans for listed in scan.locations]
        unreadable = [_unreadable(*one) for scan in scans for one in scan.unreadable]
        of_tasks = sum(len(listed.sets) for listed in found if listed.location.task_id)
        total = sum(len(listed.sets) for listed in found)
        return Listing(
            response=_counted(len(found), total, len(unreadable)),
            backup_locations=list(map(_location, found)),
            summary=ListingSummary(
                total_locations=len(found),
                total_backup_sets=total,
                global_backups=total - of_tasks,
                task_backups=of_tasks,
                scan_time=datetime.now().astimezone(),
                unreachable_storages=[*unreachable, *unknown] if storage == EVERYWHERE else None,
                unreadable=unreadable or None,
            ),
        )

    def _names(self) -> tuple[list[str], list[str]]:
        """Every storage, and what stands for those that can't be known now."""
        try:
            return self._engine.storages.all_names(), []
        except ServiceUnavailable:
            return list(self._engine.storages), [UNKNOWN]

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


def _counted(locations: int, sets: int, unreadable: int) -> Message:
    found = say("backups_found", locations=locations, sets=sets) if sets else say("backups_not_found")
    return say("backups_found_but_some_unreadable", found=found, unreadable=unreadable) if unreadable else found


def _location(listed: catalog.ListedLocation) -> ListedLocation:
    where = listed.location
    return ListedLocation(
        type="task" if where.task_id else "global",
        task_id=where.task_id,
        relative_path=where.relative_path,
        backups=[_set(found, listed.has_log) for found in listed.sets],
        storage=where.storage,
    )


def _unreadable(where: Location, error: ServiceError) -> UnreadableLocation:
    return UnreadableLocation(relative_path=where.relative_path, storage=where.storage, error=error.response)


def _set(found: catalog.ListedSet, has_log: bool) -> ListedSet:
    return ListedSet(
        timestamp=found.timestamp,
        collection_file=found.files[0],
        embedding_file=found.files[1],
        collection_size=format_size(found.sizes[0]),
        embedding_size=format_size(found.sizes[1]),
        backup_date=backup_date(found.timestamp),
        has_log=has_log,
        log_file=LOG if has_log else None,
        format=found.format,
        has_manifest=found.has_manifest,
    )
