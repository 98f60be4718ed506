"""When runs of a schedule begin, and when a good one is overdue; a year of it, with outages."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from common import cron
from data_pipeline.operations.retention_rule import Made, RetentionRule, kept
from data_pipeline.resources.timing import Timing

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def timing(when: str, jitter: int = 0, grace: int = 60) -> Timing:
    return Timing("nightly", cron.parse(when), timedelta(seconds=jitter), timedelta(minutes=grace))


NIGHTLY = timing("0 3 * * *")
HOURLY = timing("hourly")


@pytest.mark.parametrize(
    ("now", "latest", "due"),
    [
        ("2026-11-21T03:00", "2026-11-20T03:00", "2026-11-21T03:00"),
        ("2026-11-21T02:59", "2026-11-20T03:00", None),
        ("2026-11-21T03:01", "2026-11-21T03:00", None),
        ("2026-11-25T14:00", "2026-11-20T03:00", "2026-11-25T03:00"),  # of five that were missed the last
        ("2026-11-25T14:00", "2026-11-25T13:00", None),  # made, or changed, an hour ago
        ("2026-11-21T02:30", "2026-11-21T03:00", None),  # the clock was put back after the run
    ],
)
def test_a_time_is_due_once(now: str, latest: str, due: str | None) -> None:
    assert NIGHTLY.due(utc(now), utc(latest)) == (utc(due) if due else None)


def test_a_clock_that_is_put_back_an_hour_repeats_no_run() -> None:
    """Even where times that were missed had been made up by one run."""
    made_up = HOURLY.due(utc("2026-11-21T05:30"), utc("2026-11-21T01:00"))
    assert made_up == utc("2026-11-21T05:00")
    assert HOURLY.due(utc("2026-11-21T04:40"), made_up) is None
    assert HOURLY.due(utc("2026-11-21T06:00"), made_up) == utc("2026-11-21T06:00")


def test_each_run_begins_at_a_moment_of_its_own_within_the_jitter() -> None:
    spread = timing("hourly", jitter=600)
    dues = [utc("2026-11-21T00:00") + HOUR * hour for hour in range(50)]
    delays = {(spread.starts(due) - due).total_seconds() for due in dues}
    assert len(delays) > 40
    assert 0 <= min(delays) <= max(delays) <= 600
    for due in dues[1:]:
        start = spread.starts(due)
        assert spread.due(start - timedelta(seconds=1), due - HOUR) is None
        assert spread.due(start, due - HOUR) == due
    assert spread.due(dues[-1], dues[0]) == dues[-2]  # what was missed is made up while the next waits


@pytest.mark.parametrize(
    ("now", "last_good", "overdue"),
    [
        ("2026-11-21T03:59", "2026-11-20T03:00", False),
        ("2026-11-21T04:01", "2026-11-20T03:00", True),
        ("2026-11-21T04:01", "2026-11-21T03:00", False),
        ("2026-11-21T04:01", "2026-11-20T17:12", True),  # begun, or run by hand, in the evening
        ("2026-11-21T03:59", "2026-11-20T17:12", False),
    ],
)
def test_a_good_run_is_overdue_after_its_time_and_the_grace(now: str, last_good: str, overdue: bool) -> None:
    assert NIGHTLY.is_overdue(utc(now), utc(last_good)) is overdue


@pytest.mark.parametrize("when", ["30 2 * * * Europe/Berlin", "0 2 * * * Europe/Berlin", "daily Europe/Berlin"])
def test_clocks_that_change_cost_no_run_and_make_none_overdue(when: str) -> None:
    daily = timing(when)
    for start in (utc("2026-03-27T12:00"), utc("2026-10-23T12:00")):
        runs = [due for _, due in live(daily, start, start + 4 * DAY, timedelta(minutes=10))]
        assert len(runs) == 4
        assert not any(daily.is_overdue(next_run, run) for run, next_run in pairwise(runs))


def test_every_hour_means_every_hour_that_passes() -> None:
    hourly = timing("hourly Europe/Berlin")
    for start in (utc("2026-03-28T12:00"), utc("2026-10-24T12:00")):
        runs = [due for _, due in live(hourly, start, start + DAY, timedelta(minutes=10))]
        assert runs == [start + HOUR * hour for hour in range(1, 24)]


def live(
    schedule: Timing,
    start: datetime,
    end: datetime,
    step: timedelta,
    down: list[tuple[datetime, datetime]] = [],  # noqa: B006
) -> Iterator[tuple[datetime, datetime]]:
    """The runs of a service that looks at the clock every `step`, but not while it is down: when, and what was due."""
    now, latest = start, start
    wakes = schedule.next_due(now, latest)
    while now < end:
        if now >= wakes and not any(begin <= now < over for begin, over in down):
            due = schedule.due(now, latest)
            if due is not None:
                latest = due
                yield now, due
            wakes = schedule.next_due(now, latest)
        now += step


YEAR = (utc("2026-01-01T00:00"), utc("2027-01-01T00:00"))
ZONE = "Europe/Berlin"


def outages(number: int) -> list[tuple[datetime, datetime]]:
    """Each of some hours, or of some days; the same at every run of the tests."""
    draw = random.Random(17)
    begins = [YEAR[0] + DAY * draw.uniform(1, 360) for _ in range(number)]
    return sorted((begin, begin + HOUR * draw.choice([1, 5, 12, 30, 96])) for begin in begins)


@pytest.mark.parametrize(
    "when", ["0 3 * * *", pytest.param("0 */6 * * *", marks=pytest.mark.slow), "30 2 * * 1-5", "weekly", "monthly"]
)
def test_a_year_with_outages_runs_every_time_once_and_what_was_missed_once(when: str) -> None:
    schedule = timing(f"{when} {ZONE}")
    down = outages(12)
    runs = list(live(schedule, *YEAR, timedelta(minutes=15), down))
    done = [due for _, due in runs]
    assert len(done) == len(set(done))
    assert done == sorted(done)
    every, due = [], schedule.cron.next(YEAR[0])
    while due < YEAR[1] - timedelta(minutes=15):
        every.append(due)
        due = schedule.cron.next(due)
    up = [one for one in every if not any(begin <= one < over for begin, over in down)]
    assert set(up) <= set(done) <= set(every)
    for begin, over in down:
        missed = [one for one in every if begin <= one < over + timedelta(minutes=15)]
        if missed and not any(other[0] <= over < other[1] for other in down):
            assert missed[-1] in done


def test_in_a_year_with_failures_overdue_is_told_in_time_and_never_without_a_reason() -> None:
    """A backup that fails, or a service that is down, past a time and its grace: overdue until the next good one."""
    schedule, draw, minute = timing(f"0 3 * * * {ZONE}"), random.Random(5), timedelta(minutes=1)
    runs = list(live(schedule, *YEAR, timedelta(minutes=15), outages(8)))
    good = [(YEAR[0], YEAR[0]), *(run for run in runs if draw.random() > 0.15)]
    late = 0
    for (_, before), (comes, due) in pairwise(good):
        owed = schedule.cron.next(before)
        limit = owed + HOUR
        assert not schedule.is_overdue(min(comes, limit) - minute, before)
        assert not schedule.is_overdue(comes, due)
        if comes > limit:
            late += 1
            assert schedule.is_overdue(limit + minute, before)
            assert owed < due or comes - due > HOUR  # the owed one failed or was missed, or came too late
    assert 30 < late < 150


def test_a_year_of_hourly_sets_leaves_exactly_what_the_rule_says() -> None:
    """Retired after each backup, the same is left as if it had been retired once at the end."""
    schedule, down = timing(f"hourly {ZONE}"), outages(10)
    rule = RetentionRule(keep_hourly=24, keep_daily=7, keep_weekly=4, keep_monthly=6, keep_yearly=2)
    zone = schedule.cron.zone
    begin, end = YEAR[1] - 120 * DAY, YEAR[1]
    there: list[Made] = []
    everything: list[Made] = []
    for now, due in live(schedule, begin, end, timedelta(minutes=30), down):
        made = Made(due.astimezone(zone), 1)
        everything.insert(0, made)
        there.insert(0, made)
        staying = kept(there, rule, now)
        there = [one for place, one in enumerate(there) if place in staying]
    assert there == [everything[place] for place in sorted(kept(everything, rule, end))]
    assert 24 + 7 <= len(there) <= 24 + 7 + 4 + 6 + 2
