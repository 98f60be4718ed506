"""One drill, on a scratch server that is running."""

import time

from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import named
from data_pipeline.operations.compare import BackupComparison
from data_pipeline.operations.drill.progress import Checking, Restoring
from data_pipeline.operations.requests.compare import CompareRequest
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.operation import RestoreOperation
from data_pipeline.operations.results.compare import Compared
from data_pipeline.operations.results.drill import Drilled, DrilledTable, DrillSteps
from data_pipeline.operations.results.restore import Restored
from data_pipeline.postgres import server_identity
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.backup_set import BackupSet


class Drill:
    """A set, and an engine whose database is an empty one. Every step raises ServiceError, Cancelled.

    started: when the server began to be made (time.monotonic).
    """

    def __init__(self, engine: Engine, backup_set: BackupSet, started: float) -> None:
        self._engine = engine
        self._set = backup_set
        self._started = started
        self._ready = time.monotonic()

    def run(self, progress: Progress) -> Drilled:
        """Restore, compare, and say what was found."""
        restored = self._restore(progress)
        loaded = time.monotonic()
        compared = self._compare(progress)
        errors: list[str] = [*self._lost(restored), *self._differing(compared), *self._unfound(restored)]
        proven = self._set.manifest is not None and not errors
        if self._set.manifest is None:
            errors.append(say("drill_unvouched"))
        now = time.monotonic()
        return Drilled(
            response=say("drill_proven") if proven else say("drill_not_proven"),
            proven=proven,
            backup_info=named(self._set.location, self._set.timestamp),
            manifest_sha256=self._set.manifest.sha256 if self._set.manifest else None,
            identical=compared.identical,
            tables=self._tables(restored),
            search_check=restored.search_check,
            server_version=self._version(progress),
            steps=DrillSteps(
                start_seconds=round(self._ready - self._started, 3),
                restore_seconds=round(loaded - self._ready, 3),
                compare_seconds=round(now - loaded, 3),
            ),
            errors=errors,
            warnings=list(dict.fromkeys([*restored.warnings, *compared.warnings])),
            duration=round(now - self._started, 3),
        )

    @property
    def _named(self) -> dict[str, str]:
        return {"backup_path": self._set.location.relative_path, "timestamp": self._set.timestamp}

    def _restore(self, progress: Progress) -> Restored:
        request = RestoreRequest.read({**self._named, "create_tables": True, "atomic": True})
        return RestoreOperation(self._engine).run_here(request, Restoring(progress))

    def _compare(self, progress: Progress) -> Compared:
        return BackupComparison(self._engine).compare(CompareRequest.read(self._named), Checking(progress))

    def _version(self, progress: Progress) -> str:
        target = self._engine.databases.resolve()
        with transaction(target, self._engine.timeouts, read_only=True, progress=Checking(progress)) as session:
            return str(server_identity.versions(session.cursor)["server_version"])

    def _tables(self, restored: Restored) -> dict[str, DrilledTable]:
        return {
            name: DrilledTable(rows=one.rows_restored or 0, file_bytes=one.file_bytes or 0)
            for name, one in restored.restore_results.items()
        }

    def _lost(self, restored: Restored) -> list[Message]:
        """Tables that have another number of rows than the manifest says."""
        promised = {name: fact.rows for name, fact in self._set.manifest.tables.items()} if self._set.manifest else {}
        found = {name: one.rows_restored for name, one in restored.restore_results.items()}
        return [
            say("drill_rows_lost", table=name, rows=found.get(name) or 0, expected=rows)
            for name, rows in promised.items()
            if found.get(name) != rows
        ]

    @staticmethod
    def _differing(compared: Compared) -> list[Message]:
        return [] if compared.identical else [say("drill_rows_differ")]

    @staticmethod
    def _unfound(restored: Restored) -> list[Message]:
        """Probes: the exact neighbours are the same rows, or the rows are not."""
        check = restored.search_check
        if check is None:
            return []
        if not check.performed:
            return [say("search_check_incomplete")]
        missing = (check.probes or 0) - (check.exact_matches or 0)
        return [say("drill_searches_differ", count=missing)] if missing else []
