"""Contenders timed side by side: A, B, C, A, B, C, ... so that what slows the machine down slows all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
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
class Ratio:
    """How many times as long one took as another, round by round: the median, and the quartiles around it."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Ratio":
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        lower, middle, upper = quantiles(values, n=4, method="inclusive")
        return cls(middle, lower, upper)


@dataclass(frozen=True)
class Race:
    """The outcome: what took how long."""

    title: str
    times: list[Times]

    def seconds(self, name: str) -> list[float]:
        """A contender's, of each round."""
        return next(times.seconds for times in self.times if times.name == name)

    def median(self, name: str) -> float:
        """A contender's median in seconds."""
        return median(self.seconds(name))

    def ratio(self, name: str, other: str) -> Ratio:
        """How many times as long the first takes as the other, each round a pair: what slowed one slowed both."""
        pairs = zip(self.seconds(name), self.seconds(other), strict=True)
        return Ratio.of([mine / theirs for mine, theirs in pairs])


def run(title: str, contenders: Sequence[Contender], rounds: int, settle: Callable[[], object] = _nothing) -> Race:
    """Let each run once, then each again. `settle` goes before each run, after its `prepare`.

    One more round goes before and doesn't count: what is done for the first time, such as using memory that no process
    of the machine has used yet, would count for the one that comes first. The order turns with each round.
    """
    times = {contender.name: Times(contender.name, []) for contender in contenders}
    for number in range(1 + rounds):
        start = number % len(contenders)
        for contender in (*contenders[start:], *contenders[:start]):
            contender.prepare()
            settle()
            seconds = _timed(contender)
            if number:
                times[contender.name].seconds.append(seconds)
    return Race(title, list(times.values()))


def _timed(contender: Contender) -> float:
    started = time.perf_counter()
    result = contender.run()
    seconds = time.perf_counter() - started
    contender.check(result)
    return seconds
