"""The answers of the routes of resources: what there is of each kind, without secrets."""

from datetime import datetime, timezone
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field
from typing_extensions import Self

from common.messages import say
from data_pipeline.api.answers.jobs import Moment
from data_pipeline.engine import Engine
from data_pipeline.jobs.backend.schedule_runs import Run
from data_pipeline.jobs.occasion import faults_of
from data_pipeline.jobs.scheduler import ScheduleState
from data_pipeline.operations.results.result import (
    Count,
    Part,
    Result,
    Seconds,
    Sometimes,
    StoreTarget,
    Target,
    shown_target,
)
from data_pipeline.resources.kind import Held
from data_pipeline.resources.store import Resources
from data_pipeline.storage.registry import kind_of


class HeldResource(Part):
    """A resource, without its secrets."""

    name: str
    source: Literal["environment", "api"] = Field(description="environment: it is read-only here")
    config: dict[str, Any] = Field(description="As it may be sent back to change it; a secret left out stays as it is")
    secrets: list[str] = Field(description="Which secrets it has; their values are never shown")
    readable: bool = Field(
        description="False: its secrets can't be opened, since the key they were sealed with is gone"
    )
    created_at: Moment | None
    updated_at: Moment | None

    @classmethod
    def of(cls, held: Held[Any], **more: Any) -> Self:
        return cls(
            name=held.name,
            source="environment" if held.of_environment else "api",
            config=held.shown,
            secrets=list(held.secrets),
            readable=held.of_environment or held.config is not None,
            created_at=held.created_at,
            updated_at=held.updated_at,
            **more,
        )


class ListedTarget(HeldResource):
    """A database, or another store."""

    target: Target | StoreTarget | None = Field(
        description="Where it is; null if that can't be read, or its host is not allowed"
    )


class ListedStorage(HeldResource):
    """A place for backups."""

    place: Literal["directory", "bucket"]


class ListedNotifier(HeldResource):
    """An address that is told what happens."""

    service: str | None = Field(description="The scheme of its URL")


class GoodRun(Part):
    """The last good run of a schedule."""

    due: Moment
    finished_at: Moment
    job_id: str | None
    age_seconds: Seconds
    backup_path: Sometimes[str] = None
    timestamp: Sometimes[str] = None
    rows: Sometimes[Count] = None
    bytes: Sometimes[Count] = None
    duration: Sometimes[Seconds] = None

    @classmethod
    def of(cls, run: Run) -> Self:
        result, ended = run.result or {}, run.finished_at or run.created_at
        tables = (result.get("tables_backed_up") or result.get("files") or {}).values()
        return cls(
            due=run.due,
            finished_at=ended,
            job_id=run.job_id,
            age_seconds=max(0.0, round((datetime.now(timezone.utc) - ended).total_seconds(), 1)),
            backup_path=result.get("backup_directory"),
            timestamp=result.get("backup_timestamp"),
            rows=sum(table.get("row_count", 0) for table in tables) if tables else None,
            bytes=sum(table.get("file_bytes", 0) for table in tables) if tables else None,
            duration=result.get("duration"),
        )


class FailedRun(Part):
    """The last run of a schedule that was not good, and why."""

    due: Moment
    finished_at: Moment
    job_id: str | None
    state: str
    error_type: str | None
    error: str | None

    @classmethod
    def of(cls, run: Run) -> Self:
        failed = (run.error or {}).get("data", {})
        partly = faults_of(run.result or {}) or [None]
        return cls(
            due=run.due,
            finished_at=run.finished_at or run.created_at,
            job_id=run.job_id,
            state=run.state,
            error_type=failed.get("error_type"),
            error=failed.get("response", partly[0]),
        )


