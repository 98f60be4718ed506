"""Jobs as a caller meets them: 202, look, list, cancel, idempotency keys, and the history of synchronous calls."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from data_pipeline.api import PREFIX
from data_pipeline.jobs.backend import schema
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import EMBEDDING

FINAL = ("SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED")
JOB = {"async": True}
REPLACE = {"truncate_before_restore": True}
CANARY = "canary-pa55word"


@pytest.fixture
def client(jobs_database: TestDatabase, database: TestDatabase, make_client: Callable[..., Client]) -> Any:
    """A client of a service with a queue of its own."""
    return make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url)


@pytest.fixture
def held(database: TestDatabase) -> Iterator[Callable[[], None]]:
    """The embedding table is locked until this is called: a job that needs it runs and goes no further."""
    connection = database.connect()
    connection.cursor().execute(f"LOCK TABLE {EMBEDDING}")
    yield connection.rollback
    connection.rollback()


def job_of(client: Client, response: Any) -> Any:
    job_id = response.get_json()["data"]["job_id"]
    return client.get(f"{PREFIX}/jobs/{job_id}").get_json()["data"]


def jobs_of(client: Client, **query: str) -> Any:
    response = client.get(f"{PREFIX}/jobs", query_string=query)
    assert response.status_code == 200, response.text
    return response.get_json()["data"]["jobs"]


def until(client: Client, response: Any, *states: str) -> Any:
    """The job of an answer once it is in one of these states."""
    deadline = time.monotonic() + 60
    while (job := job_of(client, response))["state"] not in states:
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job


def ended(client: Client, response: Any) -> Any:
    """The job of a 202 answer once it has ended."""
    assert response.status_code == 202, response.text
    return until(client, response, *FINAL)


def cancel(client: Client, response: Any) -> Any:
    return client.post(response.get_json()["data"]["links"]["cancel"])


# What a job is


def test_a_restore_as_a_job_says_what_the_synchronous_one_says(client: Client, small_set: dict[str, str]) -> None:
    answer = client.restore(**small_set, **REPLACE).get_json()["data"]
    response = client.restore(**small_set, **REPLACE, **JOB)
    data = response.get_json()["data"]
    assert data["state"] == "PENDING"
    assert response.headers["Location"] == data["links"]["self"] == f"{PREFIX}/jobs/{data['job_id']}"
    job = ended(client, response)
    assert (job["state"], job["error"], job["async"], job["kind"]) == ("SUCCEEDED", None, True, "restore")
    assert job["result"].keys() == answer.keys()
    assert job["result"]["restore_results"].keys() == answer["restore_results"].keys()
    assert job["request"] == {**small_set, **REPLACE, **JOB}
    assert job["target"] == answer["target"]
    created, started, finished = (
        datetime.fromisoformat(job[f"{when}_at"]) for when in ("created", "started", "finished")
    )
    assert created <= started <= finished
    assert created.utcoffset() is not None
    assert {name: job["progress"][name] for name in ("phase", "rows_done", "percent", "eta_seconds")} == {
        "phase": "check",
        "rows_done": 3,
        "percent": 100.0,
        "eta_seconds": 0.0,
    }
    assert job["progress"]["bytes_done"] == job["progress"]["bytes_total"] > 0


def test_a_backup_as_a_job_makes_a_set(client: Client, database: TestDatabase, fill: Any) -> None:
    fill(database)
    job = ended(client, client.backup(format="binary", **JOB))
    assert job["state"] == "SUCCEEDED"
    assert job["result"]["tables_backed_up"][EMBEDDING]["row_count"] == 6
    listed = client.list().get_json()["data"]["backup_locations"][0]["backups"]
    assert [one["timestamp"] for one in listed] == [job["result"]["backup_timestamp"]]


def test_a_job_that_fails_has_the_envelope_of_the_failure(
    client: Client, database: TestDatabase, bits: Any, small_set: dict[str, str]
) -> None:
    client.restore(**small_set)
    before = bits(database)
    body = {**small_set, "atomic": True}
    answer = client.restore(**body).get_json()
    job = ended(client, client.restore(**body, **JOB))
    assert (job["state"], job["result"]) == ("FAILED", None)
    assert (job["error"]["code"], job["error"]["success"]) == (409, False)
    assert job["error"]["data"]["error_type"] == answer["data"]["error_type"] == "DUPLICATE_ROWS"
    assert job["error"]["data"]["rolled_back"] is True
    assert bits(database) == before


def test_a_job_that_restores_one_table_of_two_is_partial(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    database.execute(f"ALTER TABLE {EMBEDDING} ADD CHECK (id <> 'b')")
    job = ended(client, client.restore(**small_set, **JOB))
    assert job["state"] == "PARTIAL"
    assert job["result"]["errors"] == [f"{EMBEDDING}表恢复失败"]


# No job without a valid request


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"timestamp": "20200101_000000"}, 404),
        ({"timestamp": "yesterday"}, 400),
        ({"backup_path": "../secrets"}, 400),
        ({"tables": ["pg_authid"]}, 400),
        ({"nonsense": 1}, 400),
        ({"async": "true"}, 400),
        ({"pg_conn": f"postgresql://ann:{CANARY}@169.254.169.254/docs"}, 403),
        ({"pg_conn": f"postgresql://ann:{CANARY}@localhost/docs?service=x"}, 400),
        ({"require_manifest": True}, 422),
        ({"truncate_before_restore": True, "atomic": False}, 400),
    ],
)
def test_a_restore_that_could_only_fail_becomes_no_job(
    client: Client, small_set: dict[str, str], change: dict[str, Any], status: int
) -> None:
    response = client.restore(**{**small_set, **JOB, **change})
    assert response.status_code == status
    assert jobs_of(client) == []
    assert CANARY not in response.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"task_id": "task_nowhere"}, 404),
        ({"task_id": "../x"}, 400),
        ({"backup_vector_tables": False}, 400),
        ({"db_connection": f"postgresql://ann:{CANARY}@169.254.169.254/docs"}, 403),
        ({"format": "parquet"}, 400),
    ],
)
def test_a_backup_that_could_only_fail_becomes_no_job(client: Client, body: dict[str, Any], status: int) -> None:
    assert client.backup(**body, **JOB).status_code == status
    assert jobs_of(client) == []


def test_null_is_the_same_as_absent(client: Client, small_set: dict[str, str]) -> None:
    assert client.restore(**small_set, **{"async": None}).status_code == 200


# Looking for jobs


def test_jobs_are_listed_newest_first_page_by_page(client: Client) -> None:
    made = [ended(client, client.backup(**JOB))["job_id"] for _ in range(5)]
    first = client.get(f"{PREFIX}/jobs?limit=2").get_json()["data"]
    second = client.get(f"{PREFIX}/jobs?limit=2&after={first['next']}").get_json()["data"]
    third = client.get(f"{PREFIX}/jobs?limit=2&after={second['next']}").get_json()["data"]
    pages = [[job["job_id"] for job in page["jobs"]] for page in (first, second, third)]
    assert pages == [made[4:2:-1], made[2:0:-1], made[:1]]
    assert third["next"] is None
    assert "result" not in first["jobs"][0]


def test_jobs_are_found_by_their_state(client: Client, held: Callable[[], None], small_set: dict[str, str]) -> None:
    running, waiting = client.restore(**small_set, **REPLACE, **JOB), client.restore(**small_set, **REPLACE, **JOB)
    until(client, running, "RUNNING")
    for state, response in (("RUNNING", running), ("PENDING", waiting)):
        assert [job["job_id"] for job in jobs_of(client, state=state)] == [response.get_json()["data"]["job_id"]]
    held()
    for response in (running, waiting):
        assert ended(client, response)["state"] == "SUCCEEDED"
    assert len(jobs_of(client, state="SUCCEEDED")) == 2
    assert jobs_of(client, state="FAILED") == []


@pytest.mark.parametrize(
    "query",
    [
        *("state=DONE", "state=", "limit=0", "limit=201", "limit=x", "limit=1&limit=2", "page=1", "x"),
        *("after=", "after=%00", "request_id=a%00", "request_id="),
    ],
)
def test_a_wrong_query_is_refused(client: Client, query: str) -> None:
    response = client.get(f"{PREFIX}/jobs?{query}")
    assert response.status_code == 400
    assert response.get_json()["data"]["error_type"] == "INVALID_PARAMS"


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/cancel"), ("GET", "/events")])
@pytest.mark.parametrize("job_id", ["0" * 32, "x", "%00", "x' OR '1'='1", "é" * 200])
def test_there_is_no_such_job(client: Client, method: str, path: str, job_id: str) -> None:
    response = client.open(f"{PREFIX}/jobs/{job_id}{path}", method=method)
    assert response.status_code == 404


# The same key


def test_the_same_key_and_body_give_the_same_job(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    headers = {"Idempotency-Key": "monday"}
    responses = [
        client.post(f"{PREFIX}/restore", data=json.dumps({**small_set, **JOB}), headers=headers) for _ in range(3)
    ]
    assert {response.status_code for response in responses} == {202}
    (job_id,) = {response.get_json()["data"]["job_id"] for response in responses}
    assert ended(client, responses[0])["state"] == "SUCCEEDED"
    assert [job["job_id"] for job in jobs_of(client)] == [job_id]
    assert database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(2,)]


def test_the_same_key_with_another_request_is_refused(client: Client, small_set: dict[str, str]) -> None:
    headers = {"Idempotency-Key": "monday"}
    first = client.post(f"{PREFIX}/restore", data=json.dumps({**small_set, **JOB}), headers=headers)
    for path, body in (
        ("restore", {**small_set, **JOB, **REPLACE}),
        ("restore", small_set),
        ("backup", JOB),
    ):
        response = client.post(f"{PREFIX}/{path}", data=json.dumps(body), headers=headers)
        data = response.get_json()["data"]
        assert (response.status_code, data["error_type"]) == (409, "IDEMPOTENCY_KEY_REUSED")
        assert data["job_id"] == first.get_json()["data"]["job_id"]
    ended(client, first)
    assert len(jobs_of(client)) == 1


def test_a_synchronous_call_with_a_key_is_answered_again_and_not_done_again(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    headers = {"Idempotency-Key": "monday"}
    first, second = (
        client.post(f"{PREFIX}/restore", data=json.dumps(small_set), headers=headers).get_json() for _ in range(2)
    )
    for answer in (first, second):
        del answer["data"]["timestamp"]
    assert first == second
    assert first["code"] == 200
    assert len(jobs_of(client)) == 1


def test_a_failure_with_a_key_is_answered_again(client: Client, small_set: dict[str, str]) -> None:
    client.restore(**small_set)
    headers = {"Idempotency-Key": "tuesday"}
    first, second = (client.post(f"{PREFIX}/restore", data=json.dumps(small_set), headers=headers) for _ in range(2))
    assert (first.status_code, first.get_json()["data"]["error_type"]) == (409, "DUPLICATE_ROWS")
    assert (second.status_code, second.get_json()["data"]["error_type"]) == (409, "DUPLICATE_ROWS")
    assert len(jobs_of(client)) == 2


def test_a_synchronous_call_whose_key_is_at_work_is_told_so(
    client: Client, held: Callable[[], None], background: Any, small_set: dict[str, str]
) -> None:
    headers, body = {"Idempotency-Key": "monday"}, json.dumps({**small_set, **REPLACE})
    first = background(lambda: client.twin().post(f"{PREFIX}/restore", data=body, headers=headers))
    while not jobs_of(client, state="RUNNING"):
        time.sleep(0.01)
    second = client.post(f"{PREFIX}/restore", data=body, headers=headers)
    assert (second.status_code, second.get_json()["data"]["error_type"]) == (409, "OPERATION_IN_PROGRESS")
    held()
    assert first.result().status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é", "\t"])
def test_a_key_of_other_characters_is_refused(client: Client, key: str) -> None:
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    assert client.post(f"{PREFIX}/backup", data="{}", headers=headers).status_code == 400
    assert jobs_of(client) == []


# Secrets


def test_a_password_is_never_stored(
    client: Client, jobs_database: TestDatabase, second_database: TestDatabase, role: Any, small_set: dict[str, str]
) -> None:
    role.may("ALL")
    jobs = [
        ended(client, client.restore(**small_set, **REPLACE, **JOB, pg_conn=second_database.url)),
        ended(client, client.restore(**small_set, **REPLACE, **JOB, pg_conn=role.url)),
        ended(client, client.backup(**JOB, db_connection=role.url)),
    ]
    client.backup(pg_conn=role.url)
    client.backup(pg_conn=f"not even a URL {CANARY}")
    assert jobs[0]["state"] == "SUCCEEDED"
    assert all("pg_conn" not in job["request"] and "db_connection" not in job["request"] for job in jobs)
    assert [job["target"]["source"] for job in jobs] == ["pg_conn"] * 3
    stored = str(jobs_database.fetch("SELECT j::text FROM vector_jobs.jobs j"))
    stored += str(jobs_database.fetch("SELECT j::text FROM vector_jobs.procrastinate_jobs j"))
    assert stored.count("restore") >= 2
    for secret in (urlsplit(role.url).password, CANARY, urlsplit(second_database.url).password):
        assert not secret or secret not in stored
    assert second_database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(2,)]


def test_a_named_target_needs_no_password(
    jobs_database: TestDatabase,
    database: TestDatabase,
    second_database: TestDatabase,
    make_client: Callable[..., Client],
    small_set: dict[str, str],
) -> None:
    client = make_client(
        DATABASE_URL=database.url,
        JOBS_DATABASE_URL=jobs_database.url,
        TARGETS=json.dumps({"second": second_database.url}),
    )
    job = ended(client, client.restore(**small_set, **JOB, pg_conn="second"))
    assert (job["state"], job["request"]["pg_conn"], job["target"]["source"]) == ("SUCCEEDED", "second", "target")
    assert second_database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(2,)]
    assert database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(0,)]


# History


def test_a_synchronous_call_is_found_by_its_request_id(client: Client, small_set: dict[str, str]) -> None:
    headers = {"X-Request-ID": "lost-on-the-way"}
    answer = client.post(f"{PREFIX}/restore", data=json.dumps(small_set), headers=headers).get_json()["data"]
    client.restore(**small_set)
    client.backup()
    (found,) = jobs_of(client, request_id="lost-on-the-way")
    assert (found["state"], found["async"], found["kind"]) == ("SUCCEEDED", False, "restore")
    job = client.get(found["links"]["self"]).get_json()["data"]
    assert {**job["result"], "timestamp": None} == {**answer, "timestamp": None}
    assert [job["state"] for job in jobs_of(client)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert jobs_of(client, request_id="another") == []


def test_without_its_queue_synchronous_calls_work_and_jobs_are_refused(
    make_client: Callable[..., Client], database: TestDatabase, small_set: dict[str, str]
) -> None:
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=f"postgresql://ann:{CANARY}@127.0.0.1:1/docs")
    with capture_logs() as captured:
        assert client.restore(**small_set).status_code == 200
    assert [line["log_level"] for line in captured if "history" in line["event"]] == ["warning"]
    for response in (
        client.restore(**small_set, **REPLACE, **JOB),
        client.backup(**JOB),
        client.get(f"{PREFIX}/jobs"),
        client.post(f"{PREFIX}/backup", data="{}", headers={"Idempotency-Key": "x"}),
    ):
        assert (response.status_code, response.get_json()["data"]["error_type"]) == (503, "SERVICE_UNAVAILABLE")
    response = client.get("/readyz")
    assert (response.status_code, response.get_json()["data"]["checks"]["queue"]) == (503, False)
    assert CANARY not in str(captured)


def test_a_queue_that_comes_back_is_used_again(
    client: Client, jobs_database: TestDatabase, small_set: dict[str, str]
) -> None:
    assert ended(client, client.restore(**small_set, **JOB))["state"] == "SUCCEEDED"
    jobs_database.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vector-jobs'")
    assert ended(client, client.restore(**small_set, **REPLACE, **JOB))["state"] == "SUCCEEDED"


# Metrics and the audit line


def test_a_job_has_a_line_when_it_is_queued_and_one_when_it_has_ended(
    client: Client, small_set: dict[str, str]
) -> None:
    with capture_logs() as captured:
        response = client.restore(**small_set, **JOB)
        job = ended(client, response)
        deadline = time.monotonic() + 60
        while not [line for line in captured if line["event"] == "job"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    (accepted,) = [line for line in captured if line["event"] == "write"]
    (line,) = [line for line in captured if line["event"] == "job"]
    assert (accepted["status"], accepted["outcome"]) == (202, "ACCEPTED")
    assert (line["who"], line["what"], line["outcome"]) == ("local", "restore", "SUCCEEDED")
    assert line["request_id"] == accepted["request_id"] == job["request_id"]
    assert (line["job_id"], line["target"]) == (job["job_id"], job["target"])


def test_a_job_is_counted_once_by_its_outcome(client: Client, small_set: dict[str, str]) -> None:
    ended(client, client.restore(**small_set, **JOB))
    ended(client, client.restore(**small_set, **JOB))
    plain = client.application.test_client()
    plain.__class__ = type("Plain", (type(plain).__mro__[1],), {})
    text = plain.get("/metrics").text
    assert 'vector_operations_total{operation="restore",outcome="SUCCESS"} 1.0' in text
    assert 'vector_operations_total{operation="restore",outcome="DUPLICATE_ROWS"} 1.0' in text
    assert 'vector_rows_total{operation="restore"} 3.0' in text
    assert 'vector_jobs{state="PENDING"} 0.0' in text


# Cancelling


def test_a_job_that_waits_is_cancelled_at_once(
    client: Client, held: Callable[[], None], small_set: dict[str, str]
) -> None:
    running, waiting = client.restore(**small_set, **REPLACE, **JOB), client.backup(**JOB)
    until(client, running, "RUNNING")
    answer = cancel(client, waiting)
    assert (answer.status_code, answer.get_json()["data"]["state"]) == (200, "CANCELLED")
    held()
    assert ended(client, running)["state"] == "SUCCEEDED"
    job = job_of(client, waiting)
    assert (job["state"], job["started_at"], job["result"], job["error"]) == ("CANCELLED", None, None, None)
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1  # the small one alone


def test_a_job_that_has_ended_cannot_be_cancelled(client: Client, small_set: dict[str, str]) -> None:
    response = client.restore(**small_set, **JOB)
    ended(client, response)
    answer = cancel(client, response)
    assert (answer.status_code, answer.get_json()["data"]["error_type"]) == (409, "JOB_FINISHED")
    assert answer.get_json()["data"]["state"] == "SUCCEEDED"


def test_cancelling_twice_is_the_same_as_once(
    client: Client, held: Callable[[], None], small_set: dict[str, str]
) -> None:
    response = client.restore(**small_set, **REPLACE, **JOB)
    until(client, response, "RUNNING")
    assert cancel(client, response).get_json()["data"]["state"] == "CANCELLING"
    assert cancel(client, response).status_code == 200
    assert until(client, response, *FINAL)["state"] == "CANCELLED"
    assert cancel(client, response).get_json()["data"]["state"] == "CANCELLED"
    held()


def test_a_synchronous_call_can_be_cancelled_too(
    client: Client,
    database: TestDatabase,
    bits: Any,
    held: Callable[[], None],
    background: Any,
    small_set: dict[str, str],
) -> None:
    call = background(lambda: client.twin().restore(**small_set, **REPLACE))
    deadline = time.monotonic() + 60
    while not (found := jobs_of(client, state="RUNNING")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert client.post(found[0]["links"]["cancel"]).status_code == 200
    response = call.result()
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (409, "CANCELLED")
    held()
    assert bits(database) == []
    assert [job["state"] for job in jobs_of(client)] == ["CANCELLED"]


def test_cancel_is_let_in_when_no_other_write_is(
    jobs_database: TestDatabase,
    database: TestDatabase,
    make_client: Callable[..., Client],
    held: Callable[[], None],
    background: Any,
    small_set: dict[str, str],
) -> None:
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, MAX_WRITERS="1")
    call = background(lambda: client.twin().restore(**small_set, **REPLACE))
    while not (found := jobs_of(client, state="RUNNING")):
        time.sleep(0.01)
    assert client.backup().status_code == 503
    assert client.post(found[0]["links"]["cancel"]).status_code == 200
    assert call.result().status_code == 409


@pytest.mark.parametrize("path", ["jobs", "jobs/x", "jobs/x/events"])
def test_a_reader_may_look_and_not_cancel(
    make_client: Callable[..., Client], database: TestDatabase, path: str
) -> None:
    client = make_client(DATABASE_URL=database.url, API_TOKEN="t" * 16, API_READ_TOKEN="r" * 16)
    reader = {"Authorization": f"Bearer {'r' * 16}"}
    assert client.get(f"{PREFIX}/{path}").status_code == 401
    assert client.get(f"{PREFIX}/{path}", headers=reader).status_code in (200, 404)
    assert client.post(f"{PREFIX}/jobs/x/cancel", headers=reader).status_code == 403


def test_a_writer_that_is_not_in_the_queue_is_waited_for(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    connection = database.connect()
    connection.cursor().execute("SELECT pg_advisory_xact_lock(%s)", (0x7665635F72737472,))
    response = client.restore(**small_set, **JOB)
    until(client, response, "RUNNING")
    time.sleep(0.7)
    assert job_of(client, response)["state"] == "RUNNING"
    connection.rollback()
    assert ended(client, response)["state"] == "SUCCEEDED"


def test_an_ended_job_that_stayed_in_the_queue_is_taken_out_and_blocks_nobody(
    client: Client, jobs_database: TestDatabase, small_set: dict[str, str], held: Callable[[], None]
) -> None:
    """As its process leaves it that dies between the two."""
    running = client.restore(**small_set, **REPLACE, **JOB).get_json()["data"]["job_id"]
    orphan = client.restore(**small_set, **REPLACE, **JOB).get_json()["data"]["job_id"]
    last = client.restore(**small_set, **REPLACE, **JOB).get_json()["data"]["job_id"]
    jobs_database.execute(
        "UPDATE vector_jobs.jobs SET state = 'INTERRUPTED', finished_at = now() WHERE id = %s", (orphan,)
    )
    client.application.extensions["jobs"]._store.tidy()
    waiting = jobs_database.fetch("SELECT args->>'job_id' FROM vector_jobs.procrastinate_jobs WHERE status = 'todo'")
    assert (orphan,) not in waiting
    assert (last,) in waiting
    held()
    for job_id in (running, last):
        deadline = time.monotonic() + 60
        while (state := client.get(f"{PREFIX}/jobs/{job_id}").get_json()["data"]["state"]) not in FINAL:
            assert time.monotonic() < deadline, state
            time.sleep(0.05)
        assert state == "SUCCEEDED"


def test_processes_that_begin_at_once_make_the_schema_once(
    empty_database: TestDatabase, background: Any, wait_for_lock: Any
) -> None:
    options = f"-c search_path={schema.SCHEMA}"
    with (
        psycopg.connect(empty_database.url, options=options, row_factory=dict_row) as first,
        psycopg.connect(empty_database.url, options=options, row_factory=dict_row) as second,
    ):
        first.execute("SELECT pg_advisory_xact_lock(%s)", (schema.INSTALL_LOCK,))
        other = background(lambda: schema.install(second))
        wait_for_lock(empty_database)
        schema.install(first)
        first.commit()
        other.result()
        second.commit()
    assert empty_database.fetch("SELECT count(*) FROM vector_jobs.jobs") == [(0,)]
