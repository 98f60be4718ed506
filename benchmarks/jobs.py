"""`python -m benchmarks.jobs`: what the job queue costs, and what a second worker brings; status 1 if a gate is missed.

PostgreSQL with its own settings for durability holds the queue and four databases; the service and the worker are
processes of their own.
"""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg2

from benchmarks.service import LOCATION, PREFIX
from benchmarks.sizes import PROJECT
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.postgres.connection import Timeouts, transaction
from data_pipeline.postgres.connection_url import from_url
from data_pipeline.postgres.schema import ddl
from data_pipeline.postgres_server.cluster import SUPERUSER, Cluster
from data_pipeline.sets.tables import table_spec

DATABASES = 4
ROWS = 400
DIMENSIONS = 384
RESTORES = 8
TURNS = 3
"""How often the second worker is started and stopped again, so that what slows the machine down slows both."""
ROUNDS = 5
"""Counted rounds of each turn. One goes before: a worker's first job looks up much that it then knows."""
CALLS = 40
ASK_SECONDS = 0.25
START_SECONDS = 60
STAMP = "20250722_010318"
COLLECTION = "11111111-1111-4111-8111-111111111111"
FINAL = ("SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED")
TIMEOUTS = Timeouts(connect=5, lock=5, statement=60, idle=60, client_check=1000)
MOST_ADDED_MS = 50.0
MOST_CANCEL_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """One figure, and whether it is what it has to be."""

    name: str
    value: str
    gate: str
    met: bool


