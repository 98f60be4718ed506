"""Tables of a backup that are staged as far as they differ: begun when their files are read, ended when the live rows
can no longer change.

What is unclear on the way, a fault of the file among it, is left to a staging of all rows, which says what is wrong.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import psycopg2

from common.errors import ServiceError
from data_pipeline.formats.csv_reader import RowError
from data_pipeline.formats.dialects.evidence import Contradicted
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.digests import chosen_blocks, differing, digested, look
from data_pipeline.postgres.digests.differing import Differing
from data_pipeline.postgres.digests.digested import Digested
from data_pipeline.postgres.digests.look import Look
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import triggers
from data_pipeline.postgres.schema.unique_keys import UniqueKey
from data_pipeline.postgres.writing import conflicts, copy_in, staging
from data_pipeline.postgres.writing.copy_in import Unencoded
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.sets.tables.table_source import Source

Result = TypeVar("Result")

LEAST_BYTES = copy_in.INLINE_BYTES
"""A smaller file is staged as soon as it is digested."""

LOOK_ROWS = 500
"""So many rows are looked at before all are digested."""


class Unclear(Exception):
    """Digests alone don't tell which rows are the same."""


@dataclass(frozen=True)
class Begun:
    """A table whose rows were digested, and how long that took. known: the owners that they may name."""

    digested: Digested
    look: Look
    known: frozenset[bytes] | None
    seconds: float

    @property
    def further_seconds(self) -> float:
        """How much longer it would have taken to load all rows, as fast as the first ones."""
        return self.look.seconds * self.digested.rows / self.look.rows - self.seconds


class Narrowing:
    """The tables of one restore. sample: rows of each that are kept to measure on; 0 for none."""

    def __init__(self, session: Session, pool: WorkerPool, sample: int) -> None:
        self.begun: dict[str, Begun] = {}
        self._session = session
        self._pool = pool
        self._sample = sample

    def begin(self, staged: Staged, known: frozenset[bytes] | None) -> bool:
        """Digest a table's file; whether that was possible, and worth it. Raises Reopened, Cancelled.

        staged: empty as yet.
        """
        self.begun.pop(staged.live.name, None)  # of a set that was reopened since
        if triggers.firing(self._session.cursor, [staged.live]):  # they may change rows that aren't looked at again
            return False
        source = replace(staged.source, table=staged.live)
        begun = begin(self._session, source, staged.identity, known, self._pool, self._sample)
        if begun is not None:
            self.begun[staged.live.name] = begun
        return begun is not None

    def settle(self, staged: Staged, rows: Scope) -> Staged | None:
        """Stage the rows that differ from the live ones in scope; None where all have to be.

        rows: those that were chosen by their values.
        """
        begun = self.begun[staged.live.name]
        self._session.enter("check")
        return attempt(self._session, lambda: self._narrowed(staged, begun.digested, rows))

    def _narrowed(self, staged: Staged, rows: Digested, chosen: Scope) -> Staged:
        cursor = self._session.cursor
        found = load(self._session, rows, staged.source, staged.key, staged.scope, self._pool)
        staging.keep(cursor, staged, chosen)
        staging.index(self._session, staged)
        narrowed = replace(staged, unstaged=found.same, differing=found.live)
        if conflicts.meets_unstaged(cursor, narrowed, [staged.identity]):  # the file has this key twice
            raise Unclear
        return narrowed


def begin(
    session: Session,
    source: Source,
    identity: UniqueKey,
    known: frozenset[bytes] | None,
    pool: WorkerPool,
    sample: int = 0,
) -> Begun | None:
    """Digest a file that leads to a live table; None where that is not possible, or not worth it.

    identity: what tells the table's rows apart. known: the owners that rows may name. sample: rows to be kept staged.
    """
    if not (identity.primary and source.file.size > LEAST_BYTES and digested.is_possible(source)):
        return None
    started = time.monotonic()
    seen = attempt(session, lambda: look.take(session, source, sample or LOOK_ROWS, pool, keep=sample > 0))
    if seen is None or not seen.promising:
        return None
    found = attempt(session, lambda: digested.digest(session, source, known, pool))
    if found is None:
        session.progress.begin_again()
        return None
    return Begun(found, seen, known, time.monotonic() - started)


def load(
    session: Session, rows: Digested, into: Source, key: tuple[str, ...], scope: Scope, pool: WorkerPool
) -> Differing:
    """Load the rows that the live table, of what is in scope, has no equal of. Raises Unclear, and what COPY raises."""
    found = differing.find(session, rows, key, scope)
    if not found.certain:
        raise Unclear
    written = 0
    if found.places:
        written = chosen_blocks.load(session, into, chosen_blocks.at(rows.spans, found.places), pool)
    if written != len(found.places):
        raise Unclear
    return found


def attempt(session: Session, job: Callable[[], Result]) -> Result | None:
    """What the job returns, or nothing of it, and None, where it fails; a lost connection, or the end that was asked
    for, is no such failure."""
    session.cursor.execute("SAVEPOINT digests")
    try:
        result = job()
    except (ServiceError, psycopg2.Error, RowError, Contradicted, Unencoded, Unclear):
        session.progress.expect_wanted()
        if session.cursor.connection.closed:
            raise
        session.cursor.execute("ROLLBACK TO SAVEPOINT digests")
        result = None
    session.cursor.execute("RELEASE SAVEPOINT digests")
    return result
