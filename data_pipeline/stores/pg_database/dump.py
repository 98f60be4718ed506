"""pg_dump, its archive as a stream."""

from collections.abc import Callable, Iterator, Sequence

from common.errors import ServiceError
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole.facts import DatabaseFacts
from data_pipeline.postgres.whole.relations import Name
from data_pipeline.stores.pg_database import verdict
from data_pipeline.stores.pg_database.child import CHUNK, Child
from data_pipeline.stores.pg_database.tools import Tool
from data_pipeline.stores.pg_database.words import Begun, Failure, Listener

FASTEST = 1
"""Of gzip, for archives that go out: any pg_restore reads it, and 6, which is pg_dump's own choice, takes five times as
long for a tenth less."""


class Dump:
    """A dump under way. compression: gzip's level, 0 for none. without_rows: tables of which only the structure is
    saved. snapshot: one that another transaction has exported. tell: is called with each table that it turns to."""

    def __init__(
        self,
        tool: Tool,
        target: Target,
        timeouts: Timeouts,
        facts: DatabaseFacts,
        *,
        compression: int,
        without_rows: Sequence[Name] = (),
        snapshot: str | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._listener = Listener(facts.messages_known)
        arguments = [
            *("--format=custom", f"--compress={compression}", f"--exclude-schema={_pattern(QUEUE_SCHEMA)}"),
            "--verbose",
            "--no-subscriptions",  # they hold the passwords of other servers, and two subscribers take from one slot
            f"--lock-wait-timeout={1000 * timeouts.lock}",
            *(f"--exclude-table-data={_pattern(*name)}" for name in without_rows),
            *((f"--snapshot={snapshot}",) if snapshot else ()),
        ]
        settings = ["lc_messages=C"] if facts.english_by_setting else []

        def hear(said: Begun | Failure) -> None:
            if isinstance(said, Begun):
                tell(said.what)

        self.child = Child(tool, arguments, target, timeouts, self._listener, settings=settings, tell=hear)

    def chunks(self, progress: Progress) -> Iterator[bytes]:
        """The archive. Raises ServiceError where it is incomplete, though part of it was handed out; Cancelled."""
        while chunk := self._read():
            progress.expect_wanted()
            yield chunk
        self.expect_complete()

    def expect_complete(self) -> None:
        """Raises ServiceError unless the child has ended well."""
        if status := self.child.wait():
            raise self._failure(status)

    def _read(self) -> bytes:
        """A pipe gives 64 KB at a time, of which a megabyte is put together."""
        parts, size = [], 0
        while size < CHUNK and (part := self.child.stdout.read(CHUNK - size)):
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def _failure(self, status: int) -> ServiceError:
        return verdict.of_dump(self._listener.failures, status)


def _pattern(*names: str) -> str:
    """Names as pg_dump matches them: quoted, nothing in them is a wildcard."""
    return ".".join('"{}"'.format(name.replace('"', '""')) for name in names)
