"""What one restore did, recorded once as it happens, and how its answer says so."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from common.errors import NotFound, ServiceError
from common.messages import say
from common.sizes import format_size
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.safety_backup import SafetyBackup
from data_pipeline.operations.results import result as results
from data_pipeline.operations.results.restore import (
    BuiltIndex,
    Converted,
    Created,
    Restored,
    RestoredTable,
    SearchCheck,
    TruncatedTable,
)
from data_pipeline.operations.results.result import BackupInfo
from data_pipeline.postgres.schema.ddl import Missing
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing.conversion import Loaded
from data_pipeline.postgres.writing.sync import Counts
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables.table_source import Source
from data_pipeline.storage.naming import backup_date

COMPLETE = say("restore_complete")
PARTIAL = say("restore_partial")
LIMITED = say("restore_of_some_collections")
LIMITED_ROWS = say("restore_of_some_rows")
UNVOUCHED = say("restore_unvouched")


@dataclass
class Swapping:
    """Whether new tables took the place of the live ones, and over how many connections they were loaded."""

    performed: bool = False
    connections: int = 1


class Wait:
    """How long a lock kept others waiting; of several, the longest."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._longest = 0.0

    def begin(self) -> None:
        self._since = self._since or time.monotonic()

    def end(self) -> None:
        if self._since is not None:
            self._longest = max(self._longest, time.monotonic() - self._since)
        self._since = None

    @property
    def longest(self) -> float:
        """Seconds."""
        return round(self._longest, 3)


