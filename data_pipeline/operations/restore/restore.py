"""One restore, from the lock to the commit."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from common.errors import InvalidBackup, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.context import Context
from data_pipeline.operations.restore.meant import expect_meant
from data_pipeline.operations.restore.modes import registry
from data_pipeline.operations.restore.report import Report
from data_pipeline.operations.restore.search_check import SearchCheck
from data_pipeline.postgres import toast, writer_lock
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.schema import ddl
from data_pipeline.postgres.schema.ddl import Missing
from data_pipeline.postgres.swapping import leftovers
from data_pipeline.postgres.target import Target
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables import table_spec, witness
from data_pipeline.sets.tables.dialect import SetDialect, expect_open, rereading


class Restore:
    """A restore of one backup set into one database, in one transaction. Every step raises ServiceError."""

    def __init__(self, engine: Engine, backup_set: BackupSet, request: RestoreOptions) -> None:
        self._engine = engine
        self._set = backup_set
        self._request = request

    def run(self, target: Target, progress: Progress = SILENT) -> Report:
        """Do it, and say what was done. Raises Cancelled once `progress` says so: nothing was changed."""
        self.expect_possible()
        progress.expect_bytes(sum(file.size for file in self._set.files.values()))
        report = Report(self._set, self._request)
        dialect = SetDialect(self._request.dialect)
        witness.hear(self._set, self._request.tables, dialect)
        try:
            with self._swept(target), transaction(target, self._engine.timeouts, progress=progress) as session:
                self._restore(session, target, report, dialect)
        except ServiceError as error:
            if report.safety_backup:  # it is published, even if the restore failed
                error.data["backup_before_restore"] = report.safety_backup.named().data()
            raise
        report.all_go_on()
        self._sweep(target)
        SearchCheck(self._engine, self._set, self._request).run(target, report)
        return report

    def expect_possible(self) -> None:
        """Raise what can be known to stand in the way before the database is asked."""
        if self._request.require_manifest and self._set.manifest is None:
            raise InvalidBackup(say("restore_unvouched"), can_retry=False)
        expect_open(self._request.dialect, [self._set])

    @contextmanager
    def _swept(self, target: Target) -> Iterator[None]:
        """Where it fails, tables that it has made in other transactions go."""
        try:
            yield
        except BaseException:
            self._sweep(target)
            raise

    def _sweep(self, target: Target) -> None:
        """Remove the tables that a swap leaves; what can't be reached now goes another time."""
        if registry.of(self._request).makes_tables:
            with suppress(ServiceError):
                leftovers.sweep(target, self._engine.timeouts)

    def _restore(self, session: Session, target: Target, report: Report, dialect: SetDialect) -> None:
        session.ours = self._set.layout.relations(session.schema)
        writer_lock.take(session.cursor)
        leftovers.remove(session, target, self._engine.timeouts)
        report.toast_compression = toast.compress_sooner(session)
        expect_meant(session, self._set, self._request)
        lacking = self._create_tables(session, report) if self._request.create_tables else None
        context = Context(self._engine, self._set, self._request, session, target, report, dialect)
        rereading(lambda: self._write(context), session.progress)
        for warning in dialect.warnings():
            report.warn(warning)
        if lacking:
            made = ddl.create_indexes(session, context.live, lacking, self._engine.settings.index_memory)
            report.created(lacking, *made)

    def _write(self, context: Context) -> None:
        context.begin()
        context.choose()
        registry.of(self._request)(context).run()

    def _create_tables(self, session: Session, report: Report) -> Missing:
        lacking = ddl.missing(session.cursor, session.schema, table_spec.of(self._set))
        ddl.create_tables(session, session.schema, lacking)
        return lacking
