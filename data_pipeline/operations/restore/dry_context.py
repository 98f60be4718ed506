"""A restore that is only planned: the steps of a context, where nothing may be locked or written."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager

from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.context import Context
from data_pipeline.operations.restore.dry_run_report import DryRunReport
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema.tables import LockMode
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing import estimate, references
from data_pipeline.postgres.writing.collections import Owners
from data_pipeline.postgres.writing.references import Going
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables.dialect import SetDialect


class DryContext(Context):
    """Each step finds out what it would find in a run; a failure is noted as a problem, and the next step begins.

    The transaction's snapshot stands for the locks, and temporary tables for the live ones that would be loaded.
    staged: what could be read of the backup.
    """

    sample = estimate.SAMPLE + estimate.MORE

    def __init__(
        self,
        engine: Engine,
        backup_set: BackupSet,
        request: RestoreOptions,
        session: Session,
        target: Target,
        report: DryRunReport,
        dialect: SetDialect,
    ) -> None:
        super().__init__(engine, backup_set, request, session, target, report.report, dialect)
        self.staged: dict[str, Staged] = {}
        self.load_seconds = 0.0
        self._problems = report

    def step(self, table: str | None = None) -> AbstractContextManager[None]:
        return self._problems.noting(self.session, table if table in self.request.tables else None)

    def read(
        self,
        compared: Sequence[str],
        direct: Sequence[str],
        *,
        among_live: bool,
        alone: bool = False,
        digests: bool = False,
    ) -> Incoming:
        started = time.monotonic()
        self.staged = self.stage([*compared, *direct], among_live=among_live, digests=digests)
        self.load_seconds = time.monotonic() - started
        return Incoming(self.staged)

    def settle(self, incoming: Incoming) -> Incoming:
        settled = super().settle(incoming)
        self.staged |= settled.staged
        return settled

    def secure(self, mode: LockMode | None) -> Scope:
        names = self.request.collections
        return self.rows if names is None else self.lock_owners(names, self.wanted or [])

    def lock_owners(self, names: Sequence[str], uuids: Sequence[str] = ()) -> Scope:
        return Owners(self.session.cursor, self.layout.owned, self.live.owner).scope_of(names, uuids)

    def watch(self, names: Sequence[str]) -> None:
        with self.step():
            self.guard.look(names)

    def expect_none_lost(self, going: Sequence[Going]) -> None:
        with self.step():
            references.expect_none_lost(self.session.cursor, self.live, going, lock=False)
