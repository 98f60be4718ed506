"""`python -m torture.run [scenario …]`: try the service, print one line a figure; status 1 if one is off.

TORTURE_MINUTES is the time for all scenarios together: 60, the default, tries the whole, less a share of it.
TORTURE_SEED repeats a run; without it a new one is made, and printed.
"""

import os
import secrets
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import FrameType

from torture import (
    backends,
    backup_kills,
    bystanders,
    commits,
    crowd,
    damage,
    database_kills,
    disk,
    fuzz,
    giants,
    load,
    milvus_kills,
    redis_kills,
    replace_kills,
    report,
    restarts,
    silence,
    store_bits,
    store_kills,
    swap_kills,
    values,
    world,
)
from torture.budget import FULL_MINUTES, Budget
from torture.figure import Figure
from torture.world import World


@dataclass(frozen=True)
class Scenario:
    """A figure's maker, and how many minutes of a full run it may take. package: what it needs beside
    requirements-dev.txt, which `file` installs."""

    name: str
    run: Callable[[World, Budget], Figure]
    minutes: float
    package: str | None = None
    file: str = ""

    @property
    def possible(self) -> bool:
        return self.package is None or find_spec(self.package) is not None


SCENARIOS = (
    Scenario("damage", damage.run, 6),
    Scenario("backup_kills", backup_kills.run, 9),
    Scenario("replace_kills", replace_kills.run, 9),
    Scenario("swap_kills", swap_kills.run, 8),
    Scenario("redis_kills", redis_kills.run, 2),
    Scenario("neo4j_kills", store_kills.neo4j, 8),
    Scenario("objects_kills", store_kills.objects, 4),
    Scenario("stack_kills", store_kills.stack, 4),
    Scenario("store_bits", store_bits.run, 3),
    Scenario("milvus_kills", milvus_kills.run, 7, "milvus_lite", "requirements-milvus.txt"),
    Scenario("database_kills", database_kills.run, 12),
    Scenario("backends", backends.run, 3.5),
    Scenario("restarts", restarts.run, 2.5),
    Scenario("commits", commits.run, 3),
    Scenario("silence", silence.run, 4),
    Scenario("disk", disk.run, 1),
    Scenario("bystanders", bystanders.run, 2),
    Scenario("values", values.run, 3),
    Scenario("load", load.run, 11),
    Scenario("crowd", crowd.run, 1),
    Scenario("giants", giants.run, 1.5),
    Scenario("fuzz", fuzz.run, 5.5),
)


class WrongSetting(Exception):
    """A variable or an argument nobody can use; the text is one clear line."""


def main(names: list[str], environ: Mapping[str, str]) -> int:
    signal.signal(signal.SIGTERM, _stop)
    try:
        minutes, scenarios = _minutes(environ), _chosen(names)
    except WrongSetting as error:
        sys.exit(f"torture: {error}")
    seed = environ.get("TORTURE_SEED") or secrets.token_hex(4)
    print(f"TORTURE_SEED={seed} TORTURE_MINUTES={minutes:g}", flush=True)
    with world.new(seed) as here:
        figures = _all_tried(here, scenarios, minutes)
    full = minutes >= FULL_MINUTES
    if full:
        found = report.document(figures, seed, minutes, report.last())
        report.save(found)
        print(report.tables(report.filled(report.PAGE.read_text(encoding="utf-8"), found)))
    return 0 if all(figure.good(full) for figure in figures.values()) else 1


def _all_tried(here: World, scenarios: list[Scenario], minutes: float) -> dict[str, Figure]:
    """Every scenario ends when its time and that of those before it is over: what one saves is the next one's."""
    figures = {}
    deadline = time.monotonic()
    for scenario in scenarios:
        deadline += 60 * scenario.minutes * minutes / FULL_MINUTES
        figures[scenario.name] = _tried(here, scenario, Budget(minutes / FULL_MINUTES, deadline))
    return figures


def _tried(here: World, scenario: Scenario, budget: Budget) -> Figure:
    started = time.monotonic()
    try:
        figure = scenario.run(here, budget)
    except Exception as error:  # the other figures are still worth having
        traceback.print_exc()
        figure = Figure(scenario.name, "broken off", {}, faults=[f"{type(error).__name__}: {error}"])
    figure.seconds = time.monotonic() - started
    print("\n".join([figure.line(budget.full), *figure.details()]), flush=True)
    return figure


def _minutes(environ: Mapping[str, str]) -> float:
    text = environ.get("TORTURE_MINUTES") or str(FULL_MINUTES)
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < float("inf"):
        raise WrongSetting("TORTURE_MINUTES must be a number above 0")
    return minutes


def _chosen(names: list[str]) -> list[Scenario]:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    if unknown := [name for name in names if name not in known]:
        raise WrongSetting(f"no scenario is called {unknown[0]}; there are {', '.join(known)}")
    if impossible := [name for name in names if not known[name].possible]:
        raise WrongSetting(f"{impossible[0]} needs pip install -r {known[impossible[0]].file}")
    for scenario in SCENARIOS:
        if not (names or scenario.possible):
            print(f"left out: {scenario.name}, which needs pip install -r {scenario.file}", flush=True)
    return [known[name] for name in names] or [scenario for scenario in SCENARIOS if scenario.possible]


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ))
    except KeyboardInterrupt:
        sys.exit("torture: stopped")
