"""When something is due: five fields of cron, in a time zone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

FIELDS = 5
DEFAULT_ZONE = "UTC"


@dataclass(frozen=True)
class Schedule:
    """`0 3 * * *` and a zone: daily at three, by that zone's clocks."""

    cron: str
    zone: ZoneInfo

    def last(self, moment: datetime) -> datetime:
        """The latest time at or before a moment (with a zone of its own) at which it was due."""
        after = moment.astimezone(self.zone) + timedelta(seconds=1)  # croniter looks strictly before
        found: datetime = croniter(self.cron, after).get_prev(datetime)
        return found


def parse(text: str) -> Schedule:
    """Read `0 3 * * * Asia/Shanghai`; without a zone it is UTC. Raises ValueError."""
    fields = text.split()
    zone = fields.pop() if len(fields) == FIELDS + 1 else DEFAULT_ZONE
    if len(fields) != FIELDS:
        raise ValueError("not five fields and a zone")
    try:
        schedule = Schedule(" ".join(fields), ZoneInfo(zone))
        croniter(schedule.cron).get_next()  # a 30th of February is well-formed, and never comes
    except (ValueError, KeyError, OSError) as error:
        raise ValueError("no such time or zone") from error
    return schedule
