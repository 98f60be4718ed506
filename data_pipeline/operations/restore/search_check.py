"""After a restore: does a search still find what it found when the backup was taken?

It runs once the restore is committed, in a snapshot of its own: no reader waits for it, and nothing it finds, nor that
it fails, can undo the restore.
"""

from collections.abc import Mapping

from common.errors import ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.report import Outcome
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.reading import owners, probes
from data_pipeline.postgres.reading.probes import Repeated
from data_pipeline.postgres.reading.searches import Searches
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing import clone
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.manifest import Manifest, ProbesFact

LARGEST_DROP = 0.05
FAILED = say("search_check_incomplete")


class SearchCheck:
    """The probes of one backup, run again."""

    def __init__(self, engine: Engine, backup_set: BackupSet, options: RestoreRequest) -> None:
        self._engine = engine
        self._layout = backup_set.layout
        self._manifest = backup_set.manifest
        self._options = options

    def run(self, target: Target, outcome: Outcome) -> None:
        """Add `search_check` to the outcome, if embeddings were restored and their backup has probes. Never raises."""
        if self._manifest is None or self._manifest.probes is None or not outcome.succeeded(str(self._layout.member)):
            return
        try:
            with transaction(target, self._engine.timeouts, snapshot=True, read_only=True) as session:
                tables.lock(session.cursor, session.schema, self._layout, "ACCESS SHARE")
                found = self._repeat(session, self._manifest, self._manifest.probes)
        except ServiceError:
            found = None
        except Exception as error:  # the rows are committed: a bug in what looks at them afterwards is no failure
            _write_down(error)
            found = None
        self._record(outcome, self._manifest.probes, found)

    def _repeat(self, session: Session, manifest: Manifest, taken: ProbesFact) -> Repeated | None:
        live = tables.inspect(session.cursor, session.schema, self._layout)
        searches = Searches.of(session, live.members, taken.distance)
        if searches is None:
            return None
        now = owners.named(session.cursor, live.owner, self._layout.owned)
        restored = self._restored(manifest, now)
        return probes.repeat(searches, taken, restored, self._renamed(session, live.members, searches.key, taken))

    def _restored(self, manifest: Manifest, now: Mapping[str, str | None]) -> dict[str, str]:
        """The uuids, then and now, of the backup's collections that were restored."""
        by_name = {name: uuid for uuid, name in now.items()}
        suffix, chosen = self._options.collection_suffix, self._options.collections
        found: dict[str, str] = {}
        for fact in manifest.collections:
            uuid: str | None = fact.uuid if fact.uuid in now else None
            if suffix is not None:
                uuid = by_name.get((fact.name or "") + suffix)
            elif self._options.merges:
                uuid = by_name.get(fact.name, uuid)
            if uuid and (chosen is None or fact.name in chosen):
                found[fact.uuid] = uuid
        return found

    def _renamed(self, session: Session, table: Table, column: str, taken: ProbesFact) -> dict[str, str]:
        if self._options.collection_suffix is None:
            return {}
        ids = {key for probe in taken.rows for key in (probe.id, *(one.id for one in probe.neighbours))}
        return clone.keys(session.cursor, table, column, sorted(ids), self._options.collection_suffix)

    def _record(self, outcome: Outcome, taken: ProbesFact, found: Repeated | None) -> None:
        if found is None:
            outcome.search_checked({"performed": False}, [FAILED])
            return
        answer = {
            "performed": True,
            "distance": taken.distance,
            "probes": found.count,
            "exact_matches": found.same,
            "recall": found.recall,
            "recall_at_backup": taken.recall,
        }
        outcome.search_checked(answer, self._warnings(taken, found))

    def _warnings(self, taken: ProbesFact, found: Repeated) -> list[str]:
        warnings: list[str] = [] if found.complete else [FAILED]
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
        return self._options.removes or self._options.collection_suffix is not None


def _write_down(error: Exception) -> None:
    import structlog  # a command line that only lists does without

    from common import uncaught

    log = structlog.get_logger("search_check")
    log.error("the search check failed", kind=type(error).__name__, where=uncaught.where(error))
