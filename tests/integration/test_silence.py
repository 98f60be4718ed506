"""A database that stops answering is given up, a cancel and a stop are heard meanwhile, and honest work goes on."""

import gc
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg2
import pytest
import requests

from data_pipeline.api import PREFIX
from data_pipeline.engine import Engine
from data_pipeline.postgres import retries
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.link import login, observer, watch, wire
from data_pipeline.postgres.progress import SILENT
from data_pipeline.settings import Settings
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.relay import ALWAYS, Fault, Relay
from tests.support.names import EMBEDDING

REPLACE = {"truncate_before_restore": True}
TERMINATE = b"X\0\0\0\x04"
SECRET = "the-text-of-a-row"
OURS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'vector-restore' AND datname = current_database()"
WAITING = f"{OURS} AND wait_event_type = 'Lock'"


@pytest.fixture
def relay(database: TestDatabase) -> Iterator[Relay]:
    relay = Relay.before(database.url)
    yield relay
    relay.close()


@pytest.fixture
def held(database: TestDatabase) -> Iterator[Any]:
    """The embedding table is locked: a replace stands before it."""
    connection = database.connect()
    connection.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS SHARE MODE")
    yield connection
    connection.rollback()


@pytest.fixture
def freeze(database: TestDatabase) -> Iterator[Callable[[], int]]:
    """Stop the backend that waits for the held table, as a debugger or a frozen cgroup would; its pid."""
    frozen: list[int] = []

    def stop() -> int:
        until(lambda: bool(database.fetch(WAITING)))
        ((pid,),) = database.fetch(WAITING)
        os.kill(pid, signal.SIGSTOP)
        frozen.append(pid)
        return int(pid)

    yield stop
    for pid in frozen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed sooner, and told at once, as it is when it took its time."""
    monkeypatch.setattr(retries, "RETRY_SECONDS", -1)
    monkeypatch.setattr(watch, "LOOK_AFTER", 0.2)
    monkeypatch.setattr(watch, "GRACE", 1.0)
    for name, seconds in {"LOOK_EVERY": 0.1, "SILENCE": 0.5, "LONG_SILENCE": 1.0, "LISTENING": 0.5}.items():
        monkeypatch.setattr(observer, name, seconds)


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def expect_silent(response: Any) -> None:
    data = response.get_json()["data"]
    assert (response.status_code, data["error_type"], data["can_retry"]) == (500, "DATABASE_ERROR", True)
    assert (data["details"]["cause"], data["rolled_back"]) == ("SILENT", True)


@pytest.mark.usefixtures("held", "hurried")
def test_silent_servers_are_given_up_and_their_writers_let_others_in(
    make_client: Callable[..., Client],
    database: TestDatabase,
    second_database: TestDatabase,
    relay: Relay,
    small_set: Any,
    background: Any,
) -> None:
    client = make_client(DATABASE_URL=second_database.url, MAX_WRITERS="1", PG_LOCK_TIMEOUT="60")
    restore = background(lambda: client.twin().restore(**small_set, **REPLACE, pg_conn=relay.through(database.url)))
    until(lambda: bool(database.fetch(WAITING)))
    relay.fall_silent()
    expect_silent(restore.result())
    assert client.restore(**small_set, **REPLACE).status_code == 200


@pytest.mark.usefixtures("hurried")
def test_an_answer_that_got_lost_is_not_waited_for(
    make_client: Callable[..., Client], database: TestDatabase, relay: Relay, held: Any, small_set: Any, background: Any
) -> None:
    """The server answers everybody else: only this connection's way is gone."""
    client = make_client(DATABASE_URL=relay.through(database.url), PG_LOCK_TIMEOUT="60")
    restore = background(lambda: client.restore(**small_set, **REPLACE))
    until(lambda: bool(database.fetch(WAITING)))
    relay.fall_silent()
    relay.speak()
    held.rollback()
    expect_silent(restore.result())


@pytest.mark.usefixtures("held", "hurried")
def test_a_stopped_backend_is_given_up_once_its_lock_should_have_timed_out(
    make_client: Callable[..., Client], database: TestDatabase, freeze: Any, small_set: Any, background: Any
) -> None:
    client = make_client(DATABASE_URL=database.url, PG_LOCK_TIMEOUT="2")
    restore = background(lambda: client.restore(**small_set, **REPLACE))
    freeze()
    expect_silent(restore.result())


@pytest.mark.usefixtures("held")
def test_a_job_on_a_stopped_backend_is_cancelled(
    make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase, freeze: Any, small_set: Any
) -> None:
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, PG_LOCK_TIMEOUT="600")
    job = client.restore(**small_set, **REPLACE, **{"async": True}).get_json()["data"]["job_id"]
    freeze()
    assert client.post(f"{PREFIX}/jobs/{job}/cancel").status_code == 200
    until(lambda: jobs_database.fetch("SELECT state FROM vector_jobs.jobs") == [("CANCELLED",)])


@pytest.mark.usefixtures("held")
def test_a_job_on_a_silent_server_is_cancelled_and_the_rest_of_the_service_goes_on(
    make_client: Callable[..., Client],
    database: TestDatabase,
    jobs_database: TestDatabase,
    relay: Relay,
    small_set: Any,
) -> None:
    client = make_client(
        DATABASE_URL=relay.through(database.url), JOBS_DATABASE_URL=jobs_database.url, PG_LOCK_TIMEOUT="600"
    )
    job = client.restore(**small_set, **REPLACE, **{"async": True}).get_json()["data"]["job_id"]
    until(lambda: bool(database.fetch(WAITING)))
    relay.fall_silent()
    assert client.post(f"{PREFIX}/jobs/{job}/cancel").status_code == 200
    until(lambda: jobs_database.fetch("SELECT state FROM vector_jobs.jobs") == [("CANCELLED",)])


