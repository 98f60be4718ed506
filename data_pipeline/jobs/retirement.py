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
from data_pipeline.operations.stacks.stack_retention import StackRetention
from data_pipeline.resources.kind import Held
from data_pipeline.resources.scheduled import KINDS
from data_pipeline.resources.store import Resources
from data_pipeline.storage import location
from data_pipeline.storage.location import Location

log = structlog.get_logger("jobs")


class Retirement:
    """Retention of all sets: those of each schedule by its rule, those of stacks by theirs, the others by the
    environment's.

    A schedule's sets are those that the jobs database knows it has made: where that is not to be had, nothing goes.
    """

    def __init__(self, resources: Resources, stacks: StackRetention, others: Retention) -> None:
        self._resources = resources
        self._runs = ScheduleRuns(resources.database)
        self._stacks = stacks
        self._others = others

    def retire(self) -> None:
        """Remove what no rule keeps. Raises ServiceError; what was not looked at is at the next time."""
        schedules = [held for held in self._resources.all("schedule") if _makes_sets(held) and not held.of_environment]
        made = {held.name: self._runs.made(held.name) for held in schedules if self._others.has_rule or _rule(held)}
        spoken_for = {named for runs in made.values() for run in runs for named in _sets(run)}
        self._others.retire(besides=spoken_for | self._stacks.members())
        self._stacks.retire()
        for held in schedules:
            if held.config is not None and (rule := _rule(held)) is not None:
                self._retire(rule, held.config.times.zone, made[held.name])

    def _retire(self, rule: RetentionRule, zone: tzinfo, runs: list[Run]) -> None:
        """By the sets of each database in each storage: a schedule may have had others, and not every run reaches all.

        A set that was deleted by hand takes no other one's place. A run is done with once its set is nowhere.
        """
        every = [(run, named) for run in runs for named in _sets(run)]
        gone = self._others.missing([named for _, named in every])
        there = [(run, named) for run, named in every if named not in gone]
        left = {named for _, named in there}
        for group in dict.fromkeys(map(_group, there)):
            own = [one for one in there if _group(one) == group]
            made = [Made(run.due.astimezone(zone), _size(run)) for run, _ in own]
            staying = retention_rule.kept(made, rule, datetime.now(timezone.utc))
            old = [named for place, (_, named) in enumerate(own) if place not in staying]
            left -= self._removed([named for _, named in own], old)
        for run in runs:
            if left.isdisjoint(_sets(run)):
                self._runs.retired(run)

    def _removed(self, own: list[Named], old: list[Named]) -> set[Named]:
        """Those of one storage's old sets that are gone now."""
        if not old:
            return set()
        try:
            return set(old) - self._others.retire_chosen(own, old)
        except ServiceError as error:  # it may come back, and the others are there
            log.warning("old sets not removed from a storage", storage=old[0][0].storage, why=error.error_type)
            return set()


def _makes_sets(held: Held[Any]) -> bool:
    """Whether its runs have sets of their own, as far as this version knows: what a later one has made is not another
    rule's either."""
    return held.config is None or held.config.kind not in KINDS or KINDS[held.config.kind].makes_sets


def _rule(held: Held[Any]) -> RetentionRule | None:
    return held.config.retention if held.config and held.config.kind in KINDS else None


def _sets(run: Run) -> list[Named]:
    """Where the set of a run lies, by its answer; nowhere for one without a set."""
    result = run.result or {}
    if not (result.get("backup_directory") and result.get("backup_timestamp")):
        return []
    first = location.parse(result["backup_directory"])
    copies: Mapping[str, Any] = result.get("storages") or {}
    stored = [name for name, one in copies.items() if one.get("success") and name != first.storage]
    return [(where, result["backup_timestamp"]) for where in (first, *(Location(first.parts, name) for name in stored))]


def _group(one: tuple[Run, Named]) -> tuple[Any, ...]:
    run, (where, _) = one
    return *_database(run), where.storage


def _database(run: Run) -> tuple[Any, ...]:
    target = (run.result or {}).get("target") or {}
    return tuple(target.get(key) for key in ("family", "host", "port", "dbname", "schema"))


def _size(run: Run) -> int:
    result = run.result or {}
    tables = result.get("tables_backed_up") or result.get("files") or {}
    return sum(int(table.get("file_bytes", 0)) for table in tables.values())
