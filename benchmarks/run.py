"""`python -m benchmarks.run`: measure, print, write benchmark.json and benchmark.svg; status 1 if a gate is missed."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import chart, contests, gates, object_store, report, scene, service, sizes
from benchmarks.contests import Bench
from benchmarks.data import Database
from benchmarks.peers import Peers
from benchmarks.sizes import Sizes, SizesError


def main() -> int:
    environment = sizes.environment()
    try:
        measured = Sizes.load(environment)
    except SizesError as error:
        sys.exit(f"benchmarks: {error}")
    return _measure(measured, sizes.output_directory(environment))


def _measure(measured: Sizes, output: Path) -> int:
    with _bench(measured) as bench:
        results = contests.hold(bench)
        versions = bench.database.versions()
    judged = gates.judge(results)
    print(report.as_text(results, judged))
    output.mkdir(parents=True, exist_ok=True)
    document = json.dumps(report.as_json(results, judged, versions), ensure_ascii=False, indent=1)
    (output / "benchmark.json").write_text(document + "\n", encoding="utf-8")
    (output / "benchmark.svg").write_text(chart.draw(results), encoding="utf-8")
    return int(measured.judged and not all(gate.gate_met for gate in judged))


@contextmanager
def _bench(measured: Sizes) -> Iterator[Bench]:
    """A server and a service of our own, gone without a trace at the end."""
    with (
        scene.directory() as work,
        scene.embedded_server(work / "server") as server,
        object_store.running(work) as store,
        service.running(work / "server", work, store) as running,
    ):
        database = Database(server.target)
        yield Bench(measured, database, running, Peers(database, work), store)


if __name__ == "__main__":
    sys.exit(main())
