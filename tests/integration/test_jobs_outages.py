"""The queue goes away, falls silent, loses what is said to it, and comes back: nothing is lost or done twice."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from data_pipeline.api import PREFIX
from data_pipeline.jobs.backend import store, timeouts
from data_pipeline.jobs.backend.timeouts import LimitedAsyncConnection, LimitedConnection
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.relay import Fault, Relay
from tests.support.names import EMBEDDING

REPLACE = {"truncate_before_restore": True}
JOB = {**REPLACE, "async": True}
# A row for each replace, by a trigger that runs inside it.
COUNTED = f"""
CREATE TABLE replaced (at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO replaced DEFAULT VALUES; RETURN NULL; END';
CREATE TRIGGER count_it AFTER TRUNCATE ON {EMBEDDING} FOR EACH STATEMENT EXECUTE FUNCTION count_it();
"""


@pytest.fixture
def relay(jobs_database: TestDatabase) -> Iterator[Relay]:
    """The way from `client` to the queue; everything else reaches it directly."""
    relay = Relay.before(jobs_database.url)
    yield relay
    relay.close()


@pytest.fixture
def client(
    database: TestDatabase, jobs_database: TestDatabase, relay: Relay, make_client: Callable[..., Client]
) -> Any:
    database.execute(COUNTED)
    return make_client(
        DATABASE_URL=database.url,
        JOBS_DATABASE_URL=relay.through(jobs_database.url),
        JOBS_HEARTBEAT_SECONDS="1",
    )


@pytest.fixture
def held(database: TestDatabase) -> Iterator[Callable[[], None]]:
    """The embedding table is locked until this is called: a restore runs and goes no further."""
    connection = database.connect()
    connection.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS SHARE MODE")
    yield connection.rollback
    connection.rollback()


@pytest.fixture
def states(jobs_database: TestDatabase) -> Callable[[], list[str]]:
    """The states of all jobs, the oldest first; none before there is a queue."""

    def read() -> list[str]:
        if jobs_database.fetch("SELECT to_regclass('vector_jobs.jobs')") == [(None,)]:
            return []
        return [row[0] for row in jobs_database.fetch("SELECT state FROM vector_jobs.jobs ORDER BY number")]

    return read


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that says nothing is given up sooner."""
    monkeypatch.setattr(timeouts, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(timeouts, "ANSWER_SECONDS", 1)
    monkeypatch.setitem(timeouts.CONNECTION, "connect_timeout", 2)  # psycopg's least
    for kind in (LimitedConnection, LimitedAsyncConnection):
        monkeypatch.setattr(kind, "patience", 1)


def until(reached: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def at_work(database: TestDatabase, wait_for_lock: Callable[[Any], None]) -> Callable[[], None]:
    """Wait until a restore stands before the held table: the queue has nothing more to say to it.

    That its job is RUNNING is to be seen before it has heard so itself.
    """
    return lambda: wait_for_lock(database)


@pytest.fixture
def release_job(
    client: Client, held: Any, at_work: Callable[[], None], small_set: dict[str, str]
) -> Callable[[], None]:
    """A job stands before the held table; this lets it go on."""
    assert client.restore(**small_set, **JOB).status_code == 202
    at_work()
    return held


def replaces(database: TestDatabase) -> int:
    """How many restores were committed."""
    return int(database.fetch("SELECT count(*) FROM replaced")[0][0])


def waiting(queue: TestDatabase) -> int:
    """How many jobs procrastinate knows of."""
    return int(queue.fetch("SELECT count(*) FROM vector_jobs.procrastinate_jobs")[0][0])


# What ends meanwhile


@pytest.fixture
def end_while_away(
    client: Client, relay: Relay, held: Any, at_work: Any, background: Any, small_set: dict[str, str]
) -> Callable[[], Any]:
    """Let a call begin with the queue there and end without it; its answer."""

    def end() -> Any:
        call = background(lambda: client.twin().restore(**small_set, **REPLACE))
        at_work()
        relay.go()
        held()
        assert call.result().status_code == 200
        return call.result()

    return end


def test_a_call_that_ends_while_the_queue_is_away_is_in_the_history_once_it_is_back(
    jobs_database: TestDatabase, relay: Relay, states: Any, end_while_away: Callable[[], Any]
) -> None:
    answer = end_while_away()
    assert states() == ["RUNNING"]
    ((ended,),) = jobs_database.fetch("SELECT clock_timestamp()")
    time.sleep(0.5)
    relay.come_back()
    until(lambda: states() == ["SUCCEEDED"])
    ((result, finished),) = jobs_database.fetch("SELECT result, finished_at FROM vector_jobs.jobs")
    assert result["restore_results"] == answer.get_json()["data"]["restore_results"]
    assert finished < ended  # when it ended, not when that was written down


def test_the_truth_wins_over_what_others_took_a_silent_process_for(
    make_client: Callable[..., Client],
    database: TestDatabase,
    jobs_database: TestDatabase,
    relay: Relay,
    states: Any,
    end_while_away: Callable[[], Any],
) -> None:
    other = make_client(
        DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, JOBS_HEARTBEAT_SECONDS="1"
    ).application.extensions["jobs"]
    other.start()
    end_while_away()
    until(lambda: states() == ["INTERRUPTED"])
    relay.come_back()
    until(lambda: states() == ["SUCCEEDED"])
    assert jobs_database.fetch("SELECT error FROM vector_jobs.jobs") == [(None,)]


def test_a_job_that_ends_while_the_queue_is_away_ends_once_and_blocks_nobody(
    client: Client,
    database: TestDatabase,
    jobs_database: TestDatabase,
    relay: Relay,
    release_job: Any,
    states: Any,
    small_set: Any,
) -> None:
    assert client.restore(**small_set, **JOB).status_code == 202
    relay.go()
    release_job()
    until(lambda: replaces(database) == 1)
    time.sleep(1)
    assert states() == ["RUNNING", "PENDING"]
    relay.come_back()
    until(lambda: states() == ["SUCCEEDED", "SUCCEEDED"])
    until(lambda: waiting(jobs_database) == 0)
    assert replaces(database) == 2


def test_a_service_that_stops_before_the_queue_is_back_has_not_said_that_the_job_failed(
    client: Client, relay: Relay, states: Any, end_while_away: Callable[[], Any]
) -> None:
    """What it could not say any more, it says in its last moment if it can."""
    end_while_away()
    relay.come_back()
    client.application.extensions["jobs"].close()
    assert states() == ["SUCCEEDED"]


# What is lost on the way


def test_a_job_whose_last_word_to_the_queue_got_lost_blocks_nobody(
    client: Client,
    database: TestDatabase,
    jobs_database: TestDatabase,
    relay: Relay,
    states: Any,
    small_set: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "ACKNOWLEDGED", store.timedelta(seconds=1))
    relay.drop(b"SELECT procrastinate_finish_job")
    for _ in range(2):
        assert client.restore(**small_set, **JOB).status_code == 202
    until(lambda: states() == ["SUCCEEDED", "SUCCEEDED"])
    until(lambda: waiting(jobs_database) == 0)
    assert relay.faults[0].times == 0
    assert replaces(database) == 2


def test_a_job_that_was_taken_and_lost_on_the_way_runs_once(
    client: Client,
    database: TestDatabase,
    jobs_database: TestDatabase,
    relay: Relay,
    states: Any,
    small_set: dict[str, str],
) -> None:
    relay.faults.append(Fault("answer", lambda _from, _to, _data: None, saying=b'"job_id"'))  # of the queue's own row
    assert client.restore(**small_set, **JOB).status_code == 202
    until(lambda: states() == ["SUCCEEDED"])
    until(lambda: waiting(jobs_database) == 0)
    assert relay.faults[0].times == 0
    assert replaces(database) == 1


def test_a_job_whose_commit_arrived_is_a_job_though_the_answer_was_lost(
    client: Client, database: TestDatabase, relay: Relay, states: Any, small_set: dict[str, str]
) -> None:
    relay.lose_commit_of(b"INSERT INTO jobs")
    assert client.restore(**small_set, **JOB).status_code == 202
    until(lambda: states() == ["SUCCEEDED"])
    assert replaces(database) == 1


def test_a_job_that_nobody_was_promised_is_not_run(
    client: Client,
    database: TestDatabase,
    jobs_database: TestDatabase,
    relay: Relay,
    release_job: Any,
    states: Any,
    small_set: Any,
) -> None:
    """The queue is gone over its COMMIT, and the caller was told 503: he sends it again."""
    relay.lose_commit_of(b"INSERT INTO jobs", and_go=True)
    assert client.restore(**small_set, **JOB).status_code == 503
    assert states() == ["RUNNING", "PENDING"]
    relay.come_back()
    release_job()
    until(lambda: states() == ["SUCCEEDED", "CANCELLED"])
    until(lambda: waiting(jobs_database) == 0)
    assert replaces(database) == 1


@pytest.mark.parametrize("key", [None, "monday"])
def test_a_call_whose_beginning_got_lost_is_not_at_work_for_ever(
    client: Client, database: TestDatabase, relay: Relay, states: Any, small_set: dict[str, str], key: str | None
) -> None:
    relay.lose_commit_of(b"INSERT INTO jobs")
    body, headers = json.dumps({**small_set, **REPLACE}), {"Idempotency-Key": key} if key else {}
    with capture_logs():
        first = client.post(f"{PREFIX}/restore", data=body, headers=headers)
    assert first.status_code == (503 if key else 200)
    until(lambda: states() == [])
    assert client.post(f"{PREFIX}/restore", data=body, headers=headers).status_code == 200
    assert states() == ["SUCCEEDED"]
    assert replaces(database) == (1 if key else 2)


# What nobody waits for


def test_a_job_is_taken_as_soon_as_the_queue_is_back(
    client: Client, relay: Relay, states: Any, small_set: dict[str, str]
) -> None:
    relay.go()
    assert client.restore(**small_set, **REPLACE).status_code == 200  # and takes the queue for gone
    assert client.restore(**small_set, **JOB).status_code == 503
    relay.come_back()
    assert client.restore(**small_set, **JOB).status_code == 202
    until(lambda: states() == ["SUCCEEDED"])


@pytest.mark.usefixtures("impatient")
def test_a_queue_that_falls_silent_holds_nobody_up_and_is_used_again(
    client: Client,
    database: TestDatabase,
    jobs_database: TestDatabase,
    relay: Relay,
    held: Any,
    at_work: Any,
    states: Any,
    background: Any,
    small_set: dict[str, str],
) -> None:
    assert client.backup(**{"async": True}).status_code == 202
    until(lambda: states() == ["SUCCEEDED"])
    call = background(lambda: client.twin().restore(**small_set, **REPLACE))
    at_work()
    relay.fall_silent()
    held()
    assert call.result().status_code == 200
    assert client.restore(**small_set, **REPLACE).status_code == 200
    assert client.restore(**small_set, **JOB).status_code == 503
    assert client.get("/readyz").status_code == 503
    relay.speak()
    until(lambda: states() == ["SUCCEEDED", "SUCCEEDED"])
    assert client.restore(**small_set, **JOB).status_code == 202
    until(lambda: states() == ["SUCCEEDED"] * 3)
    until(lambda: waiting(jobs_database) == 0)
    assert replaces(database) == 3


def test_the_server_itself_ends_what_takes_too_long(client: Client, jobs_database: TestDatabase) -> None:
    assert client.get(f"{PREFIX}/jobs").status_code == 200
    jobs = client.application.extensions["jobs"]
    with jobs._database.transaction() as connection:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        found = [connection.execute(f"SHOW {name}").fetchone()[name] for name in names]
        assert found == ["5s", "10s", "20s"]
        assert connection.info.get_parameters()["tcp_user_timeout"] == "12000"
        assert connection.info.get_parameters()["keepalives_idle"] == "30"


# Names of databases


def test_jobs_of_one_database_have_one_lock_and_its_name_tells_nothing(
    database: TestDatabase,
    jobs_database: TestDatabase,
    make_client: Callable[..., Client],
    held: Any,
    small_set: dict[str, str],
) -> None:
    by_address = database.url.replace("localhost", "127.0.0.1")
    by_name = by_address.replace("127.0.0.1", "localhost")
    for url in (by_address, by_name):
        client = make_client(DATABASE_URL=url, JOBS_DATABASE_URL=jobs_database.url)
        assert client.restore(**small_set, **JOB).status_code == 202
    ((lock, jobs),) = jobs_database.fetch("SELECT lock, count(*) FROM vector_jobs.procrastinate_jobs GROUP BY 1")
    assert jobs == 2
    assert re.fullmatch("[0-9a-f]{32}", lock)


def test_schedules_that_meet_make_one_backup_of_each_database_and_no_noise(
    database: TestDatabase,
    second_database: TestDatabase,
    jobs_database: TestDatabase,
    make_client: Callable[..., Client],
) -> None:
    server = database.server
    same = {"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user, "PGPASSWORD": server.password}
    configured = [
        {"DATABASE_URL": database.url},
        {**{name: value or "" for name, value in same.items()}, "PGDATABASE": database.dbname},
        {"DATABASE_URL": second_database.url},
    ]
    yearly = {"BACKUP_SCHEDULE": f"{time.gmtime().tm_min} * * * *", "JOBS_HEARTBEAT_SECONDS": "1"}
    with capture_logs() as captured:
        clients = [make_client(**one, **yearly, JOBS_DATABASE_URL=jobs_database.url) for one in configured]
        for client in clients:
            client.application.extensions["jobs"].start()
        made = "SELECT target->>'dbname' FROM vector_jobs.jobs ORDER BY 1"
        time.sleep(2.5)  # each has looked at the clock
        until(lambda: len(jobs_database.fetch(made)) == 2)
    assert sorted(jobs_database.fetch(made)) == sorted([(database.dbname,), (second_database.dbname,)])
    assert [line for line in captured if line["event"] == "not done this time"] == []
