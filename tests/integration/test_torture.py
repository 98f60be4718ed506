"""The torture itself: it can tell good from bad, and leaves nothing behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from torture import report
from torture.budget import Budget
from torture.canaries import Canaries
from torture.client import Answer
from torture.description import Request
from torture.figure import Figure
from torture.oracle import Oracle
from torture.run import SCENARIOS

PROJECT = Path(__file__).resolve().parents[2]
SHARE_MINUTES = "0.2"
POSSIBLE = tuple(scenario.name for scenario in SCENARIOS if scenario.possible)
EVERYDAY = ("damage", "replace_kills", "commits", "disk")
"""A share is mostly preparing; the others have tests of their own beside them, and `make test-slow` tries all."""

LATE = Budget(fraction=1.0, deadline=0.0)


def start(*scenarios: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "torture.run", *scenarios],
        cwd=PROJECT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def figure(**done: int) -> Figure:
    return Figure("sets offered", "restored wrong", {"small": 10, "large": 2}, Counter(done))


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory for temporary files that the server's user can pass through, unlike tmp_path."""
    top = Path(tempfile.mkdtemp(prefix="torture-test-"))
    top.chmod(0o711)
    yield top
    shutil.rmtree(top)


@pytest.mark.parametrize("scenarios", [EVERYDAY, pytest.param((), marks=pytest.mark.slow)], ids=["a choice", "all"])
def test_a_share_of_every_figure_is_as_wanted(scratch: Path, scenarios: tuple[str, ...]) -> None:
    process = start(*scenarios, TORTURE_MINUTES=SHARE_MINUTES, TMPDIR=str(scratch))
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert len(re.findall("^ok ", printed, re.MULTILINE)) == len(scenarios or POSSIBLE), printed
    assert list(scratch.iterdir()) == []


def test_a_run_that_is_stopped_leaves_nothing_behind(scratch: Path) -> None:
    with start("crowd", TORTURE_MINUTES="60", TMPDIR=str(scratch)) as process:
        while not list(scratch.glob("*/service-*.log")):
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 1
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "variables", "named"),
    [((), {"TORTURE_MINUTES": "long"}, "TORTURE_MINUTES"), (("patience",), {}, "patience")],
)
def test_a_wrong_setting_stops_the_run_with_one_line(
    arguments: tuple[str, ...], variables: dict[str, str], named: str
) -> None:
    process = start(*arguments, **variables)
    printed, _ = process.communicate()
    assert process.returncode == 1
    assert len(printed.splitlines()) == 1
    assert named in printed


def test_a_figure_is_good_when_nothing_went_wrong_and_nothing_was_left_out() -> None:
    assert figure(small=10, large=2).good(full=True)
    assert not figure(small=10, large=1).good(full=True)


def test_a_share_is_good_when_some_of_everything_was_tried() -> None:
    assert figure(small=1, large=1).good(full=False)
    assert not figure(small=10).good(full=False)


def test_one_fault_makes_a_figure_bad_and_is_shown() -> None:
    bad = figure(small=10, large=2)
    bad.fault("bit 7 of the manifest flipped")
    assert not bad.good(full=False)
    assert bad.line(full=False).startswith("OFF ")
    assert "bit 7 of the manifest flipped" in bad.details()[0]


@pytest.mark.parametrize(
    ("path", "content_type", "faults"),
    [("/", "text/html; charset=utf-8", 0), ("/", "text/plain", 1), ("/other", "text/html; charset=utf-8", 1)],
)
def test_the_panels_page_is_the_one_that_may_be_html(path: str, content_type: str, faults: int) -> None:
    fuzzed = Figure("requests", "no envelope", {"requests": 1})
    headers = {"x-request-id": "1", "content-type": content_type}
    Oracle(fuzzed, Canaries(*"ABCDEFG"), ()).judge(Request("GET", path), Answer(200, headers, b"<html>", 0.1))
    assert len(fuzzed.faults) == faults, fuzzed.faults


def test_when_time_is_over_no_more_is_tried() -> None:
    assert not LATE.allows(figure(small=1), "small")


def test_a_share_is_the_same_part_of_every_count_and_never_none() -> None:
    budget = Budget(fraction=0.025, deadline=0.0)
    assert [budget.scaled(count) for count in (10_000, 300, 1)] == [250, 8, 1]


def test_a_full_run_fills_the_last_column_of_the_rows_that_name_its_figures() -> None:
    page = "| a | `torture damage` | not yet |\n| b | `test_b` | every `.ci/run` |\n| c | `torture fuzz` | not yet |"
    done = figure(small=10_000, large=2)
    found = report.document({"damage": done}, "seed", 60.0)
    assert report.filled(page, found).split("\n") == [
        "| a | `torture damage` | 10,000 small, 2 large / 0 |",
        "| b | `test_b` | every `.ci/run` |",
        "| c | `torture fuzz` | not yet |",
    ]


def test_every_figure_has_its_row_and_every_row_names_what_is_there() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    tests = {
        name
        for path in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    assert set(report.NAMED.findall(page)) == {scenario.name for scenario in SCENARIOS}
    assert set(re.findall(r"`(test_\w+)`", page)) - tests == set()
