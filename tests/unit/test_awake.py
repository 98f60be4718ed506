"""A process that stood still takes no server for silent."""

import time
from typing import Any

import pytest

from data_pipeline.postgres.link import watch
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.link.watch import TICK


class Time:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.seconds = time.monotonic()

    def monotonic(self) -> float:
        return self.seconds


class WaitingLine:
    """A line that waits for an answer, which may take two seconds."""

    limit = 2.0
    abandoned_at = None
    given_up = False

    def __init__(self) -> None:
        Line.ask(self, self._be_asked)  # type: ignore[arg-type]
        self.asked_at: float | None = self.asked

    def _be_asked(self) -> None:
        assert self.asked_at is not None
        self.asked = self.asked_at

    def give_up(self) -> None:
        self.given_up = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time as every module sees it."""
    clock = Time()
    monkeypatch.setattr("time.monotonic", clock.monotonic)
    return clock


def look(line: Any) -> None:
    watch._tend(line, None)


def test_seconds_in_which_the_process_stood_still_are_no_silence(clock: Time) -> None:
    line = WaitingLine()
    look(line)
    clock.seconds += 3600
    look(line)
    assert not line.given_up


def test_seconds_in_which_it_was_watched_are(clock: Time) -> None:
    line = WaitingLine()
    for _ in range(int(2.0 / TICK) + 1):
        look(line)
        assert not line.given_up
        clock.seconds += TICK
    look(line)
    assert line.given_up
