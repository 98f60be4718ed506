"""What one backup did, recorded once as it happens, and how its answer says so."""

from collections.abc import Sequence

from common.errors import ServiceError
from common.messages import say
from data_pipeline.operations.backup.snapshot import Saved, Taken
from data_pipeline.operations.results import result as results
from data_pipeline.operations.results.backup import BackedUp, RememberedSearches, SavedTable, StoredCopy
from data_pipeline.operations.results.restore import TruncatedTable
from data_pipeline.postgres.reading import probes
from data_pipeline.postgres.target import Target
from data_pipeline.sets.manifest import ProbesFact
from data_pipeline.storage.location import Location

COMPLETE = say("backup_complete")
PARTIAL = say("backup_partial")


class Report:
    """The results of a backup. Durations are in seconds."""

    def __init__(self, where: Location, target: Target) -> None:
        self.timestamp: str | None = None
        """Of the set, once it is published."""
        self.taken: Taken | None = None
        self.tables: dict[str, Saved] = {}
        self._where = where
        self._target = target
        self._collections: list[str] | None = None
        self._probes: RememberedSearches | None = None
        self._storages: dict[str, StoredCopy] = {where.storage: StoredCopy(success=True)}
        self._truncated: dict[str, TruncatedTable] = {}
        self._failed: list[str] = []
        self._doubts: list[str] = []
        self._warnings: list[str] = list(target.notes)

    def saved(self, taken: Taken, timestamp: str, collections: Sequence[str] | None) -> None:
        """Record a set that was published; collections: those that were chosen, None for all."""
        self.timestamp, self.taken, self.tables = timestamp, taken, taken.tables
        self._collections = None if collections is None else list(collections)
        self._warnings += taken.obstacles

    def doubted(self, texts: Sequence[str]) -> None:
        """Record what makes the database a doubtful one; a second attempt tells it anew."""
        self._doubts = list(texts)

    def probed(self, facts: Sequence[ProbesFact]) -> None:
        """Record the searches that are remembered with the set."""
        self._probes = RememberedSearches(
            count=sum(len(fact.rows) for fact in facts), distance=probes.distance(facts), recall=probes.recall(facts)
        )

    def copied(self, storage: str) -> None:
        self._storages[storage] = StoredCopy(success=True)

    def not_copied(self, storage: str, error: ServiceError) -> None:
        """Record a storage that the set could not be copied to."""
        self._storages[storage] = StoredCopy(success=False, error=error.response, error_type=error.error_type)
        self._failed.append(storage)

    def truncated(self, name: str, rows: int, duration: float) -> None:
        """Record a table that was emptied, and how many rows it had."""
        self._truncated[name] = TruncatedTable(
            success=True, rows_before=rows, rows_after=0, duration=round(duration, 3)
        )

    def warn(self, text: str) -> None:
        self._warnings.append(text)

    def saved_tables(self) -> list[SavedTable]:
        return [one.describe() for one in self.tables.values()]

    def describe(self, duration: float) -> BackedUp:
        """The answer, once the set is published."""
        return BackedUp(
            response=PARTIAL if self._failed else COMPLETE,
            backup_performed=True,
            truncate_performed=bool(self._truncated),
            backup_directory=self._where.relative_path,
            backup_timestamp=self.timestamp or "",
            tables_backed_up={name: one.describe() for name, one in self.tables.items()},
            storages=self._storages,
            collections=self._collections,
            probes=self._probes,
            truncate_results=self._truncated,
            errors=[say("backup_to_storage_failed", storage=storage) for storage in self._failed],
            warnings=[*self._doubts, *self._warnings],
            target=results.Target.of(self._target),
            duration=round(duration, 3),
        )
