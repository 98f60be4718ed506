"""`python -m benchmarks.versions EARLIER`: sync and rehearsal of this version beside those of an earlier one, whose
checkout is the directory EARLIER; status 1 if a gate is missed.

Both services work on the same rows of the same server, each from a backup of its own. BENCH_ROWS and BENCH_REPEATS
change the size; the gates are about the defaults.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import race, scene, service, sizes
from benchmarks.data import Database
from benchmarks.gates import Gate
from benchmarks.race import Contender, Race
from benchmarks.service import Service
from benchmarks.shapes import EVERYDAY

ROWS, ROUNDS = 120_000, 3
CHANGED = 0.01
SYNC, PLAN = "sync", "rehearsal of a replace"
BEFORE, NOW = "the earlier version", "this version"
EVERY_SECONDS = 0.01


def main() -> int:
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "unified_api.py").is_file():
        sys.exit("benchmarks: name the directory of an earlier version's checkout")
    environment = sizes.environment()
    rows, rounds = int(environment.get("BENCH_ROWS") or ROWS), int(environment.get("BENCH_REPEATS") or ROUNDS)
    with (
        scene.directory() as work,
        scene.embedded_server(work / "server") as server,
        service.running(work / "server", _made(work / "before"), project=Path(sys.argv[1])) as before,
        service.running(work / "server", _made(work / "now")) as now,
    ):
        database = Database(server.target)
        database.fill(rows, EVERYDAY)
        judged = _measure(database, {BEFORE: before, NOW: now}, work / "server", rows, rounds)
    for gate in judged:
        print(f"{gate.title:<64}{gate.value:>7.2f} {gate.unit:<2} gate {gate.gate:g}, goal {gate.goal:g}")
    return int((rows, rounds) == (ROWS, ROUNDS) and not all(gate.gate_met for gate in judged))


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _measure(database: Database, services: dict[str, Service], home: Path, rows: int, rounds: int) -> list[Gate]:
    stamps = {name: one.backup("binary") for name, one in services.items()}
    nothing = _race(database, services, stamps, "nothing differs", lambda: None, rounds)
    share = f"{CHANGED:.0%} differ"
    some = _race(database, services, stamps, share, lambda: database.change(round(rows * CHANGED)), rounds)
    ratios = [
        _gate(one, f"{rows:,} rows, {what}: {job}", job, *limits)
        for one, what in ((nothing, "nothing differs"), (some, share))
        for job, limits in ((SYNC, (2.5, 4.0)), (PLAN, (2.0, 3.0)))
    ]
    database.change(round(rows * CHANGED))
    with _temporary_bytes(home) as peak:
        services[NOW].sync(stamps[NOW])
    used = 100 * max(peak) / database.size()
    return [*ratios, Gate("temporary disk of a sync, of the rows' size", used, used, 3, 1.5, "%", False)]


def _race(
    database: Database,
    services: dict[str, Service],
    stamps: dict[str, str],
    what: str,
    prepare: Callable[[], None],
    rounds: int,
) -> Race:
    def same() -> None:
        services[NOW].sync(stamps[NOW])
        prepare()

    jobs: dict[str, dict[str, Any]] = {
        SYNC: {"strategy": "sync"},
        PLAN: {"truncate_before_restore": True, "dry_run": True},
    }
    contenders = [
        Contender(f"{job}, {name}", partial(services[name].restore, stamps[name], **fields), same)
        for job, fields in jobs.items()
        for name in services
    ]
    found = race.run(what, contenders, rounds, settle=database.checkpoint)
    for one in found.times:
        print(f"{what:<18}{one.name:<50}{one.median:>8.2f} s", flush=True)
    return found


def _gate(found: Race, title: str, job: str, gate: float, goal: float) -> Gate:
    ratio = found.ratio(f"{job}, {BEFORE}", f"{job}, {NOW}")
    return Gate(f"{title}: before / now", ratio.median, ratio.upper, gate, goal, "x", True)


@contextmanager
def _temporary_bytes(home: Path) -> Iterator[list[int]]:
    """What temporary tables and files take on the server's disk while the block runs, from time to time."""
    seen, done = [0], threading.Event()

    def look() -> None:
        while not done.wait(EVERY_SECONDS):
            seen.append(sum(map(_size, [*home.glob("*/base/*/t[0-9]*_*"), *home.glob("*/base/pgsql_tmp/*")])))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


if __name__ == "__main__":
    sys.exit(main())
