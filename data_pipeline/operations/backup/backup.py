"""One backup, from the lock to the commit."""

import time
from contextlib import AbstractContextManager

from common.errors import InvalidParams, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup import choice, doubts, snapshot
from data_pipeline.operations.backup.context import Context
from data_pipeline.operations.backup.log import logged
from data_pipeline.operations.backup.report import Report
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.results.backup import BackedUp
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.retries import retrying
from data_pipeline.postgres.target import Target
from data_pipeline.sets.manifest import Manifest
from data_pipeline.sets.replicate import Replica
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.location import Location


class Backup:
    """A backup of one database into one location, in one transaction. Every step raises ServiceError."""

    def __init__(self, engine: Engine, where: Location, request: BackupRequest) -> None:
        self._engine = engine
        self._where = where
        self._request = request

    def run(self, target: Target, progress: Progress = SILENT) -> BackedUp:
        """Do it, and say what was done. Raises Cancelled once `progress` says so: the tables are as before."""
        started = time.monotonic()
        report = Report(self._where, target)
        try:
            with logged(self._engine, self._where, report.saved_tables, report.warn):
                retrying(lambda: self._back_up(target, report, progress))
                self._look_back(report)
                if not self._request.truncate:
                    self._copy(report, strict=False)
        except ServiceError as error:
            error.data.setdefault("target", target.public())
            if report.timestamp:  # what failed was the truncating; the backup is there
                error.data["backup_timestamp"] = report.timestamp
            raise
        return report.describe(time.monotonic() - started)

    def expect_possible(self) -> None:
        """Raise what can be known to stand in the way before the database is asked."""
        request = self._request
        if not (request.backup_vector_tables or request.truncate):
            raise InvalidParams(say("nothing_to_do"))
        if request.truncate and request.collections is not None:
            raise InvalidParams(say("params_clash_truncating_some_collections"))
        for name in request.copies:
            self._engine.storages.check(name)

    def _back_up(self, target: Target, report: Report, progress: Progress) -> None:
        plain = not self._request.truncate
        timeouts = self._engine.timeouts
        layout = choice.found(self._engine, target, self._request)
        with (
            self._draft() as draft,
            transaction(target, timeouts, snapshot=plain, read_only=plain, progress=progress) as session,
        ):
            context = Context.locked(self._engine, self._where, self._request, session, report, layout)
            context.doubt(target)
            context.save(draft, target)
            if self._request.truncate:
                context.expect_stored(draft.timestamp)
                self._copy(report, strict=True)
                context.truncate()

    def _look_back(self, report: Report) -> None:
        """Compare a set of everything with the last one, now that it is there and nothing is locked any more."""
        if report.taken and report.timestamp and not self._request.partial:
            found = self._engine.catalog.manifests(self._where, report.timestamp)
            earlier = (manifest for manifest in found if isinstance(manifest, Manifest))
            for text in doubts.of_rows(report.taken, earlier):
                report.warn(text)

    def _draft(self) -> AbstractContextManager[Draft]:
        timestamps = snapshot.seconds_from_now(self._engine.settings.timestamp_format)
        return self._engine.storages.of(self._where).draft(self._where, timestamps)

    def _copy(self, report: Report, *, strict: bool) -> None:
        """Copy the set that was just published. Strict: raise where that fails, instead of writing it down."""
        replica = Replica(self._engine.catalog, self._engine.storages, self._where, report.timestamp or "")
        for storage in self._request.copies:
            try:
                replica.make(storage)
                report.copied(storage)
            except ServiceError as error:
                if strict:
                    raise
                report.not_copied(storage, error)
