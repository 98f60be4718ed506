"""What a database can refuse, on a real one: the answer, whether trying again is any use, and the rows as before."""

import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import psycopg2
import pytest

from data_pipeline.postgres_server.cluster import SUPERUSER, Cluster
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.relay import Relay
from tests.support.names import COLLECTION, DOCS, EMBEDDING

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

REPLACE = {"truncate_before_restore": True}
MODES: dict[str, dict[str, Any]] = {"replace": REPLACE, "append": {"atomic": True}, "sync": {"strategy": "sync"}}
GATE = 4711
"""Key of the advisory lock at which a restore waits in the middle of its COPY."""

# What a failure is answered with: status, error_type, and whether the same request may work later.
DATABASE_ERROR = (500, "DATABASE_ERROR", True)
REFUSED_FOR_GOOD = (500, "DATABASE_ERROR", False)
LOCK_TIMEOUT = (409, "LOCK_TIMEOUT", True)
TIMEOUT = (504, "TIMEOUT", True)
STORAGE_FULL = (507, "STORAGE_FULL", False)
SCHEMA_MISMATCH = (409, "SCHEMA_MISMATCH", False)
DEPENDENT_ROWS = (409, "DEPENDENT_ROWS", False)
DUPLICATE_ROWS = (409, "DUPLICATE_ROWS", False)
ORPHAN_ROWS = (422, "ORPHAN_ROWS", False)
INVALID_BACKUP = (422, "INVALID_BACKUP", False)
PERMISSION_DENIED = (403, "PERMISSION_DENIED", False)
INTERNAL_ERROR = (500, "INTERNAL_ERROR", False)


def outcome(response: Any) -> tuple[int, str, bool]:
    data = response.get_json()["data"]
    return response.status_code, data["error_type"], data.get("can_retry", False)


@pytest.fixture
def before(database: TestDatabase, fill: Any, bits: Any) -> list[bytes]:
    """The rows that must be there after a failure."""
    fill(database)
    found: list[bytes] = bits(database)
    return found


def at_row_b(database: TestDatabase, action: str) -> None:
    """Do something in the server while COPY writes the last row of the small set."""
    database.execute(f"CREATE OR REPLACE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action} END $$")
    database.execute(
        f"CREATE OR REPLACE TRIGGER act BEFORE INSERT ON {EMBEDDING}"
        " FOR EACH ROW WHEN (NEW.id = 'b') EXECUTE FUNCTION act()"
    )


# Every code, in the middle of COPY

CODES = {
    "08000": DATABASE_ERROR,
    "08006": DATABASE_ERROR,
    "08P01": INVALID_BACKUP,
    "57P01": DATABASE_ERROR,
    "57P02": DATABASE_ERROR,
    "57P03": DATABASE_ERROR,
    "53300": DATABASE_ERROR,
    "53200": DATABASE_ERROR,
    "25P03": DATABASE_ERROR,
    "53100": STORAGE_FULL,
    "55P03": LOCK_TIMEOUT,
    "40P01": LOCK_TIMEOUT,
    "40001": LOCK_TIMEOUT,
    "57014": TIMEOUT,
    "25006": SCHEMA_MISMATCH,
    "42P01": SCHEMA_MISMATCH,
    "42703": SCHEMA_MISMATCH,
    "42704": SCHEMA_MISMATCH,
    "42P07": SCHEMA_MISMATCH,
    "3F000": SCHEMA_MISMATCH,
    "23505": DUPLICATE_ROWS,
    "23503": ORPHAN_ROWS,
    "23502": INVALID_BACKUP,
    "23514": INVALID_BACKUP,
    "P0001": INVALID_BACKUP,
    "22P02": INVALID_BACKUP,
    "22003": INVALID_BACKUP,
    "54000": INVALID_BACKUP,
    "XX000": INVALID_BACKUP,
    "42501": PERMISSION_DENIED,
    "0A000": INTERNAL_ERROR,
    "2BP01": INTERNAL_ERROR,
    "58030": INTERNAL_ERROR,
    "ZZ999": INTERNAL_ERROR,
}


