"""pg_restore, fed with an archive through a pipe.

So it ends with the service that feeds it, wherever that is killed, and it gets only what was chosen, in the order in
which that is restored.
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Protocol

from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.progress import Cancelled, Progress
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole.facts import DatabaseFacts
from data_pipeline.storage.prefetch import prefetched
from data_pipeline.stores.pg_database import verdict
from data_pipeline.stores.pg_database.child import Child, running
from data_pipeline.stores.pg_database.contents import Contents
from data_pipeline.stores.pg_database.index import Span
from data_pipeline.stores.pg_database.selection import INDEXES, Selection
from data_pipeline.stores.pg_database.temp_files import temp_file
from data_pipeline.stores.pg_database.tools import Tool
from data_pipeline.stores.pg_database.words import IGNORABLE, Begun, Failure, Listener

TICK = 0.5
"""Seconds between two looks whether it is still wanted, and what its backend waits for."""

METHOD = re.compile(r" USING (\w+) ")
PARALLEL_BUILD = "min_parallel_table_scan_size=0"
"""Vectors are stored outside of their table, which therefore looks too small for a parallel build of its index."""


class Archive(Protocol):
    """An archive whose every byte has been read and found good."""

    @property
    def contents(self) -> Contents: ...

    def everything(self) -> list[Span]:
        """All of it, as it is."""

    def chosen(self, order: Sequence[int]) -> list[Span]:
        """The head, then the data of these entries, in this order. Raises ServiceError."""

    def read(self, span: Span) -> Iterator[bytes]:
        """Some bytes of it. Raises ServiceError."""


class Restore:
    """One run of pg_restore. strict: the first error ends it; else only one that can't be ignored does. reordered: rows
    come in another order than the archive has them in; else it gets all of it as it is, and passes over what isn't
    chosen.

    look: called twice a second with the name of the backend, in a thread of its own; what it raises ends the run.
    """

    def __init__(
        self,
        tool: Tool,
        target: Target,
        timeouts: Timeouts,
        facts: DatabaseFacts,
        *,
        strict: bool,
        reordered: bool,
        arguments: Sequence[str] = (),
        index_memory: str | None = None,
        look: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._tool = tool
        self._target = target
        self._timeouts = timeouts
        self._facts = facts
        self._strict = strict
        self._reordered = reordered
        self._arguments = ["--format=custom", "--no-owner", "--verbose", "--no-subscriptions", *arguments]
        self._index_memory = index_memory
        self._look = look
        self._stopped: BaseException | None = None
        self._fatal = False
        self._indexing = False
        self.status = 0
        """What the child ended with."""

    def run(
        self, archive: Archive, selection: Selection, progress: Progress, tell: Callable[[str], None]
    ) -> list[Failure]:
        """Restore what was selected, and return the errors that were ignored. Raises ServiceError, Cancelled."""
        listener = Listener(self._facts.messages_known)
        spans = archive.chosen(selection.numbers) if self._reordered else archive.everything()
        progress.expect_bytes(sum(span.size for span in spans))
        progress.expect_indexes(_methods(selection))
        progress.enter("load", None)
        with temp_file("list") as (path, file):
            file.write(selection.list_file().encode())
            file.flush()
            arguments = [*self._arguments, f"--use-list={path}"]
            if self._strict:
                arguments.append("--exit-on-error")
            child = Child(
                self._tool,
                arguments,
                self._target,
                self._timeouts,
                listener,
                settings=self._settings(),
                reads=True,
                tell=lambda said: self._hear(said, progress, tell),
            )
            with running(child), self._watched(child, progress):
                self._feed(child, archive, spans, progress)
                self._await(child)
                self.status = child.wait()
        return self._judged(listener, archive)

    def _settings(self) -> list[str]:
        memory = [f"maintenance_work_mem={self._index_memory}"] if self._index_memory else []
        language = ["lc_messages=C"] if self._facts.english_by_setting else []
        return [PARALLEL_BUILD, *memory, *language]

    def _feed(self, child: Child, archive: Archive, spans: Sequence[Span], progress: Progress) -> None:
        chunks = prefetched(chunk for span in spans for chunk in archive.read(span))
        with suppress(BrokenPipeError), closing(chunks):  # it has ended: why, it has said
            for chunk in chunks:
                progress.advance(len(chunk), 0)
                _write(child, chunk)
            child.stdin.close()

    def _await(self, child: Child) -> None:
        """Until it has ended; where it said something fatal, at once."""
        while not child.ended(TICK) and not self._fatal:
            pass
        if self._fatal:
            child.kill()

    def _hear(self, said: Begun | Failure, progress: Progress, tell: Callable[[str], None]) -> None:
        if isinstance(said, Failure):
            self._fatal |= not self._strict and said.cause not in IGNORABLE
            return
        tell(said.what)
        if self._indexing:
            progress.indexed()
        self._indexing = said.what.partition(" ")[0] in INDEXES
        if self._indexing:
            progress.enter("index", None)

    def _watched(self, child: Child, progress: Progress) -> "_Watch":
        def look() -> None:
            progress.expect_wanted()
            self._look(child.backend)

        def stop(error: BaseException) -> None:
            self._stopped = error
            child.kill()

        return _Watch(look, stop)

    def _judged(self, listener: Listener, archive: Archive) -> list[Failure]:
        if self._stopped:
            raise self._stopped
        fatal = [one for one in listener.failures if self._strict or one.cause not in IGNORABLE]
        ended_badly = self.status != 0 and (self._strict or not listener.failures)
        if fatal or ended_badly or self.status < 0:
            raise verdict.of_restore(fatal[0] if fatal else None, archive.contents, self.status)
        return listener.failures


class _Watch:
    """Looks on beside a child, and stops it where a look raises something."""

    def __init__(self, look: Callable[[], None], stop: Callable[[BaseException], None]) -> None:
        self._look = look
        self._stop = stop
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="look", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(TICK):
            try:
                self._look()
            except (Exception, Cancelled) as error:
                self._stop(error)
                return


def _write(child: Child, chunk: bytes) -> None:
    """All of it: an unbuffered pipe may take a part at a time."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[child.stdin.write(rest) :]


def _methods(selection: Selection) -> list[str]:
    """The access methods of the indexes to come."""
    definitions = [entry.definition for entry in selection.entries if entry.kind in INDEXES]
    return [found[1] if (found := METHOD.search(definition)) else "btree" for definition in definitions]
