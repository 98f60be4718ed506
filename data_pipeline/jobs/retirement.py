"""Old sets of schedules go, as each schedule's own rule says."""

from collections.abc import Mapping
from datetime import datetime, timezone, tzinfo
from typing import Any

import structlog

from common.errors import ServiceError
from data_pipeline.jobs.backend.schedule_runs import Run, ScheduleRuns
from data_pipeline.operations import retention_rule
from data_pipeline.operations.retention import Named, Retention
from data_pipeline.operations.retention_rule import Made, RetentionRule
from data_pipeline.resources.kind import Held
from data_pipeline.resources.store import Resources
from data_pipeline.storage import location
from data_pipeline.storage.location import Location

log = structlog.get_logger("jobs")


class Retirement:
    """Retention of all sets: those of each schedule by its rule, the others by the environment's.

    A schedule's sets are those that the jobs database knows it has made: where that is not to be had, nothing goes.
    """

    def __init__(self, resources: Resources, others: Retention) -> None:
        self._resources = resources
        self._runs = ScheduleRuns(resources.database)
        self._others = others

    def retire(self) -> None:
        """Remove what no rule keeps. Raises ServiceError; what was not looked at is at the next time."""
        schedules = [held for held in self._resources.all("schedule") if not held.of_environment]
        made = {held.name: [run for run in self._runs.made(held.name) if _places(run)] for held in schedules}
        spoken_for = {(where, _timestamp(run)) for runs in made.values() for run in runs for where in _places(run)}
        self._others.retire(besides=spoken_for)
        for held in schedules:
            self._retire(held, made[held.name])

    def _retire(self, held: Held[Any], runs: list[Run]) -> None:
        """Of each database by itself: a schedule that was given another one still has the sets of the first."""
        rule: RetentionRule | None = held.config.retention if held.config else None
        if rule is None:
            return
        zone: tzinfo = held.config.times.zone if held.config else timezone.utc
        for database in dict.fromkeys(map(_database, runs)):
            own = [run for run in runs if _database(run) == database]
            made = [Made(run.due.astimezone(zone), _size(run)) for run in own]
            staying = retention_rule.kept(made, rule, datetime.now(timezone.utc))
            self._remove(own, [run for place, run in enumerate(own) if place not in staying])

    def _remove(self, own: list[Run], outdated: list[Run]) -> None:
        """What is outdated, in every storage; a run is done with once its set is in none of them."""
        left: set[Named] = set()
        for storage in dict.fromkeys(where.storage for run in outdated for where in _places(run)):
            old = _named(outdated, storage)
            try:
                left |= self._others.retire_chosen(_named(own, storage), old)
            except ServiceError as error:  # it may come back, and the others are there
                log.warning("old sets not removed from a storage", storage=storage, why=error.error_type)
                left |= set(old)
        for run in outdated:
            if left.isdisjoint((where, _timestamp(run)) for where in _places(run)):
                self._runs.retired(run)


def _named(runs: list[Run], storage: str) -> list[Named]:
    """Their sets in one storage, in their order."""
    return [(where, _timestamp(run)) for run in runs for where in _places(run) if where.storage == storage]


def _places(run: Run) -> list[Location]:
    """Where the set of a run lies; nowhere for one without a set."""
    result = run.result or {}
    if not (result.get("backup_directory") and result.get("backup_timestamp")):
        return []
    first = location.parse(result["backup_directory"])
    copies: Mapping[str, Any] = result.get("storages") or {}
    stored = [name for name, one in copies.items() if one.get("success") and name != first.storage]
    return [first, *(Location(first.parts, name) for name in stored)]


def _timestamp(run: Run) -> str:
    return str((run.result or {}).get("backup_timestamp"))


def _database(run: Run) -> tuple[Any, ...]:
    target = (run.result or {}).get("target") or {}
    return tuple(target.get(key) for key in ("host", "port", "dbname", "schema"))


def _size(run: Run) -> int:
    tables = (run.result or {}).get("tables_backed_up") or {}
    return sum(int(table.get("file_bytes", 0)) for table in tables.values())
