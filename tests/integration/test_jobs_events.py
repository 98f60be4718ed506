"""Server-Sent Events, read by a real client over a real connection."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import requests

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.support.names import EMBEDDING

FINAL = ("SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED")


@pytest.fixture
def base(jobs_database: TestDatabase, database: TestDatabase, start_server: Callable[..., Any]) -> str:
    """The base URL of the service; two streams may be open at a time."""
    server = start_server(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, THREADS="4")
    return f"http://{server.address}{PREFIX}"


@pytest.fixture
def held(database: TestDatabase) -> Callable[[], None]:
    connection = database.connect()
    connection.cursor().execute(f"LOCK TABLE {EMBEDDING}")
    return connection.rollback


def submit(base: str, body: dict[str, Any]) -> Any:
    return requests.post(f"{base}/restore", json={**body, "truncate_before_restore": True, "async": True}).json()[
        "data"
    ]


@contextmanager
def stream(base: str, job: Any, seen: str | None = None) -> Iterator[requests.Response]:
    headers = {"Last-Event-ID": seen} if seen else {}
    url = base.removesuffix(PREFIX) + job["links"]["events"]
    with closing(requests.get(url, headers=headers, stream=True, timeout=60)) as response:
        yield response


def events(response: requests.Response) -> Iterator[tuple[str, Any]]:
    """The ids and jobs of a stream as they arrive."""
    event_id = ""
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(": ")
        if name == "id":
            event_id = value
        elif name == "data":
            yield event_id, json.loads(value)


def test_a_stream_tells_of_each_change_until_the_job_has_ended(
    base: str, held: Callable[[], None], small_set: dict[str, str]
) -> None:
    job = submit(base, small_set)
    with stream(base, job) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        seen = []
        for event_id, one in events(response):
            seen.append((int(event_id), one))
            if len(seen) == 6:
                held()
    ids, jobs = [event_id for event_id, _ in seen], [one for _, one in seen]
    assert ids == sorted(set(ids))
    assert {one["state"] for one in jobs[:-1]} <= {"PENDING", "RUNNING"}
    assert jobs[-1]["state"] == "SUCCEEDED"
    assert jobs[-1]["result"]["restore_performed"] is True
    percents = [one["progress"]["percent"] for one in jobs if one["progress"]]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_a_reader_that_comes_late_gets_the_state_first_and_one_that_saw_it_nothing(
    base: str, held: Callable[[], None], small_set: dict[str, str]
) -> None:
    job = submit(base, small_set)
    with stream(base, job) as response:
        held()
        *_, (last_id, last) = events(response)
    assert last["state"] == "SUCCEEDED"
    with stream(base, job) as response:
        assert [one["state"] for _, one in events(response)] == ["SUCCEEDED"]
    with stream(base, job, seen="1") as response:
        assert [event_id for event_id, _ in events(response)] == [last_id]
    with stream(base, job, seen=last_id) as response:
        assert (response.status_code, response.content) == (204, b"")


def test_a_stream_that_is_silent_says_that_it_is_there(
    base: str, held: Callable[[], None], small_set: dict[str, str]
) -> None:
    running, waiting = submit(base, small_set), submit(base, small_set)
    with stream(base, waiting) as response:
        lines = response.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(line for line in lines if line.startswith(":")) == ": still here"
    held()
    with stream(base, running) as response:
        assert list(events(response))[-1][1]["state"] == "SUCCEEDED"


def test_the_number_of_streams_is_bounded_and_a_reader_that_leaves_makes_room(
    base: str, held: Callable[[], None], small_set: dict[str, str]
) -> None:
    job = submit(base, small_set)
    with stream(base, job) as first, stream(base, job) as second:
        next(events(first)), next(events(second))
        with stream(base, job) as third:
            assert (third.status_code, third.json()["data"]["error_type"]) == (503, "SERVICE_UNAVAILABLE")
        assert requests.get(f"{base}/restore/list", timeout=60).status_code == 200
    deadline = time.monotonic() + 60
    while True:
        with stream(base, job) as again:
            if again.status_code == 200:
                break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    held()
