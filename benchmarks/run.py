"""`python -m benchmarks.run`: measure, print, write benchmark.json and benchmark.svg; status 1 if a gate is missed."""

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from benchmarks import chart, contests, gates, object_store, report, service, sizes
from benchmarks.contests import Bench
from benchmarks.data import Database
from benchmarks.peers import Peers
from benchmarks.sizes import Sizes, SizesError
from data_pipeline.postgres_server import embedded
from data_pipeline.postgres_server.embedded import EmbeddedServer


def main() -> int:
    signal.signal(signal.SIGTERM, exit_cleanly)
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
    work = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with (
            embedded_server(work / "server") as server,
            object_store.running(work) as store,
            service.running(work / "server", work, store) as running,
        ):
            database = Database(server.target)
            yield Bench(measured, database, running, Peers(database, work), store)
    finally:
        shutil.rmtree(work)


@contextmanager
def embedded_server(home: Path) -> Iterator[EmbeddedServer]:
    server = embedded.start(home)
    try:
        yield server
    finally:
        server.stop()


def exit_cleanly(_number: int, _frame: FrameType | None) -> None:
    sys.exit("benchmarks: stopped")


if __name__ == "__main__":
    sys.exit(main())