class ScheduleStatus(Part):
    """How a schedule stands."""

    last_good: GoodRun | None
    last_failure: FailedRun | None
    running: str | None = Field(description="The job that runs for it now")
    next_due: Moment | None = Field(description="null: it is paused")
    good_by: Moment | None = Field(description="When the next good run has to be there")
    overdue: bool
    proven_at: Moment | None = Field(description="When a restore of one of its sets was last proven to work")

    @classmethod
    def of(cls, state: ScheduleState) -> Self | None:
        facts = state.facts
        if facts is None:
            return None
        return cls(
            last_good=GoodRun.of(facts.good) if facts.good else None,
            last_failure=FailedRun.of(facts.bad) if facts.bad else None,
            running=facts.running,
            next_due=state.next_due,
            good_by=state.good_by,
            overdue=state.overdue,
            proven_at=facts.proven_at,
        )


class ListedSchedule(HeldResource):
    """Times, and what is done then."""

    status: ScheduleStatus | None = Field(description="null: not known, since the jobs database can't be reached")


class ShownTarget(ListedTarget, Result):
    """A database, or another store."""


class ShownStorage(ListedStorage, Result):
    """A place for backups."""


class ShownNotifier(ListedNotifier, Result):
    """An address that is told what happens."""


class ShownSchedule(ListedSchedule, Result):
    """Times, and what is done then."""


class Listed(Result):
    """Those of one kind."""

    complete: bool = Field(
        description="False: the jobs database can't be reached, so that only those of the environment are known"
    )


class TargetList(Listed):
    """The databases and other stores that requests may name."""

    targets: list[ListedTarget]


class StorageList(Listed):
    """The places for backups."""

    storages: list[ListedStorage]


class NotifierList(Listed):
    """The addresses that are told what happens."""

    notifiers: list[ListedNotifier]


class ScheduleList(Listed):
    """The schedules, and how each stands."""

    schedules: list[ListedSchedule]


class DeletedResource(Result):
    """It is gone."""

    name: str


class TriedResource(Result):
    """It works."""

    name: str
    seen: dict[str, Any] = Field(
        description="Of a target its version, of a storage its free space, of a schedule its times"
    )


class ResourceAnswers:
    """Makes an answer's part of a resource, by its kind. status: how a schedule stands, None where that is unknown."""

    shown: ClassVar[dict[str, type[HeldResource]]] = {
        "target": ShownTarget,
        "storage": ShownStorage,
        "schedule": ShownSchedule,
        "notifier": ShownNotifier,
    }
    lists: ClassVar[dict[str, type[Listed]]] = {
        "target": TargetList,
        "storage": StorageList,
        "schedule": ScheduleList,
        "notifier": NotifierList,
    }

    def __init__(self, engine: Engine, resources: Resources, status: Any) -> None:
        self._engine = engine
        self._resources = resources
        self._status = status

    def part(self, kind: str, held: Held[Any], model: type[HeldResource] | None = None, **more: Any) -> HeldResource:
        """One among others, or alone where a model of `shown` is given."""
        about = getattr(self, f"_{kind}")
        found, further = about(held)
        return (model or found).of(held, **further, **more)

    def _target(self, held: Held[Any]) -> tuple[type[HeldResource], dict[str, Any]]:
        found = self._resources.target(held)
        return ListedTarget, {"target": shown_target(found.public()) if found else None}

    def _storage(self, held: Held[Any]) -> tuple[type[HeldResource], dict[str, Any]]:
        settings = self._engine.settings
        place = settings.storages.get(held.name, settings.output_directory)
        return ListedStorage, {"place": kind_of(place) if held.of_environment else "bucket"}

    def _notifier(self, held: Held[Any]) -> tuple[type[HeldResource], dict[str, Any]]:
        scheme = urlsplit(held.config.url or "").scheme if held.config else None
        return ListedNotifier, {"service": scheme}

    def _schedule(self, held: Held[Any]) -> tuple[type[HeldResource], dict[str, Any]]:
        return ListedSchedule, {"status": self._status(held)}

    def listed(self, kind: str, held: list[Held[Any]], complete: bool) -> Listed:
        """All of one kind."""
        parts = [self.part(kind, one) for one in held]
        text = say("resources_listed", count=len(parts)) if complete else say("resources_of_environment_only")
        plural = self._resources.kinds[kind].plural
        more: dict[str, Any] = {plural: parts, "complete": complete}
        return self.lists[kind](response=text, **more)
