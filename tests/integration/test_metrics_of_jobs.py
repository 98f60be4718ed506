"""What the metrics count of jobs, and what they know after a restart."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client

REPLACE = {"truncate_before_restore": True}
REHEARSAL = {**REPLACE, "dry_run": True}
JOB = {"async": True}
OPERATIONS = "vector_operations_total"
LAST = "vector_last_success_timestamp_seconds"


@pytest.fixture
def service(
    make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase
) -> Callable[[], Any]:
    """A service with the same history as all others of this test."""
    return lambda: make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url)


def samples(client: Client, name: str) -> dict[str, float]:
    """By the values of their labels."""
    response = FlaskClient(client.application, client.application.response_class).get("/metrics")
    return {
        " ".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if sample.name == name
    }


def ended(client: Client, response: Any) -> str:
    jobs = client.application.extensions["jobs"]
    *_, last = (job for job in jobs.follow(response.get_json()["data"]["job_id"]) if job)
    return str(last.state)


def test_a_rehearsal_is_no_restore_however_it_is_asked_for_and_ends(
    service: Callable[[], Any], small_set: dict[str, str]
) -> None:
    client = service()
    failing = {**small_set, **REHEARSAL, "pg_conn": "postgresql://ann@127.0.0.1:1/docs"}
    assert client.restore(**small_set, **REHEARSAL).status_code == 200
    assert client.restore(**failing).status_code == 500
    jobs = [client.restore(**body, **JOB) for body in ({**small_set, **REHEARSAL}, failing)]
    assert [ended(client, job) for job in jobs] == ["SUCCEEDED", "FAILED"]
    # A job's row is written before the metrics are told: once the next one has ended in the same worker, they are.
    assert ended(client, client.backup(**JOB)) == "SUCCEEDED"
    assert "restore" not in "".join([*samples(client, OPERATIONS), *samples(client, LAST), *samples(service(), LAST)])
    assert list(samples(service(), LAST)) == ["backup"]


def test_the_last_success_outlives_a_restart_and_is_the_same_in_every_process(
    service: Callable[[], Any], small_set: dict[str, str]
) -> None:
    first = service()
    assert first.restore(**small_set, **REPLACE).status_code == 200
    assert first.backup().status_code == 200
    again = service()
    assert samples(again, OPERATIONS) == {}
    found = samples(again, LAST)
    assert found.keys() == {"restore", "backup"}
    assert again.restore(**small_set, **REPLACE, expect_database="another").status_code == 409
    assert samples(again, LAST) == found
    assert again.backup().status_code == 200
    assert samples(first, LAST)["backup"] > found["backup"]


def test_without_its_queue_the_last_success_is_what_this_process_knows(
    make_client: Callable[..., Client], database: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL="postgresql://ann@127.0.0.1:1/docs")
    assert samples(client, LAST) == {}
    assert client.backup().status_code == 200
    assert list(samples(client, LAST)) == ["backup"]


def test_an_answer_that_is_given_again_is_no_operation(
    service: Callable[[], Any], small_set: dict[str, str], database: TestDatabase, background: Any, wait_for_lock: Any
) -> None:
    client = service()

    def ask(who: Any, key: str, **body: Any) -> int:
        given = {"headers": {"Idempotency-Key": key}, "json": {**small_set, **REPLACE, **body}}
        return int(who.post(f"{PREFIX}/restore", **given).status_code)

    assert [ask(client, "done") for _ in range(3)] == [200] * 3
    assert [ask(client, "failed", expect_database="another") for _ in range(3)] == [409] * 3
    assert [ask(client, "queued", **JOB) for _ in range(2)] == [202] * 2
    assert ended(client, client.restore(**small_set, **REPLACE, **JOB)) == "SUCCEEDED"
    holder = database.connect()
    holder.cursor().execute("LOCK TABLE langchain_pg_embedding")
    running = background(lambda: ask(client.twin(), "running"))
    wait_for_lock(database)
    assert [ask(client, "running") for _ in range(2)] == [409] * 2
    holder.rollback()
    assert running.result() == 200
    # Once a later job has ended in the same worker, the metrics know of those before.
    assert ended(client, client.backup(**JOB)) == "SUCCEEDED"
    found = samples(client, OPERATIONS)
    assert {key: found[key] for key in found if key.startswith("restore")} == {
        "restore SUCCESS": 4,
        "restore SCHEMA_MISMATCH": 1,
    }
