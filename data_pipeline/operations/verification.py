"""A verification whose finding is remembered."""

from collections.abc import Callable
from datetime import datetime, timezone

from common.errors import InvalidBackup, OrphanRows
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import BackupSetManager
from data_pipeline.operations.results.backup_sets import VerifiedSet
from data_pipeline.operations.set_checks import Found, SetCheck, SetName
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.storage.location import MAIN_STORAGE


class Verification:
    """Reads whole sets. Its method raises ServiceError. note: remembers a finding."""

    def __init__(self, engine: Engine, note: Callable[[SetName, SetCheck], None]) -> None:
        self._engine = engine
        self._manager = BackupSetManager(engine)
        self._note = note

    def verify(
        self, where: str, timestamp: str, storage: str = MAIN_STORAGE, progress: Progress = SILENT
    ) -> VerifiedSet:
        """Read every byte of a set. Raises InvalidBackup with file and line at the first that is wrong."""
        location = self._manager.place(where, timestamp, storage)
        listed = self._engine.catalog.listed(location, timestamp)
        found: Found | None = None
        try:
            result = self._manager.verify(where, timestamp, storage, progress)
            found = "verified" if result.verified else "readable"
        except (InvalidBackup, OrphanRows) as error:
            found = None if error.data.get("can_retry") else "damaged"  # what changes while it is read proves nothing
            raise
        finally:
            if found and listed:
                self._note((location, timestamp), SetCheck(found, datetime.now(timezone.utc), listed.identity))
        return result
