"""A restore rehearsed: the backup is loaded into temporary tables and compared, and no live table is changed.

The live tables are read as one snapshot has them, under ACCESS SHARE. Whatever would go wrong is noted, and the
rehearsal goes on, so that all of it is known at once. Tables that are missing are made as create_tables would make
them, seen by nobody else; in the end everything is rolled back.
"""

import time
from collections import deque
from contextlib import suppress
from dataclasses import replace

from common.errors import InvalidBackup, SchemaMismatch
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore import plans
from data_pipeline.operations.restore.context import Run
from data_pipeline.operations.restore.cost import Expectation
from data_pipeline.operations.restore.dry_run_report import Forecast
from data_pipeline.operations.restore.plans import Plan
from data_pipeline.operations.restore.report import Outcome
from data_pipeline.postgres import connection, writer_lock
from data_pipeline.postgres.connection import Session, savepoint, transaction
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import ddl, ddl_types, indexes, tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.target import Target, is_loopback
from data_pipeline.postgres.writing import clone, conflicts, merge, references, staging, sync
from data_pipeline.postgres.writing.collections import Owners
from data_pipeline.postgres.writing.copy_in import Reading
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.postgres.writing.sync import Counts
from data_pipeline.sets import table_source, table_spec, witness
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.dialect import SetDialect, expect_open, rereading


