"""One backup under way: the transaction that it is saved in, and the steps that share it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.layouts.base import Layout
from data_pipeline.operations.backup import choice, doubts, snapshot
from data_pipeline.operations.backup.report import Report
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.postgres import connection, writer_lock
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.reading import probes, searches, snapshot_readers
from data_pipeline.postgres.reading.searches import Searches
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import bystanders, chosen_rows, tables
from data_pipeline.postgres.schema.tables import Live
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing import references
from data_pipeline.postgres.writing.collections import Owners
from data_pipeline.sets import verify
from data_pipeline.sets.manifest import ProbesFact
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import Kind


class Context:
    """A locked database, and the location that its set goes to. Every step raises ServiceError."""

    def __init__(
        self,
        engine: Engine,
        where: Location,
        request: BackupRequest,
        session: Session,
        report: Report,
        live: Live,
    ) -> None:
        self._engine = engine
        self._where = where
        self._request = request
        self._session = session
        self._report = report
        self._live = live

    @classmethod
    def locked(
        cls,
        engine: Engine,
        where: Location,
        request: BackupRequest,
        session: Session,
        report: Report,
        layout: Layout,
    ) -> "Context":
        """Lock first, look second: a snapshot older than the lock could miss what a TRUNCATE did."""
        cursor, schema = session.cursor, session.schema
        session.ours = layout.relations(schema)
        if request.truncate:
            writer_lock.take(cursor)
        tables.lock_there(cursor, schema, layout, "ACCESS EXCLUSIVE" if request.truncate else "ACCESS SHARE")
        live = tables.inspect(cursor, schema, choice.again(session, request, layout))
        connection.may_idle(session)
        return cls(engine, where, request, session, report, live)

    def doubt(self, target: Target) -> None:
        """Look whether the database is the one that is meant, before the rows are read."""
        self._report.doubted(doubts.of_source(self._engine, target, self._session, self._live.layout))

    def save(self, draft: Draft, target: Target) -> None:
        """Write what was asked for into the draft and publish it, read over several connections where that pays."""
        scope, last = self._scope(), not self._request.truncate
        probe = self._probe if self._request.probes else None
        self._session.progress.expect_rows(tables.estimate_rows(self._session.cursor, self._live))
        # No further connection passes the lock under which rows are removed afterwards.
        further = self._engine.settings.backup_connections - 1 if last else 0
        joined = snapshot_readers.joined(self._session, target, self._engine.timeouts, self._live, further)
        with joined as readers:
            taken = snapshot.save(
                self._engine,
                self._session,
                self._live,
                scope,
                draft,
                Kind(self._request.format, self._request.compression),
                readers,
                probe,
                last=last,
            )
        self._report.saved(taken, draft.timestamp, scope.names)

    def _scope(self) -> Scope:
        """The chosen rows, or collections. Raises NotFound for a name that isn't there."""
        names, chosen = self._request.collections, self._request.where
        if chosen:
            return chosen_rows.of(self._session.cursor, self._live.values(), chosen.column, chosen.texts)
        if names is None:
            return EVERYTHING
        owners = Owners(self._session.cursor, self._live.layout.owned, self._live.owner)
        return Scope(tuple(names), tuple(owners.pick(names)))

    def _probe(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """What a manifest, of which there is all else, says of the searches to remember."""
        deadline = searches.deadline(self._session)
        if self._request.any_tables:
            return {"column_probes": self._probe_columns(document["tables"], deadline)}
        table = self._live.members
        found = Searches.of(self._session, table, table.layout.vectors[0], deadline)
        if found is None:
            self._report.warn(say("probes_need_vector_column"))
            return {"probes": None}
        fact, complete = probes.take(found, document["collections"], self._request.probes)
        self._probed([fact], complete)
        return {"probes": fact.model_dump()}

    def _probe_columns(self, facts: Mapping[str, Any], deadline: float) -> list[dict[str, Any]]:
        """Of the columns that can be searched; of chosen rows none, whose neighbours a live table needn't have."""
        if self._request.where:
            self._report.warn(say("probes_need_all_rows"))
            return []
        rows: dict[Searches, int] = {}
        for name, table in self._live.items():
            for column in table.layout.vectors:
                if found := Searches.of(self._session, table, column, deadline):
                    rows[found] = facts[name]["rows"]
                else:
                    self._report.warn(say("probes_not_of_column", column=f"{name}.{column}"))
        if not rows:
            self._report.warn(say("probes_need_a_column"))
            return []
        taken, complete = probes.take_columns(rows, self._request.probes)
        self._probed(taken, complete)
        return [one.model_dump(exclude={"rows": {"__all__": {"collection"}}}) for one in taken]

    def _probed(self, facts: Sequence[ProbesFact], complete: bool) -> None:
        if not complete:
            self._report.warn(say("probes_incomplete"))
        self._report.probed(facts)

    def expect_stored(self, timestamp: str) -> None:
        """Raise unless the published set is whole where it lies: rows are removed next."""
        verify.expect_stored(self._engine.catalog, self._where, timestamp)

    def truncate(self) -> None:
        """Empty the table of the members. Raises DependentRows if rows of other tables would go, or went, with it."""
        self._session.enter("truncate")
        started, cursor, table = time.monotonic(), self._session.cursor, self._live.members
        references.expect_truncatable(cursor, self._live, [table])
        before, watched = tables.count(cursor, table), bystanders.watch(cursor)
        tables.truncate(cursor, self._live, [table.name])
        others, _ = bystanders.changes(cursor, watched, [table])
        bystanders.expect_harmless(others)
        for warning in bystanders.additions(others):
            self._report.warn(warning)
        self._report.truncated(table.name, before, time.monotonic() - started)
