"""Contenders timed side by side: A, B, C, A, B, C, ... so that what slows the machine down slows all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Contender:
    """One way to do a job. Only `run` is timed; `check` gets its result and raises if the job wasn't done."""

    name: str
    run: Callable[[], Any]
    prepare: Callable[[], object] = _nothing
    check: Callable[[Any], object] = _nothing


@dataclass(frozen=True)
class Times:
    """Seconds of every round of one contender."""

    name: str
    seconds: list[float]

    @property
    def median(self) -> float:
        return median(self.seconds)


@dataclass(frozen=True)
class Race:
    """The outcome: who took how long."""

    title: str
    times: list[Times]

    def median(self, name: str) -> float:
        """A contender's median in seconds."""
        return next(times.median for times in self.times if times.name == name)


def run(title: str, contenders: Sequence[Contender], rounds: int, settle: Callable[[], object] = _nothing) -> Race:
    """Let everybody run once, then everybody again. `settle` goes before each run, after its `prepare`.

    One more round goes before and counts for nobody: what is done for the first time, such as using memory that no
    process of the machine has used yet, would count for whoever comes first.
    """
    times = [Times(contender.name, []) for contender in contenders]
    for number in range(1 + rounds):
        for contender, own in zip(contenders, times, strict=True):
            contender.prepare()
            settle()
            seconds = _timed(contender)
            if number:
                own.seconds.append(seconds)
    return Race(title, times)


def _timed(contender: Contender) -> float:
    started = time.perf_counter()
    result = contender.run()
    seconds = time.perf_counter() - started
    contender.check(result)
    return seconds
