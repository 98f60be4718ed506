"""DatabaseBackupOperation: a whole database saved as a set."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from common import memory
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.database import locks
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.database import DatabaseBackupRequest
from data_pipeline.operations.results.store_backup import StoreBackedUp
from data_pipeline.operations.store_backup import StoreBackup
from data_pipeline.postgres import server_identity
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import facts as database_facts
from data_pipeline.postgres.whole import relations, roles
from data_pipeline.postgres.whole.facts import DatabaseFacts
from data_pipeline.postgres.whole.relations import Name, StoredTable
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.storage.naming import store_stem
from data_pipeline.stores.pg_database.child import running
from data_pipeline.stores.pg_database.dump import Dump
from data_pipeline.stores.pg_database.facts import DumpFacts, RoleFact, TableFact
from data_pipeline.stores.pg_database.saving import Saved, save
from data_pipeline.stores.pg_database.set_archive import ARCHIVE
from data_pipeline.stores.pg_database.store import FAMILY
from data_pipeline.stores.pg_database.tools import Tool, Tools

SUFFIXES = {"zstd": "dump.zst", "none": "dump"}


class DatabaseBackupOperation(Operation[DatabaseBackupRequest]):
    """Everything in one database, from one snapshot, as pg_dump saves it."""

    request: type[DatabaseBackupRequest] = DatabaseBackupRequest
    bug: Message = say("export_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: DatabaseBackupRequest) -> Target:
        return self._engine.databases.named(request.target)

    def expect_possible(self, request: DatabaseBackupRequest) -> Target:
        target = self.target(request)
        StoreBackup(self._engine, FAMILY, target, request.storages).expect_possible()
        return target

    def run(self, request: DatabaseBackupRequest, progress: Progress = SILENT) -> StoreBackedUp:
        target = self.target(request)
        backup = StoreBackup(self._engine, FAMILY, target, request.storages)
        with memory.returned():
            return backup.run(lambda draft: _Saving(self._engine, target, request, progress).save(draft))


class _Saving:
    """One dump into a draft."""

    def __init__(self, engine: Engine, target: Target, request: DatabaseBackupRequest, progress: Progress) -> None:
        self._engine = engine
        self._target = target
        self._request = request
        self._progress = progress

    def save(self, draft: StoreDraft) -> None:
        """Raises ServiceError, Cancelled; then there is no set."""
        engine, request = self._engine, self._request
        with locks.dumping(self._target, engine.timeouts, self._progress) as session:
            snapshot = relations.export_snapshot(session)  # first: after a savepoint that failed it can't be
            facts = database_facts.of(session)
            tool = Tools(engine.settings.dumps.programs).for_dump(facts.major, facts.server_version)
            logs = relations.logs(session, engine.settings.dumps.log_tables) if request.exclude_logs else []
            stored = relations.stored(session)
            described = _Described.of(session, facts)
            meter = _Meter(self._progress, [table for table in stored if table.relation not in logs])
            dump = Dump(
                tool,
                self._target,
                engine.timeouts,
                facts,
                compression=0,
                without_rows=logs,
                snapshot=snapshot,
                tell=meter.turn,
            )
            with running(dump.child), _Counting(session, meter.tables) as counting:
                with draft.file(ARCHIVE, store_stem(FAMILY, facts.database), SUFFIXES[request.compression]) as file:
                    saved = save(meter.passing(dump.chunks(self._progress)), file, request.compression, counting.total)
                rows = counting.result()
            draft.publish(
                _facts(tool, facts, described, saved, request.compression, stored, rows, logs).model_dump(),
                database=facts.database,
                server_version=facts.server_version,
                server=described.server,
                partial=bool(logs),
            )
        engine.archives.note(saved.sha256)


class _Described:
    """What else the manifest says of the database."""

    def __init__(self, server: str, encoding: str, extensions: list[str], named: list[dict[str, Any]]) -> None:
        self.server = server
        self.encoding = encoding
        self.extensions = extensions
        self.roles = [RoleFact(**role) for role in named]

    @classmethod
    def of(cls, session: Session, facts: DatabaseFacts) -> "_Described":
        extensions = sorted(database_facts.present_extensions(session))
        return cls(server_identity.of(session), facts.encoding, extensions, roles.named(session))


def _facts(
    tool: Tool,
    facts: DatabaseFacts,
    described: _Described,
    saved: Saved,
    compression: str,
    stored: Sequence[StoredTable],
    rows: Mapping[Name, int],
    logs: Sequence[Name],
) -> DumpFacts:
    return DumpFacts(
        dump_version=tool.version,
        server_major=facts.major,
        sha256=saved.sha256,
        bytes=saved.size,
        compression=compression,
        encoding=described.encoding,
        tables={f"{one.schema}.{one.name}": TableFact(rows=rows.get(one.relation), bytes=one.size) for one in stored},
        excluded=[".".join(name) for name in logs],
        extensions=described.extensions,
        roles=described.roles,
    )


class _Meter:
    """How far a dump is, by the sizes of tables: each counts as done when the next one begins."""

    def __init__(self, progress: Progress, stored: Sequence[StoredTable]) -> None:
        self.tables = [table.relation for table in stored]
        self._progress = progress
        self._sizes = {f'table "{one.schema}.{one.name}"': one.size for one in stored}
        self._left = 0
        progress.expect_bytes(sum(self._sizes.values()))
        progress.enter("load", None)

    def turn(self, what: str) -> None:
        """From the thread that hears the child."""
        if size := self._sizes.get(what):
            self._progress.enter("load", what.partition('"')[2].rstrip('"'))
            done, self._left = self._left, size
            self._progress.advance(done, 0)

    def passing(self, chunks: Any) -> Any:
        """The chunks, counted as far as the table that they are of is large."""
        for chunk in chunks:
            part = min(self._left, len(chunk))
            self._left -= part
            self._progress.advance(part, 0)
            yield chunk


class _Counting:
    """Counts rows in the snapshot of the dump, beside it."""

    def __init__(self, session: Session, tables: Sequence[Name]) -> None:
        self._session = session
        self._tables = tables
        self._rows: Mapping[Name, int] = {}
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._count, name="count", daemon=True)

    def __enter__(self) -> "_Counting":
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._session.cursor.connection.abandon()  # what it still counts is no longer wanted
        self._thread.join()

    def result(self) -> Mapping[Name, int]:
        """Raises what counting raised."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._rows

    def total(self) -> int:
        return sum(self.result().values())

    def _count(self) -> None:
        try:
            self._rows = relations.count(self._session, self._tables)
        except BaseException as error:  # for the thread that waits
            self._error = error
