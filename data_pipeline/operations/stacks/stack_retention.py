"""Which sets of stacks are old, and their removal, with the sets of their members."""

from datetime import datetime, timedelta

import structlog

from common.errors import InvalidBackup, NotFound, OrphanRows, ServiceError
from data_pipeline.engine import Engine
from data_pipeline.operations.results.result import NamedBackup
from data_pipeline.operations.retention import Named
from data_pipeline.operations.stacks.stack_manager import StackManager
from data_pipeline.sets.stack_set import StackSet, StackSets

audit = structlog.get_logger("audit")


class StackRetention:
    """STACK_KEEP_DAYS: a stack's sets younger than that stay, and so does the newest that verifies to the byte."""

    def __init__(self, engine: Engine, manager: StackManager) -> None:
        self._engine = engine
        self._manager = manager
        self._sets = StackSets(engine.storages)
        self._where = engine.catalog.location(None)

    def members(self) -> set[Named]:
        """The sets that stacks' sets name: no other rule is for them."""
        return {(self._where, timestamp) for timestamp in self._manager.named(self._where)}

    def retire(self) -> None:
        """Remove what is old, as long as a newer one of the same stack verifies."""
        days = self._engine.settings.stacks.keep_days
        if not days:
            return
        limit = (datetime.now() - timedelta(days=days)).strftime(self._engine.settings.timestamp_format)
        for stack in dict.fromkeys(stack for stack, _ in self._sets.timestamps(self._where)):
            self._retire([timestamp for _, timestamp in self._sets.timestamps(self._where, stack)], stack, limit)

    def _retire(self, timestamps: list[str], stack: str, limit: str) -> None:
        old = [timestamp for timestamp in timestamps if timestamp < limit]
        safe = next((one for one in timestamps if self._verifies(stack, one)), None) if old else None
        for timestamp in old:
            if safe is not None and timestamp < safe and (found := self._found(stack, timestamp)):
                self._remove(found)

    def _found(self, stack: str, timestamp: str) -> StackSet | None:
        try:
            return self._sets.find(self._where, stack, timestamp)
        except (InvalidBackup, NotFound):
            return None

    def _verifies(self, stack: str, timestamp: str) -> bool:
        """One that a restore took first is no substitute. Raises what says nothing about the set: a storage out of
        reach."""
        found = self._found(stack, timestamp)
        if found is None or found.fact.precaution:
            return False
        try:
            named = NamedBackup(backup_path=self._where.relative_path, timestamp=timestamp)
            self._manager.verify(stack, named)
        except (InvalidBackup, OrphanRows, NotFound):
            return False
        return True

    def _remove(self, found: StackSet) -> None:
        try:
            self._manager.remove(found)
            outcome = "SUCCESS"
        except ServiceError as error:  # it is in use
            outcome = error.error_type
        where, timestamp = found.location.relative_path, found.fact.timestamp
        audit.info("retire", who="retention", backup_path=where, timestamp=timestamp, outcome=outcome)
