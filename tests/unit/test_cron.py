"""When a schedule was last due."""

from datetime import datetime, timezone

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
