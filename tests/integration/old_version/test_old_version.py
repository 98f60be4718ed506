"""Sets, jobs, queue rows and sessions of an earlier version go on working; make.py tells how they were made."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client

HERE = Path(__file__).parent
CSV, BINARY, CHOSEN, LEGACY = ("20261127_062608", "20261127_062609", "20261127_062610", "20250722_010318")
REPLACE = {"truncate_before_restore": True}
ENDED = {"PENDING": "SUCCEEDED", "RUNNING": "INTERRUPTED", "CANCELLING": "INTERRUPTED"}
"""What becomes of a job whose process is gone; the others stay as they are."""


@pytest.fixture
def sets(output_dir: Path) -> Path:
    """The old version's sets, in the global location."""
    shutil.copytree(HERE / "sets", output_dir / "vector_bak", dirs_exist_ok=True)
    return output_dir


@pytest.fixture
def queue(empty_database: TestDatabase, database: TestDatabase) -> TestDatabase:
    """The old version's job queue, as a killed process left it; its jobs are about `database`."""
    text = (HERE / "jobs.sql").read_text(encoding="utf-8")
    empty_database.execute(
        text.replace("@PORT@", str(database.server.port)).replace("@DBNAME@", database.dbname).replace("%", "%%"), ()
    )
    return empty_database


def named(stamp: str) -> dict[str, str]:
    return {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": stamp}


@pytest.mark.parametrize("stamp", [CSV, BINARY])
@pytest.mark.parametrize("mode", [REPLACE, {"strategy": "sync"}, {}, {"on_conflict": "update"}], ids=str)
def test_a_whole_set_gives_back_every_bit(
    client: Client,
    sets: Path,
    database: TestDatabase,
    second_database: TestDatabase,
    fill: Any,
    bits: Any,
    stamp: str,
    mode: dict[str, Any],
) -> None:
    fill(second_database)
    answer = client.restore(**named(stamp), **mode, require_manifest=True)
    assert (answer.status_code, answer.get_json()["data"]["errors"]) == (200, [])
    assert sorted(bits(database)) == sorted(bits(second_database))
    compared = client.post(f"{PREFIX}/compare", data=json.dumps(named(stamp))).get_json()["data"]
    assert compared["identical"] is True


def test_the_probes_of_a_set_are_searched_for_again(client: Client, sets: Path) -> None:
    assert client.restore(**named(CSV), **REPLACE).get_json()["data"]["search_check"]


def test_a_set_of_chosen_collections_leaves_the_others(
    client: Client, sets: Path, database: TestDatabase, fill: Any
) -> None:
    fill(database)
    database.execute("DELETE FROM langchain_pg_embedding WHERE collection_id IS NOT NULL")
    assert client.restore(**named(CHOSEN), strategy="sync").status_code == 200
    names = [row[0] for row in database.fetch("SELECT name FROM langchain_pg_collection ORDER BY name")]
    assert names == ["docs", "空集合"]
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(6,)]


def test_a_pair_without_a_manifest_is_read_as_before(client: Client, sets: Path, database: TestDatabase) -> None:
    assert client.restore(**named(LEGACY), **REPLACE).status_code == 200
    rows = database.fetch("SELECT id, document, cmetadata FROM langchain_pg_embedding ORDER BY id")
    assert rows == [("a", "第一", {"n": None}), ("b", "", {})]


def test_all_sets_are_listed_and_verified(client: Client, sets: Path) -> None:
    (location,) = client.list().get_json()["data"]["backup_locations"]
    assert [one["timestamp"] for one in location["backups"]] == [CHOSEN, BINARY, CSV, LEGACY]
    for stamp in (CSV, BINARY, CHOSEN, LEGACY):
        shown = client.get(f"{PREFIX}/backups/global/{stamp}").get_json()["data"]
        verified = client.post(f"{PREFIX}/backups/global/{stamp}/verify").get_json()["data"]
        assert shown["has_manifest"] is verified["verified"] is (stamp != LEGACY)
        if stamp != LEGACY:
            assert shown["manifest"]["format_version"] == 1


