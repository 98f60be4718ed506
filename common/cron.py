"""When something is due: five fields of cron, or a name for them, in a time zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from zoneinfo import ZoneInfo

from croniter import croniter

FIELDS = 5
DEFAULT_ZONE = "UTC"
NAMED = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 1", "monthly": "0 0 1 * *"}
CHANGE = timedelta(hours=3)
"""Clocks are put forward or back by less: within so much of a moment a wall clock's times may come in another order."""


@dataclass(frozen=True)
class Schedule:
    """`0 3 * * *` and a zone: daily at three, by that zone's clocks.

    croniter finds the times of a wall clock. What they are here is decided as cron does: a time that clocks skip comes
    that much later, a time that they show twice comes the first time; one of every hour comes in each hour that passes.
    """

    cron: str
    zone: ZoneInfo

    def __str__(self) -> str:
        return f"{self.cron} {self.zone}"

    def last(self, moment: datetime) -> datetime:
        """The latest time at or before a moment (with a zone of its own) at which it was due."""
        wall = moment.astimezone(self.zone).replace(tzinfo=None)
        if not self._changes(moment):
            return self._first(croniter(self.cron, wall + timedelta(seconds=1)).get_prev(datetime))
        before = croniter(self.cron, wall - CHANGE).get_prev(datetime)
        around = self._between(before - timedelta(seconds=1), wall + CHANGE)
        return max(found for found in around if found <= moment)

    def next(self, moment: datetime) -> datetime:
        """The first time after a moment at which it is due."""
        wall = moment.astimezone(self.zone).replace(tzinfo=None)
        if not self._changes(moment):
            return self._first(croniter(self.cron, wall).get_next(datetime))
        after = croniter(self.cron, wall + CHANGE).get_next(datetime)
        around = self._between(wall - CHANGE, after)
        return min(found for found in around if found > moment)

    def _changes(self, moment: datetime) -> bool:
        """Whether clocks change around a moment."""
        offsets = {(moment + shift).astimezone(self.zone).utcoffset() for shift in (-CHANGE, CHANGE)}
        return len(offsets) > 1

    def _between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The times after one and up to another, both by the wall clock."""
        times: Iterator[datetime] = croniter(self.cron, start).all_next(datetime)
        for wall in takewhile(lambda time: time <= end, times):
            yield self._first(wall)
            if self.cron.split()[1].startswith("*"):
                yield wall.replace(tzinfo=self.zone, fold=1).astimezone(timezone.utc)

    def _first(self, wall: datetime) -> datetime:
        """When clocks show a time for the first time, or, where they skip it, as long after the jump as it is."""
        return wall.replace(tzinfo=self.zone).astimezone(timezone.utc)


def parse(text: str) -> Schedule:
    """Read `0 3 * * * Asia/Shanghai` or `daily Asia/Shanghai`; without a zone it is UTC. Raises ValueError."""
    first, _, rest = text.strip().partition(" ")
    fields = f"{NAMED.get(first, first)} {rest}".split()
    zone = fields.pop() if len(fields) == FIELDS + 1 else DEFAULT_ZONE
    if len(fields) != FIELDS:
        raise ValueError("not five fields and a zone")
    schedule = Schedule(" ".join(fields), zone_named(zone))
    try:
        croniter(schedule.cron).get_next()  # a 30th of February is well-formed, and never comes
    except (ValueError, KeyError) as error:
        raise ValueError("no such time") from error
    return schedule


def zone_named(name: str) -> ZoneInfo:
    """The time zone of a name like Asia/Shanghai. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise ValueError("no such zone") from error