class Rehearsal:
    """A dry run of one restore. Raises ServiceError only for what keeps it from finding out: no connection, say."""

    def __init__(self, engine: Engine, backup_set: BackupSet, options: RestoreRequest) -> None:
        self._engine = engine
        self._set = backup_set
        self._options = options
        self._plan: Plan = plans.of(options, backup_set.layout)
        self._dialect = SetDialect(options.dialect)

    def run(self, target: Target, progress: Progress = SILENT) -> Forecast:
        """Find out what would happen. Raises Cancelled once `progress` says so."""
        expect_open(self._options.dialect, [self._set])
        progress.expect_bytes(sum(file.size for file in self._set.files.values()))
        witness.hear(self._set, self._options.tables, self._dialect)
        return rereading(lambda: self._run(target, progress), progress)

    def _run(self, target: Target, progress: Progress) -> Forecast:
        forecast = Forecast(Outcome(self._set, replaced=self._options.truncate))
        if self._options.require_manifest and self._set.manifest is None:
            forecast.note(InvalidBackup(say("restore_unvouched"), can_retry=False))
        with transaction(target, self._engine.timeouts, snapshot=True, progress=progress) as session:
            session.ours = self._set.layout.relations(session.schema)
            self._look_at_database(session, forecast)
            run = self._begin(session, forecast)
            if run is None or not self._choose(run, forecast):
                self._verify_files(session, forecast)
            else:
                self._rehearse(run, forecast, is_loopback(target.host) or target.source == "embedded")
            connection.undo(session)
        for warning in self._dialect.warnings():
            forecast.outcome.warn(warning)
        return forecast

    def _look_at_database(self, session: Session, forecast: Forecast) -> None:
        """Lock first, look second: a snapshot older than the lock could miss what a TRUNCATE did."""
        layout = self._set.layout
        for name in reversed(layout.names):
            with suppress(SchemaMismatch), savepoint(session, "missing"):
                tables.lock(session.cursor, session.schema, layout, "ACCESS SHARE", [name])
        with forecast.noting(session):
            tables.expect_database(session.cursor, self._options.expect_database)
        with forecast.noting(session):
            writer_lock.expect_free(session.cursor)

    def _begin(self, session: Session, forecast: Forecast) -> Run | None:
        """The tables as they are or would be made; None where there is nothing to compare with."""
        cursor, schema = session.cursor, session.schema
        if self._options.create_tables:
            with forecast.noting(session):
                lacking = ddl.missing(cursor, schema, table_spec.of(self._set))
                ddl.create_tables(session, schema, lacking.of_new_tables())
                made = {fact.name: {"table": name, "method": fact.method} for name, fact in lacking.indexes}
                forecast.outcome.created(lacking, made, [])
        if ddl_types.extension_schema(cursor) is None:
            forecast.note(SchemaMismatch(say("pgvector_missing"), can_retry=False))
        for table in self._set.layout.tables:
            with forecast.noting(session):
                tables.expect_there(cursor, schema, table)
        with suppress(SchemaMismatch):
            return Run(self._engine, self._set, self._options, session, forecast.outcome, self._dialect)
        return None

    def _choose(self, run: Run, forecast: Forecast) -> bool:
        """Find the chosen collections; whether that could be done."""
        before = len(forecast.problems)
        with forecast.noting(run.session):
            run.choose()
        return len(forecast.problems) == before

    def _verify_files(self, session: Session, forecast: Forecast) -> None:
        """Read the files to their end, as far as they can be checked on their own."""
        for name in self._options.tables:
            with forecast.noting(session, name):
                deque(
                    Reading(table_source.unmatched(self._set, name, self._dialect), None, self._engine.pool), maxlen=0
                )

    def _rehearse(self, run: Run, forecast: Forecast, local: bool) -> None:
        started = time.monotonic()
        scope = self._scope(run)
        staged = {name: replace(one, scope=scope) for name, one in self._stage(run, forecast).items()}
        loaded = time.monotonic()
        self._expect_allowed(run, forecast, staged)
        if self._options.truncate:
            self._count_live(run, scope, staged)
        self._meet(run, forecast, staged)
        expectation = Expectation(self._plan, run, staged)
        expectation.load_seconds, expectation.compare_seconds = loaded - started, time.monotonic() - loaded
        forecast.expected = expectation.describe(local)
        with forecast.noting(run.session):
            expectation.expect_room()

    def _scope(self, run: Run) -> Scope:
        """The live rows that a mode may touch."""
        names = self._options.collections
        if names is None:
            return EVERYTHING
        owners = Owners(run.session.cursor, run.layout.owned, run.live.owner)
        return owners.scope_of(names, run.wanted or [])

    def _stage(self, run: Run, forecast: Forecast) -> dict[str, Staged]:
        staged: dict[str, Staged] = {}
        for name in self._plan.reads:
            with forecast.noting(run.session, name if name in self._options.tables else None):
                one = staging.stage(run.session.cursor, run.match(name))
                run.load(one.source, *self._known(run, staged))
                staging.index(run.session, one)
                staged[name] = one
        return staged

    def _known(self, run: Run, staged: dict[str, Staged]) -> list[Table]:
        """Where an embedding's collection may be; nowhere, so that nobody looks, if the file they are in failed."""
        owner, adds = run.layout.owner, self._plan.adds
        failed = owner in self._plan.reads and owner not in staged
        return [] if failed and not adds else run.known_owners(staged, live=adds)

    def _expect_allowed(self, run: Run, forecast: Forecast, staged: dict[str, Staged]) -> None:
        """Privileges, and rows elsewhere that refer to those that would go."""
        session, selected = run.session, self._options.tables
        for name in selected:
            with forecast.noting(session):
                conflicts.expect_privileges(session.cursor, run.live[name], self._plan.privileges)
        emptied = run.layout.with_referring(selected) if self._plan.rebuilds else selected
        with forecast.noting(session):
            run.guard.look(emptied)
        if self._plan.rebuilds:
            with forecast.noting(session):
                references.expect_truncatable(session.cursor, run.live, [run.live[name] for name in emptied])
            with forecast.noting(session):
                tables.expect_none_refer(session.cursor, run.live, selected)
        elif self._options.removes:
            for one in staged.values():
                with forecast.noting(session):
                    sync.expect_none_lost(session.cursor, run.live, one, selected)
        if self._plan.rebuilds and (kept := indexes.why_kept(session.cursor, run.live)):
            run.outcome.warn(kept)

    def _count_live(self, run: Run, scope: Scope, staged: dict[str, Staged]) -> None:
        cursor = run.session.cursor
        run.outcome.truncated({name: tables.count(cursor, run.live[name], scope) for name in self._options.tables}, 0)
        for name in self._options.tables:
            if name in staged:
                run.outcome.only_live(name, conflicts.only_live(cursor, staged[name]))

    def _meet(self, run: Run, forecast: Forecast, staged: dict[str, Staged]) -> None:
        """Compare with the live rows: what would be written, and what a unique index would refuse."""
        session = run.session
        if self._options.collection_suffix is not None:
            if len(staged) == len(run.layout.names):
                self._copy(run, forecast, staged, self._options.collection_suffix)
            return
        if self._options.merges:
            if len(staged) < len(run.layout.names):
                return
            if run.layout.ownership:
                with forecast.noting(session):
                    merge.assign(session, run.layout.ownership, staged)
        for name, one in staged.items():
            if name in self._options.tables:
                with forecast.noting(session, name):
                    conflicts.expect_unique(session.cursor, one, self._plan.meeting)
                    self._count_pairs(run, one)
        going = [self._plan.leaving[name](one) for name, one in staged.items() if name in self._plan.leaving]
        with forecast.noting(session):
            references.expect_none_lost(session.cursor, run.live, going, lock=False)

    def _count_pairs(self, run: Run, one: Staged) -> None:
        if not self._plan.pairs:
            return
        found = conflicts.pair(run.session.cursor, one)
        if self._options.merges:
            updated = found.different if self._options.on_conflict == "update" else 0
            unchanged = found.same + found.different - updated
            run.outcome.merged(one.live.name, Counts(found.only_backup, updated, 0, unchanged))
        else:
            run.outcome.synced(one.live.name, Counts(found.only_backup, found.different, found.only_live, found.same))

    def _copy(self, run: Run, forecast: Forecast, staged: dict[str, Staged], suffix: str) -> None:
        cursor, ownership = run.session.cursor, run.layout.owned
        run.outcome.left_out(clone.without_owner(cursor, staged[ownership.member]))
        with forecast.noting(run.session, ownership.owner):
            names = clone.names(cursor, ownership, staged[ownership.owner], suffix)
            run.outcome.concerned(names)
            clone.expect_free(cursor, ownership, run.live.owner, names)
        with forecast.noting(run.session, ownership.member):
            conflicts.expect_free_ids(cursor, ownership, staged[ownership.member], suffix)
