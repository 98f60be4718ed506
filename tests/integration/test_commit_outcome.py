"""A connection lost over COMMIT: what became of it is found out, or said to be unknown, never guessed. And retries."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from data_pipeline.jobs import monitor
from data_pipeline.postgres import connection
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.relay import ALWAYS, COMMIT, COPY_FROM, COPY_TO, Relay
from tests.support.answers import failure
from tests.support.names import COLLECTION, EMBEDDING

REPLACE = {"truncate_before_restore": True}
MODES: dict[str, dict[str, Any]] = {"replace": REPLACE, "append": {}, "sync": {"strategy": "sync"}}
GATE = 4711
"""Key of the advisory lock at which a COMMIT waits."""

# Deferred triggers are let fire before the COMMIT; this one defers another until it comes.
LATE = f"""
CREATE TABLE late (n int);
CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_query() = 'COMMIT' THEN PERFORM pg_advisory_xact_lock({GATE});
    ELSE SET CONSTRAINTS again DEFERRED; INSERT INTO late VALUES (1); END IF;
    RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER again AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION act();
CREATE CONSTRAINT TRIGGER act AFTER INSERT ON {COLLECTION} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION act();
"""


def ids(database: TestDatabase) -> list[str]:
    return [row[0] for row in database.fetch(f"SELECT id FROM {EMBEDDING} ORDER BY id")]


@pytest.fixture(autouse=True)
def _countable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for a lost COMMIT often, so that no test waits long, and never how far an index is: a slow machine would
    have one connection more than are expected here."""
    monkeypatch.setattr(connection, "OUTCOME_WAITS", (0.02,) * 300)
    monkeypatch.setattr(monitor, "TICK", 60)


@pytest.fixture
def relay(database: TestDatabase) -> Iterator[Relay]:
    """The way from `client` to the database; everything else reaches it directly."""
    relay = Relay.before(database.url)
    yield relay
    relay.close()


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase, relay: Relay) -> Any:
    return make_client(DATABASE_URL=relay.through(database.url))


@pytest.fixture
def old_rows(database: TestDatabase) -> list[str]:
    """Rows that are there before."""
    database.execute(f"INSERT INTO {EMBEDDING} (id) VALUES ('old')")
    return ["old"]


@pytest.fixture
def gate(database: TestDatabase) -> Any:
    """A transaction that keeps every COMMIT of new collections waiting, until it is rolled back."""
    database.execute(LATE)
    holder = database.connect()
    holder.cursor().execute("SELECT pg_advisory_xact_lock(%s)", (GATE,))
    return holder


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.005)


OURS = "FROM pg_stat_activity WHERE application_name = 'vector-restore' AND datname = current_database()"


# Committed


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_a_restore_whose_commit_arrived_has_worked_though_the_answer_was_lost(
    client: Client, database: TestDatabase, relay: Relay, small_set: dict[str, str], mode: dict[str, Any]
) -> None:
    relay.lose_answer(COMMIT)
    response = client.restore(**small_set, **mode)
    assert response.status_code == 200, response.text
    assert response.get_json()["data"]["restore_results"][EMBEDDING]["rows_restored"] == 2
    assert ids(database) == ["a", "b"]
    assert relay.accepted == 2


@pytest.mark.parametrize("body", [{}, {"truncate_vector_tables": True}], ids=["backup", "backup and truncate"])
def test_a_backup_whose_commit_arrived_has_worked_though_the_answer_was_lost(
    client: Client, database: TestDatabase, relay: Relay, old_rows: list[str], body: dict[str, Any]
) -> None:
    relay.lose_answer(COMMIT)
    response = client.backup(**body)
    assert response.status_code == 200, response.text
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1
    assert ids(database) == ([] if body else old_rows)


def test_a_commit_that_is_still_at_work_is_asked_for_again(
    client: Client,
    database: TestDatabase,
    relay: Relay,
    small_set: dict[str, str],
    gate: Any,
    background: Any,
    wait_for_lock: Any,
) -> None:
    relay.leave_at_work(COMMIT)
    running = background(lambda: client.twin().restore(**small_set))
    wait_for_lock(database)
    until(lambda: relay.accepted >= 4)  # three questions, and the COMMIT still waits
    assert ids(database) == []
    gate.rollback()
    assert running.result().status_code == 200
    assert ids(database) == ["a", "b"]


# Aborted


