"""One restore, from the lock to the commit: replace, append or sync."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import InvalidBackup, SchemaMismatch, ServiceError
from data_pipeline.api.outcome import Outcome
from data_pipeline.api.schemas import Strategy
from data_pipeline.engine import Engine
from data_pipeline.vector import indexes, loader, source, sync, tables
from data_pipeline.vector.catalog import BackupSet
from data_pipeline.vector.connection import Session, savepoint, transaction
from data_pipeline.vector.naming import COLLECTION, EMBEDDING, TABLES
from data_pipeline.vector.progress import SILENT, Progress
from data_pipeline.vector.source import Source
from data_pipeline.vector.tables import Table
from data_pipeline.vector.target import Target


@dataclass(frozen=True)
class Options:
    """What was asked for. `tables` are in the order they are written."""

    tables: list[str]
    truncate: bool = False
    atomic: bool = False
    strategy: Strategy = "reload"
    require_manifest: bool = False
    expect_database: str | None = None

    @property
    def all_or_nothing(self) -> bool:
        return self.truncate or self.atomic or self.strategy == "sync"


class Restore:
    """A restore of one backup set into one database, in one transaction. Every step raises ServiceError."""

    def __init__(self, engine: Engine, backup_set: BackupSet, options: Options) -> None:
        self._engine = engine
        self._set = backup_set
        self._options = options
        self._outcome = Outcome(backup_set, replaced=options.truncate)
        self._session: Session
        self._live: dict[str, Table]
        self._checked: bool  # the database refuses an embedding without its collection, so we look first

    def run(self, target: Target, progress: Progress = SILENT) -> Outcome:
        """Do it, and say what was done. Raises Cancelled once `progress` says so: nothing was changed."""
        self.expect_possible()
        progress.expect_bytes(sum(file.size for file in self._set.files.values()))
        with transaction(target, self._engine.timeouts, progress=progress) as session:
            self._begin(session)
            self._steps()()
        self._outcome.readers_go_on()
        return self._outcome

    def expect_possible(self) -> None:
        """Raise what can be known to stand in the way before the database is asked."""
        if self._options.require_manifest and self._set.manifest is None:
            raise InvalidBackup("该备份没有清单文件,无法校验其完整性", can_retry=False)

    def _steps(self) -> Callable[[], None]:
        if self._options.truncate:
            return self._replace
        return self._sync if self._options.strategy == "sync" else self._append

    def _begin(self, session: Session) -> None:
        self._session = session
        tables.take_writer_lock(session.cursor)
        self._expect_database()
        self._live = tables.inspect(session.cursor, self._engine.settings.schema)
        self._checked = indexes.has_foreign_key(session.cursor, self._live)

    def _replace(self) -> None:
        sources = [self._match(name) for name in self._options.tables]
        self._lock("ACCESS EXCLUSIVE")
        self._outcome.readers_wait()
        self._truncate()
        dropped = indexes.drop(self._session, self._live, self._options.tables)
        for matched in sources:
            self._load(matched, self._live[COLLECTION])
        results = indexes.rebuild(self._session, dropped, self._engine.settings.index_memory)
        self._outcome.rebuilt(results, dropped.warnings)
        self._check(sources)

    def _append(self) -> None:
        for name in self._options.tables:
            try:
                with savepoint(self._session, "one_table"):
                    self._load(self._match(name), self._live[COLLECTION])
                    tables.analyze(self._session.cursor, self._live[name])
            except ServiceError as error:
                self._outcome.failed(name, error)
        self._outcome.expect_something(self._options.atomic)

    def _sync(self) -> None:
        sources = [self._match(name) for name in self._options.tables]
        self._lock("SHARE ROW EXCLUSIVE")
        staged = {matched.name: sync.stage(self._session.cursor, matched) for matched in sources}
        known = staged[COLLECTION].table if COLLECTION in staged else self._live[COLLECTION]
        for one in staged.values():
            self._load(one.source, known)
            sync.index(self._session, one)
        for name, counts in sync.apply(self._session, staged).items():
            self._outcome.synced(name, counts)
            tables.analyze(self._session.cursor, self._live[name])

    def _expect_database(self) -> None:
        found = tables.database(self._session.cursor)
        if self._options.expect_database not in (None, found):
            raise SchemaMismatch(
                "连接的数据库与 expect_database 不符,未做任何修改", can_retry=False, details={"database": found}
            )

    def _match(self, name: str) -> Source:
        dimensions = indexes.dimensions(self._session.cursor, self._live[EMBEDDING])
        return source.match(self._set, self._live[name], dimensions)

    def _lock(self, mode: tables.LockMode) -> None:
        tables.lock(self._session.cursor, self._engine.settings.schema, TABLES, mode)

    def _truncate(self) -> None:
        self._session.enter("truncate")
        before = {name: tables.count(self._session.cursor, self._live[name]) for name in self._options.tables}
        started = time.monotonic()
        tables.truncate(self._session.cursor, self._live, self._options.tables)
        self._outcome.truncated(before, time.monotonic() - started)

    def _load(self, matched: Source, collection: Table) -> None:
        """Load one table. Collections go first, so the uuids an embedding may name are all in `collection` by then."""
        started = time.monotonic()
        known = None
        if matched.name == EMBEDDING and self._checked:
            known = tables.collection_ids(self._session.cursor, collection)
        rows = loader.load(self._session, matched, known, self._engine.pool)
        self._outcome.restored(matched, rows, time.monotonic() - started)

    def _check(self, sources: list[Source]) -> None:
        self._session.enter("check")
        for matched in sources:
            tables.expect_rows(self._session.cursor, matched.table, self._outcome.rows(matched.name))
            tables.analyze(self._session.cursor, matched.table)
