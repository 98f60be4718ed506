"""A dry run: what a restore would do is found out in temporary tables, and no live table is changed.

The live tables are read as one snapshot has them, under ACCESS SHARE. What would go wrong is noted, and the dry
run goes on, so that all of it is known at once. Tables that are missing are made as create_tables would make them,
seen by no other session; in the end everything is rolled back. What a mode itself would do, its plan() tells.
"""

import time
from collections import deque
from contextlib import suppress

from common.errors import InvalidBackup, SchemaMismatch
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.cost import Cost
from data_pipeline.operations.restore.dry_context import DryContext
from data_pipeline.operations.restore.dry_run_report import DryRunReport
from data_pipeline.operations.restore.meant import expect_meant
from data_pipeline.operations.restore.modes import registry
from data_pipeline.operations.restore.report import Report
from data_pipeline.postgres import connection, writer_lock
from data_pipeline.postgres.connection import Session, savepoint, transaction
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.schema import ddl, ddl_types, tables
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing.copy_in import Reading
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables import table_source, table_spec, witness
from data_pipeline.sets.tables.dialect import SetDialect, expect_open, rereading


class DryRun:
    """A dry run of one restore. Raises ServiceError only for what keeps it from finding out: no connection, say."""

    def __init__(self, engine: Engine, backup_set: BackupSet, request: RestoreOptions) -> None:
        self._engine = engine
        self._set = backup_set
        self._request = request
        self._dialect = SetDialect(request.dialect)

    def run(self, target: Target, progress: Progress = SILENT) -> DryRunReport:
        """Find out what would happen. Raises Cancelled once `progress` says so."""
        expect_open(self._request.dialect, [self._set])
        progress.expect_bytes(sum(file.size for file in self._set.files.values()))
        witness.hear(self._set, self._request.tables, self._dialect)
        return rereading(lambda: self._run(target, progress), progress)

    def _run(self, target: Target, progress: Progress) -> DryRunReport:
        report = DryRunReport(Report(self._set, self._request))
        if self._request.require_manifest and self._set.manifest is None:
            report.note(InvalidBackup(say("restore_unvouched"), can_retry=False))
        with transaction(target, self._engine.timeouts, snapshot=True, progress=progress) as session:
            session.ours = self._set.layout.relations(session.schema)
            self._look_at_database(session, report)
            context = self._begin(session, target, report)
            if context is None or not self._choose(context, report):
                self._verify_files(session, report)
            else:
                self._plan(context, report, target.is_here)
            connection.undo(session)
        for warning in self._dialect.warnings():
            report.report.warn(warning)
        return report

    def _look_at_database(self, session: Session, report: DryRunReport) -> None:
        """Lock first, look second: a snapshot older than the lock could miss what a TRUNCATE did."""
        layout = self._set.layout
        for name in reversed(layout.names):
            with suppress(SchemaMismatch), savepoint(session, "missing"):
                tables.lock(session.cursor, session.schema, layout, "ACCESS SHARE", [name])
        with report.noting(session):
            expect_meant(session, self._set, self._request)
        with report.noting(session):
            writer_lock.expect_free(session.cursor)

    def _begin(self, session: Session, target: Target, report: DryRunReport) -> DryContext | None:
        """The tables as they are or would be made; None where there is nothing to compare with."""
        cursor, schema = session.cursor, session.schema
        if self._request.create_tables:
            with report.noting(session):
                lacking = ddl.missing(cursor, schema, table_spec.of(self._set))
                ddl.create_tables(session, schema, lacking.of_new_tables())
                made = {fact.name: {"table": name, "method": fact.method} for name, fact in lacking.indexes}
                report.report.created(lacking, made, [])
        vectors = any(table.vectors for table in self._set.layout.tables)
        if vectors and ddl_types.extension_schema(cursor) is None:
            report.note(SchemaMismatch(say("pgvector_missing"), can_retry=False))
        for table in self._set.layout.tables:
            with report.noting(session):
                tables.expect_there(cursor, schema, table)
        with suppress(SchemaMismatch):
            return DryContext(self._engine, self._set, self._request, session, target, report, self._dialect)
        return None

    def _choose(self, context: DryContext, report: DryRunReport) -> bool:
        """Find the chosen collections; whether that could be done."""
        before = len(report.problems)
        with report.noting(context.session):
            context.choose()
        return len(report.problems) == before

    def _verify_files(self, session: Session, report: DryRunReport) -> None:
        """Read the files to their end, as far as they can be checked on their own."""
        for name in self._request.tables:
            with report.noting(session, name):
                deque(
                    Reading(table_source.unmatched(self._set, name, self._dialect), None, self._engine.pool), maxlen=0
                )

    def _plan(self, context: DryContext, report: DryRunReport, local: bool) -> None:
        """Have the mode find out what it would do, and what that would take."""
        started = time.monotonic()
        mode = registry.of(self._request)(context)
        mode.plan()
        cost = Cost(mode, context, compare_seconds=time.monotonic() - started - context.load_seconds)
        report.expected = cost.describe(local)
        with report.noting(context.session):
            cost.expect_room()
