"""kill -9 of the service and of the server during restores: its name means the old rows or the new, all of them."""

import json
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from data_pipeline.api import BASE
from tests.conftest import TestDatabase
from tests.integration.milvus.rows import held, make_plain
from tests.integration.milvus.server import MilvusServer
from tests.live_server import LiveServer

EVERY_DAY, LONG = 2, 50
ROWS = 400


def settled(client: Any) -> bool:
    return not [name for name in client.list_collections() if name.endswith("__restore")]


def killed(start_server: Callable[..., LiveServer], milvus: MilvusServer, queue: TestDatabase, times: int) -> None:
    """A restore over a live collection, killed at a random moment, again and again."""
    dice = random.Random(7)
    client = milvus.client()
    make_plain(client, "docs", ROWS)
    new = held(client, "docs")
    env = {
        "DATABASE_URL": queue.url,
        "JOBS_DATABASE_URL": queue.url,
        "TARGETS": json.dumps({"milvus": milvus.url}),
        "JOBS_HEARTBEAT_SECONDS": "1",
    }
    server = start_server(**env)
    url = f"http://{server.address}{BASE}/milvus"
    made = requests.post(f"{url}/backup", json={"target": "milvus"}, timeout=60).json()["data"]
    chosen = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    client.delete("docs", filter=f"id >= {ROWS // 2}")
    old = held(client, "docs")
    for number in range(times):
        body = {"set": chosen, "target": "milvus", "swap": True, "drop_old": True, "async": True}
        begun = requests.post(f"http://{server.address}{BASE}/milvus/restore", json=body, timeout=60)
        assert begun.status_code == 202, begun.text
        time.sleep(dice.random() * 1.2)
        if number % 2:
            milvus.kill()
            milvus.start()
        else:
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            server = start_server(**env)
        deadline = time.monotonic() + 90
        while not (settled(client) and client.has_collection("docs")):
            assert time.monotonic() < deadline, client.list_collections()
            time.sleep(0.3)
        assert held(client, "docs") in (old, new)
    client.close()


def test_a_killed_restore_leaves_the_old_rows_or_the_new(
    start_server: Callable[..., LiveServer], milvus: MilvusServer, jobs_database: TestDatabase
) -> None:
    killed(start_server, milvus, jobs_database, EVERY_DAY)


@pytest.mark.slow
def test_restores_killed_at_fifty_moments(
    start_server: Callable[..., LiveServer], milvus: MilvusServer, jobs_database: TestDatabase
) -> None:
    killed(start_server, milvus, jobs_database, LONG)
