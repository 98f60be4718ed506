"""`python -m benchmarks.whole_databases`: sets of whole databases beside bare pg_dump and pg_restore.

Its status is 1 if a gate is missed.

Each pair starts from the same rows in the same server, the one right after the other. pg_dump runs with its own
compression, pg_restore in one transaction: what a clean restore of ours promises too. Ours is the service's, over HTTP.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from psycopg2.extensions import make_dsn

from benchmarks import scene
from benchmarks.data import Database
from benchmarks.service import Service
from benchmarks.shapes import SEARCHED
from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA
from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server.cluster import binaries

ROWS = int(os.environ.get("BENCHMARK_ROWS", "10000"))
SCALE = int(os.environ.get("BENCHMARK_SCALE", "20"))
PAIRS = int(os.environ.get("BENCHMARK_PAIRS", "3"))
Result = TypeVar("Result")

LARGEST_FILE = 1.1
SLOWEST_RESTORE = 1.15

BARE = ("--format=custom", f"--exclude-schema={QUEUE_SCHEMA}")
"""The service's own queue is in this database, and must not go back in time."""


@dataclass(frozen=True)
class Contest:
    """A database, and how many times as long as a set bare pg_dump has to take."""

    title: str
    fill: Callable[[Database, Target], None]
    faster: float


def _vectors(database: Database, _target: Target) -> None:
    database.fill(ROWS, SEARCHED)


def _pgbench(database: Database, target: Target) -> None:
    with database.cursor() as cursor:
        cursor.execute("DROP TABLE langchain_pg_embedding, langchain_pg_collection")
    where = ["-h", target.host, "-p", str(target.port), "-U", target.user, target.dbname]
    subprocess.run(
        [binaries() / "pgbench", "-q", "-i", "-s", str(SCALE), *where], check=True, stderr=subprocess.DEVNULL
    )


CONTESTS = (Contest("vectors with HNSW", _vectors, 4.0), Contest("pgbench", _pgbench, 0.8))
"""Of pgbench nearly all is one table. Its rows come through the one COPY of pg_dump that a set needs as well, and gzip
takes next to nothing of what it makes of them: of 0.40 s of CPU time for 100 MB the server's part is 0.32 s."""


def main() -> int:
    with scene.usual() as made:
        target = made.database.target
        missed = [_held(contest, made.database, target, made.service, made.work) for contest in CONTESTS]
    return int(any(missed))


def _held(contest: Contest, database: Database, target: Target, running: Service, work: Path) -> bool:
    """Whether a gate was missed."""
    contest.fill(database, target)
    pairs = [_pair(contest, database, target, running, work / f"bare-{n}.dump") for n in range(PAIRS)]
    faster, slower, larger = map(statistics.median, zip(*pairs, strict=True))
    print(f"{contest.title}: a set {faster:.1f} times as fast as pg_dump -Fc (gate {contest.faster:g}),")
    print(f"  its file {larger:.2f} times as large (at most {LARGEST_FILE}),")
    print(f"  restored in {slower:.2f} of the time of pg_restore (at most {SLOWEST_RESTORE})")
    return bool(faster < contest.faster or larger > LARGEST_FILE or slower > SLOWEST_RESTORE)


def _pair(
    contest: Contest, database: Database, target: Target, running: Service, file: Path
) -> tuple[float, float, float]:
    """How many times as long pg_dump takes as a set, ours as pg_restore, and how large the set is beside the file."""
    database.checkpoint()
    bare, _ = _timed(lambda: _run("pg_dump", target, *BARE, f"--file={file}"))
    database.checkpoint()
    ours, made = _timed(running.backup_database)
    clean = ("--single-transaction", "--clean", "--if-exists", "--no-owner")
    database.checkpoint()
    bare_restore, _ = _timed(lambda: _run("pg_restore", target, *clean, str(file)))
    database.checkpoint()
    our_restore, _ = _timed(lambda: running.restore_database(made))
    print(
        f"  {contest.title}: pg_dump {bare:.2f} s, a set {ours:.2f} s;"
        f" pg_restore {bare_restore:.2f} s, ours {our_restore:.2f} s",
        flush=True,
    )
    return bare / ours, our_restore / bare_restore, made["files"]["archive"]["file_bytes"] / file.stat().st_size


def _run(program: str, target: Target, *arguments: str) -> None:
    where = replace(target, password=None).parameters()
    conninfo = make_dsn(host=where["host"], port=where["port"], user=where["user"], dbname=where["dbname"])
    subprocess.run([binaries() / program, f"--dbname={conninfo}", *arguments], check=True)


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    started = time.monotonic()
    result = work()
    return time.monotonic() - started, result


if __name__ == "__main__":
    sys.exit(main())
