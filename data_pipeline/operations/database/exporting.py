"""DatabaseExport: a database as one archive, streamed while pg_dump writes it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from data_pipeline.engine import Engine
from data_pipeline.operations.database import locks
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.whole import facts as database_facts
from data_pipeline.postgres.whole import relations
from data_pipeline.stores.pg_database.child import running
from data_pipeline.stores.pg_database.dump import FASTEST, Dump
from data_pipeline.stores.pg_database.tools import Tool, Tools


@dataclass(frozen=True)
class Export:
    """An archive on its way. name: of the file it becomes. chunks: raises ServiceError where it stays incomplete."""

    name: str
    tool: Tool
    chunks: Iterator[bytes]


class DatabaseExport:
    """Exports databases. Raises ServiceError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tools = Tools(engine.settings.dumps.programs)

    @contextmanager
    def open(self, target: str | None, exclude_logs: bool, progress: Progress) -> Iterator[Export]:
        """Begin an export, its first bytes there: what is refused is refused before any is handed out."""
        engine = self._engine
        where = engine.databases.named(target)
        with locks.dumping(where, engine.timeouts, progress) as session:
            facts = database_facts.of(session)
            tool = self._tools.for_dump(facts.major, facts.server_version)
            logs = relations.logs(session, engine.settings.dumps.log_tables) if exclude_logs else []
            dump = Dump(tool, where, engine.timeouts, facts, compression=FASTEST, without_rows=logs)
            with running(dump.child):
                chunks = dump.chunks(progress)
                first = next(chunks, b"")
                yield Export(_name(exclude_logs), tool, self._noted(first, chunks))

    def _noted(self, first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The archive; once it is complete it is known as one of ours."""
        digest = hashlib.sha256(first)
        yield first
        for chunk in chunks:
            digest.update(chunk)
            yield chunk
        self._engine.archives.note(digest.hexdigest())


def _name(exclude_logs: bool) -> str:
    """In local time, as documented."""
    return f"backup_{datetime.now():%Y-%m-%dT%H-%M-%S}{'_no-logs' if exclude_logs else ''}.dump"