class Report:
    """The results of a restore, table by table. Durations are in seconds."""

    def __init__(self, backup_set: BackupSet, request: RestoreOptions) -> None:
        self.swap = Swapping() if request.strategy == "swap" else None
        """How a swap went, if that was asked for."""
        self.toast_compression: Literal["lz4"] | None = None
        """What long values were compressed by, if it wasn't the server's own default."""
        self.results: dict[str, RestoredTable] = {}
        self._backup_set = backup_set
        self._truncated_first = request.truncate
        self._truncated: dict[str, TruncatedTable] = {}
        self._indexes: dict[str, BuiltIndex] = {}
        self._failures: dict[str, ServiceError] = {}
        self._warnings: list[str] = [] if backup_set.manifest else [UNVOUCHED]
        self.safety_backup: SafetyBackup | None = None
        """The backup that was taken first."""
        self._collections: list[str] | None = None
        self._created: Created | None = None
        self._converted: list[Converted] | None = None
        self._search_check: SearchCheck | None = None
        self._readers, self._writers = Wait(), Wait()

    def readers_wait(self) -> None:
        """From the first time this is recorded: the lock stays."""
        self._readers.begin()

    def writers_wait(self) -> None:
        """The same of a lock that lets readers go on."""
        self._writers.begin()

    def readers_go_on(self) -> None:
        """A lock against readers was let go, and perhaps another one follows."""
        self._readers.end()

    def all_go_on(self) -> None:
        """The transaction has ended."""
        self._readers.end()
        self._writers.end()

    def swapped(self, connections: int) -> None:
        """Record that new tables took the place of the live ones, and how many connections loaded them at a time."""
        self.swap = Swapping(True, connections)

    def truncated(self, before: dict[str, int], duration: float) -> None:
        """Record a TRUNCATE; `before` has the rows of each selected table."""
        for name, rows in before.items():
            self._truncated[name] = TruncatedTable(
                success=True, rows_before=rows, rows_after=0, duration=round(duration, 3)
            )

    def only_live(self, name: str, rows: int) -> None:
        """Record how many rows that a TRUNCATE would remove are not in the backup."""
        self._truncated[name] = self._truncated[name].model_copy(update={"rows_only_live": rows})

    def restored(self, source: Source, loaded: Loaded, duration: float) -> None:
        """Record a table whose rows were all written, and what had to be done to them."""
        self._warnings += loaded.warnings
        self.results[source.name] = RestoredTable(
            success=True,
            source_file=source.file.name,
            rows_restored=loaded.rows,
            rows_lossy=loaded.lossy,
            file_size=format_size(source.file.size),
            file_bytes=source.file.size,
            duration=round(duration, 3),
            dialect=source.layout.dialect if source.format.described else None,
        )
        if not source.binary:
            self._warnings.append(say("restore_by_text", file=source.name))

    def added(self, name: str, rows: int) -> None:
        """Record how many of a file's rows were chosen, and written."""
        self._add(name, rows_restored=rows)

    def synced(self, name: str, counts: Counts) -> None:
        """Record which rows of a table differed."""
        self._add(
            name,
            rows_restored=counts.inserted + counts.updated,
            rows_inserted=counts.inserted,
            rows_updated=counts.updated,
            rows_deleted=counts.deleted,
            rows_unchanged=counts.unchanged,
        )

    def merged(self, name: str, counts: Counts) -> None:
        """Record what became of a table's rows that may have been there."""
        self._add(
            name,
            rows_restored=counts.inserted + counts.updated,
            rows_inserted=counts.inserted,
            rows_updated=counts.updated,
            rows_skipped=counts.unchanged,
        )

    def concerned(self, collections: Sequence[str]) -> None:
        """Record the names of the collections that were restored, as they are called now."""
        self._collections = list(collections)

    def left_out(self, rows: int) -> None:
        """Record embeddings that are in no collection, where only collections are restored."""
        if rows:
            member = self._backup_set.layout.owned.member
            self._add(member, rows_restored=self.rows(member) - rows)
            self._warnings.append(say("restore_left_out_orphans", rows=rows))

    def warn(self, text: str) -> None:
        self._warnings.append(text)

    def rebuilt(self, results: dict[str, dict[str, Any]], warnings: list[str]) -> None:
        """Record the indexes and keys that were built again, and what could not be."""
        self._indexes = {name: BuiltIndex(**one) for name, one in results.items()}
        self._warnings += warnings

    def created(self, lacking: Missing, indexes: dict[str, dict[str, Any]], warnings: list[str]) -> None:
        """Record what was missing and made; `indexes` are those that could be."""
        self._created = Created(
            extension=lacking.extension,
            tables=[design.name for design in lacking.tables],
            keys=[key.name for _, key in lacking.keys],
            indexes={name: BuiltIndex(**one) for name, one in indexes.items()},
        )
        self._warnings += [*lacking.warnings, *warnings]

    def made(
        self,
        *,
        extension: bool = False,
        tables: Sequence[str] = (),
        indexes: tuple[dict[str, dict[str, Any]], list[str]] = ({}, []),
    ) -> None:
        """Record what a conversion has made, beside what was recorded."""
        before = self._created or Created(extension=False, tables=[], keys=[], indexes={})
        built = {name: BuiltIndex(**one) for name, one in indexes[0].items()}
        self._created = Created(
            extension=before.extension or extension,
            tables=[*before.tables, *tables],
            keys=before.keys,
            indexes=before.indexes | built,
        )
        self._warnings += indexes[1]

    def converted(self, one: Converted, source: Source, duration: float) -> None:
        """Record a collection's rows in another layout."""
        self._converted = [*(self._converted or ()), one]
        self.results[one.table] = RestoredTable(
            success=True,
            source_file=source.file.name,
            rows_restored=one.rows,
            file_size=format_size(source.file.size),
            file_bytes=source.file.size,
            duration=round(duration, 3),
        )

    def search_checked(self, result: SearchCheck, warnings: list[str]) -> None:
        """Record what the backup's probes found after the restore."""
        self._search_check = result
        self._warnings += warnings

    def begin(self) -> None:
        """Forget what was recorded of rows: they were undone, or none were written yet."""
        self.results, self._truncated, self._indexes, self._failures = {}, {}, {}, {}
        self._warnings = [] if self._backup_set.manifest else [UNVOUCHED]
        self._collections = None

    def succeeded(self, name: str) -> bool:
        """Whether a table was restored."""
        return name in self.results and self.results[name].success

    def failed(self, name: str, error: ServiceError) -> None:
        """Record a table that was rolled back alone."""
        self._failures[name] = error
        kind = say("file_reading_failed") if isinstance(error, NotFound) else say("data_import_failed")
        self.results[name] = RestoredTable(
            success=False,
            source_file=self._backup_set.files[name].name,
            error=say("about", reason=kind, subject=error.response),
            error_type=error.error_type,
            details=error.data.get("details"),
        )

    def expect_something(self, atomic: bool) -> None:
        """Raise the first failure if every table failed, or if one did and it is all or nothing."""
        if self._failures and (atomic or len(self._failures) == len(self.results)):
            raise next(iter(self._failures.values()))

    def rows(self, name: str) -> int:
        """Rows this restore wrote into a table."""
        return self.results[name].rows_restored or 0

    def describe(self, target: Target, duration: float) -> Restored:
        """The answer."""
        replaced = self._truncated_first or self.swap is not None
        return Restored(
            response=PARTIAL if self._failures else COMPLETE,
            restore_performed=True,
            truncate_performed=self._truncated_first,
            swap_performed=self.swap.performed if self.swap else None,
            backup_info=BackupInfo(
                backup_path=self._backup_set.location.relative_path,
                timestamp=self._backup_set.timestamp,
                backup_date=backup_date(self._backup_set.timestamp),
            ),
            truncate_results=self._truncated if replaced else None,
            index_results=self._indexes if replaced else None,
            readers_blocked_seconds=self._readers.longest if replaced else None,
            writers_blocked_seconds=self._writers.longest if self.swap else None,
            connections=self.swap.connections if self.swap else None,
            toast_compression=self.toast_compression,
            collections=self._collections,
            backup_before_restore=self.safety_backup.named() if self.safety_backup else None,
            created=self._created,
            restore_results=self.results,
            converted=self._converted,
            search_check=self._search_check,
            errors=[say("restore_of_table_failed", table=name) for name in self._failures],
            warnings=[*target.notes, *self._warnings],
            target=results.Target.of(target),
            duration=round(duration, 3),
        )

    def _add(self, name: str, **counts: int) -> None:
        self.results[name] = self.results[name].model_copy(update=counts)