def expect_rolled_back(response: Any) -> None:
    assert failure(response) == (500, "DATABASE_ERROR")
    data = response.get_json()["data"]
    assert (data["can_retry"], data["rolled_back"]) == (True, True)
    assert "已回滚" in data["response"]
    assert "outcome" not in data


@pytest.mark.parametrize("mode", [REPLACE, {"atomic": True}, {"strategy": "sync"}], ids=["replace", "append", "sync"])
def test_a_commit_that_never_arrived_has_changed_nothing(
    client: Client,
    database: TestDatabase,
    relay: Relay,
    old_rows: list[str],
    small_set: dict[str, str],
    mode: dict[str, Any],
) -> None:
    relay.drop(COMMIT)
    expect_rolled_back(client.restore(**small_set, **mode))
    assert ids(database) == old_rows
    assert relay.accepted >= 2


@pytest.mark.parametrize("mode", [REPLACE, {"atomic": True}], ids=["replace", "append"])
def test_a_backend_that_is_ended_in_the_middle_of_its_commit_has_changed_nothing(
    client: Client,
    database: TestDatabase,
    old_rows: list[str],
    small_set: dict[str, str],
    gate: Any,
    background: Any,
    wait_for_lock: Any,
    mode: dict[str, Any],
) -> None:
    running = background(lambda: client.twin().restore(**small_set, **mode))
    wait_for_lock(database)
    assert database.fetch(f"SELECT pg_terminate_backend(pid) {OURS}") == [(True,)]
    response = running.result()
    assert failure(response) == (500, "DATABASE_ERROR")
    data = response.get_json()["data"]
    assert (data["can_retry"], data["rolled_back"]) == (True, True)
    gate.rollback()
    assert ids(database) == old_rows


def test_a_backend_ended_in_its_commit_after_the_client_was_lost_has_changed_nothing(
    client: Client,
    database: TestDatabase,
    relay: Relay,
    old_rows: list[str],
    small_set: dict[str, str],
    gate: Any,
    background: Any,
    wait_for_lock: Any,
) -> None:
    relay.leave_at_work(COMMIT)
    running = background(lambda: client.twin().restore(**small_set, **REPLACE))
    wait_for_lock(database)
    until(lambda: relay.accepted >= 3)
    database.fetch(f"SELECT pg_terminate_backend(pid) {OURS} AND wait_event = 'advisory'")
    expect_rolled_back(running.result())
    assert ids(database) == old_rows


def test_a_constraint_that_refuses_at_commit_is_an_answer_and_no_lost_connection(
    client: Client, database: TestDatabase, relay: Relay, old_rows: list[str], small_set: dict[str, str]
) -> None:
    database.execute(f"ALTER TABLE {COLLECTION} DROP CONSTRAINT {COLLECTION}_name_key")
    database.execute(f"ALTER TABLE {COLLECTION} ADD UNIQUE (name) DEFERRABLE INITIALLY DEFERRED")
    database.execute(f"INSERT INTO {COLLECTION} VALUES (gen_random_uuid(), 'docs')")
    response = client.restore(**small_set, atomic=True)
    assert failure(response) == (409, "DUPLICATE_ROWS")
    assert response.get_json()["data"]["rolled_back"] is True
    assert ids(database) == old_rows
    assert relay.accepted == 1


# Unknown


def expect_unknown(response: Any) -> None:
    assert failure(response) == (500, "DATABASE_ERROR")
    data = response.get_json()["data"]
    assert (data["outcome"], data["can_retry"]) == ("unknown", False)
    assert "结果未知" in data["response"]
    assert "rolled_back" not in data


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_where_nobody_can_be_asked_the_outcome_is_unknown(
    client: Client,
    database: TestDatabase,
    relay: Relay,
    small_set: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    mode: dict[str, Any],
) -> None:
    monkeypatch.setattr(connection, "OUTCOME_WAITS", (0.01,) * 3)
    relay.vanish(COMMIT)
    expect_unknown(client.restore(**small_set, **mode))
    assert relay.accepted == 4
    assert ids(database) == ["a", "b"]  # it did commit; nobody could know


def test_a_truncating_backup_of_unknown_outcome_keeps_its_files(
    client: Client, database: TestDatabase, relay: Relay, old_rows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "OUTCOME_WAITS", (0.01,) * 3)
    relay.vanish(COMMIT)
    expect_unknown(client.backup(truncate_vector_tables=True))
    assert ids(database) == []
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1