def test_the_jobs_of_a_queue_are_shown_and_those_that_wait_are_run(
    make_client: Callable[..., Client],
    database: TestDatabase,
    queue: TestDatabase,
    sets: Path,
    second_database: TestDatabase,
    fill: Any,
    bits: Any,
) -> None:
    fill(second_database)
    client = make_client(
        DATABASE_URL=database.url, JOBS_DATABASE_URL=queue.url, JOBS_KEEP_DAYS="36500", JOBS_HEARTBEAT_SECONDS="1"
    )
    before = {job["job_id"]: job for job in client.get(f"{PREFIX}/jobs").get_json()["data"]["jobs"]}
    assert Counter(job["state"] for job in before.values()) == {
        **{"SUCCEEDED": 3, "PENDING": 2, "PARTIAL": 1, "FAILED": 1, "CANCELLED": 1},
        **{"INTERRUPTED": 1, "RUNNING": 1, "CANCELLING": 1},
    }
    client.application.extensions["jobs"].start()
    deadline = time.monotonic() + 60
    while (after := _jobs(client, before)) and not all(job["finished_at"] for job in after.values()):
        assert time.monotonic() < deadline, {name: job["state"] for name, job in after.items()}
        time.sleep(0.05)
    for job_id, job in after.items():
        assert job["state"] == ENDED.get(before[job_id]["state"], before[job_id]["state"])
        assert (job["request"], job["target"]) == (before[job_id]["request"], before[job_id]["target"])
        assert (job["result"] is None) is (job["state"] not in ("SUCCEEDED", "PARTIAL"))
    assert sorted(bits(database)) == sorted(bits(second_database))
    run = [after[job_id]["result"] for job_id, job in before.items() if job["state"] == "PENDING"]
    assert {result["response"] for result in run} == {"Vector表恢复完成", "Vector表备份完成"}


def test_a_process_of_the_old_version_may_work_on_the_same_queue(
    make_client: Callable[..., Client], database: TestDatabase, queue: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=queue.url, JOBS_KEEP_DAYS="36500")
    assert client.restore(**named(LEGACY)).status_code == 404
    queue.execute(
        """INSERT INTO vector_jobs.jobs (id, kind, state, sync, request, target, request_id, who, fingerprint)
           SELECT md5('old'), kind, state, sync, request, target, 'old', who, fingerprint
           FROM vector_jobs.jobs WHERE state = 'PENDING' LIMIT 1"""
    )
    versions = queue.fetch("SELECT request_version, count(*) FROM vector_jobs.jobs GROUP BY 1 ORDER BY 1")
    assert versions == [(0, 12), (1, 1)]
    assert client.get(f"{PREFIX}/jobs?request_id=old").get_json()["data"]["jobs"][0]["state"] == "PENDING"


def test_a_job_of_a_later_version_fails_and_says_so(
    make_client: Callable[..., Client], database: TestDatabase, queue: TestDatabase, sets: Path, fill: Any, bits: Any
) -> None:
    fill(database)
    before = sorted(bits(database))
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=queue.url, JOBS_KEEP_DAYS="36500")
    waiting = [job["job_id"] for job in client.get(f"{PREFIX}/jobs?state=PENDING").get_json()["data"]["jobs"]]
    assert len(waiting) == 2
    queue.execute("UPDATE vector_jobs.jobs SET request_version = 2 WHERE id = %s", (waiting[0],))
    queue.execute("UPDATE vector_jobs.jobs SET kind = 'reindex' WHERE id = %s", (waiting[1],))
    client.application.extensions["jobs"].start()
    deadline = time.monotonic() + 60
    ended = "SELECT state, error->'data'->>'response', result IS NULL FROM vector_jobs.jobs WHERE id = ANY(%s)"
    while (found := queue.fetch(ended, (waiting,))) and {row[0] for row in found} & {"PENDING", "RUNNING"}:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert found == [("FAILED", "任务由更新版本的服务提交,此版本无法执行,未做任何修改", True)] * 2
    assert sorted(bits(database)) == before


def _jobs(client: Client, names: Any) -> dict[str, Any]:
    return {name: client.get(f"{PREFIX}/jobs/{name}").get_json()["data"] for name in names}


def test_a_browser_that_was_signed_in_still_is(
    make_client: Callable[..., Client], database: TestDatabase, sets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = json.loads((HERE / "session.json").read_text(encoding="utf-8"))
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _signer: made["signed_at"] + 3600)  # it lives for 12 h
    client = FlaskClient(make_client(DATABASE_URL=database.url, API_TOKEN=made["token"]).application)
    client.set_cookie("vector_session", made["cookie"])
    session = client.get(f"{PREFIX}/session").get_json()["data"]
    assert (session["access"], session["csrf_token"]) == ("write", made["csrf_token"])
    path = f"{PREFIX}/backups/global/{CSV}/verify"
    assert client.post(path).status_code == 403
    assert client.post(path, headers={"X-CSRF-Token": made["csrf_token"]}).status_code == 200
