"""Which backup sets of the whole system are old, and their removal. Sets of tasks, and sets that nothing vouches for,
are left alone."""

from datetime import datetime, timedelta

import structlog

from common.errors import ServiceError
from data_pipeline.engine import Engine
from data_pipeline.vector import verification
from data_pipeline.vector.catalog import BackupSet
from data_pipeline.vector.naming import TABLES

audit = structlog.get_logger("audit")


class Retention:
    """keep_days: sets younger than that stay; keep_last: so many of the newest good ones stay. 0: no such rule.

    A set goes when no rule keeps it. The newest set that verifies to the byte always stays. A set of chosen collections
    is no substitute for a whole one: it isn't counted, and goes when all whole sets of its time are gone.
    """

    def __init__(self, engine: Engine, keep_days: int, keep_last: int) -> None:
        self._engine = engine
        self._keep_days = keep_days
        self._keep_last = keep_last

    def retire(self) -> None:
        """Remove what no rule keeps, except what somebody uses."""
        if not (self._keep_days or self._keep_last):
            return
        good = self._vouched_for()
        whole = [one for one in good if not _chosen(one)]
        old = self._old(whole)
        safe = next((one for one in whole if self._verifies(one)), None) if old else None
        if safe is None:
            return
        oldest_kept = min(one.timestamp for one in [*whole[: len(whole) - len(old)], safe])
        for one in [*old, *(one for one in good if _chosen(one) and one.timestamp < oldest_kept)]:
            if one.timestamp != safe.timestamp:
                self._remove(one)

    def _vouched_for(self) -> list[BackupSet]:
        """The sets with a manifest that agrees with their files, newest first."""
        found = []
        for listed in self._engine.catalog.scan(global_only=True, task_id=None):
            for one in listed.sets:
                try:
                    backup_set = self._engine.catalog.find(listed.location, one.timestamp, TABLES)
                except ServiceError:
                    continue  # damaged, or just removed: nothing that could be counted on
                if backup_set.manifest is not None:
                    found.append(backup_set)
        return found

    def _old(self, good: list[BackupSet]) -> list[BackupSet]:
        """What no rule keeps, oldest first. Without keep_days only the number counts, without keep_last the age."""
        limit = datetime.now() - timedelta(days=self._keep_days)
        youngest_to_go = limit.strftime(self._engine.settings.timestamp_format)
        beyond = good[self._keep_last :]
        old = [one for one in beyond if not self._keep_days or one.timestamp < youngest_to_go]
        return old[::-1]

    def _verifies(self, backup_set: BackupSet) -> bool:
        try:
            verification.read_through(backup_set, self._engine.pool)
        except (ServiceError, OSError):
            return False
        return True

    def _remove(self, backup_set: BackupSet) -> None:
        where, timestamp = backup_set.location, backup_set.timestamp
        try:
            self._engine.catalog.delete(where, timestamp)
            outcome = "SUCCESS"
        except ServiceError as error:  # somebody uses it, or another process was faster
            outcome = error.error_type
        audit.info("retire", who="retention", backup_path=where.relative_path, timestamp=timestamp, outcome=outcome)


def _chosen(backup_set: BackupSet) -> bool:
    return backup_set.manifest is not None and backup_set.manifest.chosen_collections is not None
