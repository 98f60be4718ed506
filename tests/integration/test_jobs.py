"""Jobs as a caller meets them: 202, look, follow, cancel, and the history, over the service's own worker."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from unified_api import PREFIX

FINAL = ("SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED")


@pytest.fixture
def client(jobs_database: Any, database: Any, make_client: Callable[..., Any]) -> Any:
    """A client of a service with a queue of its own."""
    return make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url)


def job_of(client: Any, job_id: str) -> Any:
    return client.get(f"{PREFIX}/jobs/{job_id}").get_json()["data"]


def ended(client: Any, response: Any) -> Any:
    """The job of a 202 answer once it has ended."""
    assert response.status_code == 202, response.text
    job_id = response.get_json()["data"]["job_id"]
    deadline = time.monotonic() + 30
    while (job := job_of(client, job_id))["state"] not in FINAL:
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job


def test_a_restore_as_a_job_ends_as_the_synchronous_one(client: Any, database: Any, small_set: dict[str, str]) -> None:
    body = {**small_set, "truncate_before_restore": True}
    answer = client.restore(**body).get_json()["data"]
    response = client.restore(**body, **{"async": True})
    data = response.get_json()["data"]
    assert data["state"] == "PENDING"
    assert response.headers["Location"] == data["links"]["self"] == f"{PREFIX}/jobs/{data['job_id']}"
    job = ended(client, response)
    print(json.dumps(job, indent=1, ensure_ascii=False))
    assert (job["state"], job["error"]) == ("SUCCEEDED", None)
    assert job["result"].keys() == answer.keys()
