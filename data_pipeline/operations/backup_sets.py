"""BackupSetManager: one backup set looked at, verified to the byte, or removed."""

import time

from common.errors import InvalidParams
from common.messages import say
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.operations import read_back
from data_pipeline.operations.results.backup_sets import (
    CopiedSet,
    DeletedSet,
    ReadTable,
    SetFile,
    ShownSet,
    VerifiedSet,
    shown_manifest,
)
from data_pipeline.operations.results.result import StoredBackup
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.sets.replicate import Replica
from data_pipeline.storage import location, naming
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.storage.naming import backup_date

GLOBAL = "global"


class BackupSetManager:
    """Backup sets by location ("global" or a task id) and timestamp. Every method raises ServiceError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def show(self, where: str, timestamp: str, storage: str = MAIN_STORAGE) -> ShownSet:
        """What the manifest says, and whether the stored files still look like it."""
        found = self._engine.catalog.find_any(self.place(where, timestamp, storage), timestamp)
        return ShownSet(
            response=say("set_shown"),
            backup_info=named(found.location, timestamp),
            format=None if isinstance(found, HeldSet) else found.format,
            compression=None if isinstance(found, HeldSet) else found.kind.shown,
            encrypted=True if found.key else None,
            has_manifest=found.manifest is not None,
            files={
                name: SetFile(file=file.name, file_size=format_size(file.size), file_bytes=file.size)
                for name, file in found.files.items()
            },
            manifest=shown_manifest(found.manifest) if found.manifest else None,
        )

    def verify(
        self, where: str, timestamp: str, storage: str = MAIN_STORAGE, progress: Progress = SILENT
    ) -> VerifiedSet:
        """Read every byte of a set. Raises InvalidBackup with file and line at the first that is wrong."""
        started = time.monotonic()
        with self._engine.catalog.locked_any(self.place(where, timestamp, storage), timestamp) as backup_set:
            checked = read_back.through(self._engine, backup_set, progress)
        vouched = backup_set.manifest is not None
        return VerifiedSet(
            response=say("set_verified") if vouched else say("set_parsed_unvouched"),
            backup_info=named(backup_set.location, timestamp),
            verified=vouched,
            tables=ReadTable.each(checked),
            duration=round(time.monotonic() - started, 3),
        )

    def delete(self, where: str, timestamp: str, storage: str = MAIN_STORAGE) -> DeletedSet:
        """Remove a set. Raises OperationInProgress while a restore reads it."""
        place = self.place(where, timestamp, storage)
        removed = self._engine.catalog.delete(place, timestamp)
        return DeletedSet(response=say("set_deleted"), backup_info=named(place, timestamp), removed=removed)

    def copy(self, where: str, timestamp: str, to: str, storage: str = MAIN_STORAGE) -> CopiedSet:
        """Copy a set into another storage and verify what arrived. One that is there already is only verified."""
        started = time.monotonic()
        if to == storage:
            raise InvalidParams(say("set_already_in_storage"), details={"field": "to"})
        place = self.place(where, timestamp, storage)
        replica = Replica(self._engine.catalog, self._engine.storages, place, timestamp)
        copy, made = replica.make(to)
        return CopiedSet(
            response=say("set_copied") if made else say("set_copied_before"),
            copied=made,
            backup_info=named(place, timestamp),
            copy_=named(copy, timestamp),
            duration=round(time.monotonic() - started, 3),
        )

    def place(self, where: str, timestamp: str, storage: str) -> Location:
        """The location of a set. Raises InvalidParams for what names none."""
        naming.check_timestamp(timestamp)
        location.check_task_id(where)
        self._engine.storages.check(storage)
        return self._engine.catalog.location(None if where == GLOBAL else where, storage)


def named(where: Location, timestamp: str) -> StoredBackup:
    """Which set, as answers say it and requests give it back."""
    return StoredBackup(
        backup_path=where.relative_path,
        timestamp=timestamp,
        backup_date=backup_date(timestamp),
        storage=where.storage,
    )
