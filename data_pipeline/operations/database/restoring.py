"""A restore under way: an archive, the database it goes into, and what both have to do with each other."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from common.errors import LockTimeout, SchemaMismatch
from common.messages import Message, say
from data_pipeline.operations.results.database import Imported, UsedTool
from data_pipeline.operations.results.result import Target as ShownTarget
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import backends
from data_pipeline.postgres.whole import facts as database_facts
from data_pipeline.postgres.whole.facts import DatabaseFacts
from data_pipeline.stores.pg_database import selection
from data_pipeline.stores.pg_database.contents import Entry
from data_pipeline.stores.pg_database.restore import Archive, Restore
from data_pipeline.stores.pg_database.selection import Selection
from data_pipeline.stores.pg_database.tools import Tool
from data_pipeline.stores.pg_database.words import Failure

MOST_NAMED = 100
"""Entries that an answer names."""


@dataclass(frozen=True)
class Restoring:
    """session: the transaction that has the writer lock. skipped: tables whose rows stay out."""

    archive: Archive
    target: Target
    timeouts: Timeouts
    session: Session
    facts: DatabaseFacts
    tool: Tool
    skipped: Sequence[str]
    index_memory: str | None

    def chosen(self) -> Selection:
        """What of the archive is meant, as far as the database's own contents don't matter."""
        contents = self.archive.contents
        return selection.without_rows(selection.whole(contents), contents, self.skipped)

    def expect_extensions(self, chosen: Selection) -> None:
        """Raise SchemaMismatch for extensions that the server can't install."""
        names = [entry.name for entry in chosen.entries if entry.kind == "EXTENSION"]
        if missing := database_facts.missing_extensions(self.session, names):
            text = say("extensions_missing", names=", ".join(missing))
            raise SchemaMismatch(text, can_retry=False, details={"extensions": missing})

    def run(
        self,
        chosen: Selection,
        progress: Progress,
        tell: Callable[[Message], None],
        *,
        strict: bool,
        reordered: bool = False,
        arguments: Sequence[str] = (),
    ) -> tuple[list[Failure], int]:
        """The errors that were ignored, and pg_restore's exit status. Raises ServiceError, Cancelled."""
        restore = Restore(
            self.tool,
            self.target,
            self.timeouts,
            self.facts,
            strict=strict,
            reordered=reordered,
            arguments=arguments,
            index_memory=self.index_memory,
            look=_LockWatch(self.session, self.timeouts.lock).look,
        )
        failures = restore.run(self.archive, chosen, progress, lambda what: tell(say("import_object", what=what)))
        return failures, restore.status


@dataclass
class Report:
    """What a restore did."""

    status: int = 0
    skipped: list[Entry] = field(default_factory=list)
    added_to: list[Entry] = field(default_factory=list)
    existing: int = 0
    missing_roles: int = 0
    left_out: list[Entry] = field(default_factory=list)

    def describe(self, restoring: Restoring, duration: float) -> Imported:
        skipped = [f"{entry.schema}.{entry.name}" for entry in self.skipped]
        return Imported(
            response=say("import_partial", tables=tuple(skipped)) if skipped else say("import_complete"),
            partial=bool(skipped),
            tables_skipped=skipped,
            tables_added_to=[f"{entry.schema}.{entry.name}" for entry in self.added_to],
            existing_objects=self.existing,
            missing_roles=self.missing_roles,
            left_out=[entry.title for entry in self.left_out[:MOST_NAMED]],
            exit_code=self.status,
            tool=UsedTool(**restoring.tool.public),
            target=ShownTarget.of(restoring.target),
            duration=round(duration, 3),
        )


class _LockWatch:
    """pg_restore switches lock_timeout off for itself; so how long its backend waits for one lock is watched."""

    def __init__(self, session: Session, seconds: int) -> None:
        self._session = session
        self._seconds = seconds
        self._since: float | None = None
        self._guard = threading.Lock()

    def look(self, backend: str) -> None:
        """Raises LockTimeout."""
        with self._guard:
            blocked = backends.blocked(self._session, backend)
        if blocked is None:
            self._since = None
            return
        self._since = self._since or time.monotonic()
        if self._seconds and time.monotonic() - self._since > self._seconds:
            text = say("lock_not_had", seconds=self._seconds, holders=tuple(blocked.by))
            raise LockTimeout(text, can_retry=True, details={"holders": list(blocked.by)})
