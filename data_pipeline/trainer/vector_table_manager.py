"""VectorTableManager: both tables into a backup set, and the embedding table emptied once they are safe."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from common.errors import InvalidParams, NotFound, ServiceError
from common.messages import say
from common.result import now
from data_pipeline.engine import Engine
from data_pipeline.operations import snapshot
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.snapshot import Taken
from data_pipeline.postgres import connection, writer_lock
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.progress import SILENT, Cancelled, Progress
from data_pipeline.postgres.reading import probes, snapshot_readers
from data_pipeline.postgres.reading.searches import Searches
from data_pipeline.postgres.retries import retrying
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import bystanders, tables
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing import references
from data_pipeline.postgres.writing.collections import Owners
from data_pipeline.sets import verify
from data_pipeline.sets.replicate import Replica
from data_pipeline.settings import Settings
from data_pipeline.storage import location
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.storage.naming import LOG, FileFormat

COMPLETE = say("backup_complete")
PARTIAL = say("backup_partial")


class VectorTableManager:
    """Backs up the two tables into the vector_bak directory of a task, or of the whole system.

    task_output_dir is the task's directory, or without a task_id the output directory itself.
    """

    def __init__(
        self,
        task_output_dir: str,
        task_id: str | None = None,
        *,
        engine: Engine | None = None,
        storage: str = MAIN_STORAGE,
    ) -> None:
        directory = Path(task_output_dir)
        self._engine = engine or Engine.build(Settings.load(), directory.parent if task_id else directory)
        self._location = self._engine.catalog.location(directory.name if task_id else None, storage)

    @classmethod
    def of_task(cls, engine: Engine, task_id: str | None, storage: str = MAIN_STORAGE) -> "VectorTableManager":
        """The manager for a task's directory in a storage. Raises NotFound if there is no such directory."""
        engine.storages.check(storage)
        if task_id is not None:
            location.check_task_id(task_id)
            where = engine.catalog.location(task_id, storage)
            if not (location.is_task_directory(task_id) and engine.storages.of(where).has_directory(task_id)):
                raise NotFound(say("task_directory_missing", task_id=task_id))
        return cls(task_id or "", task_id, engine=engine, storage=storage)

    def execute_vector_management(
        self,
        backup: bool = True,
        truncate: bool = False,
        pg_conn: str | None = None,
        file_format: FileFormat = "csv",
        collections: Sequence[str] | None = None,
        probe_count: int = 0,
        copies: Sequence[str] = (),
        progress: Progress = SILENT,
    ) -> dict[str, Any]:
        """Back up both tables from one snapshot; returns what the answer says of it.

        collections: only those of these names. Raises NotFound for a name that isn't there.
        With `truncate` the embedding table is emptied in the same transaction, once the backup is published whole:
        nobody can write in between, so no row falls out of both. Truncating switches the backup on. `probe_count` is
        how many searches to remember for a restore to repeat. copies: further storages the set goes to, verified
        there; before any row is removed, if rows are. Raises Cancelled once `progress` says so: the tables are as
        before.
        """
        request = BackupRequest.read(
            {
                "task_id": self._location.task_id,
                "pg_conn": pg_conn,
                "truncate_vector_tables": truncate,
                "backup_vector_tables": backup,
                "collections": None if collections is None else list(collections),
                "probes": probe_count,
                "format": file_format,
                "storages": [self._location.storage, *copies],
            }
        )
        return self.run(request, progress)

    def run(self, request: BackupRequest, progress: Progress = SILENT) -> dict[str, Any]:
        """The same, as a request asks for it."""
        started = time.monotonic()
        target = self.expect_possible(request)
        with self._recorded(target) as record:
            retrying(lambda: self._back_up(target, request, record, progress))
            if not request.truncate:
                self._copy(request.copies, record, strict=False)
        record["duration"] = round(time.monotonic() - started, 3)
        return record

    def expect_possible(self, request: BackupRequest) -> Target:
        """The database that a backup is about. Raises ServiceError if it could only fail."""
        if not (request.backup_vector_tables or request.truncate):
            raise InvalidParams(say("nothing_to_do"))
        if request.truncate and request.collections is not None:
            raise InvalidParams(say("params_clash_truncating_some_collections"))
        for name in request.copies:
            self._engine.storages.check(name)
        return self._engine.databases.resolve(request.named_database)

    def _back_up(self, target: Target, request: BackupRequest, record: dict[str, Any], progress: Progress) -> None:
        engine, truncate = self._engine, request.truncate
        timestamps = snapshot.seconds_from_now(engine.settings.timestamp_format)
        plain = not truncate
        with (
            engine.storages.of(self._location).draft(self._location, timestamps) as draft,
            transaction(target, engine.timeouts, snapshot=plain, read_only=plain, progress=progress) as session,
        ):
            session.ours = engine.layout.relations(session.schema)
            live = self._lock(session, truncate)
            connection.may_idle(session)
            scope = _scope(session, live, request.collections)
            probe = partial(_probe, record, request.probes) if request.probes else None
            progress.expect_rows(tables.estimate_rows(session.cursor, live))
            with self._companions(session, target, live, truncate) as further:
                taken = snapshot.save(engine, session, live, scope, draft, request.format, further, probe, last=plain)
            _record(record, taken)
            if scope.names is not None:
                record["collections"] = list(scope.names)
            record["backup_timestamp"] = draft.timestamp
            if truncate:
                verify.expect_stored(self._engine.catalog, self._location, draft.timestamp)
                self._copy(request.copies, record, strict=True)
                self._truncate(session, live, record)

    def _companions(
        self, session: Session, target: Target, live: Live, truncate: bool
    ) -> AbstractContextManager[list[Session]]:
        """None where rows are removed afterwards: nobody passes the lock that takes."""
        further = 0 if truncate else self._engine.settings.backup_connections - 1
        return snapshot_readers.joined(session, target, self._engine.timeouts, live, further)

    def _copy(self, storages: Sequence[str], record: dict[str, Any], *, strict: bool) -> None:
        """Copy the set that was just published. Strict: raise where that fails, instead of writing it down."""
        replica = Replica(self._engine.catalog, self._engine.storages, self._location, record["backup_timestamp"])
        for storage in storages:
            try:
                replica.make(storage)
                record["storages"][storage] = {"success": True}
            except ServiceError as error:
                if strict:
                    raise
                failure = {"success": False, "error": error.response, "error_type": error.error_type}
                record["storages"][storage] = failure
                record["errors"].append(say("backup_to_storage_failed", storage=storage))
                record["response"] = PARTIAL

    def _lock(self, session: Session, truncate: bool) -> Live:
        """Lock first, look second: a snapshot older than the lock could miss what a TRUNCATE did."""
        if truncate:
            writer_lock.take(session.cursor)
        layout = self._engine.layout
        tables.lock_there(session.cursor, session.schema, layout, "ACCESS EXCLUSIVE" if truncate else "ACCESS SHARE")
        return tables.inspect(session.cursor, session.schema, layout)

    def _truncate(self, session: Session, live: Live, record: dict[str, Any]) -> None:
        started = time.monotonic()
        session.enter("truncate")
        cursor, emptied = session.cursor, live.members
        references.expect_truncatable(cursor, live, [emptied])
        before, watched = tables.count(cursor, emptied), bystanders.watch(cursor)
        tables.truncate(cursor, live, [emptied.name])
        others, _ = bystanders.changes(cursor, watched, [emptied])
        bystanders.expect_harmless(others)
        record["warnings"] += bystanders.additions(others)
        duration = round(time.monotonic() - started, 3)
        record["truncate_performed"] = True
        record["truncate_results"] = {
            emptied.name: {"success": True, "rows_before": before, "rows_after": 0, "duration": duration}
        }

    @contextmanager
    def _recorded(self, target: Target) -> Iterator[dict[str, Any]]:
        """The record of one run, which becomes the answer and a line in the log, whether it worked or not."""
        record = _new_record(self._location, target)
        try:
            yield record
        except ServiceError as error:
            error.data.setdefault("target", target.public())
            if "backup_timestamp" in record:  # what failed was the truncating; the backup is there
                error.data["backup_timestamp"] = record["backup_timestamp"]
            self._log(say("log_failed", error_type=error.error_type, reason=error.response))
            raise
        except Cancelled:
            self._log(say("log_cancelled"))
            raise
        saved = record["tables_backed_up"].values()
        files = tuple(
            say("log_file", file=one["backup_file"], rows=one["row_count"], size=one["file_size"]) for one in saved
        )
        if not self._log(say("log_backed_up", files=files)):
            record["warnings"].append(say("backup_log_unwritten", path=self._location.file(LOG)))

    def _log(self, text: str) -> bool:
        """Add a line; whether it was written. What was done is done, and a failure stays the one it was."""
        try:
            self._engine.storages.of(self._location).log(self._location, LOG, f"{now()} {text}")
        except ServiceError:
            return False
        return True


