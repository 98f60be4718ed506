"""Further connections to a restore's database: each job of theirs is a transaction of its own, several at a time."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TypeVar

from common.errors import ServiceError
from data_pipeline.postgres import toast
from data_pipeline.postgres.connection import Session, make_settings, transaction_over
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.link.wire import Timeouts, connect, leave
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.sqlstate import Relations
from data_pipeline.postgres.target import Target

Result = TypeVar("Result")

UNHURRIED = {"synchronous_commit": "off"}
"""What these transactions write is of no use before the switch, whose COMMIT has all earlier WAL on the disk, too."""

WAITS = (0.02, 0.05, 0.1, 0.3, 1.0, 1.0, 2.0, 2.0, 4.0)
"""Seconds between attempts to connect."""


class Crew:
    """At most `most` connections beside the operation's own, kept from one job to the next, and closed with the `with`.

    ours: the tables that the operation is about; grows with those that it makes. size: how many there were at a time.
    """

    def __init__(self, target: Target, timeouts: Timeouts, progress: Progress, ours: Relations, most: int) -> None:
        self.ours = frozenset(ours)
        self.size = 1
        self.most = most
        self._target = target
        self._timeouts = timeouts
        self._progress = progress.beside()
        self._lines: set[Line] = set()
        self._idle: list[Line] = []
        self._guard = threading.Lock()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_error: object) -> None:
        while self._idle:
            leave(self._idle.pop())

    @contextmanager
    def sessions(self, most: int, last: Callable[[Session], object]) -> Iterator[list[Session]]:
        """So many transactions, fewer where the server has no more to give; committed at the end, or none of them.

        last: done in the first of them, after the others were committed.
        """
        with self._needed() as first:
            with ExitStack() as stack:
                opened = [first]
                with suppress(ServiceError):
                    while len(opened) < min(most, self.most):
                        opened.append(stack.enter_context(self._transaction()))
                self.size = max(self.size, len(opened))
                yield opened
            last(first)

    def do(self, job: Callable[[Session], Result]) -> Result:
        """One job."""
        with self._needed() as session:
            return job(session)

    def all(self, jobs: Sequence[Callable[[Session], Result]], done: Callable[[], None]) -> list[Result]:
        """Several, as many at a time as there were connections. The first that fails ends the others; raises it.

        done: called once for each that has ended well, from any thread.
        """
        failed: list[BaseException] = []

        def attempt(job: Callable[[Session], Result]) -> Result:
            try:
                with self._needed() as session:
                    self._begin(session, late=bool(failed))
                    try:
                        result = job(session)
                    finally:
                        self._end(session)
            except BaseException as error:
                failed.append(error)
                self._abandon()
                raise
            done()
            return result

        with ThreadPoolExecutor(self.size, thread_name_prefix="swap") as threads:
            futures = [threads.submit(attempt, job) for job in jobs]
            results = [future.exception() or future.result() for future in futures if not future.cancelled()]
        if failed:
            raise failed[0]
        return [result for result in results if not isinstance(result, BaseException)]

    @contextmanager
    def _needed(self) -> Iterator[Session]:
        """A transaction that there must be: a connection that was closed just now may still count on the server."""
        with ExitStack() as stack:
            for wait in WAITS:
                try:
                    session = stack.enter_context(self._transaction())
                    break
                except ServiceError as error:
                    if not error.nothing_sent:
                        raise
                time.sleep(wait)
            else:
                session = stack.enter_context(self._transaction())
            yield session

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        self._progress.expect_wanted()
        with self._guard:
            idle = self._idle.pop() if self._idle else None
        line = idle or connect(self._target, self._timeouts, self._progress)
        try:
            with transaction_over(line, self._target, self._timeouts, progress=self._progress) as session:
                session.ours = self.ours
                make_settings(session.cursor, UNHURRIED)
                toast.compress_sooner(session)
                yield session
        except BaseException:
            leave(line)
            raise
        with self._guard:
            self._idle.append(line)

    def _begin(self, session: Session, *, late: bool) -> None:
        with self._guard:
            self._lines.add(session.cursor.connection)
        if late:  # another one has failed meanwhile
            self._abandon()

    def _end(self, session: Session) -> None:
        with self._guard:
            self._lines.discard(session.cursor.connection)

    def _abandon(self) -> None:
        """End what is under way."""
        with self._guard:
            for line in self._lines:
                line.abandon()
