"""Which of the sets of one schedule a rule keeps: pure, by their times and sizes."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

from pydantic import Field

from data_pipeline.operations.requests.request import Request

Number = Annotated[int, Field(ge=0, le=100_000)]
Bytes = Annotated[int, Field(ge=0, le=1 << 60)]


class Made(NamedTuple):
    """A good set: when it was due, in the schedule's zone, and how large it is."""

    at: datetime
    size: int


class RetentionRule(Request):
    """0: no such rule. A set stays as long as one rule keeps it; without any, all stay.

    A limit in bytes has the last word, but the newest set stays, however large it is.
    """

    keep_last: Number = Field(0, description="So many of the newest stay")
    keep_days: Number = Field(0, description="Those younger than so many days stay")
    keep_hourly: Number = Field(0, description="The last one of each of so many hours that have one")
    keep_daily: Number = Field(0, description="The same for days")
    keep_weekly: Number = Field(0, description="For ISO weeks, which begin on Monday")
    keep_monthly: Number = Field(0, description="For months")
    keep_yearly: Number = Field(0, description="For years")
    max_set_bytes: Bytes = Field(0, description="A larger set stays only as long as it is the newest")
    max_total_bytes: Bytes = Field(0, description="The oldest go until all together have no more")


# Every set of one hour, day … has the same.
PERIODS: dict[str, Callable[[datetime], tuple[int, ...]]] = {
    "keep_hourly": lambda at: (at.year, at.month, at.day, at.hour, at.fold),
    "keep_daily": lambda at: (at.year, at.month, at.day),
    "keep_weekly": lambda at: at.isocalendar()[:2],
    "keep_monthly": lambda at: (at.year, at.month),
    "keep_yearly": lambda at: (at.year,),
}
COUNTED = ("keep_last", "keep_days", *PERIODS)


def kept(sets: Sequence[Made], rule: RetentionRule, now: datetime) -> set[int]:
    """The places in `sets`, newest first, of those that stay."""
    places = range(len(sets))
    counted = any(getattr(rule, name) for name in COUNTED)
    staying = _counted(sets, rule, now) if counted else set(places)
    return _limited(sets, rule, staying)


def _counted(sets: Sequence[Made], rule: RetentionRule, now: datetime) -> set[int]:
    staying = set(range(min(rule.keep_last, len(sets))))
    youngest = now - timedelta(days=rule.keep_days)
    staying |= {place for place, one in enumerate(sets) if rule.keep_days and one.at > youngest}
    for name, period in PERIODS.items():
        newest: dict[tuple[int, ...], int] = {}
        for place, one in enumerate(sets):
            newest.setdefault(period(one.at), place)
        staying |= set(list(newest.values())[: getattr(rule, name)])
    return staying


def _limited(sets: Sequence[Made], rule: RetentionRule, staying: set[int]) -> set[int]:
    """Those for which there is room, the newest of all in any case."""
    found, total = set(), 0
    for place in sorted(staying | {0} if sets else staying):
        size = sets[place].size
        if place and rule.max_set_bytes and size > rule.max_set_bytes:
            continue
        total += size
        if place and rule.max_total_bytes and total > rule.max_total_bytes:
            break
        found.add(place)
    return found