class Api:
    """The service's jobs over one HTTP connection."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        self._connection.request(method, PREFIX + path, json.dumps(body) if body is not None else None)
        return json.load(self._connection.getresponse())["data"]

    def replace(self, database: int, **more: Any) -> Any:
        body = {"backup_path": LOCATION, "timestamp": STAMP, "truncate_before_restore": True, "pg_conn": str(database)}
        return self.call("POST", "/restore", body | more)

    def until(self, job_id: str, *states: str) -> Any:
        """The job once it is in one of these states. When it got there it says itself, so nobody asks often."""
        while (job := self.call("GET", f"/jobs/{job_id}"))["state"] not in states:
            time.sleep(ASK_SECONDS)
        return job

    def succeeded(self, job_id: str) -> Any:
        job = self.until(job_id, *FINAL)
        if job["state"] != "SUCCEEDED":
            raise RuntimeError(f"a job ended as {job['state']}: {job['error']}")
        return job


def main() -> int:
    work = Path(tempfile.mkdtemp(prefix="bench-jobs-"))
    work.chmod(0o711)  # root's PostgreSQL runs as another user
    try:
        with _server(work / "server") as urls:
            _write_set(work / "output" / "vector_bak")
            results = _measure(work, urls)
    finally:
        shutil.rmtree(work)
    for one in results:
        print(f"{one.name:<58} {one.value:>10}  {one.gate:<14} {'met' if one.met else 'MISSED'}")
    return int(not all(one.met for one in results))


def _measure(work: Path, urls: list[str]) -> list[Measured]:
    env = _environment(work, urls)
    with _process(work, env, "serving"), closing(HTTPConnection("127.0.0.1", int(env["PORT"]), timeout=60)) as http:
        api = Api(http)
        for number in range(DATABASES):
            api.succeeded(api.replace(number, **{"async": True})["job_id"])
        added = _added(api)
        cancelling = _cancelling(api, urls[1])
        alone, together = [], []
        for _ in range(TURNS):
            alone += _rounds(api)
            with _process(work, env, "ready for jobs", "worker"):
                together += _rounds(api)
    gain = statistics.median(alone) / statistics.median(together)
    print(f"8 restores of {ROWS} rows on one worker {_seconds(alone)}, on two {_seconds(together)}, ratio {gain:.2f}")
    return [
        Measured("the queue adds to a job (median)", f"{added:.0f} ms", "< 50 ms", added < MOST_ADDED_MS),
        Measured(
            "from cancel to CANCELLED (longest of 5)", f"{cancelling:.2f} s", "< 1 s", cancelling < MOST_CANCEL_SECONDS
        ),
    ]


def _added(api: Api) -> float:
    """Milliseconds from sending a request to the end of its job, less those that a synchronous call takes."""
    calls, jobs = [], []
    for _ in range(CALLS):
        started = time.time()
        api.replace(0)
        calls.append(time.time() - started)
        started = time.time()
        job = api.succeeded(api.replace(0, **{"async": True})["job_id"])
        jobs.append(datetime.fromisoformat(job["finished_at"]).timestamp() - started)
    return 1000 * (statistics.median(jobs) - statistics.median(calls))


def _cancelling(api: Api, url: str) -> float:
    """The longest that a restore, waiting for a lock, takes to be CANCELLED."""
    found = []
    with closing(psycopg2.connect(url)) as holder:
        holder.cursor().execute("LOCK TABLE langchain_pg_embedding")
        for _ in range(5):
            job_id = api.replace(0, **{"async": True})["job_id"]
            api.until(job_id, "RUNNING")
            started = time.time()
            api.call("POST", f"/jobs/{job_id}/cancel")
            job = api.until(job_id, "CANCELLED")
            found.append(datetime.fromisoformat(job["finished_at"]).timestamp() - started)
    return max(found)


def _rounds(api: Api) -> list[float]:
    _eight(api)
    return [_eight(api) for _ in range(ROUNDS)]


def _eight(api: Api) -> float:
    """Seconds from the first request to the end of the last of eight jobs, two for each database."""
    started = time.time()
    jobs = [api.replace(number % DATABASES, **{"async": True})["job_id"] for number in range(RESTORES)]
    ends = [api.succeeded(job_id)["finished_at"] for job_id in reversed(jobs)]
    return max(datetime.fromisoformat(end).timestamp() for end in ends) - started


@contextmanager
def _server(home: Path) -> Iterator[list[str]]:
    """The URLs of a database for the queue and four with the tables, on a server of their own."""
    cluster = Cluster(home)
    cluster.create()
    port = _free_port()
    with open(cluster.data / "postgresql.conf", "a", encoding="utf-8") as configuration:
        configuration.write(f"listen_addresses = '127.0.0.1'\nport = {port}\n")
    cluster.start()
    try:
        login = f"{SUPERUSER}:{cluster.password}" if cluster.password else SUPERUSER
        names = ["queue", *(f"target{number}" for number in range(DATABASES))]
        urls = [f"postgresql://{login}@127.0.0.1:{port}/{name}" for name in names]
        with closing(psycopg2.connect(f"postgresql://{login}@127.0.0.1:{port}/postgres")) as connection:
            connection.autocommit = True
            for name in names:
                connection.cursor().execute(f"CREATE DATABASE {name}")
        for url in urls[1:]:
            with transaction(from_url(url, "url"), TIMEOUTS) as session:
                session.cursor.execute("CREATE EXTENSION vector")
                ddl.create_absent(session.cursor, "public", table_spec.as_made(DOCUMENTED))
        yield urls
    finally:
        cluster.stop()


def _write_set(directory: Path) -> None:
    """A set of ROWS rows, as older exporters wrote them."""
    directory.mkdir(parents=True)
    vector = ",".join(f"{number / 7:.7f}" for number in range(1, DIMENSIONS + 1))
    rows = (f'{number},{COLLECTION},"[{vector}]",text {number},{{}}\n' for number in range(ROWS))
    (directory / f"langchain_pg_collection_{STAMP}.csv").write_text(f"uuid,name,cmetadata\n{COLLECTION},docs,{{}}\n")
    (directory / f"langchain_pg_embedding_{STAMP}.csv").write_text(
        "id,collection_id,embedding,document,cmetadata\n" + "".join(rows)
    )


def _environment(work: Path, urls: list[str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return kept | {
        "PORT": str(_free_port()),
        "OUTPUT_DIRECTORY": str(work / "output"),
        "DATABASE_URL": urls[1],
        "JOBS_DATABASE_URL": urls[0],
        "TARGETS": json.dumps({str(number): url for number, url in enumerate(urls[1:])}),
    }


@contextmanager
def _process(work: Path, env: dict[str, str], ready: str, *arguments: str) -> Iterator[None]:
    """The service, or a worker, from when it says that it is ready."""
    log = work / f"{'-'.join(('service', *arguments))}.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "unified_api.py", *arguments], cwd=PROJECT, env=env, stderr=output)
    try:
        _wait(process, lambda: f'"event": "{ready}"' in log.read_text(encoding="utf-8"))
        yield
    finally:
        process.terminate()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not reached():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("a process did not start")
        time.sleep(0.05)


def _seconds(found: list[float]) -> str:
    return f"{statistics.median(found):.2f} s ({min(found):.2f}-{max(found):.2f})"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
