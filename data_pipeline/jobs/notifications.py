"""What happens is told: once to each notifier that wants it, in its language; what couldn't be sent is sent again."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import structlog

from common.errors import NotFound, ServiceError
from common.messages import say
from data_pipeline.jobs.backend.outbox import Outbox, Outgoing
from data_pipeline.jobs.backend.schedule_runs import Run
from data_pipeline.jobs.occasion import Occasion, of_ending
from data_pipeline.jobs.scheduler import ScheduleState
from data_pipeline.notify import sender
from data_pipeline.notify.message import TROUBLE, Event
from data_pipeline.operations.requests.drill import DrillRequest
from data_pipeline.resources.notifiers import NotifierConfig
from data_pipeline.resources.store import Resources
from data_pipeline.settings import Settings

PATIENCE = timedelta(days=1)
"""What couldn't be sent for so long is given up."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)
LOOK_SECONDS = 30.0
"""How often it is looked for what is overdue."""

log = structlog.get_logger("notify")


class Notifications:
    """Methods raise ServiceUnavailable where the jobs database can't be reached."""

    def __init__(self, resources: Resources, settings: Settings) -> None:
        self.outbox = Outbox(resources.database)
        self._resources = resources
        self._hosts = settings.notify_hosts
        self._looked = -LOOK_SECONDS

    def settled(self, run: Run) -> None:
        """A run of a schedule has ended."""
        good, cause, facts = of_ending(run.state, run.result, run.error)
        if good is None:
            return
        name = name_of(run)
        trouble: Event = "drill_failed" if self._kind(name) == DrillRequest.kind else "failure"
        at = run.finished_at or datetime.now(timezone.utc)
        self.tell(Occasion("success" if good else trouble, name, name, at, cause, run.job_id, facts))

    def look(self, states: Callable[[], list[ScheduleState]]) -> None:
        """Tell what is overdue. states: gives those of all schedules, which takes a few queries each: not each time."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        for state in states():
            if state.overdue and state.good_by is not None:
                name, by = state.held.name, state.good_by.astimezone().isoformat(timespec="seconds")
                facts = (say("notice_due", time=by),)
                self.tell(Occasion("overdue", name, name, datetime.now(timezone.utc), facts=facts))

    def tell(self, occasion: Occasion) -> None:
        """Put what there is to say of it on its way."""
        for held in self._resources.all("notifier"):
            config: NotifierConfig | None = held.config
            if config is not None and (config.schedules is None or occasion.schedule in config.schedules):
                self._tell(held.name, config, occasion)

    def deliver(self) -> None:
        """Send what is due, a message after the other."""
        while (outgoing := self.outbox.take()) is not None:
            try:
                config: NotifierConfig = self._resources.config("notifier", outgoing.notifier)
                sender.send(config.url or "", config.secret, outgoing.message, self._hosts)
            except NotFound:
                self.outbox.remove(outgoing.notifier)
            except ServiceError as error:
                self._failed(outgoing, error)
            except Exception as error:  # a service's own code: its text may hold its URL
                log.error("a notifier failed", notifier=outgoing.notifier, kind=type(error).__name__)
                self._failed(outgoing, sender.failure())
            else:
                self.outbox.sent(outgoing.message.id)

    def _tell(self, name: str, config: NotifierConfig, occasion: Occasion) -> None:
        wanted = config.wanted
        if occasion.event in TROUBLE:
            told = occasion.message(occasion.event, config.language) if occasion.event in wanted else None
            repeat = timedelta(hours=config.repeat_hours)
            self.outbox.trouble(name, occasion.subject, occasion.event, occasion.cause, repeat, told)
        else:
            events: tuple[Event, ...] = ("recovered", "success")
            recovered, success = (occasion.message(e, config.language) if e in wanted else None for e in events)
            self.outbox.success(name, occasion.subject, recovered, success)

    def _failed(self, outgoing: Outgoing, error: ServiceError) -> None:
        wait = min(FIRST_WAIT * 2 ** min(outgoing.attempts, 10), LONGEST_WAIT)
        shown = {"error_type": error.error_type, "response": error.response}
        given_up = self.outbox.failed(outgoing.message.id, shown, wait, PATIENCE)
        level = log.error if given_up else log.warning
        level("a notification was not sent", notifier=outgoing.notifier, error=error.error_type, given_up=given_up)

    def _kind(self, schedule: str) -> str | None:
        """What a schedule does; None if it is gone."""
        try:
            config = self._resources.get("schedule", schedule).config
        except NotFound:
            return None
        return config.kind if config is not None else None


def name_of(run: Run) -> str:
    """That of its schedule: the environment's has its database and its times behind it."""
    return run.schedule.partition(" ")[0]
