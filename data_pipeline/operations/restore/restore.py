"""One restore, from the lock to the commit."""

from common.errors import InvalidBackup, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore import modes
from data_pipeline.operations.restore.context import Run
from data_pipeline.operations.restore.report import Outcome
from data_pipeline.operations.restore.search_check import SearchCheck
from data_pipeline.postgres import writer_lock
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.schema import ddl, tables
from data_pipeline.postgres.schema.ddl import Missing
from data_pipeline.postgres.target import Target
from data_pipeline.sets import table_spec, witness
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.dialect import SetDialect, expect_open, rereading


class Restore:
    """A restore of one backup set into one database, in one transaction. Every step raises ServiceError."""

    def __init__(self, engine: Engine, backup_set: BackupSet, options: RestoreRequest) -> None:
        self._engine = engine
        self._set = backup_set
        self._options = options

    def run(self, target: Target, progress: Progress = SILENT) -> Outcome:
        """Do it, and say what was done. Raises Cancelled once `progress` says so: nothing was changed."""
        self.expect_possible()
        progress.expect_bytes(sum(file.size for file in self._set.files.values()))
        outcome = Outcome(self._set, replaced=self._options.truncate)
        dialect = SetDialect(self._options.dialect)
        witness.hear(self._set, self._options.tables, dialect)
        try:
            with transaction(target, self._engine.timeouts, progress=progress) as session:
                self._restore(session, outcome, dialect)
        except ServiceError as error:
            if outcome.precaution:  # it is published, whatever became of the restore
                error.data["backup_before_restore"] = outcome.precaution.describe()
            raise
        outcome.readers_go_on()
        SearchCheck(self._engine, self._set, self._options).run(target, outcome)
        return outcome

    def expect_possible(self) -> None:
        """Raise what can be known to stand in the way before the database is asked."""
        if self._options.require_manifest and self._set.manifest is None:
            raise InvalidBackup(say("restore_unvouched"), can_retry=False)
        expect_open(self._options.dialect, [self._set])

    def _restore(self, session: Session, outcome: Outcome, dialect: SetDialect) -> None:
        session.ours = self._set.layout.relations(session.schema)
        writer_lock.take(session.cursor)
        tables.expect_database(session.cursor, self._options.expect_database)
        lacking = self._create_tables(session, outcome) if self._options.create_tables else None
        run = Run(self._engine, self._set, self._options, session, outcome, dialect)
        rereading(lambda: self._write(run), session.progress)
        for warning in dialect.warnings():
            outcome.warn(warning)
        if lacking:
            made = ddl.create_indexes(session, run.live, lacking, self._engine.settings.index_memory)
            outcome.created(lacking, *made)

    def _write(self, run: Run) -> None:
        run.begin()
        run.choose()
        modes.of(self._options)(run)

    def _create_tables(self, session: Session, outcome: Outcome) -> Missing:
        lacking = ddl.missing(session.cursor, session.schema, table_spec.of(self._set))
        ddl.create_tables(session, session.schema, lacking)
        return lacking
