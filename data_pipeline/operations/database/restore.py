"""DatabaseRestoreOperation: a set of a whole database restored, merged, in place of what is there, or beside it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common import memory
from common.errors import SchemaMismatch
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import named
from data_pipeline.operations.database import locks, target_role, trust
from data_pipeline.operations.database.beside import Beside
from data_pipeline.operations.database.clean import Clean
from data_pipeline.operations.database.merge import Merge
from data_pipeline.operations.database.restoring import Report, Restoring
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.database import DatabaseRestoreRequest
from data_pipeline.operations.results.database import DatabaseRestored
from data_pipeline.operations.target import told_of
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import databases, roles
from data_pipeline.postgres.whole import facts as database_facts
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.storage import location
from data_pipeline.stores.pg_database.facts import DumpFacts
from data_pipeline.stores.pg_database.set_archive import SetArchive
from data_pipeline.stores.pg_database.store import FAMILY, STORE
from data_pipeline.stores.pg_database.tools import Tools

Tell = Callable[[Message], None]


class DatabaseRestoreOperation(Operation[DatabaseRestoreRequest]):
    """Every byte of the set is read and found good before anything of it is executed."""

    request: type[DatabaseRestoreRequest] = DatabaseRestoreRequest
    bug: Message = say("import_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: DatabaseRestoreRequest) -> Target:
        return self._engine.databases.named(request.target)

    def expect_possible(self, request: DatabaseRestoreRequest) -> Target:
        target = self.target(request)
        with self._held(request) as held:
            trust.expect_known(self._engine.archives, _facts(held).sha256, request.trusted)
        return target

    def run(self, request: DatabaseRestoreRequest, progress: Progress = SILENT) -> DatabaseRestored:
        started, target = time.monotonic(), self.target(request)
        with (
            memory.returned(),
            told_of(target, undone=request.mode != "merge" or bool(request.atomic)),
            self._held(request) as held,
        ):
            done = _Restoring(self._engine, request, held, progress).run(target)
        return done.describe(request, held, time.monotonic() - started)

    @contextmanager
    def _held(self, request: DatabaseRestoreRequest) -> Iterator[HeldSet]:
        where = location.parse(request.named_set.backup_path)
        self._engine.storages.check(where.storage)
        with self._engine.catalog.held(where, request.named_set.timestamp, FAMILY) as held:
            yield held


@dataclass
class _Done:
    """What a restore came to."""

    report: Report
    restoring: Restoring
    database: str
    kept: str | None = None
    rows: dict[str, int] | None = None
    created_roles: list[str] = field(default_factory=list)

    def describe(self, request: DatabaseRestoreRequest, held: HeldSet, duration: float) -> DatabaseRestored:
        shown = self.report.describe(self.restoring, duration)
        more: dict[str, Any] = {
            "restore_performed": True,
            "mode": request.mode,
            "backup_info": named(held.location, held.timestamp),
            "database": self.database,
            "swap_performed": self.kept is not None,
            "kept_database": self.kept,
            "rows": self.rows,
            "created_roles": self.created_roles,
        }
        return DatabaseRestored(**{**vars(shown), **more, "response": self._text(shown.response, request)})

    def _text(self, text: str, request: DatabaseRestoreRequest) -> str:
        if self.kept:
            return say("database_swapped", database=self.restoring.facts.database, kept=self.kept)
        return say("database_restored_beside", database=self.database) if request.mode == "new_database" else text


class _Restoring:
    """One restore of a set that is held."""

    def __init__(self, engine: Engine, request: DatabaseRestoreRequest, held: HeldSet, progress: Progress) -> None:
        self._engine = engine
        self._request = request
        self._facts = _facts(held)
        self._held = held
        self._progress = progress
        self._timestamp = datetime.now().strftime(engine.settings.timestamp_format)

    def run(self, target: Target) -> _Done:
        """Raises ServiceError, Cancelled."""
        trust.expect_known(self._engine.archives, self._facts.sha256, self._request.trusted)
        restorer = target_role.of(self._engine, target)
        with ExitStack() as held:
            return self._run(restorer, target, held)
        raise AssertionError  # an ExitStack swallows nothing

    def _run(self, restorer: Target, admin: Target, held: ExitStack) -> _Done:
        engine, request = self._engine, self._request
        with locks.writing(restorer, engine.timeouts, self._progress) as session:
            facts = database_facts.of(session)
            if request.expect_database not in (None, facts.database):
                raise SchemaMismatch(say("database_not_expected"), can_retry=False)
            trust.expect_harmless(facts, request.trusted)
            self._progress.enter("verify", None)
            merging = request.mode == "merge"
            archive = SetArchive.verified(self._held, self._facts, self._progress, indexing=merging)
            contents = archive.contents
            tool = Tools(engine.settings.dumps.programs).for_restore(contents, facts.major, facts.server_version)
            skipped = engine.settings.dumps.log_tables if request.skip_logs else ()
            memory_setting = engine.settings.index_memory
            restoring = Restoring(archive, restorer, engine.timeouts, session, facts, tool, skipped, memory_setting)
            done, beside = self._restored(restoring, admin, held)
        if beside and request.swap:  # the session in the live database has ended
            done.kept = beside.swap(done.database)
            done.database = facts.database
        elif beside:
            beside.finish(done.database)
        return done

    def _restored(self, restoring: Restoring, admin: Target, held: ExitStack) -> tuple[_Done, Beside | None]:
        """held: what a database that is not finished yet is held by."""
        if self._request.mode != "new_database":
            mode = Clean(restoring) if self._request.mode == "clean" else Merge(restoring, bool(self._request.atomic))
            created = self._create_roles(admin)
            report = mode.run(self._progress, _silent)
            return _Done(report, restoring, restoring.facts.database, created_roles=created), None
        beside = Beside(self._engine, admin, restoring, self._facts.tables, self._timestamp)
        beside.expect_possible()
        created = self._create_roles(admin)
        report, name, rows = beside.run(self._progress, _silent, held)
        return _Done(report, restoring, name, rows=rows, created_roles=created), beside

    def _create_roles(self, admin: Target) -> list[str]:
        if not self._request.create_roles:
            return []
        with databases.maintenance(admin, self._engine.timeouts) as session:
            return roles.create_missing(session, self._facts.roles)


def _silent(_: Message) -> None:
    """A job tells by its progress."""


def _facts(held: HeldSet) -> DumpFacts:
    found: DumpFacts = STORE.facts_of(held)
    return found
