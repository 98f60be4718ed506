"""`python -m benchmarks.swap`: how long readers of a large table wait during a swap; status 1 if a gate is missed.

A reader asks for one row after the other, by key, all through the swap. BENCH_ROWS changes the size; the gates are
about the default.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from benchmarks import scene, sizes
from benchmarks.data import Database
from benchmarks.gates import Gate
from benchmarks.shapes import EVERYDAY

ROWS = 300_000
TIMES = 10
"""Rows are made once and copied so many times: making their vectors takes longer than a swap."""

KEYS = "SELECT id FROM langchain_pg_embedding LIMIT 1000"
READ = "SELECT document FROM langchain_pg_embedding WHERE id = %s"


def main() -> int:
    rows = int(sizes.environment().get("BENCH_ROWS") or ROWS)
    with scene.usual() as made:
        made.database.fill(max(1, rows // TIMES), EVERYDAY)
        made.database.multiply(TIMES)
        timestamp = made.service.backup("binary")
        made.database.checkpoint()
        with _reading(made.database) as seconds:
            answer = made.service.swap(timestamp)
    blocked, slowest = answer["readers_blocked_seconds"], max(seconds)
    gates = [
        Gate(f"swap of {rows:,} rows: readers_blocked_seconds", blocked, blocked, 0.1, 0.03, "s", False),
        Gate("the slowest of a reader's queries meanwhile", slowest, slowest, 0.3, 0.1, "s", False),
    ]
    print(f"swap in {answer['duration']:.1f} s, {len(seconds):,} queries beside it")
    for gate in gates:
        print(f"{gate.title:<56}{gate.value:>7.3f} {gate.unit} gate {gate.gate:g}, goal {gate.goal:g}")
    return int(rows == ROWS and not all(gate.gate_met for gate in gates))


@contextmanager
def _reading(database: Database) -> Iterator[list[float]]:
    """Seconds of each query of a reader while the block runs."""
    seconds: list[float] = []
    over = threading.Event()

    def read() -> None:
        with closing(database.connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(KEYS)
            keys = [key for (key,) in cursor.fetchall()]
            while not over.is_set():
                started = time.perf_counter()
                cursor.execute(READ, (keys[len(seconds) % len(keys)],))
                if cursor.rowcount != 1:
                    sys.exit("benchmarks: a reader has seen neither the old rows nor the new ones")
                seconds.append(time.perf_counter() - started)
                time.sleep(0.001)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seconds
    finally:
        over.set()
        reader.join()


if __name__ == "__main__":
    sys.exit(main())
