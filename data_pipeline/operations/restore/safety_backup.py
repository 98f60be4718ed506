"""The backup that a restore takes first, and the request that brings it back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from common.messages import say
from common.result import now
from data_pipeline.engine import Engine
from data_pipeline.layouts.base import Layout
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.backup import snapshot
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.results.restore import Undo
from data_pipeline.operations.results.result import NamedBackup
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.progress import Uncounted
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Live
from data_pipeline.postgres.writing import staging
from data_pipeline.storage.naming import LOG, Kind


@dataclass(frozen=True)
class SafetyBackup:
    """A published set that holds what a database held before. `names`: of the collections it is about, None for all.

    layout: of its tables. keyed: every row can be told by its primary key, so that only those that differ need to be
    written.
    """

    layout: Layout
    database: str
    backup_path: str
    timestamp: str
    names: Sequence[str] | None
    keyed: bool

    def named(self) -> NamedBackup:
        return NamedBackup(backup_path=self.backup_path, timestamp=self.timestamp)

    def undo(self, request: RestoreOptions) -> Undo:
        """The body of POST /restore that brings the rows back: in the same tables, of the same collections."""
        tables = self._tables(request) or self.layout.names
        whole = len(self.layout.with_referring(tables)) == len(tables)
        swap = whole and request.strategy == "swap"
        replace = whole and not swap and (request.truncate or not self.keyed)
        return Undo(
            backup_path=self.backup_path,
            timestamp=self.timestamp,
            tables=self._tables(request),
            layout=None if self.layout.family == DOCUMENTED.family else self.layout.family,
            where=request.where.as_sent() if request.where else None,
            collections=list(self.names) if self.names is not None else None,
            truncate_before_restore=True if replace else None,
            strategy="swap" if swap else None if replace else "sync",
            triggers=request.triggers if request.triggers != "fire" else None,
            pg_conn=_without_password(request.pg_conn) if request.pg_conn else None,
            expect_database=self.database,
            require_manifest=True,
        )

    def _tables(self, request: RestoreOptions) -> list[str] | None:
        """Those that were written, where the backup has others too."""
        chosen = len(request.tables) < len(self.layout.names)
        return request.tables if chosen and self.layout.family == DOCUMENTED.family else None


def take(engine: Engine, session: Session, live: Live, scope: Scope) -> SafetyBackup:
    """Back up what is in scope, into the location of the whole system. It is published when this returns.

    The transaction's locks keep the rows still from here to its end. Raises StorageFull; InvalidBackup or OrphanRows
    for rows that could not be restored, and then nothing is published.
    """
    where, there = engine.catalog.location(None), live.in_place()
    keyed = all(staging.primary_key(session.cursor, table) for table in live.values())
    timestamps = snapshot.seconds_from_now(engine.settings.timestamp_format)
    with engine.storages.of(where).draft(where, timestamps) as draft, _uncounted(session):
        snapshot.save(engine, session, there, scope, draft, Kind("binary"), precaution=True)
        timestamp = draft.timestamp
    engine.storages.of(where).log(where, LOG, say("log_safety_backup", time=now(), timestamp=timestamp))
    database = tables.database(session.cursor)
    return SafetyBackup(there.layout, database, where.relative_path, timestamp, scope.names, keyed)


@contextmanager
def _uncounted(session: Session) -> Iterator[None]:
    counted, session.progress = session.progress, Uncounted(session.progress)
    try:
        yield
    finally:
        session.progress = counted


def _without_password(pg_conn: str) -> str:
    """A URL without its password; the name of a configured target as it is."""
    password = urlsplit(pg_conn).password
    return pg_conn if password is None else pg_conn.replace(f":{password}@", "@", 1)
