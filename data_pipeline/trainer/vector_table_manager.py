"""VectorTableManager: both tables into a backup set, and the embedding table emptied once they are safe."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from common.errors import InvalidParams, NotFound, ServiceError
from common.result import now
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
from data_pipeline.vector import location, manifest, saver, tables, verification
from data_pipeline.vector.connection import Session, retrying, transaction
from data_pipeline.vector.location import MAIN_STORAGE, Location
from data_pipeline.vector.naming import EMBEDDING, LOG, TABLES, FileFormat
from data_pipeline.vector.replica import Replica
from data_pipeline.vector.rows import LARGEST_FIELD
from data_pipeline.vector.storage import Draft
from data_pipeline.vector.tables import Table
from data_pipeline.vector.target import Target
from data_pipeline.version import VERSION

COMPLETE = "Vector表备份完成"
PARTIAL = "Vector表备份部分完成,部分存储备份失败"


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
                raise NotFound(f"指定的任务目录不存在: {task_id}")
        return cls(task_id or "", task_id, engine=engine, storage=storage)

    def execute_vector_management(
        self,
        backup: bool = True,
        truncate: bool = False,
        pg_conn: str | None = None,
        file_format: FileFormat = "csv",
        copies: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Back up both tables from one snapshot; returns what the answer says of it.

        With `truncate` the embedding table is emptied in the same transaction, once the backup is published whole:
        nobody can write in between, so no row falls out of both. Truncating switches the backup on.

        copies: further storages the set goes to, verified there; before any row is removed, if rows are.
        """
        if not (backup or truncate):
            raise InvalidParams("backup_vector_tables 与 truncate_vector_tables 均为 false,没有要执行的操作")
        for name in copies:
            self._engine.storages.check(name)
        started = time.monotonic()
        target = self._engine.databases.resolve(pg_conn)
        with self._recorded(target) as record:
            retrying(lambda: self._back_up(target, truncate, file_format, copies, record))
            if not truncate:
                self._copy(copies, record, strict=False)
        record["duration"] = round(time.monotonic() - started, 3)
        return record

    def _back_up(
        self, target: Target, truncate: bool, file_format: FileFormat, copies: Sequence[str], record: dict[str, Any]
    ) -> None:
        timestamps = _seconds_from_now(self._engine.settings.timestamp_format)
        with (
            self._engine.storages.of(self._location).draft(self._location, timestamps) as draft,
            transaction(target, self._engine.timeouts, snapshot=not truncate) as session,
        ):
            live = self._lock(session, truncate)
            session.enter("read")
            facts = {name: self._save(session, live[name], draft, file_format, record) for name in TABLES}
            draft.publish(manifest.dump(self._describe(session, draft, facts, live)))
            record["backup_timestamp"] = draft.timestamp
            if truncate:
                verification.expect_stored(self._engine.catalog, self._location, draft.timestamp)
                self._copy(copies, record, strict=True)
                self._truncate(session, live, record)

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
                record["errors"].append(f"存储{storage}备份失败")
                record["response"] = PARTIAL

    def _lock(self, session: Session, truncate: bool) -> dict[str, Table]:
        """Lock first, look second: a snapshot older than the lock could miss what a TRUNCATE did."""
        schema = self._engine.settings.schema
        if truncate:
            tables.take_writer_lock(session.cursor)
        tables.lock(session.cursor, schema, TABLES, "ACCESS EXCLUSIVE" if truncate else "ACCESS SHARE")
        return tables.inspect(session.cursor, schema)

    def _save(
        self, session: Session, table: Table, draft: Draft, file_format: FileFormat, record: dict[str, Any]
    ) -> dict[str, Any]:
        started = time.monotonic()
        fact, largest_row = saver.save(session.cursor, table, draft, file_format)
        if largest_row > LARGEST_FIELD:
            record["warnings"].append(f"{table.name} 中有超过 64 MB 的行,恢复时会被拒绝")
        record["tables_backed_up"][table.name] = {
            "success": True,
            "row_count": fact["rows"],
            "file_size": format_size(fact["bytes"]),
            "file_bytes": fact["bytes"],
            "backup_file": fact["file"],
            "duration": round(time.monotonic() - started, 3),
        }
        return fact

    def _truncate(self, session: Session, live: dict[str, Table], record: dict[str, Any]) -> None:
        started = time.monotonic()
        session.enter("truncate")
        before = tables.count(session.cursor, live[EMBEDDING])
        tables.truncate(session.cursor, live, [EMBEDDING])
        duration = round(time.monotonic() - started, 3)
        record["truncate_performed"] = True
        record["truncate_results"] = {
            EMBEDDING: {"success": True, "rows_before": before, "rows_after": 0, "duration": duration}
        }

    def _describe(
        self, session: Session, draft: Draft, facts: dict[str, Any], live: dict[str, Table]
    ) -> dict[str, Any]:
        return {
            "timestamp": draft.timestamp,
            "created_at": now(),
            "tool_version": VERSION,
            **tables.versions(session.cursor),
            "tables": facts,
            "collections": tables.collection_facts(session.cursor, live),
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
            self._log(f"失败 {error.error_type}: {error.response}")
            raise
        saved = record["tables_backed_up"].values()
        files = ", ".join(f"{one['backup_file']} {one['row_count']}行 {one['file_size']}" for one in saved)
        if not self._log(f"成功 {files}"):
            record["warnings"].append(f"备份日志写入失败: {self._location.file(LOG)}")

    def _log(self, text: str) -> bool:
        """Add a line; whether it was written. What was done is done, and a failure stays the one it was."""
        try:
            self._engine.storages.of(self._location).log(self._location, LOG, f"{now()} {text}")
        except (ServiceError, OSError):
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
        "warnings": [],
        "target": target.public(),
    }


def _seconds_from_now(timestamp_format: str) -> Iterator[str]:
    """This second, and each following one: a second that is taken makes way for the next free one."""
    moment = datetime.now()
    while True:
        yield moment.strftime(timestamp_format)
        moment += timedelta(seconds=1)
