"""Which sets a rule keeps, by their times and sizes."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.operations.retention_rule import Made, RetentionRule, kept

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 27, 12, tzinfo=BERLIN)
DAILY = [Made(datetime(2026, 11, 27, 3, tzinfo=BERLIN) - timedelta(days=day), 100) for day in range(800)]
HOURLY = [Made(NOW - timedelta(hours=hour), 100) for hour in range(100)]


def days(rule: RetentionRule, sets: list[Made] = DAILY) -> list[str]:
    return [f"{sets[place].at:%m-%d}" for place in sorted(kept(sets, rule, NOW))]


def test_without_a_rule_all_stay() -> None:
    assert kept(DAILY, RetentionRule(), NOW) == set(range(800))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"keep_last": 2}, ["11-27", "11-26"]),
        ({"keep_days": 2}, ["11-27", "11-26"]),
        ({"keep_daily": 2}, ["11-27", "11-26"]),
        ({"keep_weekly": 3}, ["11-27", "11-22", "11-15"]),  # the 22nd is a Sunday
        ({"keep_monthly": 3}, ["11-27", "10-31", "09-30"]),
        ({"keep_yearly": 2}, ["11-27", "12-31"]),
        ({"keep_daily": 2, "keep_weekly": 2, "keep_monthly": 2}, ["11-27", "11-26", "11-22", "10-31"]),
    ],
)
def test_the_last_set_of_each_period_stays(rule: dict[str, int], expected: list[str]) -> None:
    assert days(RetentionRule(**rule)) == expected


def test_a_period_without_a_set_is_not_counted() -> None:
    """After an outage of a month the older sets are not fewer than without it."""
    gap = [
        one
        for one in DAILY
        if not datetime(2026, 10, 20, 12, tzinfo=BERLIN) < one.at < datetime(2026, 11, 26, tzinfo=BERLIN)
    ]
    assert days(RetentionRule(keep_daily=3, keep_monthly=3), gap) == ["11-27", "11-26", "10-20", "09-30"]


def test_several_sets_of_one_hour_count_once() -> None:
    many = [Made(one.at - timedelta(minutes=minute), 100) for one in HOURLY for minute in (0, 20, 40)]
    staying = kept(many, RetentionRule(keep_hourly=3), NOW)
    assert [many[place].at.hour for place in sorted(staying)] == [12, 11, 10]


def test_the_hour_that_clocks_show_twice_is_two_hours() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=ZoneInfo("UTC"))
    twice = [Made((first + timedelta(hours=hour)).astimezone(BERLIN), 1) for hour in (1, 0)]
    assert [one.at.hour for one in twice] == [2, 2]
    assert kept(twice, RetentionRule(keep_hourly=2), NOW) == {0, 1}


def test_a_set_that_is_too_large_stays_only_as_the_newest() -> None:
    sets = [Made(one.at, 1000 if place in (0, 2) else 10) for place, one in enumerate(DAILY[:5])]
    assert kept(sets, RetentionRule(max_set_bytes=500), NOW) == {0, 1, 3, 4}


def test_the_oldest_go_where_there_is_no_room_for_all() -> None:
    assert kept(DAILY, RetentionRule(max_total_bytes=350), NOW) == {0, 1, 2}
    assert kept(DAILY, RetentionRule(keep_last=10, max_total_bytes=350), NOW) == {0, 1, 2}


@pytest.mark.parametrize("rule", [{"max_set_bytes": 1}, {"max_total_bytes": 1}, {"keep_days": 1}, {"keep_last": 1}])
def test_the_newest_stays_however_large_and_old_it_is(rule: dict[str, int]) -> None:
    old = [Made(one.at - timedelta(days=400), 100) for one in DAILY]
    assert min(kept(old, RetentionRule(**rule), NOW)) == 0


def test_of_nothing_nothing_stays() -> None:
    assert kept([], RetentionRule(keep_last=3, max_total_bytes=1), NOW) == set()