def _new_record(where: Location, target: Target) -> dict[str, Any]:
    return {
        "response": COMPLETE,
        "backup_performed": True,
        "truncate_performed": False,
        "backup_directory": where.relative_path,
        "tables_backed_up": {},
        "storages": {where.storage: {"success": True}},
        "truncate_results": {},
        "errors": [],
        "warnings": list(target.notes),
        "target": target.public(),
    }


def _scope(session: Session, live: Live, collections: Sequence[str] | None) -> Scope:
    if collections is None:
        return EVERYTHING
    owners = Owners(session.cursor, live.layout.owned, live.owner)
    return Scope(tuple(collections), tuple(owners.pick(collections)))


def _record(record: dict[str, Any], taken: Taken) -> None:
    for name, one in taken.tables.items():
        record["tables_backed_up"][name] = one.describe()
    record["warnings"] += taken.obstacles


def _probe(
    record: dict[str, Any], count: int, session: Session, table: Table, collections: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """The searches to remember; None where there is nothing to search."""
    searches = Searches.of(session, table)
    if searches is None:
        record["warnings"].append(say("probes_need_vector_column"))
        return None
    fact, complete = probes.take(searches, collections, count)
    if not complete:
        record["warnings"].append(say("probes_incomplete"))
    record["probes"] = {"count": len(fact.rows), "distance": fact.distance, "recall": fact.recall}
    return fact.model_dump()
