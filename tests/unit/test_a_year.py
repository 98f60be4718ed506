"""A year of one schedule, its clock simulated: runs, failures and outages, what is kept, and when overdue is told."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from data_pipeline.operations.retention_rule import Made, RetentionRule, kept
from data_pipeline.resources.timing import Timing
from tests.unit.test_timing import DAY, HOUR, YEAR, ZONE, outages, timing

STEP = timedelta(minutes=15)
GFS = {"keep_daily": 7, "keep_weekly": 5, "keep_monthly": 6, "keep_yearly": 2}
# As the rule is documented, said another way than the code says it.
PERIODS: dict[str, Callable[[datetime], str]] = {
    "keep_daily": lambda at: f"{at:%Y-%m-%d}",
    "keep_weekly": lambda at: f"{at - timedelta(days=at.weekday()):%Y-%m-%d}",
    "keep_monthly": lambda at: f"{at:%Y-%m}",
    "keep_yearly": lambda at: f"{at:%Y}",
}


@dataclass
class Service:
    """What a service does each time it looks at the clock: as the scheduler, the retention and the notifications do.

    ran: when each due time ran. good: those of them that made a set. there: the sets. told: each overdue that was told,
    by what was due, and when that was.
    """

    schedule: Timing
    rule: RetentionRule
    since: datetime
    ran: dict[datetime, datetime] = field(default_factory=dict)
    good: dict[datetime, datetime] = field(default_factory=dict)
    there: list[Made] = field(default_factory=list)
    told: dict[datetime, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._plan(self.since)

    def look(self, now: datetime, *, works: bool) -> None:
        if now >= self._wakes:
            due = self.schedule.due(now, max(self.ran, default=self.since))
            assert due is not None
            assert due not in self.ran
            self.ran[due] = now
            if works:
                self._back_up(due, now)
            self._plan(now)
        if now > self._good_by and self._good_by not in self.told:
            assert self.schedule.is_overdue(now, max(self.good, default=self.since))
            self.told[self._good_by] = now

    def _plan(self, now: datetime) -> None:
        """Until then nothing is due: asking cron each time would take most of the year."""
        self._wakes = self.schedule.next_due(now, max(self.ran, default=self.since))
        self._good_by = self.schedule.good_by(max(self.good, default=self.since))

    def _back_up(self, due: datetime, now: datetime) -> None:
        self.good[due] = now
        self.there.insert(0, Made(due.astimezone(self.schedule.cron.zone), 1))
        staying = kept(self.there, self.rule, now)
        self.there = [one for place, one in enumerate(self.there) if place in staying]


def expected_to_stay(sets: list[datetime], rule: dict[str, int]) -> list[datetime]:
    """sets: in the schedule's zone. Newest first: of each kind of period the last set of each of the newest ones."""
    staying: set[datetime] = set()
    for name, number in rule.items():
        last = {PERIODS[name](at): at for at in sorted(sets)}
        staying |= set(sorted(last.values())[-number:])
    return sorted(staying, reverse=True)


@pytest.mark.parametrize("when", ["0 3 * * *", "30 2 * * 1-5"])
def test_a_year_with_outages(when: str) -> None:
    """Each due backup runs once, exactly what the rule says stays, and overdue is told in time and not without it."""
    schedule, draw = timing(f"{when} {ZONE}", jitter=600), random.Random(3)
    service = Service(schedule, RetentionRule(**GFS), YEAR[0])
    down = outages(10)  # the service
    away = [(begin + 20 * DAY, over + 20 * DAY) for begin, over in outages(6)]  # what is backed up
    looks = [YEAR[0] + number * STEP for number in range(int((YEAR[1] - YEAR[0]) / STEP))]
    up = [now for now in looks if not _in(now, down)]
    for now in up:
        service.look(now, works=not _in(now, away) and draw.random() > 0.05)

    every = [due := schedule.cron.next(YEAR[0])]
    while (due := schedule.cron.next(due)) < YEAR[1] - HOUR:
        every.append(due)
    in_time = [due for due in every if not _in(due, down) and not _in(due + HOUR, down)]
    assert list(service.ran) == sorted(service.ran)
    assert set(in_time) <= set(service.ran) <= {*every, *service.ran}
    assert all(due <= now < due + schedule.jitter + STEP for due, now in service.ran.items() if due in in_time)
    assert len(service.good) < len(service.ran) < len(every)

    zone = schedule.cron.zone
    assert [one.at for one in service.there] == expected_to_stay([due.astimezone(zone) for due in service.good], GFS)

    expected = {}
    ways = [(YEAR[0], YEAR[0]), *service.good.items(), (YEAR[1], YEAR[1])]
    for (before, _), (_, comes) in pairwise(ways):
        by = schedule.cron.next(before) + schedule.jitter + schedule.grace
        late = [now for now in up if by < now < comes]
        if late:
            expected[by] = late[0]
    assert service.told == expected
    assert len(expected) > 10


def _in(moment: datetime, spans: list[tuple[datetime, datetime]]) -> bool:
    return any(begin <= moment < over for begin, over in spans)
