"""When a schedule's next run is due, and when a good one is overdue: pure, by the clock and the runs there were."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from common.cron import Schedule

CLOCK_ERROR = timedelta(days=1)
"""A run that was due so far in the future was recorded by a clock that went wrong: it counts for nothing. Less than
that, and the clock has been put back: what has run already doesn't run again."""

STEP = timedelta(seconds=1)


@dataclass(frozen=True)
class Timing:
    """cron: the times. jitter: a run begins up to so much later. grace: how long it may take before it is overdue."""

    name: str
    cron: Schedule
    jitter: timedelta
    grace: timedelta

    def starts(self, due: datetime) -> datetime:
        """When the run of a due time begins: the same in every process, and another for each name."""
        spread = int(self.jitter.total_seconds())
        if not spread:
            return due
        drawn = int.from_bytes(sha256(f"{self.name} {due.timestamp():.0f}".encode()).digest()[:8], "big")
        return due + timedelta(seconds=drawn % (spread + 1))

    def due(self, now: datetime, latest: datetime) -> datetime | None:
        """The time whose run is to begin now: the last one that has come, if it is later than `latest`.

        latest: the last time that has been run, or before which nothing counts. Of several that were missed only the
        last is made up.
        """
        found = self.cron.last(now)
        while found > latest and self.starts(found) > now:
            found = self.cron.last(found - STEP)
        return found if found > latest else None

    def next_due(self, now: datetime, latest: datetime) -> datetime:
        """When the next run begins, if the service runs: now, or earlier, for one that was missed."""
        missed = self.cron.next(latest)
        return self.starts(missed if missed > now else self.due(now, latest) or self.cron.next(max(now, latest)))

    def good_by(self, last_good: datetime) -> datetime:
        """When the next good backup has to be there. last_good: when the last one was due, or the schedule began."""
        return self.cron.next(last_good) + self.jitter + self.grace

    def is_overdue(self, now: datetime, last_good: datetime) -> bool:
        return now > self.good_by(last_good)
