"""A file into one table over several connections: its blocks are encoded in order, and each goes to whichever is free.

Every connection's COPY is a transaction of its own. What looks at the file as a whole, line numbers and dialect among
it, is the one Reading that all of them take blocks from.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.swapping.crew import Crew
from data_pipeline.postgres.writing import copy_in
from data_pipeline.postgres.writing.conversion import Loaded
from data_pipeline.postgres.writing.copy_in import Part, Reading, Unencoded
from data_pipeline.sets.tables.table_source import Source


class _Stopped(Exception):
    """Another connection has failed: this one ends without a word of its own."""


class _Shared:
    """The blocks of one reading, taken by several threads; the first failure stops all of them."""

    def __init__(self, reading: Reading) -> None:
        self.failure: BaseException | None = None
        self._parts = reading.parts()
        self._guard = threading.Lock()

    def __iter__(self) -> Iterator[Part]:
        while True:
            with self._guard:
                if self.failure:
                    raise _Stopped
                try:
                    part = next(self._parts, None)
                except BaseException as error:
                    self.failure = error
                    raise
            if part is None:
                return
            yield part
            del part

    def close(self) -> None:
        """No thread takes any more."""
        self._parts.close()

    def stop(self, failure: BaseException) -> None:
        with self._guard:
            self.failure = self.failure or failure


def is_shareable(source: Source) -> bool:
    """Whether blocks of a file may go to different connections: text and rows to be converted are read as a whole."""
    return source.binary and source.direct and source.raw_bytes > copy_in.INLINE_BYTES


def load(
    crew: Crew,
    source: Source,
    known: Callable[[Session], frozenset[bytes] | None],
    alone: Callable[[Session, Source, frozenset[bytes] | None], Loaded],
    loaded: Callable[[Session, int], None],
    pool: WorkerPool,
    progress: Progress,
) -> Loaded:
    """Write a file's rows into a committed empty table; returns how many, and what was done to them.

    known: the owners that a row may name. alone: how one connection loads a file by itself. loaded: done before the
    last rows are committed, told how many there are. Raises what copy_in.load does; then the table is as empty as it
    was, or has rows of some connections: it is of no use any more.
    """
    written = 0
    if is_shareable(source) and crew.most > 1:
        try:
            with crew.sessions(crew.most, lambda session: loaded(session, written)) as sessions:
                sessions[0].enter("load", source.name)
                written = _load(sessions, source, known(sessions[0]), pool, progress)
            return Loaded(written)
        except Unencoded:  # all of them are rolled back
            progress.begin_again()
            source = replace(source, binary=False)

    def fill(session: Session) -> Loaded:
        found = alone(session, source, known(session))
        loaded(session, found.rows)
        return found

    return crew.do(fill)


def _load(
    sessions: Sequence[Session], source: Source, known: frozenset[bytes] | None, pool: WorkerPool, progress: Progress
) -> int:
    reading = Reading(source, known, pool, progress)
    shared = _Shared(reading)

    def copy(session: Session) -> int:
        try:
            return copy_in.copy(session, source, reading.layout, shared)
        except BaseException as error:
            shared.stop(error)
            raise

    with ThreadPoolExecutor(len(sessions), thread_name_prefix="copy") as threads:
        futures = [threads.submit(copy, session) for session in sessions]
    shared.close()
    if shared.failure:
        raise shared.failure
    written = sum(future.result() for future in futures)
    if written != reading.sent:
        raise copy_in.Miscounted(source.name, reading.sent, written)
    return written
