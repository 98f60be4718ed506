"""Schedules: what is backed up when, and which of its sets stay."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any

from pydantic import Field

from common import cron
from common.errors import InvalidParams
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.reference_data.fetch import expect_allowed
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.requests.fields import Text
from data_pipeline.operations.requests.reference_data import TableImportRequest
from data_pipeline.operations.requests.request import OperationRequest, unsupported
from data_pipeline.operations.retention_rule import RetentionRule
from data_pipeline.resources.config import Config
from data_pipeline.resources.kind import Held, Kind
from data_pipeline.resources.scheduled import KINDS
from data_pipeline.resources.timing import Timing
from data_pipeline.settings import Settings

BY_ENVIRONMENT = "BACKUP_SCHEDULE"
"""What the schedule of the environment is called, as its variable is."""

SHOWN_TIMES = 5


class ScheduleConfig(Config):
    """Times, and what is done then."""

    kind: str = Field("backup", description="What is done", json_schema_extra={"enum": [*sorted(KINDS)]})
    request: dict[str, Any] = Field(
        default_factory=dict, description="What is asked each time; for backup the body of POST /backup"
    )
    when: Text = Field(description="Five fields of cron, or hourly, daily, weekly, monthly")
    zone: Text = Field("UTC", description="The time zone that `when` is in")
    jitter_seconds: Annotated[int, Field(ge=0, le=3600)] = Field(
        0, description="Each run begins up to so much later, so that many schedules don't begin at once"
    )
    grace_minutes: Annotated[int, Field(ge=1, le=10080)] = Field(
        60, description="How long after its time a good run has to be there; then it is overdue"
    )
    retention: RetentionRule | None = Field(None, description="Which of its sets stay; all if absent")
    drill: bool = Field(False, description="Prove each set by a restore right after it is made; only for backup")
    paused: bool = Field(False, description="No time is due as long as this is set")

    @property
    def times(self) -> cron.Schedule:
        """Raises ValueError."""
        if len(self.when.split()) not in (1, cron.FIELDS) or " " in self.zone:
            raise ValueError("a zone in `when`, or too many fields")
        return cron.parse(f"{self.when} {self.zone}")

    def timing(self, name: str) -> Timing:
        """Raises ValueError."""
        jitter, grace = timedelta(seconds=self.jitter_seconds), timedelta(minutes=self.grace_minutes)
        return Timing(name, self.times, jitter, grace)

    def operation(self) -> OperationRequest:
        """What is asked each time. Raises ServiceError."""
        return KINDS[self.kind].request(self.request)


class ScheduleKind(Kind[ScheduleConfig]):
    """Those of rows, and the one of BACKUP_SCHEDULE."""

    name, plural, config = "schedule", "schedules", ScheduleConfig

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def _settings(self) -> Settings:
        return self._engine.settings

    def environment(self) -> Mapping[str, Held[ScheduleConfig]]:
        settings = self._settings
        times = settings.backup_schedule
        if times is None:
            return {}
        keeps = settings.backup_keep_days or settings.backup_keep_last
        rule = RetentionRule(keep_days=settings.backup_keep_days, keep_last=settings.backup_keep_last)
        config = ScheduleConfig(when=times.cron, zone=str(times.zone), retention=rule if keeps else None)
        return {BY_ENVIRONMENT: Held(BY_ENVIRONMENT, config, config.shown())}

    def expect_possible(self, name: str, config: ScheduleConfig) -> None:
        if config.kind not in KINDS:
            raise unsupported("kind", sorted(KINDS))
        try:
            cron.zone_named(config.zone)
        except ValueError:
            raise InvalidParams(say("zone_unknown"), details={"field": "zone"}) from None
        try:
            config.timing(name)
        except ValueError:
            raise InvalidParams(say("schedule_never_due"), details={"field": "when"}) from None
        operation = config.operation()
        if isinstance(operation, BackupRequest) and not (operation.named_database or self._settings.database_named):
            raise InvalidParams(say("schedule_needs_a_database"), details={"field": "request"})
        if isinstance(operation, TableImportRequest):
            expect_allowed(operation.url, self._settings.import_urls)
        kind = KINDS[config.kind]
        for field, given in (("retention", config.retention is not None), ("drill", config.drill)):
            if given and not kind.makes_sets:
                raise InvalidParams(say("schedule_field_unsupported", field=field), details={"field": field})
        for target in kind.targets(config.request):
            self._expect_target(target)
        for storage in kind.storages(config.request):
            self._engine.storages.check(storage)

    def _expect_target(self, name: str) -> None:
        """Raise what is wrong with one, told as what it is in a schedule: a name, never a URL."""
        try:
            if self._engine.stores.find(name) is None:
                self._engine.databases.named(name)
        except InvalidParams as error:
            error.data["details"] = {"field": "request"}
            raise

    def try_out(self, name: str, config: ScheduleConfig | None) -> dict[str, Any]:
        """Whether it can still be run, and its next times."""
        assert config is not None  # noqa: S101
        self.expect_possible(name, config)
        times, moment = config.times, datetime.now(timezone.utc)
        found = [moment := times.next(moment) for _ in range(SHOWN_TIMES)]
        return {"next_times": [time.astimezone(times.zone).isoformat(timespec="seconds") for time in found]}
