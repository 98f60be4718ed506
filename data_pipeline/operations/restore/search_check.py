"""After a restore: does a search still find what it found when the backup was taken?

It runs once the restore is committed, in a snapshot of its own: no reader waits for it, and nothing it finds, nor that
it fails, can undo the restore.
"""

from collections.abc import Mapping, Sequence

from common.errors import ServiceError
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes import registry
from data_pipeline.operations.restore.report import Report
from data_pipeline.operations.results.restore import SearchCheck as SearchChecked
from data_pipeline.operations.results.restore import SearchedColumn
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.reading import owners, probes, searches
from data_pipeline.postgres.reading.probes import Repeated
from data_pipeline.postgres.reading.searches import Searches
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing import clone
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.manifest import ColumnProbesFact, ProbesFact

LARGEST_DROP = 0.05
FAILED = say("search_check_incomplete")


class SearchCheck:
    """The probes of one backup, run again."""

    def __init__(self, engine: Engine, backup_set: BackupSet, request: RestoreOptions) -> None:
        self._engine = engine
        self._manifest = backup_set.manifest
        self._layout = backup_set.layout
        self._request = request

    def run(self, target: Target, report: Report) -> None:
        """Add `search_check` to the report, if tables were restored whose backup has probes. Never raises."""
        taken = self._taken(report)
        if not taken:
            return
        found: list[Repeated | None]
        try:
            with transaction(target, self._engine.timeouts, snapshot=True, read_only=True) as session:
                tables.lock(session.cursor, session.schema, self._layout, "ACCESS SHARE")
                live = tables.inspect(session.cursor, session.schema, self._layout)
                deadline = searches.deadline(session)
                found = [self._repeat(session, live, one, deadline) for one in taken]
        except ServiceError:
            found = []
        except Exception as error:  # the rows are committed: a bug in what looks at them afterwards is no failure
            _write_down(error)
            found = []
        self._record(report, taken, found)

    def _taken(self, report: Report) -> Sequence[ProbesFact]:
        """The backup's probes of the tables that were restored.

        Those of any tables are of all rows, so none where the restore is of chosen ones.
        """
        if self._manifest is None:
            return []
        if self._manifest.probes is not None:
            return [self._manifest.probes] if report.succeeded(str(self._layout.member)) else []
        if self._manifest.chosen_rows or self._request.where:
            return []
        return [one for one in self._manifest.column_probes if report.succeeded(one.table)]

    def _repeat(self, session: Session, live: Live, taken: ProbesFact, deadline: float) -> Repeated | None:
        """None where there is nothing to search."""
        if isinstance(taken, ColumnProbesFact):
            found = Searches.of(session, live[taken.table], taken.column, deadline, taken.distance)
            return probes.repeat(found, taken, probes.WHOLE, {}) if found else None
        table = live.members
        found = Searches.of(session, table, table.layout.vectors[0], deadline, taken.distance)
        if found is None:
            return None
        restored = self._restored(owners.named(session.cursor, live.owner, self._layout.owned))
        return probes.repeat(found, taken, restored, self._renamed(session, table, found.key, taken))

    def _restored(self, now: Mapping[str, str | None]) -> dict[str | None, str | None]:
        """The uuids, then and now, of the backup's collections that were restored."""
        by_name = {name: uuid for uuid, name in now.items()}
        suffix, chosen = self._request.collection_suffix, self._request.collections
        found: dict[str | None, str | None] = {}
        for fact in self._manifest.collections if self._manifest else ():
            uuid: str | None = fact.uuid if fact.uuid in now else None
            if suffix is not None:
                uuid = by_name.get((fact.name or "") + suffix)
            elif self._request.merges:
                uuid = by_name.get(fact.name, uuid)
            if uuid and (chosen is None or fact.name in chosen):
                found[fact.uuid] = uuid
        return found

    def _renamed(self, session: Session, table: Table, column: str, taken: ProbesFact) -> dict[str, str]:
        if self._request.collection_suffix is None:
            return {}
        ids = {key for probe in taken.rows for key in (probe.id, *(one.id for one in probe.neighbours))}
        return clone.keys(session.cursor, table, column, sorted(ids), self._request.collection_suffix)

    def _record(self, report: Report, taken: Sequence[ProbesFact], found: Sequence[Repeated | None]) -> None:
        if not any(found):
            report.search_checked(SearchChecked(performed=False), [FAILED])
            return
        each = [(one, again or probes.UNDONE) for one, again in zip(taken, found, strict=True)]
        everything = probes.together([again for _, again in each])
        checked = SearchChecked(
            performed=True,
            distance=probes.distance(taken),
            probes=everything.count,
            exact_matches=everything.same,
            recall=everything.recall,
            recall_at_backup=probes.recall(taken),
            columns=[_of_column(one, again) for one, again in each if isinstance(one, ColumnProbesFact)] or None,
        )
        warnings: list[str] = [warning for one, again in each for warning in self._warnings(one, again)]
        report.search_checked(checked, warnings)

    def _warnings(self, taken: ProbesFact, found: Repeated) -> list[Message]:
        """Of any tables each names its column."""
        said = self._said(taken, found)
        if not isinstance(taken, ColumnProbesFact):
            return said
        return [say("about", reason=text, subject=f"{taken.table}.{taken.column}") for text in said]

    def _said(self, taken: ProbesFact, found: Repeated) -> list[Message]:
        warnings: list[Message] = [] if found.complete else [FAILED]
        if self._nothing_else and found.same < found.count:
            warnings.append(say("search_check_neighbours_differ"))
        if taken.recall is not None and found.recall is None and found.count:
            warnings.append(say("search_check_index_gone"))
        if taken.recall is not None and found.recall is not None and taken.recall - found.recall > LARGEST_DROP:
            warnings.append(say("search_check_recall_fell", before=f"{taken.recall:.2f}", now=f"{found.recall:.2f}"))
        return warnings

    @property
    def _nothing_else(self) -> bool:
        """Only the backup's rows are in these collections now, so that every search finds the same."""
        return registry.of(self._request).removes or self._request.collection_suffix is not None


def _of_column(taken: ColumnProbesFact, found: Repeated) -> SearchedColumn:
    return SearchedColumn(
        table=taken.table,
        column=taken.column,
        distance=taken.distance,
        probes=found.count,
        exact_matches=found.same,
        recall=found.recall,
        recall_at_backup=taken.recall,
    )


def _write_down(error: Exception) -> None:
    import structlog  # a command line that only lists does without

    from common import uncaught

    log = structlog.get_logger("search_check")
    log.error("the search check failed", kind=type(error).__name__, where=uncaught.where(error))
