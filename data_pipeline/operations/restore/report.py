"""What one restore did, recorded once as it happens, and how its answer says so."""

import time
from collections.abc import Sequence
from typing import Any

from common.errors import NotFound, ServiceError
from common.messages import say
from common.sizes import format_size
from data_pipeline.operations.restore.safety_backup import Precaution
from data_pipeline.postgres.schema.ddl import Missing
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing.sync import Counts
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.table_source import Source
from data_pipeline.storage.naming import backup_date, table_file

COMPLETE = say("restore_complete")
PARTIAL = say("restore_partial")
LIMITED = say("restore_of_some_collections")
UNVOUCHED = say("restore_unvouched")


class Outcome:
    """The results of a restore, table by table. Durations are in seconds."""

    def __init__(self, backup_set: BackupSet, replaced: bool) -> None:
        self.results: dict[str, dict[str, Any]] = {}
        self._backup_set = backup_set
        self._replaced = replaced
        self._truncated: dict[str, dict[str, Any]] = {}
        self._indexes: dict[str, dict[str, Any]] = {}
        self._failures: dict[str, ServiceError] = {}
        self._warnings: list[str] = [] if backup_set.manifest else [UNVOUCHED]
        self.precaution: Precaution | None = None
        """The backup that was taken first."""
        self._collections: list[str] | None = None
        self._created: dict[str, Any] | None = None
        self._search_check: dict[str, Any] | None = None
        self._blocked_since: float | None = None
        self._blocked_seconds = 0.0

    def readers_wait(self) -> None:
        """From the first time this is recorded: the lock stays."""
        self._blocked_since = self._blocked_since or time.monotonic()

    def readers_go_on(self) -> None:
        if self._blocked_since is not None:
            self._blocked_seconds = time.monotonic() - self._blocked_since

    def truncated(self, before: dict[str, int], duration: float) -> None:
        """Record a TRUNCATE; `before` has the rows of each selected table."""
        for name, rows in before.items():
            self._truncated[name] = {
                "success": True,
                "rows_before": rows,
                "rows_after": 0,
                "duration": round(duration, 3),
            }

    def only_live(self, name: str, rows: int) -> None:
        """Record how many rows that a TRUNCATE would remove are not in the backup."""
        self._truncated[name]["rows_only_live"] = rows

    def restored(self, source: Source, rows: int, duration: float, warnings: Sequence[str]) -> None:
        """Record a table whose rows were all written, and what had to be done to them."""
        self._warnings += warnings
        self.results[source.name] = {
            "success": True,
            "source_file": source.file.name,
            "rows_restored": rows,
            "file_size": format_size(source.file.size),
            "file_bytes": source.file.size,
            "duration": round(duration, 3),
            **({"dialect": source.layout.dialect} if source.format == "csv" else {}),
        }
        if not source.binary:
            self._warnings.append(say("restore_by_text", file=source.name))

    def synced(self, name: str, counts: Counts) -> None:
        """Record which rows of a table differed."""
        self.results[name] |= {
            "rows_restored": counts.inserted + counts.updated,
            "rows_inserted": counts.inserted,
            "rows_updated": counts.updated,
            "rows_deleted": counts.deleted,
            "rows_unchanged": counts.unchanged,
        }

    def merged(self, name: str, counts: Counts) -> None:
        """Record what became of a table's rows that may have been there."""
        self.results[name] |= {
            "rows_restored": counts.inserted + counts.updated,
            "rows_inserted": counts.inserted,
            "rows_updated": counts.updated,
            "rows_skipped": counts.unchanged,
        }

    def concerned(self, collections: Sequence[str]) -> None:
        """Record the names of the collections that were restored, as they are called now."""
        self._collections = list(collections)

    def left_out(self, rows: int) -> None:
        """Record embeddings that are in no collection, where only collections are restored."""
        if rows:
            self.results[self._backup_set.layout.owned.member]["rows_restored"] -= rows
            self._warnings.append(say("restore_left_out_orphans", rows=rows))

    def warn(self, text: str) -> None:
        self._warnings.append(text)

    def rebuilt(self, results: dict[str, dict[str, Any]], warnings: list[str]) -> None:
        """Record the indexes and keys that were built again, and what could not be."""
        self._indexes = results
        self._warnings += warnings

    def created(self, lacking: Missing, indexes: dict[str, dict[str, Any]], warnings: list[str]) -> None:
        """Record what was missing and made; `indexes` are those that could be."""
        self._created = {**lacking.describe(), "indexes": indexes}
        self._warnings += [*lacking.warnings, *warnings]

    def search_checked(self, result: dict[str, Any], warnings: list[str]) -> None:
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
        return bool(self.results.get(name, {}).get("success"))

    def failed(self, name: str, error: ServiceError) -> None:
        """Record a table that was rolled back alone."""
        self._failures[name] = error
        kind = say("file_reading_failed") if isinstance(error, NotFound) else say("data_import_failed")
        set_ = self._backup_set
        self.results[name] = {
            "success": False,
            "source_file": table_file(set_.layout[name].stem, set_.timestamp, set_.format),
            "error": say("about", reason=kind, subject=error.response),
            "error_type": error.error_type,
            **({"details": error.data["details"]} if "details" in error.data else {}),
        }

    def expect_something(self, atomic: bool) -> None:
        """Raise the first failure if every table failed, or if one did and it is all or nothing."""
        if self._failures and (atomic or len(self._failures) == len(self.results)):
            raise next(iter(self._failures.values()))

    def rows(self, name: str) -> int:
        """Rows this restore wrote into a table."""
        return int(self.results[name]["rows_restored"])

    def describe(self, target: Target, duration: float) -> dict[str, Any]:
        """The answer's data, `response` included."""
        replaced = {
            "truncate_results": self._truncated,
            "index_results": self._indexes,
            "readers_blocked_seconds": round(self._blocked_seconds, 3),
        }
        return {
            "response": PARTIAL if self._failures else COMPLETE,
            "restore_performed": True,
            "truncate_performed": self._replaced,
            "backup_info": {
                "backup_path": self._backup_set.location.relative_path,
                "timestamp": self._backup_set.timestamp,
                "backup_date": backup_date(self._backup_set.timestamp),
            },
            **(replaced if self._replaced else {}),
            **({"collections": self._collections} if self._collections is not None else {}),
            **({"backup_before_restore": self.precaution.describe()} if self.precaution else {}),
            **({"created": self._created} if self._created else {}),
            "restore_results": self.results,
            **({"search_check": self._search_check} if self._search_check else {}),
            "errors": [say("restore_of_table_failed", table=name) for name in self._failures],
            "warnings": [*target.notes, *self._warnings],
            "target": target.public(),
            "duration": round(duration, 3),
        }
