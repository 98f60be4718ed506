"""A set restored as another layout: LangChain's collections as tables of PGVectorStore, and back. One transaction.

The set is staged in temporary tables of its own types, and written from there. Everything that is written is new:
rows that are there stay as they are. A dry run takes the same steps, but for indexes and for rows in live
tables, and is rolled back.
"""

from contextlib import nullcontext

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.layouts.base import Layout
from data_pipeline.layouts.registry import DOCUMENTED, OPEN
from data_pipeline.operations.requests.into import Into
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.converting.direction import Step
from data_pipeline.operations.restore.converting.into_collections import IntoCollections
from data_pipeline.operations.restore.converting.into_stores import IntoStores
from data_pipeline.operations.restore.dry_run_report import DryRunReport
from data_pipeline.operations.restore.meant import expect_meant
from data_pipeline.operations.restore.report import Report
from data_pipeline.postgres import connection, toast, writer_lock
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.converting import staged_set
from data_pipeline.postgres.converting.staged_set import StagedTable
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.schema import ddl, ddl_types
from data_pipeline.postgres.target import Target
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables.dialect import SetDialect, rereading


class Conversion:
    """One set into one database as another layout. Raises ServiceError; then nothing was changed."""

    def __init__(self, engine: Engine, backup_set: BackupSet, request: RestoreOptions, into: Into) -> None:
        self._engine = engine
        self._set = backup_set
        self._request = request
        self._into = into
        self._marked = False

    def expect_possible(self) -> None:
        """Raise InvalidParams for a set that is of the layout already."""
        expect_other(self._set.layout, self._into)

    def run(self, target: Target, progress: Progress = SILENT) -> Report:
        """Do it, and say what was done. Raises Cancelled once `progress` says so."""
        report = Report(self._set, self._request)
        progress.expect_bytes(sum(file.size for file in self._set.files.values()))
        with transaction(target, self._engine.timeouts, progress=progress) as session:
            self._convert(session, report, nullcontext, dry=False)
        return report

    def plan(self, target: Target, progress: Progress = SILENT) -> DryRunReport:
        """Find out what run() would do, and every problem."""
        planned = DryRunReport(Report(self._set, self._request))
        progress.expect_bytes(sum(file.size for file in self._set.files.values()))
        with transaction(target, self._engine.timeouts, progress=progress) as session:
            with planned.noting(session):
                self._convert(session, planned.report, lambda: planned.noting(session), dry=True)
            connection.undo(session)
        return planned

    def _convert(self, session: Session, report: Report, step: Step, *, dry: bool) -> None:
        self.expect_possible()
        self._marked = False
        session.ours = DOCUMENTED.relations(session.schema)
        if dry:
            writer_lock.expect_free(session.cursor)
        else:
            writer_lock.take(session.cursor)
            report.toast_compression = toast.compress_sooner(session)
        expect_meant(session, self._set, self._request)
        extension = ddl_types.extension_schema(session.cursor) is None
        if extension:
            ddl.create_extension(session.cursor, session.schema)
        report.made(extension=extension)
        dialect = SetDialect(self._request.dialect)
        staged = rereading(lambda: self._stage(session, dialect), session.progress)
        for warning in dialect.warnings():
            report.warn(warning)
        kind = IntoStores if self._into.layout == "pgvectorstore" else IntoCollections
        kind(self._engine, self._set, self._request, self._into, session, report, staged).convert(step, dry=dry)

    def _stage(self, session: Session, dialect: SetDialect) -> dict[str, StagedTable]:
        names = self._set.layout.names
        if self._marked:  # what the files told of their dialect is known by now, and what was read is undone
            connection.return_to_mark(session)
        elif self._set.manifest is None:
            connection.mark(session)
            self._marked = True
        return staged_set.stage(session, self._set, names, dialect, self._engine.pool, self._request.strip_nul)


def expect_other(layout: Layout, into: Into) -> None:
    """Raise InvalidParams unless a set of this layout can be made into the one that is asked for."""
    fits = layout.family in OPEN if into.layout == DOCUMENTED.family else layout.family == DOCUMENTED.family
    if not fits:
        text = say("into_not_from", layout=layout.family, into=into.layout)
        raise InvalidParams(text, details={"field": "into"})
