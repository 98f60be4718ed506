"""Drills: a set is proven by restoring it into a PostgreSQL of its own, which is gone afterwards."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask.testing import FlaskClient

from data_pipeline.api import BASE, PREFIX
from data_pipeline.jobs.job import Origin
from data_pipeline.operations.requests.drill import DrillRequest
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_any_tables import SHOP
from tests.integration.test_command_line import CommandLine
from tests.support.answers import data_of, failure
from tests.support.names import COLLECTION, EMBEDDING

SHIPPED = Path(__file__).resolve().parents[2] / "data_pipeline" / "training_data" / "vector_bak"
DRILLS = f"{BASE}/drills"
ROWS = (
    "INSERT INTO langchain_pg_embedding (id, document)"
    " SELECT n::text, repeat(md5(n::text), 100) FROM generate_series(1, 20000) n"
)
"""So many that a drill of them is met while it is at work."""


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Where scratch servers are made; a short path, so that a socket fits into it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)  # root's PostgreSQL runs as another user
        yield Path(name) / "drills"


@pytest.fixture
def drills() -> Iterator[Path]:
    with scratch_directory() as directory:
        yield directory


@pytest.fixture
def env(database: TestDatabase, jobs_database: TestDatabase, drills: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database.url,
        "JOBS_DATABASE_URL": jobs_database.url,
        "DRILL_DIRECTORY": str(drills),
        "JOBS_HEARTBEAT_SECONDS": "1",
    }


@pytest.fixture
def client(make_client: Callable[..., Client], env: dict[str, str]) -> Client:
    return make_client(**env)


def drill(client: Client, timestamp: str, **body: Any) -> Any:
    return client.post(f"{PREFIX}/backups/global/{timestamp}/drill", json=body)


def nothing_is_left(drills: Path) -> bool:
    """No file but the lock that sweepers take turns by, and no server."""
    files = [path.name for path in drills.iterdir() if path.name != "turn.lock"] if drills.exists() else []
    return not files and not servers(drills)


def servers(drills: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _works_in(process, drills)]


def _works_in(process: psutil.Process, drills: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return any(argument.startswith(str(drills)) for argument in process.cmdline())
    except psutil.Error:
        return False


def ended(client: Client, job_id: str) -> bool:
    return data_of(client.get(f"{PREFIX}/jobs/{job_id}"))["finished_at"] is not None


def wait_until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_backup_is_proven_and_that_is_remembered(
    client: Client, database: TestDatabase, fill: Any, bits: Any, drills: Path
) -> None:
    fill(database)
    database.execute("CREATE INDEX ON langchain_pg_embedding USING hnsw ((embedding::vector(3)) vector_cosine_ops)")
    before = bits(database)
    stamp = data_of(client.backup(probes=3, format="binary"))["backup_timestamp"]
    assert data_of(client.get(DRILLS))["drills"] == []
    answer = data_of(drill(client, stamp))
    assert (answer["proven"], answer["identical"], answer["errors"], answer["warnings"]) == (True, True, [], [])
    assert {name: one["rows"] for name, one in answer["tables"].items()} == {COLLECTION: 2, EMBEDDING: 6}
    assert answer["search_check"]["exact_matches"] == answer["search_check"]["probes"] == 3
    (listed,) = data_of(client.get(DRILLS))["drills"]
    assert (listed["location"], listed["timestamp"], listed["storage"]) == ("global", stamp, "local")
    assert (listed["proven"], listed["proven_at"]) == (True, listed["drilled_at"])
    assert bits(database) == before
    assert nothing_is_left(drills)
    metrics = FlaskClient(client.application).get("/metrics").text
    assert 'vector_last_success_timestamp_seconds{operation="drill"}' in metrics


def test_a_damaged_backup_is_not_proven_and_was_once(
    client: Client, database: TestDatabase, fill: Any, output_dir: Path, drills: Path
) -> None:
    fill(database)
    stamp = data_of(client.backup())["backup_timestamp"]
    data_of(drill(client, stamp))
    (file,) = output_dir.rglob(f"{EMBEDDING}_*.csv")
    data = file.read_bytes()
    file.write_bytes(data.replace(b"0.25", b"0.35", 1))
    failed = drill(client, stamp)
    assert failure(failed) == (422, "INVALID_BACKUP")
    assert failed.get_json()["data"]["backup_info"]["timestamp"] == stamp
    (listed,) = data_of(client.get(DRILLS))["drills"]
    assert (listed["proven"], listed["proven_at"] < listed["drilled_at"]) == (False, True)
    assert nothing_is_left(drills)


def test_a_set_without_a_manifest_comes_back_and_proves_nothing(client: Client, small_set: dict[str, str]) -> None:
    answer = data_of(drill(client, small_set["timestamp"]))
    assert (answer["proven"], answer["identical"], len(answer["errors"])) == (False, True, 1)
    (listed,) = data_of(client.get(DRILLS))["drills"]
    assert (listed["proven"], listed["proven_at"]) == (False, None)


def test_tables_of_any_kind_are_proven_in_schemas_of_their_own(client: Client, database: TestDatabase) -> None:
    database.execute(SHOP)
    body = {"layout": "tables", "tables": ["shop.items"], "with_references": True}
    stamp = data_of(client.backup(**body))["backup_timestamp"]
    answer = data_of(drill(client, stamp))
    assert (answer["proven"], answer["errors"]) == (True, [])
    assert {name: one["rows"] for name, one in answer["tables"].items()} == {"shop.makers": 3, "shop.items": 60}


def test_no_such_set_and_no_room_are_told_before_a_server_is_made(
    client: Client, small_set: dict[str, str], drills: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert failure(drill(client, "20250722_999999")) == (404, "RESOURCE_NOT_FOUND")
    assert failure(client.post(f"{PREFIX}/backups/global/{small_set['timestamp']}/drill?storage=none")) == (
        400,
        "INVALID_PARAMS",
    )
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    refused = drill(client, small_set["timestamp"], **{"async": True})
    assert failure(refused) == (507, "STORAGE_FULL")
    assert refused.get_json()["data"]["details"]["free_bytes"] == 1000
    assert not drills.exists()


@pytest.fixture
def small_disk(drills: Path) -> Iterator[Path]:
    """Where an empty server has room, and not much more."""
    drills.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=72m,mode=0711", "drills", str(drills)]
    if subprocess.run(options, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield drills
    subprocess.run(["umount", str(drills)], check=True)


def test_a_drill_that_fills_the_disk_says_so_and_leaves_nothing(
    small_disk: Path, client: Client, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = "SELECT string_agg(md5(n::text || m::text), '') FROM generate_series(1, 100) m"  # which isn't compressed
    database.execute(
        f"INSERT INTO langchain_pg_embedding (id, document) SELECT n::text, ({random}) FROM generate_series(1, 9000) n"
    )
    stamp = data_of(client.backup())["backup_timestamp"]
    usage = shutil.disk_usage("/")._replace(free=1 << 40)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    full = drill(client, stamp)
    assert failure(full) == (507, "STORAGE_FULL")
    assert data_of(client.get(DRILLS))["drills"] == []  # it has shown nothing of the set
    assert full.get_json()["data"]["response"] == "演练所用磁盘空间不足,演练已中止,临时数据库已删除"
    assert nothing_is_left(small_disk)


def test_a_cancelled_drill_leaves_nothing(client: Client, database: TestDatabase, drills: Path) -> None:
    database.execute(ROWS)
    stamp = data_of(client.backup())["backup_timestamp"]
    job_id = data_of(drill(client, stamp, **{"async": True}), 202)["job_id"]
    wait_until(lambda: servers(drills))
    data_of(client.post(f"{PREFIX}/jobs/{job_id}/cancel"))
    wait_until(lambda: ended(client, job_id))
    assert data_of(client.get(f"{PREFIX}/jobs/{job_id}"))["state"] == "CANCELLED"
    assert nothing_is_left(drills)
    assert data_of(client.get(DRILLS))["drills"] == []


@pytest.mark.parametrize("file", ["data.unfinished", "data/postmaster.pid"])
def test_what_a_killed_drill_has_left_is_swept_at_the_next_start(
    start_server: Callable[..., Any],
    env: dict[str, str],
    client: Client,
    database: TestDatabase,
    drills: Path,
    file: str,
) -> None:
    database.execute(ROWS)
    stamp = data_of(client.backup())["backup_timestamp"]
    worker = start_server("worker", **env)
    worker.wait_for_jobs()
    request = DrillRequest.read({"location": "global", "timestamp": stamp})
    jobs = client.application.extensions["jobs"]

    def at_work() -> bool:
        return bool(list(drills.glob(f"server-*/{file}")))

    while not at_work():  # a drill that is over before it is stopped is done again
        os.kill(worker.process.pid, signal.SIGCONT)
        job_id = jobs.hand_over(request, Origin("killed", "test")).id
        wait_until(partial(lambda job_id: at_work() or ended(client, job_id), job_id))
        os.kill(worker.process.pid, signal.SIGSTOP)
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait(60)
    assert not nothing_is_left(drills)
    start_server("worker", **env).wait_for_jobs()
    assert nothing_is_left(drills)


def test_the_shipped_backup_is_proven_at_the_command_line(env: dict[str, str], drills: Path, tmp_path: Path) -> None:
    run = CommandLine({**env, "OUTPUT_DIRECTORY": str(SHIPPED.parent)}, None, tmp_path)
    try:
        done = run("drill", "global", "--json")
        assert (done.status, done.data["proven"]) == (0, True)
        assert sum(one["rows"] for one in done.data["tables"].values()) == 202
        told = run("drill", "global", done.data["backup_info"]["timestamp"])
        assert (told.status, EMBEDDING in told.out) == (0, True)
    finally:
        run.close()
    assert nothing_is_left(drills)