@pytest.mark.usefixtures("held")
def test_a_service_on_a_stopped_backend_ends_in_time(
    start_server: Any, database: TestDatabase, freeze: Any, small_set: Any
) -> None:
    server = start_server(DATABASE_URL=database.url, PG_LOCK_TIMEOUT="600")
    url = f"http://{server.address}{PREFIX}/restore"

    def restore() -> None:
        with suppress(requests.RequestException):
            requests.post(url, json={**small_set, **REPLACE}, timeout=60)

    threading.Thread(target=restore, daemon=True).start()
    freeze()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0  # ten seconds, and what a busy machine needs: the lock would take ten minutes


@pytest.mark.usefixtures("hurried")
def test_honest_work_goes_on_however_long_it_takes(database: TestDatabase) -> None:
    engine = Engine.build(Settings.load({"DATABASE_URL": database.url}))
    with transaction(engine.databases.resolve(), engine.timeouts) as session:
        session.cursor.execute("SELECT pg_sleep(2)")
        session.cursor.execute("SELECT count(*) FROM generate_series(1, 3000000)")
        assert session.cursor.fetchone() == (3000000,)


def test_a_connection_that_nobody_wants_any_more_is_not_waited_for(database: TestDatabase, relay: Relay) -> None:
    class Unwanted(type(SILENT)):  # type: ignore[misc]
        def expect_wanted(self) -> None:
            raise InterruptedError

    relay.fall_silent()
    engine = Engine.build(Settings.load({"DATABASE_URL": relay.through(database.url), "PG_CONNECT_TIMEOUT": "3600"}))
    with pytest.raises(InterruptedError):
        wire.connect(engine.databases.resolve(), engine.timeouts, Unwanted())


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nothing goes because a garbage collection happens to come by."""
    gc.disable()
    yield
    gc.enable()


NO_LOGIN = b"E\0\0\0\x2cSFATAL\0VFATAL\0C28000\0Mno login for you\0\0"


@pytest.mark.usefixtures("uncollected")
def test_a_login_that_failed_keeps_no_connection() -> None:
    """A server, or a pooler, that serves one after the other would answer no other client."""
    ended = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(NO_LOGIN)
            while connection.recv(65536):
                pass
            ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        place = {"host": "127.0.0.1", "port": listener.getsockname()[1], "sslmode": "disable", "gssencmode": "disable"}
        with pytest.raises(psycopg2.OperationalError, match="no login for you") as kept:
            login.connect({**place, "user": "ann", "dbname": "docs"}, 60)
        assert ended.wait(30)
    assert kept.value


def test_a_failed_restore_holds_nothing_any_more_when_it_is_answered(
    make_client: Callable[..., Client], database: TestDatabase, relay: Relay, small_set: Any
) -> None:
    """What a distant server reads late is the end of the connection; the rollback it has answered."""

    def keep(_from: Any, _to: Any, data: bytes) -> bytes:
        far.wait(30)
        return data

    far = threading.Event()
    relay.faults.append(Fault("request", keep, times=ALWAYS, saying=TERMINATE))
    distant, near = make_client(DATABASE_URL=relay.through(database.url)), make_client(DATABASE_URL=database.url)
    failed = distant.restore(**small_set, **REPLACE, expect_database="another")  # found out with the lock in hand
    assert failed.get_json()["data"]["rolled_back"] is True
    assert near.restore(**small_set, **REPLACE).status_code == 200
    far.set()


@pytest.mark.parametrize("command", [False, True], ids=["service", "command line"])
def test_the_drivers_words_about_a_backend_that_ended_reach_no_log(
    start_server: Any, database: TestDatabase, backups: Any, small_set: Any, command: bool
) -> None:
    rows = "".join(f'r{n},,"[1,2,3]",{SECRET},{{}}\n' for n in range(50))
    backups.file(
        "langchain_pg_embedding_20250722_010318.csv",
        f"id,collection_id,embedding,document,cmetadata\n{rows}".encode(),
    )
    database.execute(
        "CREATE FUNCTION fall() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'"
    )
    database.execute(
        f"CREATE TRIGGER fall BEFORE INSERT ON {EMBEDDING} FOR EACH ROW WHEN (NEW.id = 'r20') EXECUTE FUNCTION fall()"
    )
    body = {**small_set, **REPLACE}
    if command:
        arguments = ("restore", body["backup_path"], body["timestamp"], "--truncate-before-restore", "--yes")
        server = start_server(*arguments, DATABASE_URL=database.url)
        assert server.process.wait(60) == 1
        assert "数据库连接中断 (DATABASE_ERROR)" in server.log
        assert "Traceback" not in server.log
        assert "psycopg2" not in server.log
    else:
        server = start_server(DATABASE_URL=database.url)
        answer = requests.post(f"http://{server.address}{PREFIX}/restore", json=body, timeout=60)
        assert answer.json()["data"]["error_type"] == "DATABASE_ERROR"
        assert server.stop() == 0
        assert [json.loads(line)["event"] for line in server.log.splitlines()]
    assert SECRET not in server.log