def test_a_server_that_never_heard_of_the_transaction_is_not_believed(
    client: Client, database: TestDatabase, relay: Relay, small_set: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # After a failover the answer to a COMMIT may come from a server whose transactions have not got that far.
    monkeypatch.setattr(connection, "_transaction_id", lambda _cursor: "9000000000000")
    relay.lose_answer(COMMIT)
    expect_unknown(client.restore(**small_set, **REPLACE))
    assert relay.accepted == 2


def test_a_commit_that_stays_at_work_is_not_asked_for_without_end(
    client: Client,
    database: TestDatabase,
    relay: Relay,
    small_set: dict[str, str],
    gate: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "OUTCOME_WAITS", (0.01,) * 3)
    relay.leave_at_work(COMMIT)
    expect_unknown(client.restore(**small_set, **REPLACE))
    gate.rollback()
    until(lambda: database.fetch(f"SELECT count(*) {OURS}") == [(0,)])
    assert ids(database) == ["a", "b"]


# Retries


@pytest.mark.parametrize("call", ["restore", "backup"])
def test_a_connection_that_is_not_had_at_first_is_tried_again(
    client: Client, database: TestDatabase, relay: Relay, old_rows: list[str], small_set: dict[str, str], call: str
) -> None:
    relay.refusing = 2
    response = client.restore(**small_set, **REPLACE) if call == "restore" else client.backup()
    assert response.status_code == 200, response.text
    assert relay.accepted == 3
    assert ids(database) == (["a", "b"] if call == "restore" else old_rows)


@pytest.mark.parametrize("call", ["restore", "backup"])
def test_a_connection_that_is_never_had_is_not_tried_without_end(
    client: Client, relay: Relay, small_set: dict[str, str], output_dir: Any, call: str
) -> None:
    relay.refusing = ALWAYS
    response = client.restore(**small_set, **REPLACE) if call == "restore" else client.backup()
    assert failure(response) == (500, "DATABASE_ERROR")
    assert response.get_json()["data"]["can_retry"] is True
    assert relay.accepted == 3
    assert not list((output_dir / "vector_bak").glob(".*"))


def test_a_restore_whose_backend_is_ended_before_it_has_done_anything_is_tried_again(
    client: Client,
    database: TestDatabase,
    relay: Relay,
    old_rows: list[str],
    small_set: dict[str, str],
    background: Any,
    wait_for_lock: Any,
) -> None:
    locker = database.connect()
    locker.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS SHARE MODE")
    running = background(lambda: client.twin().restore(**small_set, **REPLACE))
    wait_for_lock(database)
    ended = database.fetch(f"SELECT pid, pg_terminate_backend(pid) {OURS}")
    until(lambda: relay.accepted == 2)
    locker.rollback()
    assert running.result().status_code == 200
    assert len(ended) == 1
    assert ids(database) == ["a", "b"]


@pytest.mark.parametrize(
    "mode", [REPLACE, {"tables": [EMBEDDING]}, {"strategy": "sync"}], ids=["replace", "append", "sync"]
)
def test_after_the_first_byte_of_copy_nothing_is_tried_again(
    client: Client,
    database: TestDatabase,
    relay: Relay,
    old_rows: list[str],
    small_set: dict[str, str],
    mode: dict[str, Any],
) -> None:
    relay.lose_answer(COPY_FROM)
    response = client.restore(**small_set, **mode)
    assert failure(response) == (500, "DATABASE_ERROR")
    assert response.get_json()["data"]["can_retry"] is True
    assert relay.accepted == 1
    until(lambda: database.fetch(f"SELECT count(*) {OURS}") == [(0,)])
    assert ids(database) == old_rows


def test_a_backup_is_not_begun_again_in_the_middle(
    client: Client, relay: Relay, old_rows: list[str], output_dir: Any
) -> None:
    relay.lose_answer(COPY_TO)
    assert failure(client.backup()) == (500, "DATABASE_ERROR")
    assert relay.accepted == 1
    assert client.list().get_json()["data"]["backup_locations"] == []
    assert not list((output_dir / "vector_bak").glob(".*"))


def test_what_is_refused_for_good_is_not_tried_again(
    client: Client, database: TestDatabase, relay: Relay, small_set: dict[str, str]
) -> None:
    assert client.restore(**small_set, expect_database="another").status_code == 409
    assert relay.accepted == 1
    nowhere = relay.through(database.url).replace("?", "_is_not_there?")
    assert failure(client.restore(**small_set, pg_conn=nowhere)) == (500, "DATABASE_ERROR")
    assert relay.accepted == 2
