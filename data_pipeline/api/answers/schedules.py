"""The schedules as routes, commands and health say of them how they stand."""

from common.errors import ServiceError
from common.messages import Message, say
from data_pipeline.api.answers.resources import ListedSchedule, ScheduleList, ScheduleStatus, ShownSchedule
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.resources.kind import Held
from data_pipeline.resources.schedules import ScheduleConfig


def status(jobs: Jobs, held: Held[ScheduleConfig]) -> ScheduleStatus | None:
    """How one stands; None where the jobs database can't say: what is configured is shown all the same."""
    try:
        return ScheduleStatus.of(jobs.scheduler.state(held))
    except ServiceError:
        return None


def schedule_list(jobs: Jobs) -> ScheduleList:
    """All of them; a command has no use for a part. Raises ServiceUnavailable."""
    parts = [ListedSchedule.of(held, status=status(jobs, held)) for held in jobs.resources.all("schedule")]
    return ScheduleList(response=say("resources_listed", count=len(parts)), complete=True, schedules=parts)


def shown_schedule(jobs: Jobs, held: Held[ScheduleConfig], text: Message) -> ShownSchedule:
    """One that was made or changed."""
    return ShownSchedule.of(held, response=text, status=status(jobs, held))
