"""StoreBackup: what every backup of a store that isn't PostgreSQL tables does around the store's own work."""

import time
from collections.abc import Callable, Sequence

from common.errors import ServiceError
from common.messages import say
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.operations.backup.log import logged
from data_pipeline.operations.backup.snapshot import seconds_from_now
from data_pipeline.operations.results.backup import StoredCopy
from data_pipeline.operations.results.result import shown_target
from data_pipeline.operations.results.store_backup import SavedFile, StoreBackedUp
from data_pipeline.operations.target import AnyTarget
from data_pipeline.sets.replicate import Replica
from data_pipeline.sets.store_draft import StoreDraft


class StoreBackup:
    """One backup of a store into a storage of the whole system, and its copies. Every step raises ServiceError.

    storages: the first gets the set, the others copies. warnings: what is worth knowing although it worked; the
    store's own work may add to it.
    """

    def __init__(self, engine: Engine, family: str, target: AnyTarget, storages: Sequence[str]) -> None:
        self._engine = engine
        self._family = family
        self._target = target
        self._storages = storages
        self._where = engine.catalog.location(None, storages[0])
        self.warnings: list[str] = []

    def expect_possible(self) -> None:
        """Raise what can be known to stand in the way before the store is asked."""
        for storage in self._storages:
            self._engine.storages.check(storage)

    def run(self, save: Callable[[StoreDraft], None]) -> StoreBackedUp:
        """Make a set, and say what was done. save: writes the files of a draft, and publishes it."""
        self.expect_possible()
        started = time.monotonic()
        files: dict[str, SavedFile] = {}
        try:
            with logged(self._engine, self._where, files.values, self.warnings.append):
                timestamp = self._saved(save, files)
        except ServiceError as error:
            error.data.setdefault("target", self._target.public())
            raise
        copies = self._copies(timestamp)
        failed = [storage for storage, one in copies.items() if not one.success]
        complete = say("store_backup_complete", family=self._family)
        return StoreBackedUp(
            response=say("store_backup_partial", family=self._family) if failed else complete,
            backup_performed=True,
            layout=self._family,
            backup_directory=self._where.relative_path,
            backup_timestamp=timestamp,
            files=files,
            storages=copies,
            errors=[say("backup_to_storage_failed", storage=storage) for storage in failed],
            warnings=self.warnings,
            target=shown_target(self._target.public()),
            duration=round(time.monotonic() - started, 3),
        )

    def _saved(self, save: Callable[[StoreDraft], None], files: dict[str, SavedFile]) -> str:
        storage = self._engine.storages.of(self._where)
        timestamps = seconds_from_now(self._engine.settings.timestamp_format)
        with storage.draft(self._where, timestamps) as stored:
            draft = StoreDraft(stored, self._family)
            save(draft)
        for key, fact in draft.files.items():
            size = fact["bytes"]
            files[key] = SavedFile(
                backup_file=fact["file"], row_count=fact["rows"], file_size=format_size(size), file_bytes=size
            )
        return draft.timestamp

    def _copies(self, timestamp: str) -> dict[str, StoredCopy]:
        """Where the set is, by storage; a copy that failed is written down."""
        found = {self._where.storage: StoredCopy(success=True)}
        replica = Replica(self._engine.catalog, self._engine.storages, self._where, timestamp)
        for storage in self._storages[1:]:
            try:
                replica.make(storage)
                found[storage] = StoredCopy(success=True)
            except ServiceError as error:
                found[storage] = StoredCopy(success=False, error=error.response, error_type=error.error_type)
        return found