@pytest.mark.parametrize("mode", [REPLACE, {"tables": [EMBEDDING]}], ids=["replace", "append"])
def test_whatever_stops_a_copy_is_named_by_its_code_and_undone(
    client: Client, database: TestDatabase, bits: Any, small_set: dict[str, str], mode: dict[str, Any]
) -> None:
    database.execute(f"INSERT INTO {COLLECTION} VALUES (%s, 'kept')", (DOCS,))
    before = bits(database)
    for code, expected in CODES.items():
        at_row_b(database, f"RAISE EXCEPTION 'canary of the server' USING ERRCODE = '{code}';")
        response = client.restore(**small_set, **mode)
        assert (code, outcome(response)) == (code, expected)
        assert "canary" not in response.text
        assert bits(database) == before


# What databases, roles and tables refuse


@dataclass(frozen=True)
class Refusal:
    """What is done to the database, or to the role the request connects as, and what comes of it."""

    expected: tuple[int, str, bool]
    sql: tuple[str, ...]
    by_role: bool = False
    grants: str = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE"


REFUSALS = {
    "a role without privileges": Refusal(PERMISSION_DENIED, (), by_role=True, grants=""),
    "a role that may not remove rows": Refusal(PERMISSION_DENIED, (), by_role=True, grants="SELECT, INSERT"),
    "rows hidden from the role": Refusal(
        PERMISSION_DENIED, (f"ALTER TABLE {EMBEDDING} ENABLE ROW LEVEL SECURITY",), by_role=True
    ),
    "a role that only reads": Refusal(
        SCHEMA_MISMATCH, ("ALTER ROLE {role} SET default_transaction_read_only = on",), by_role=True
    ),
    "too many clients of the role": Refusal(DATABASE_ERROR, ("ALTER ROLE {role} CONNECTION LIMIT 0",), by_role=True),
    "too many clients of the database": Refusal(
        DATABASE_ERROR, ("ALTER DATABASE {db} CONNECTION LIMIT 0",), by_role=True
    ),
    "a role that may not log in": Refusal(REFUSED_FOR_GOOD, ("ALTER ROLE {role} NOLOGIN",), by_role=True),
    "a role that may not connect": Refusal(
        REFUSED_FOR_GOOD, ("REVOKE CONNECT ON DATABASE {db} FROM PUBLIC",), by_role=True
    ),
    "another password": Refusal(REFUSED_FOR_GOOD, ("ALTER ROLE {role} PASSWORD 'another'",), by_role=True),
    "no extension": Refusal(SCHEMA_MISMATCH, ("DROP EXTENSION vector CASCADE",)),
    "no column": Refusal(SCHEMA_MISMATCH, (f"ALTER TABLE {EMBEDDING} DROP document",)),
    "a row that a constraint refuses": Refusal(INVALID_BACKUP, (f"ALTER TABLE {EMBEDDING} ADD CHECK (id <> 'b')",)),
    "a table that refers to ours": Refusal(
        DEPENDENT_ROWS, (f"CREATE TABLE notes (id varchar REFERENCES {EMBEDDING})",)
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_database_that_refuses_keeps_its_rows(
    client: Client, database: TestDatabase, bits: Any, fill: Any, role: Any, small_set: dict[str, str], refusal: Refusal
) -> None:
    fill(database)
    if refusal.grants:
        role.may(refusal.grants)
    for statement in refusal.sql:
        database.execute(statement.format(db=database.dbname, role=role.name))
    before = bits(database)
    response = client.restore(**small_set, **REPLACE, **({"pg_conn": role.url} if refusal.by_role else {}))
    assert outcome(response) == refusal.expected
    assert response.get_json()["data"]["rolled_back"] is True
    assert bits(database) == before


def test_a_database_that_somebody_has_made_read_only_stays_as_it_is(
    client: Client, database: TestDatabase, bits: Any, before: list[bytes], small_set: dict[str, str]
) -> None:
    database.execute(f"ALTER DATABASE {database.dbname} SET default_transaction_read_only = on")
    for mode in MODES.values():
        assert outcome(client.restore(**small_set, **mode)) == SCHEMA_MISMATCH
    assert outcome(client.backup(truncate_vector_tables=True)) == SCHEMA_MISMATCH
    assert bits(database) == before
    assert client.backup().status_code == 200


def test_who_cannot_truncate_is_told_of_sync_which_can(
    client: Client, database: TestDatabase, fill: Any, bits: Any, backups: Any
) -> None:
    fill(database)
    database.execute(f"CREATE TABLE notes (id varchar REFERENCES {EMBEDDING})")
    made = client.backup().get_json()["data"]
    body = backups.named(made["backup_timestamp"])
    before = bits(database)
    database.execute(f"UPDATE {EMBEDDING} SET document = 'changed'")
    refused = client.restore(**body, **REPLACE)
    assert outcome(refused) == DEPENDENT_ROWS
    assert "sync" in refused.get_json()["data"]["response"]
    assert client.restore(**body, strategy="sync").status_code == 200
    assert bits(database) == before


@pytest.mark.parametrize("call", ["backup", "restore"])
def test_tables_that_are_not_there_are_a_conflict(
    make_client: Callable[..., Client],
    database: TestDatabase,
    empty_database: TestDatabase,
    small_set: dict[str, str],
    call: str,
) -> None:
    for env in (
        {"DATABASE_URL": empty_database.url},
        {"DATABASE_URL": database.url, "PGVECTOR_SCHEMA": "nowhere"},
        {"DATABASE_URL": database.url, "PGVECTOR_SCHEMA": "pg_temp"},
    ):
        client = make_client(**env)
        body = {**small_set, **REPLACE} if call == "restore" else {}
        assert outcome(getattr(client, call)(**body)) == SCHEMA_MISMATCH


# What happens to a restore under way


@pytest.fixture
def gate(database: TestDatabase) -> Any:
    """A transaction that keeps every restore waiting in the middle of its COPY, until it is rolled back."""
    at_row_b(database, f"PERFORM pg_advisory_xact_lock({GATE}); RETURN NEW;")
    connection = database.connect()
    connection.cursor().execute("SELECT pg_advisory_xact_lock(%s)", (GATE,))
    return connection


def wait_for_locks(database: TestDatabase, sessions: int) -> None:
    """Wait until so many sessions of the database wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 60
    while database.fetch(waiting) != [(sessions,)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


OURS = "FROM pg_stat_activity WHERE application_name = 'vector-restore' AND datname = current_database()"


@pytest.mark.parametrize(("function", "expected"), [("terminate", DATABASE_ERROR), ("cancel", TIMEOUT)])
@pytest.mark.parametrize("mode", [REPLACE, {"tables": [EMBEDDING]}], ids=["replace", "append"])
def test_a_backend_that_is_stopped_in_the_middle_of_copy_changes_nothing(
    client: Client,
    database: TestDatabase,
    bits: Any,
    before: list[bytes],
    gate: Any,
    small_set: dict[str, str],
    background: Any,
    wait_for_lock: Any,
    mode: dict[str, Any],
    function: str,
    expected: tuple[int, str, bool],
) -> None:
    running = background(lambda: client.twin().restore(**small_set, **mode))
    wait_for_lock(database)
    assert database.fetch(f"SELECT pg_{function}_backend(pid) {OURS}") == [(True,)]
    assert outcome(running.result()) == expected
    gate.rollback()
    assert bits(database) == before
    assert client.restore(**small_set, **REPLACE).status_code == 200


def test_in_a_deadlock_with_an_application_the_restore_gives_way(
    client: Client,
    database: TestDatabase,
    bits: Any,
    before: list[bytes],
    gate: Any,
    small_set: dict[str, str],
    background: Any,
) -> None:
    # Whoever finds the deadlock is its victim: the restore looks soon, the application never.
    database.execute(f"ALTER DATABASE {database.dbname} SET deadlock_timeout = '10ms'")
    gate.cursor().execute("SET LOCAL deadlock_timeout = '1h'")
    start = database.connect()
    start.cursor().execute(f"LOCK TABLE {COLLECTION} IN ACCESS SHARE MODE")
    running = background(lambda: client.twin().restore(**small_set, **REPLACE))
    wait_for_locks(database, 1)  # the restore, which has locked the embeddings
    application = background(lambda: gate.cursor().execute(f"SELECT count(*) FROM {EMBEDDING}"))
    wait_for_locks(database, 2)
    start.rollback()
    response = running.result()
    assert outcome(response) == LOCK_TIMEOUT
    assert response.get_json()["data"]["response"] == "等待表锁超时,请稍后重试"  # no row of the file is to blame
    application.result()
    gate.rollback()
    assert bits(database) == before


def test_a_row_that_somebody_else_is_writing_is_not_waited_for_without_end(
    make_client: Callable[..., Client],
    database: TestDatabase,
    bits: Any,
    before: list[bytes],
    small_set: dict[str, str],
) -> None:
    client = make_client(DATABASE_URL=database.url, PG_LOCK_TIMEOUT="1")
    other = database.connect()
    other.cursor().execute(f"INSERT INTO {EMBEDDING} (id) VALUES ('b')")
    assert outcome(client.restore(**small_set, tables=[EMBEDDING])) == LOCK_TIMEOUT
    other.rollback()
    assert bits(database) == before


def test_a_statement_that_takes_too_long_is_a_timeout(
    make_client: Callable[..., Client],
    database: TestDatabase,
    bits: Any,
    before: list[bytes],
    gate: Any,
    small_set: dict[str, str],
) -> None:
    client = make_client(DATABASE_URL=database.url, PG_STATEMENT_TIMEOUT="1")
    response = client.restore(**small_set, **REPLACE)
    assert outcome(response) == TIMEOUT
    assert response.get_json()["data"]["rolled_back"] is True
    gate.rollback()
    assert bits(database) == before


def test_a_transaction_that_does_nothing_for_too_long_is_ended_by_the_server(
    make_client: Callable[..., Client],
    database: TestDatabase,
    bits: Any,
    before: list[bytes],
    small_set: dict[str, str],
) -> None:
    with closing(Relay.before(database.url)) as relay:
        client = make_client(DATABASE_URL=relay.through(database.url), PG_IDLE_TIMEOUT="1")
        relay.keep_back(b"TRUNCATE")
        assert outcome(client.restore(**small_set, **REPLACE)) == DATABASE_ERROR
        assert b"25P03" in relay.last_words
    assert bits(database) == before


# A standby


@pytest.fixture
def standby() -> Iterator[str]:
    """The URL of a database on a server that only follows another one: nothing can be written there."""
    home = Path(tempfile.mkdtemp(prefix="pg-standby-"))
    cluster = Cluster(home)
    try:
        cluster.create()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with open(cluster.data / "postgresql.conf", "a", encoding="utf-8") as configuration:
            configuration.write(f"fsync = off\nlisten_addresses = '127.0.0.1'\nport = {port}\n")
        cluster.start()
        url = f"postgresql://{SUPERUSER}:{cluster.password}@127.0.0.1:{port}/postgres"
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION vector")
            cursor.execute(f"CREATE TABLE {COLLECTION} (uuid uuid PRIMARY KEY, name varchar, cmetadata json)")
            cursor.execute(
                f"CREATE TABLE {EMBEDDING} (id varchar PRIMARY KEY, collection_id uuid, embedding vector,"
                " document varchar, cmetadata jsonb)"
            )
        cluster.stop()
        (cluster.data / "standby.signal").touch()
        cluster.start()
        yield url
    finally:
        cluster.stop()
        rmtree(home)


def test_a_standby_can_be_backed_up_but_not_restored(
    make_client: Callable[..., Client], standby: str, small_set: dict[str, str]
) -> None:
    client = make_client(DATABASE_URL=standby)
    for mode in MODES.values():
        assert outcome(client.restore(**small_set, **mode)) == SCHEMA_MISMATCH
    assert outcome(client.backup(truncate_vector_tables=True)) == SCHEMA_MISMATCH
    assert client.backup().status_code == 200
    assert client.get("/readyz").status_code == 200


# No room for a backup


@pytest.fixture
def little_room() -> Iterator[Callable[[int], None]]:
    """Let no file of this process grow beyond so many bytes, as a quota does."""
    if resource is None:
        pytest.skip("there are no such limits")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("truncate", [False, True])
def test_a_backup_that_finds_no_room_leaves_nothing_and_removes_nothing(
    client: Client,
    database: TestDatabase,
    before: list[bytes],
    bits: Any,
    output_dir: Path,
    little_room: Callable[[int], None],
    truncate: bool,
) -> None:
    database.execute(f"INSERT INTO {EMBEDDING} (id, document) VALUES ('large', repeat('x', 3000000))")
    rows = bits(database)
    little_room(1 << 20)
    assert outcome(client.backup(truncate_vector_tables=truncate)) == STORAGE_FULL
    little_room(100 << 20)
    assert bits(database) == rows
    assert {path.name for path in (output_dir / "vector_bak").iterdir()} <= {"vector_backup_log.txt"}
    assert client.list().get_json()["data"]["backup_locations"] == []
    assert client.backup().status_code == 200


def test_a_place_where_no_backup_can_be_written_is_not_called_full(client: Client, output_dir: Path) -> None:
    (output_dir / "vector_bak").rmdir()
    output_dir.rmdir()
    output_dir.write_bytes(b"a file")
    response = client.backup()
    assert outcome(response) == INTERNAL_ERROR
    assert response.get_json()["data"]["response"] == "备份存储不可写: ./data_pipeline/training_data/vector_bak"
