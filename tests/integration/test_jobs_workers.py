"""Several processes on one queue: each job runs once, and what a killed process leaves behind is put in order."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.support.names import EMBEDDING

REPLACE = {"truncate_before_restore": True, "async": True}
FINAL = ("SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED")
# A row for each replace, by a trigger that runs inside it.
COUNTED = f"""
CREATE TABLE replaced (at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO replaced DEFAULT VALUES; RETURN NULL; END';
CREATE TRIGGER count_it AFTER TRUNCATE ON {EMBEDDING} FOR EACH STATEMENT EXECUTE FUNCTION count_it();
"""
STALL = f"""
CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
CREATE TRIGGER stall BEFORE INSERT ON {EMBEDDING} FOR EACH ROW EXECUTE FUNCTION stall();
"""
# A COMMIT that waits while another session holds the advisory lock 1. Deferred triggers are let fire before it; this
# one defers another until it comes.
GATE = """
CREATE TABLE late (n int);
CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_query() = 'COMMIT' THEN PERFORM pg_advisory_xact_lock_shared(1);
    ELSE SET CONSTRAINTS again DEFERRED; INSERT INTO late VALUES (1); END IF;
    RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER again AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION gate();
CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON langchain_pg_collection DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION gate();
"""


class Fleet:
    """A service and workers on one queue; `databases` are TARGETS by their number."""

    def __init__(self, start: Callable[..., Any], queue: TestDatabase, databases: list[TestDatabase]) -> None:
        self._start = start
        targets = json.dumps({str(number): one.url for number, one in enumerate(databases)})
        self._env = {
            "DATABASE_URL": databases[0].url,
            "JOBS_DATABASE_URL": queue.url,
            "TARGETS": targets,
            "JOBS_HEARTBEAT_SECONDS": "1",
            "PG_LOCK_TIMEOUT": "600",  # a test holds locks for as long as it takes others to notice something
        }
        self.restart()

    def restart(self) -> None:
        """Another service, on another port."""
        self.service = self._start(**self._env)

    def worker(self) -> Any:
        """One more, once it takes jobs."""
        worker = self._start("worker", **self._env)
        worker.wait_for_jobs()
        return worker

    def call(self, method: str, path: str, body: Any = None) -> Any:
        with closing(HTTPConnection(self.service.address, timeout=30)) as connection:
            connection.request(method, PREFIX + path, json.dumps(body) if body is not None else None)
            return json.load(connection.getresponse())["data"]

    def answer(self, body: Any) -> int | None:
        """The status of a restore; None if the service has gone without an answer."""
        with closing(HTTPConnection(self.service.address, timeout=30)) as connection, suppress(OSError, HTTPException):
            connection.request("POST", f"{PREFIX}/restore", json.dumps(body))
            return connection.getresponse().status
        return None

    def submit(self, body: Any, **more: Any) -> str:
        data = self.call("POST", "/restore", {**body, **REPLACE, **more})
        assert data.get("state") == "PENDING", data
        return str(data["job_id"])

    def until(self, job_id: str, *states: str) -> Any:
        deadline = time.monotonic() + 60
        while (job := self.call("GET", f"/jobs/{job_id}"))["state"] not in states:
            assert time.monotonic() < deadline, job
            time.sleep(0.02)
        return job


@pytest.fixture
def fleet(jobs_database: TestDatabase, four_databases: list[TestDatabase], start_server: Callable[..., Any]) -> Fleet:
    return Fleet(start_server, jobs_database, four_databases)


def hold(database: TestDatabase) -> Any:
    """A connection that keeps the embedding table from being replaced, until it rolls back."""
    holder = database.connect()
    holder.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS SHARE MODE")
    return holder


def other_worker(fleet: Fleet, small_set: dict[str, str]) -> tuple[str, Any]:
    """A worker that takes the next job: the service's own is at work on the first database, held. That job, and it."""
    busy = fleet.submit(small_set, pg_conn="0")
    fleet.until(busy, "RUNNING")
    return busy, fleet.worker()


def until_empty(queue: TestDatabase) -> None:
    """Until nothing is left in the queue, and no lock is held there."""
    deadline = time.monotonic() + 60
    while queue.fetch("SELECT count(*) FROM vector_jobs.procrastinate_jobs") != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ended_in(log: str) -> list[str]:
    """The jobs that a process says it has ended."""
    lines = (json.loads(line) for line in log.splitlines())
    return [line["job_id"] for line in lines if line["event"] == "job"]


@pytest.mark.parametrize("count", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_three_workers_and_the_service_run_each_job_once_and_one_at_a_time_in_a_database(
    fleet: Fleet, jobs_database: TestDatabase, four_databases: list[TestDatabase], small_set: dict[str, str], count: int
) -> None:
    for database in four_databases:
        database.execute(COUNTED)
    workers = [fleet.worker() for _ in range(3)]
    jobs = [fleet.submit(small_set, pg_conn=str(number % 4)) for number in range(count)]
    assert len(set(jobs)) == count
    for job_id in reversed(jobs):
        assert fleet.until(job_id, *FINAL)["state"] == "SUCCEEDED"
    for database in four_databases:
        assert database.fetch("SELECT count(*) FROM replaced") == [(count // 4,)]
        assert database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(2,)]
    overlapping = """
        SELECT count(*) FROM vector_jobs.jobs a JOIN vector_jobs.jobs b ON a.number < b.number
        AND a.target->>'dbname' = b.target->>'dbname'
        AND (a.started_at, a.finished_at) OVERLAPS (b.started_at, b.finished_at)"""
    assert jobs_database.fetch(overlapping) == [(0,)]
    ran = [ended_in(process.log) for process in (fleet.service, *workers)]
    assert Counter(job_id for one in ran for job_id in one) == Counter(jobs)
    assert sum(bool(one) for one in ran) >= 2
    until_empty(jobs_database)


def test_a_job_whose_worker_is_killed_is_interrupted_and_blocks_nobody(
    fleet: Fleet,
    jobs_database: TestDatabase,
    four_databases: list[TestDatabase],
    bits: Any,
    fill: Any,
    small_set: dict[str, str],
) -> None:
    first, second = four_databases[:2]
    fill(second)
    before = bits(second)
    holders = [hold(database) for database in (first, second)]
    busy, worker = other_worker(fleet, small_set)
    killed = fleet.submit(small_set, pg_conn="1")
    fleet.until(killed, "RUNNING")
    after = fleet.submit(small_set, pg_conn="1")  # waits for the same database
    worker.process.kill()
    worker.process.wait()
    assert bits(second) == before
    job = fleet.until(killed, *FINAL)
    assert (job["state"], job["error"]["data"]["error_type"]) == ("INTERRUPTED", "INTERRUPTED")
    for holder in holders:
        holder.rollback()
    assert fleet.until(busy, *FINAL)["state"] == "SUCCEEDED"
    assert fleet.until(after, *FINAL)["state"] == "SUCCEEDED"
    assert fleet.until(killed, *FINAL)["state"] == "INTERRUPTED"
    until_empty(jobs_database)


def test_a_service_that_is_killed_leaves_the_tables_as_before_and_its_jobs_interrupted(
    fleet: Fleet,
    jobs_database: TestDatabase,
    four_databases: list[TestDatabase],
    bits: Any,
    fill: Any,
    small_set: dict[str, str],
) -> None:
    """A pg_conn with a password was in that service's memory and nowhere else: nobody can run that job."""
    first, second = four_databases[:2]
    fill(first)
    first.execute(STALL)
    before = bits(first)
    running, own = fleet.submit(small_set), fleet.submit(small_set, pg_conn=second.url)
    loading = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SET LOCAL%; COPY%'"
    loading += " AND datname = current_database()"
    while first.fetch(loading) == [(0,)]:
        time.sleep(0.01)
    fleet.worker()
    assert fleet.call("GET", f"/jobs/{own}")["state"] == "PENDING"  # the worker is idle, and leaves it alone
    fleet.service.process.kill()
    fleet.service.process.wait()
    while first.fetch("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != [(0,)]:
        time.sleep(0.05)
    assert bits(first) == before
    fleet.restart()
    for job_id in (running, own):
        assert fleet.until(job_id, *FINAL)["state"] == "INTERRUPTED"
    until_empty(jobs_database)
    assert bits(second) == []
    password = urlsplit(second.url).password
    assert not password or password not in fleet.service.log


def test_a_service_that_is_stopped_gives_its_job_up_at_once_and_leaves_the_waiting_ones(
    fleet: Fleet, jobs_database: TestDatabase, four_databases: list[TestDatabase], bits: Any, small_set: dict[str, str]
) -> None:
    holder = hold(four_databases[0])
    running, waiting = fleet.submit(small_set), fleet.submit(small_set)
    own = fleet.submit(small_set, pg_conn=four_databases[1].url)
    fleet.until(running, "RUNNING")
    assert fleet.service.stop() == 0
    states = dict(jobs_database.fetch("SELECT id, state FROM vector_jobs.jobs"))
    assert states == {running: "INTERRUPTED", waiting: "PENDING", own: "INTERRUPTED"}
    holder.rollback()
    assert bits(four_databases[0]) == []
    fleet.restart()
    assert fleet.until(running, *FINAL)["state"] == "INTERRUPTED"
    assert fleet.until(own, *FINAL)["state"] == "INTERRUPTED"
    assert fleet.until(waiting, *FINAL)["state"] == "SUCCEEDED"


def test_a_worker_with_another_database_refuses_the_job(
    jobs_database: TestDatabase,
    four_databases: list[TestDatabase],
    start_server: Callable[..., Any],
    small_set: dict[str, str],
) -> None:
    """It would restore into a database that nobody has named."""
    first, second = four_databases[:2]
    fleet = Fleet(start_server, jobs_database, [first, first])
    holder = hold(first)
    busy = fleet.submit(small_set, pg_conn="0")
    fleet.until(busy, "RUNNING")
    other = start_server("worker", DATABASE_URL=second.url, JOBS_DATABASE_URL=jobs_database.url)
    other.wait_for_jobs()
    jobs_database.execute("UPDATE vector_jobs.procrastinate_jobs SET lock = NULL")
    job_id = fleet.submit(small_set, expect_database=first.dbname)
    jobs_database.execute("UPDATE vector_jobs.procrastinate_jobs SET lock = NULL")
    job = fleet.until(job_id, *FINAL)
    assert (job["state"], job["error"]["data"]["error_type"]) == ("FAILED", "INTERNAL_ERROR")
    assert second.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(0,)]
    holder.rollback()
    assert fleet.until(busy, *FINAL)["state"] == "SUCCEEDED"


# Standing still, and being told to stop


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nobody can make a process stand still")
def test_a_worker_that_stood_still_tells_the_truth_when_it_goes_on(
    fleet: Fleet, jobs_database: TestDatabase, four_databases: list[TestDatabase], small_set: dict[str, str]
) -> None:
    """No sign of life comes from it meanwhile, and others take it for dead."""
    first, second = four_databases[:2]
    second.execute(COUNTED)
    holders = [hold(database) for database in (first, second)]
    busy, worker = other_worker(fleet, small_set)
    still = fleet.submit(small_set, pg_conn="1")
    fleet.until(still, "RUNNING")
    worker.process.send_signal(signal.SIGSTOP)
    try:
        after = fleet.submit(small_set, pg_conn="1")
        assert fleet.until(still, *FINAL)["state"] == "INTERRUPTED"
    finally:
        worker.process.send_signal(signal.SIGCONT)
    for holder in holders:
        holder.rollback()
    assert fleet.until(still, "SUCCEEDED")["error"] is None
    assert fleet.until(after, *FINAL)["state"] == "SUCCEEDED"
    assert fleet.until(busy, *FINAL)["state"] == "SUCCEEDED"
    until_empty(jobs_database)
    assert second.fetch("SELECT count(*) FROM replaced") == [(2,)]
    assert fleet.until(fleet.submit(small_set, pg_conn="1"), *FINAL)["state"] == "SUCCEEDED"


def test_a_service_told_to_stop_leaves_the_tables_as_before_whatever_it_is_at(
    fleet: Fleet,
    jobs_database: TestDatabase,
    four_databases: list[TestDatabase],
    bits: Any,
    fill: Any,
    background: Any,
    small_set: dict[str, str],
) -> None:
    databases = four_databases[:2]
    for database in databases:
        fill(database)
        database.execute(STALL)
    before = [bits(database) for database in databases]
    fleet.submit(small_set, pg_conn="0")
    answer = background(lambda: fleet.answer({**small_set, "truncate_before_restore": True, "pg_conn": "1"}))
    loading = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SET LOCAL%; COPY%'"
    loading += " AND datname = current_database()"
    for database in databases:
        while database.fetch(loading) == [(0,)]:
            time.sleep(0.01)
    assert fleet.service.stop() == 0
    assert [bits(database) for database in databases] == before
    assert jobs_database.fetch("SELECT state FROM vector_jobs.jobs") == [("INTERRUPTED",)] * 2
    assert answer.result() in (None, 503)


def test_a_commit_under_way_is_not_taken_for_interrupted_by_a_service_told_to_stop(
    fleet: Fleet,
    jobs_database: TestDatabase,
    four_databases: list[TestDatabase],
    background: Any,
    small_set: dict[str, str],
) -> None:
    databases = four_databases[:2]
    gates = [database.connect() for database in databases]
    for database, gate in zip(databases, gates, strict=True):
        database.execute(GATE)
        gate.cursor().execute("SELECT pg_advisory_lock(1)")
    fleet.submit(small_set, pg_conn="0")
    background(lambda: fleet.answer({**small_set, "truncate_before_restore": True, "pg_conn": "1"}))
    committing = "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'advisory'"
    while jobs_database.fetch(committing) != [(2,)]:
        time.sleep(0.01)
    stopped = background(fleet.service.stop)
    time.sleep(6)  # longer than the server waits for requests under way
    for gate in gates:
        gate.close()
    assert stopped.result() == 0
    assert jobs_database.fetch("SELECT state FROM vector_jobs.jobs") == [("SUCCEEDED",)] * 2
    for database in databases:
        assert database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(2,)]
