"""When a schedule was last due."""

from datetime import datetime, timedelta, timezone

import pytest

from common import cron as schedule

MOMENTS = [
    ("0 3 * * *", "2026-11-21T03:00:00", "2026-11-21T03:00"),
    ("0 3 * * *", "2026-11-21T02:59:59", "2026-11-20T03:00"),
    ("0 3 * * * UTC", "2026-11-21T12:00:00", "2026-11-21T03:00"),
    ("0 3 * * * Asia/Shanghai", "2026-11-21T12:00:00", "2026-11-20T19:00"),
    ("30 2 * * 1-5 Europe/Berlin", "2026-11-22T12:00:00", "2026-11-20T01:30"),  # the 22nd is a Sunday
    ("0 3 * * * Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01T01:00"),  # summer time
    ("*/15 * * * *", "2026-11-21T03:44:59", "2026-11-21T03:30"),
    ("0 0 1 * *", "2026-11-21T00:00:00", "2026-11-01T00:00"),
]
# Clocks go from 02:00 to 03:00, or from 03:00 back to 02:00: a daily time comes once a day all the same.
CHANGES = [("2026-03-28T12:00", 3), ("2026-10-24T12:00", 3)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(("text", "moment", "due"), MOMENTS)
def test_it_is_the_latest_time_that_was_due(text: str, moment: str, due: str) -> None:
    assert schedule.parse(text).last(utc(moment)) == utc(due)


@pytest.mark.parametrize(("noon", "days"), CHANGES)
@pytest.mark.parametrize("cron", ["0 1 * * *", "0 4 * * *", "30 3 * * *"])
def test_a_daily_time_comes_once_a_day_when_clocks_change(noon: str, days: int, cron: str) -> None:
    daily = schedule.parse(f"{cron} Europe/Berlin")
    start = utc(noon).timestamp()
    moments = (datetime.fromtimestamp(start + 600 * step, timezone.utc) for step in range(144 * days))
    due = {daily.last(moment) for moment in moments}
    assert len({moment.timestamp() for moment in due}) == days + 1


@pytest.mark.parametrize(("noon", "days"), CHANGES)
@pytest.mark.parametrize("text", ["0 1 * * *", "30 2 * * *", "0 2 * * *", "hourly", "*/20 * * * *", "0 */2 * * *"])
def test_the_times_are_the_same_forwards_as_backwards(noon: str, days: int, text: str) -> None:
    times = schedule.parse(f"{text} Europe/Berlin")
    start = times.last(utc(noon))
    forwards = [start]
    while forwards[-1] < utc(noon) + timedelta(days=days):
        forwards.append(times.next(forwards[-1]))
    backwards = [forwards[-1]]
    while backwards[-1] > start:
        backwards.append(times.last(backwards[-1] - timedelta(seconds=1)))
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == len(forwards)


def test_a_time_that_clocks_skip_comes_as_much_later() -> None:
    skipped = schedule.parse("30 2 * * * Europe/Berlin")
    assert skipped.last(utc("2026-03-29T12:00")) == utc("2026-03-29T01:30")  # 03:30 by the new time


def test_a_time_that_clocks_show_twice_comes_the_first_time() -> None:
    twice = schedule.parse("30 2 * * * Europe/Berlin")
    assert twice.last(utc("2026-10-25T12:00")) == utc("2026-10-25T00:30")


@pytest.mark.parametrize(
    ("name", "cron"),
    [("hourly", "0 * * * *"), ("daily", "0 0 * * *"), ("weekly", "0 0 * * 1"), ("monthly", "0 0 1 * *")],
)
def test_a_name_stands_for_five_fields(name: str, cron: str) -> None:
    assert schedule.parse(f"{name} Asia/Shanghai") == schedule.parse(f"{cron} Asia/Shanghai")
    assert schedule.parse(name) == schedule.parse(cron)


@pytest.mark.parametrize(
    "text",
    [
        *("", "yearly", "daily 3", "0 3 * *", "0 3 * * * * *", "60 3 * * *", "0 24 * * *", "0 0 30 2 *", "a b c d e"),
        *("0 3 * * * Mars/Olympus", "0 3 * * * ../etc/passwd", "0 3 * * * /etc/localtime", "@daily"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no such|not five"):
        schedule.parse(text)
