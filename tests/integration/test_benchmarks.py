"""The benchmark itself, at sizes of no meaning: what it writes, and that nothing of it is left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest

from benchmarks.chart import SHOWN
from benchmarks.gates import Gate
from benchmarks.race import Race, Ratio, Times
from benchmarks.shapes import SHAPES
from benchmarks.sizes import Sizes, SizesError
from tools import s3_server

PROJECT = Path(__file__).resolve().parents[2]
QUICK = {
    "BENCH_ROWS": "100",
    "BENCH_HNSW_ROWS": "100",
    "BENCH_SETS": "20",
    "BENCH_REPEATS": "1",
    "BENCH_PAIRS": "1",
}
RELOADS = [shape.key for shape in SHAPES]
BUCKETS = ["bucket_backup", "bucket_restore"] if s3_server.find() else []
WITHOUT_PEER = ["packed"]
OURS = {"this service, CSV", "this service, binary"}


@dataclass(frozen=True)
class Place:
    """Where a run keeps what it needs, and where it writes."""

    scratch: Path
    output: Path

    def start(self, **variables: str) -> subprocess.Popen[str]:
        environ = {**os.environ, **QUICK, "TMPDIR": str(self.scratch), "BENCH_OUTPUT": str(self.output), **variables}
        command = [sys.executable, "-m", "benchmarks.run"]
        return subprocess.Popen(
            command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def left_behind(self) -> list[str]:
        """Files and processes of a run."""
        running = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
        return [*map(str, self.scratch.iterdir()), *(command for command in running if str(self.scratch) in command)]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    top = Path(tempfile.mkdtemp(prefix="bench-test-"))  # the server's user has to pass through, unlike tmp_path
    (top / "scratch").mkdir()
    yield Place(top / "scratch", top / "output")
    shutil.rmtree(top)


@dataclass(frozen=True)
class Run:
    """A run that came to its end."""

    printed: str
    document: dict[str, Any]
    chart: str
    left_behind: list[str]


@pytest.fixture(scope="module")
def run(place: Place) -> Run:
    process = place.start()
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    document = json.loads((place.output / "benchmark.json").read_text(encoding="utf-8"))
    chart = (place.output / "benchmark.svg").read_text(encoding="utf-8")
    return Run(printed, document, chart, place.left_behind())


def test_every_race_has_times_of_the_service_and_of_a_peer(run: Run) -> None:
    assert list(run.document["races"]) == [
        *RELOADS,
        *WITHOUT_PEER,
        "backup",
        *BUCKETS,
        "archive",
        "hnsw",
        "small",
        "list",
    ]
    for key, race in run.document["races"].items():
        names = {times["name"] for times in race["times"]}
        assert any(name.startswith("this service") for name in names)
        if key not in WITHOUT_PEER:
            assert any("S3 server" in name if key in BUCKETS else not name.startswith("this service") for name in names)
        assert all(0 < min(times["seconds"]) <= times["median"] for times in race["times"])


@pytest.mark.parametrize("race", [*RELOADS, "backup", *BUCKETS, "archive", "hnsw"])
def test_both_formats_run_in_every_race_over_many_rows(run: Run, race: str) -> None:
    assert {times["name"] for times in run.document["races"][race]["times"]} > OURS


def test_every_gate_has_a_value_and_none_is_judged_at_sizes_of_no_meaning(run: Run) -> None:
    assert len(run.document["gates"]) == 2 * len(RELOADS) + 15 + 2 * len(BUCKETS)
    assert all(gate["value"] > 0 for gate in run.document["gates"])
    assert run.document["judged"] is False
    assert "Not judged" in run.printed


def test_memory_is_that_of_a_file_and_of_one_three_times_as_large(run: Run) -> None:
    smaller, larger, *in_bucket = run.document["memory"]
    assert [use["storage"] for use in run.document["memory"]] == ["local", "local", *(["bucket"] if BUCKETS else [])]
    assert all(use["file_bytes"] == larger["file_bytes"] for use in in_bucket)
    assert larger["file_bytes"] == pytest.approx(3 * smaller["file_bytes"], rel=0.01)
    assert all(use[job] > 10 << 20 for use in run.document["memory"] for job in ("backup", "restore"))


def test_the_table_shows_what_the_document_holds(run: Run) -> None:
    shown = [race["title"] for race in run.document["races"].values()]
    shown += [gate["title"] for gate in run.document["gates"]]
    assert [title for title in shown if title not in run.printed] == []


def test_the_chart_is_an_svg_with_a_bar_for_each_contender(run: Run) -> None:
    chart = ElementTree.fromstring(run.chart)
    bars = chart.findall("{http://www.w3.org/2000/svg}rect")
    times = [times for race in SHOWN for times in run.document["races"][race]["times"]]
    assert len(bars) == len(times) + 1  # and the page
    assert "prefers-color-scheme: dark" in run.chart


def test_nothing_is_left_of_a_run(run: Run) -> None:
    assert run.left_behind == []


def test_nothing_is_left_of_a_run_that_was_stopped(place: Place) -> None:
    with place.start() as process:
        assert process.stderr is not None
        assert any("Reload" in line for line in process.stderr)
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 1
    assert place.left_behind() == []


def test_a_wrong_size_stops_the_run_with_one_line(place: Place) -> None:
    process = place.start(BENCH_ROWS="many")
    _, errors = process.communicate()
    assert (process.returncode, errors) == (1, "benchmarks: BENCH_ROWS must be a whole number above 0\n")


@pytest.mark.parametrize(
    ("variables", "judged"),
    [
        ({}, True),
        ({"BENCH_REPEATS": "9"}, True),
        ({"BENCH_REPEATS": "4"}, False),
        ({"BENCH_PAIRS": "8"}, False),
        ({"BENCH_ROWS": "19999"}, False),
        ({"BENCH_SETS": "20000"}, False),
    ],
)
def test_gates_are_judged_at_the_default_sizes_only(variables: dict[str, str], judged: bool) -> None:
    assert Sizes.load(variables).judged is judged


@pytest.mark.parametrize("text", ["0", "-1", "1e3", "٣"])
def test_a_size_is_a_whole_number_above_0(text: str) -> None:
    with pytest.raises(SizesError, match="BENCH_SETS"):
        Sizes.load({"BENCH_SETS": text})


def test_a_ratio_has_to_reach_its_gate_and_an_amount_to_stay_within_it() -> None:
    assert Gate("ratio", value=2.4, better=2.4, gate=2.4, goal=3.0, unit="x", at_least=True).gate_met
    assert not Gate("ratio", value=2.9, better=3.1, gate=2.4, goal=3.0, unit="x", at_least=True).goal_met
    assert Gate("amount", value=256.0, better=256.0, gate=256, goal=160, unit="MB", at_least=False).gate_met
    assert not Gate("amount", value=256.1, better=256.1, gate=256, goal=160, unit="MB", at_least=False).gate_met


def test_a_gate_is_missed_where_the_better_quartile_misses_it() -> None:
    assert Gate("ratio", value=2.3, better=2.5, gate=2.4, goal=3.0, unit="x", at_least=True).gate_met
    assert not Gate("ratio", value=2.3, better=2.39, gate=2.4, goal=3.0, unit="x", at_least=True).gate_met


def test_a_ratio_is_that_of_pairs() -> None:
    """One slow phase of the machine, which slowed both of its round, changes nothing."""
    race = Race("restore", [Times("ours", [1.0, 1.0, 10.0, 1.0]), Times("psql", [3.0, 2.0, 30.0, 4.0])])
    assert race.ratio("psql", "ours") == Ratio(median=3.0, lower=2.75, upper=3.25)
