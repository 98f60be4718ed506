"""A drill of a set of Milvus: into a milvus-lite that is made for it, and gone afterwards."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from data_pipeline.api import BASE
from data_pipeline.jobs.job import Origin
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.requests.drill import DrillRequest
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.milvus.rows import make_plain
from tests.support.answers import data_of
from tools.milvus_server import MilvusServer


def test_a_set_is_proven_in_a_milvus_of_its_own(
    make_client: Callable[..., Client], database: TestDatabase, milvus: MilvusServer, pymilvus: Any, tmp_path: Path
) -> None:
    drills = tmp_path / "drills"
    client = make_client(
        DATABASE_URL=database.url,
        TARGETS=json.dumps({"milvus": milvus.url}),
        STACKS=json.dumps({"app": {"vectors": "milvus"}}),
        DRILL_DIRECTORY=str(drills),
        LOAD_WORKERS="0",
    )
    make_plain(pymilvus, "docs", 40)
    made = data_of(client.post(f"{BASE}/stacks/app/backup"))
    chosen = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    drilled = data_of(client.post(f"{BASE}/stacks/app/drill", data=json.dumps({"set": chosen})))
    answer = drilled["members"]["vectors"]["answer"]
    assert (drilled["proven"], answer["tables"]["docs"]["rows"]) == (True, 40)
    jobs: Jobs = client.application.extensions["jobs"]
    newest = jobs.perform(DrillRequest.read({"location": "global", "layout": "milvus"}), Origin("1", "local"))
    assert (newest["proven"], newest["tables"]) == (True, answer["tables"])
    assert pymilvus.list_collections() == ["docs"]
    assert [path for path in drills.iterdir() if path.name != "turn.lock"] == []
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(drills) in str(one.info["cmdline"])]
    pymilvus.delete("docs", filter="id >= 20")
    compared = data_of(client.post(f"{BASE}/stacks/app/compare", data=json.dumps({"set": chosen})))
    assert compared["members"]["vectors"]["identical"] is False
    data_of(client.post(f"{BASE}/stacks/app/restore", data=json.dumps({"set": chosen})))
    compared = data_of(client.post(f"{BASE}/stacks/app/compare", data=json.dumps({"set": chosen})))
    assert compared["identical"] is True
