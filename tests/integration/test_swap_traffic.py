"""What goes on beside a swap: readers, writers, an application's transactions, and a service that is killed."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg2
import pytest
from psycopg2.errors import QueryCanceled
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from data_pipeline.api import PREFIX as ROUTES
from data_pipeline.operations.restore.restore import Restore
from data_pipeline.postgres.swapping import switch
from data_pipeline.postgres.swapping.names import MARK, PREFIX
from data_pipeline.postgres.swapping.swap import Swapped
from data_pipeline.postgres.swapping.switch import Plan, Switch
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.live_server import Forked
from tests.support.answers import data_of, failure
from tests.support.names import DOCS, TABLES

SWAP = {"strategy": "swap"}
STAGED = f"SELECT relname FROM pg_class WHERE relname LIKE '{PREFIX}%'"
READ = "SELECT count(*), min(document), max(document) FROM langchain_pg_embedding"
JOINED = """
SELECT count(*), min(document), max(document) FROM langchain_pg_embedding e
JOIN langchain_pg_collection c ON c.uuid = e.collection_id
"""
SECONDS = 60


@pytest.fixture
def states(client: Client, database: TestDatabase) -> list[dict[str, Any]]:
    """Two backups, of 300 rows and of 200 others; the tables hold those of the second one."""
    found = []
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'docs')", (DOCS,))
    for word, rows in (("first", 300), ("second", 200)):
        database.execute("DELETE FROM langchain_pg_embedding")
        database.execute(
            "INSERT INTO langchain_pg_embedding SELECT n, %s, '[1,2,3]', %s FROM generate_series(1, %s) n",
            (DOCS, word, rows),
        )
        saved = data_of(client.backup())
        found.append({"backup_path": saved["backup_directory"], "timestamp": saved["backup_timestamp"]})
    return found


def readers(database: TestDatabase, count: int, over: threading.Event) -> list[Any]:
    """Sessions that read until it is over, half of them by prepared statements; what each saw, or its failure."""
    seen: list[Any] = []

    def read(number: int) -> None:
        connection = psycopg2.connect(database.url)
        connection.autocommit = True
        statement = READ if number % 4 < 2 else JOINED
        try:
            with closing(connection), connection.cursor() as cursor:
                if number % 2:
                    cursor.execute(f"PREPARE looking AS {statement}")
                    statement = "EXECUTE looking"
                while not over.is_set():
                    cursor.execute(statement)
                    seen.append(cursor.fetchone())
        except psycopg2.Error as error:
            seen.append(error)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return [seen, threads]


@pytest.mark.parametrize("count", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_each_reader_sees_all_the_old_rows_or_all_the_new_ones(
    client: Client, database: TestDatabase, states: list[dict[str, Any]], count: int
) -> None:
    over = threading.Event()
    seen, threads = readers(database, count, over)
    try:
        for state in states * (count // 2):
            assert data_of(client.restore(**state, **SWAP))["swap_performed"] is True
    finally:
        over.set()
        for thread in threads:
            thread.join(SECONDS)
    assert set(seen) == {(300, "first", "first"), (200, "second", "second")}


class Pause:
    """Holds a swap up before its switch: all is loaded, indexed and counted."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    @contextmanager
    def over(self) -> Iterator[None]:
        assert self.reached.wait(SECONDS)
        try:
            yield
        finally:
            self.go_on.set()


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    found, make = Pause(), Switch.make

    def paused(self: Switch, compose: Callable[[], Plan]) -> None:
        found.reached.set()
        assert found.go_on.wait(SECONDS)
        make(self, compose)

    monkeypatch.setattr(Switch, "make", paused)
    return found


