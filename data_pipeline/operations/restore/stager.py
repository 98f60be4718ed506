"""The backup's rows in temporary tables: all of a table's, or those that the live one has not as the backup has."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.report import Report
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.digests.narrowing import Narrowing
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.writing import staging
from data_pipeline.postgres.writing.conversion import Loaded
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.sets.tables.table_source import Source

Load = Callable[[Source, frozenset[bytes] | None], None]
"""Loads a file and reports it, whose rows may name these owners."""


@dataclass(frozen=True)
class Incoming:
    """The backup's rows: staged in temporary tables, or files that are matched to the live tables they go into.

    scope: the live rows that may be touched.
    """

    staged: Mapping[str, Staged] = field(default_factory=dict)
    direct: Mapping[str, Source] = field(default_factory=dict)
    scope: Scope = EVERYTHING

    def within(self, scope: Scope) -> "Incoming":
        """The same, to be compared with the live rows in scope only."""
        return Incoming({name: replace(one, scope=scope) for name, one in self.staged.items()}, self.direct, scope)

    def only(self, names: Collection[str]) -> "Incoming":
        """The rows of these tables."""
        return replace(self, staged={name: one for name, one in self.staged.items() if name in names})


class Stager:
    """Stages the tables of one restore, each in two steps: before the live rows are locked, and after."""

    def __init__(
        self, session: Session, request: RestoreOptions, report: Report, narrowing: Narrowing, load: Load
    ) -> None:
        self.narrowing = narrowing
        self._session = session
        self._key: Sequence[str] | None = request.conflict_key
        self._tables = request.tables
        self._report = report
        self._load = load

    def stage(self, one: Staged, known: frozenset[bytes] | None, rows: Scope, *, digests: bool) -> None:
        """Fill an empty table. known: the owners that its rows may name. rows: those that were chosen by their values.

        digests: where most rows seem to be the live ones, all of them are only digested, and settle() stages some. Not
        for owners, whose keys are looked up in what is staged.
        """
        if not (digests and self.narrowing.begin(one, known)):
            self._stage_all(one, known, rows)

    def settle(self, one: Staged, rows: Scope, *, changing: bool) -> Staged:
        """The table as it is compared with the live one.

        changing: rows may change that aren't written, so that all have to be looked at in the end.
        """
        begun = self.narrowing.begun.get(one.live.name)
        if begun is None:
            return one
        started = time.monotonic()
        found = None if changing else self.narrowing.settle(one, rows)
        if found is None:
            return self.whole(one, rows)
        if one.live.name in self._tables:
            self._report.restored(one.source, Loaded(begun.digested.rows), time.monotonic() - started)
        return found

    def whole(self, one: Staged, rows: Scope) -> Staged:
        """The same with all rows, where those that differ don't tell enough."""
        begun = self.narrowing.begun.pop(one.live.name)
        self._session.progress.begin_again()
        found = staging.stage(self._session.cursor, replace(one.source, table=one.live), self._key)
        self._stage_all(found, begun.known, rows)
        return replace(found, scope=one.scope)

    def _stage_all(self, one: Staged, known: frozenset[bytes] | None, rows: Scope) -> None:
        self._load(one.source, known)
        staging.keep(self._session.cursor, one, rows)
        staging.index(self._session, one)