def waits(database: TestDatabase, connection: Connection) -> None:
    """Until a session waits for a lock."""
    asked = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s"
    deadline = time.monotonic() + SECONDS
    while database.fetch(asked, (connection.info.backend_pid,)) != [("Lock",)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def updating(cursor: Cursor) -> BaseException | None:
    """An UPDATE, and how it failed."""
    try:
        cursor.execute("UPDATE langchain_pg_embedding SET document = 'mine' WHERE id = '1'")
    except psycopg2.Error as error:
        return error
    return None


def test_a_transaction_that_reads_and_then_waits_to_write_is_cancelled(
    client: Client, database: TestDatabase, states: list[dict[str, Any]], background: Any, pause: Pause
) -> None:
    """It holds what the switch needs and waits for what the swap holds: neither would ever go on."""
    application = database.connect()
    cursor = application.cursor()
    cursor.execute(READ)
    swap = background(lambda: client.twin().restore(**states[0], **SWAP))
    with pause.over():
        writing = background(lambda: updating(cursor))
        waits(database, application)
    done = data_of(swap.result())
    assert isinstance(writing.result(), QueryCanceled)
    assert (done["swap_performed"], len(done["warnings"])) == (True, 1)
    assert "1" in done["warnings"][0]
    application.rollback()
    cursor.execute(READ)
    assert cursor.fetchone() == (300, "first", "first")


def test_a_transaction_that_only_waits_to_write_writes_into_the_new_table(
    client: Client, database: TestDatabase, states: list[dict[str, Any]], background: Any, pause: Pause
) -> None:
    application = database.connect()
    cursor = application.cursor()
    swap = background(lambda: client.twin().restore(**states[0], **SWAP))
    with pause.over():
        cursor.execute("SELECT 1")
        writing = background(lambda: updating(cursor))
        waits(database, application)
    assert data_of(swap.result())["warnings"] == []
    assert writing.result() is None
    application.commit()
    assert database.fetch(READ) == [(300, "first", "mine")]


def test_a_session_that_can_not_be_cancelled_is_named(
    make_client: Callable[..., Client],
    database: TestDatabase,
    states: list[dict[str, Any]],
    background: Any,
    pause: Pause,
    role: Any,
    bits: Any,
) -> None:
    """The application is a superuser, the service is not."""
    for table in TABLES:
        database.execute(f"ALTER TABLE {table} OWNER TO {role.name}")
    database.execute(f"GRANT CREATE ON SCHEMA public TO {role.name}")
    before = bits(database)
    application = database.connect()
    cursor = application.cursor()
    cursor.execute(READ)
    limited = make_client(DATABASE_URL=role.url)
    swap = background(lambda: limited.restore(**states[0], **SWAP))
    with pause.over():
        writing = background(lambda: updating(cursor))
        waits(database, application)
    refused = data_of(swap.result(), 409)
    assert (refused["error_type"], refused["can_retry"]) == ("LOCK_TIMEOUT", True)
    assert refused["details"]["pids"] == [application.info.backend_pid]
    assert writing.result() is None
    application.rollback()
    assert (bits(database), database.fetch(STAGED)) == (before, [])


def test_a_transaction_that_stays_open_ends_the_attempts(
    client: Client, database: TestDatabase, states: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, bits: Any
) -> None:
    monkeypatch.setattr(switch, "LIMIT", 0.3)
    before = bits(database)
    reader = database.connect()
    reader.cursor().execute(READ)
    refused = data_of(client.restore(**states[0], **SWAP), 409)
    assert (refused["error_type"], refused["details"]["pids"]) == ("LOCK_TIMEOUT", [reader.info.backend_pid])
    assert (bits(database), database.fetch(STAGED)) == (before, [])
    reader.rollback()
    assert data_of(client.restore(**states[0], **SWAP))["swap_performed"] is True


def test_what_others_grant_and_create_meanwhile_is_carried_over_too(
    client: Client, database: TestDatabase, states: list[dict[str, Any]], background: Any, monkeypatch: Any, role: Any
) -> None:
    """After the exchange was composed, before the tables are locked."""
    exchange, held = Switch._exchange, Pause()

    def late(self: Switch, plan: Plan) -> None:
        if not held.go_on.is_set():
            held.go_on.set()
            database.execute(f"GRANT SELECT ON langchain_pg_embedding TO {role.name}")
            database.execute("CREATE VIEW late AS SELECT id FROM langchain_pg_embedding")
        exchange(self, plan)

    monkeypatch.setattr(Switch, "_exchange", late)
    assert data_of(client.restore(**states[0], **SWAP))["swap_performed"] is True
    assert database.fetch("SELECT count(*) FROM late") == [(300,)]
    privilege = "SELECT has_table_privilege(%s, 'langchain_pg_embedding', 'SELECT')"
    assert database.fetch(privilege, (role.name,)) == [(True,)]


def test_an_older_snapshot_sees_an_empty_table_afterwards(
    client: Client, database: TestDatabase, states: list[dict[str, Any]]
) -> None:
    """PostgreSQL's own rule for a table that is younger than the snapshot; after a TRUNCATE it is the same."""
    reader = database.connect()
    reader.set_session(isolation_level="REPEATABLE READ")
    cursor = reader.cursor()
    cursor.execute("SELECT count(*) FROM pg_class")
    data_of(client.restore(**states[0], **SWAP))
    cursor.execute(READ)
    assert cursor.fetchone() == (0, None, None)


STEPS: dict[str, tuple[type, str]] = {
    "the tables are made": (Swapped, "load"),
    "the rows are loaded": (Swapped, "finish"),
    "the indexes are built": (Swapped, "prepare"),
    "the switch begins": (Switch, "make"),
    "the switch is made": (Switch, "_exchange"),
}


@contextmanager
def halting(place: tuple[type, str], reached: str) -> Iterator[None]:
    """Let a service come to one step of a swap, say so by a file, and go no further."""
    kind, name = place
    step = getattr(kind, name)

    def halt(*arguments: Any) -> None:
        if name == "_exchange":
            step(*arguments)
        Path(reached).touch()
        time.sleep(10 * SECONDS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, name, halt)
        yield


def gone(database: TestDatabase) -> bool:
    """Whether no staging table is left, within a while: the service looks for them beside all that it does at first."""
    deadline = time.monotonic() + SECONDS
    while database.fetch(STAGED) and time.monotonic() < deadline:
        time.sleep(0.02)
    return database.fetch(STAGED) == []


def quiet(database: TestDatabase) -> None:
    """Until the server has noticed that the service is gone."""
    deadline = time.monotonic() + SECONDS
    while database.fetch("SELECT FROM pg_stat_activity WHERE application_name = 'vector-restore'"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_service_that_is_killed_after_the_commit_leaves_the_new_tables_and_the_next_start_removes_the_old_ones(
    client: Client,
    database: TestDatabase,
    states: list[dict[str, Any]],
    bits: Any,
    monkeypatch: pytest.MonkeyPatch,
    start_server: Any,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Restore, "_sweep", lambda *_: None)
        data_of(client.restore(**states[0], **SWAP))
    swapped = bits(database)
    assert database.fetch(READ) == [(300, "first", "first")]
    assert len(database.fetch(f"{STAGED} AND relkind = 'r'")) == 2
    listed = data_of(client.get(f"{ROUTES}/tables"))["tables"]
    assert sorted(one["name"] for one in listed) == sorted(TABLES)
    assert start_server(DATABASE_URL=database.url).address
    assert gone(database)
    assert bits(database) == swapped


@pytest.mark.parametrize("step", STEPS)
def test_a_service_that_is_killed_leaves_the_old_tables_and_the_next_start_removes_the_new_ones(
    client: Client,
    database: TestDatabase,
    states: list[dict[str, Any]],
    start_server: Any,
    tmp_path: Path,
    bits: Any,
    background: Any,
    request: pytest.FixtureRequest,
    step: str,
) -> None:
    before, reached = bits(database), tmp_path / "reached"
    request.getfixturevalue("halted")["within"] = partial(halting, STEPS[step], str(reached))
    server = start_server(DATABASE_URL=database.url)

    def ask() -> None:
        body = json.dumps({**states[0], **SWAP}).encode()
        with pytest.raises((URLError, RemoteDisconnected, ConnectionResetError)):
            urlopen(f"http://{server.address}{ROUTES}/restore", data=body, timeout=SECONDS)

    asking = background(ask)
    deadline = time.monotonic() + SECONDS
    while not reached.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert server.process.pid
    os.kill(server.process.pid, signal.SIGKILL)
    asking.result()
    quiet(database)
    assert bits(database) == before
    assert len(database.fetch(STAGED)) > 0
    request.getfixturevalue("halted").clear()
    assert start_server(DATABASE_URL=database.url).address
    assert gone(database)
    assert bits(database) == before
    assert data_of(client.restore(**states[0], **SWAP))["swap_performed"] is True


@pytest.fixture
def halted() -> dict[str, Any]:
    """What the next service runs in."""
    return {}


@pytest.fixture
def launch(halted: dict[str, Any]) -> Any:
    return lambda *arguments: Forked(*arguments, **halted)


def test_the_next_writer_removes_what_was_left(
    client: Client, database: TestDatabase, states: list[dict[str, Any]]
) -> None:
    """Whichever mode it is, and though it fails; a table that only has the name stays."""
    name = f"{PREFIX}abc_0"
    database.execute(f"CREATE TABLE {name} (); COMMENT ON TABLE {name} IS '{MARK}'; CREATE TABLE {PREFIX}kept ()")
    assert failure(client.restore(**states[1], atomic=True)) == (409, "DUPLICATE_ROWS")
    assert database.fetch(STAGED) == [(f"{PREFIX}kept",)]
