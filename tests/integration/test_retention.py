"""Old backup sets are retired: by age, by number, and never the newest good one, nor one that somebody uses."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from common.errors import OperationInProgress, ServiceUnavailable
from data_pipeline.api.vector_restore_manager import VectorRestoreManager
from data_pipeline.engine import Engine
from data_pipeline.operations.retention import Retention
from data_pipeline.postgres import server_identity
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.target import server_digest
from data_pipeline.sets import verify
from data_pipeline.sets.catalog import Catalog
from data_pipeline.settings import Settings
from data_pipeline.storage.location import Location
from data_pipeline.trainer.vector_table_manager import VectorTableManager
from tests.conftest import TestDatabase

AGES = (0, 1, 5, 10, 40)  # days


@pytest.fixture
def engine(output_dir: Path, database: TestDatabase) -> Iterator[Engine]:
    engine = Engine.build(Settings.load({"OUTPUT_DIRECTORY": str(output_dir), "DATABASE_URL": database.url}))
    yield engine
    engine.pool.close()


def stamp(days: int) -> str:
    return (datetime.now() - timedelta(days=days, minutes=1)).strftime("%Y%m%d_%H%M%S")


@pytest.fixture
def sets(engine: Engine, database: TestDatabase, fill: Any, monkeypatch: pytest.MonkeyPatch) -> dict[int, str]:
    """Sets of these ages in days; their timestamps."""
    fill(database)
    made = {age: stamp(age) for age in AGES}
    for timestamp in made.values():
        monkeypatch.setattr(
            "data_pipeline.operations.backup.snapshot.seconds_from_now", lambda _format, at=timestamp: iter([at])
        )
        VectorTableManager("", engine=engine).execute_vector_management()
    return made


@pytest.fixture
def left(engine: Engine, sets: dict[int, str]) -> Callable[[], list[int]]:
    """The ages of the sets that are still there."""

    def ages() -> list[int]:
        found = {
            one.timestamp
            for listed in engine.catalog.scan(global_only=True, task_id=None).locations
            for one in listed.sets
        }
        return [age for age, timestamp in sets.items() if timestamp in found]

    return ages


@pytest.mark.parametrize(
    ("days", "last", "kept"),
    [
        (0, 0, [0, 1, 5, 10, 40]),
        (7, 0, [0, 1, 5]),
        (0, 2, [0, 1]),
        (0, 1, [0]),
        (7, 4, [0, 1, 5, 10]),  # what one of the rules keeps stays
        (7, 1, [0, 1, 5]),
        (365, 1, [0, 1, 5, 10, 40]),
    ],
)
def test_a_set_goes_when_no_rule_keeps_it(
    engine: Engine, left: Callable[[], list[int]], days: int, last: int, kept: list[int]
) -> None:
    with capture_logs() as captured:
        Retention(engine, days, last).retire()
    assert left() == kept
    lines = [line for line in captured if line["event"] == "retire"]
    assert [line["outcome"] for line in lines] == ["SUCCESS"] * (len(AGES) - len(kept))
    assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)


def test_the_newest_good_set_stays_however_old_it_is(
    engine: Engine, sets: dict[int, str], left: Callable[[], list[int]], output_dir: Path
) -> None:
    """Bytes were flipped in all sets but the oldest: their sizes still agree with what vouches for them."""
    for age in (0, 1, 5, 10):
        path = output_dir / "vector_bak" / f"langchain_pg_embedding_{sets[age]}.csv"
        data = bytearray(path.read_bytes())
        data[-20] ^= 1
        path.write_bytes(data)
    Retention(engine, 3, 1).retire()
    assert left() == [0, 1, 40]


def test_without_any_good_set_nothing_goes(
    engine: Engine, sets: dict[int, str], left: Callable[[], list[int]], output_dir: Path
) -> None:
    for path in (output_dir / "vector_bak").glob("langchain_pg_embedding_*.csv"):
        path.write_bytes(path.read_bytes()[::-1])
    Retention(engine, 3, 1).retire()
    assert left() == list(AGES)


def test_a_set_in_use_stays_and_the_others_go(
    engine: Engine, sets: dict[int, str], left: Callable[[], list[int]]
) -> None:
    with (
        engine.catalog.locked(Location(("vector_bak",)), sets[10]),
        capture_logs() as captured,
    ):
        Retention(engine, 3, 0).retire()
    assert left() == [0, 1, 10]
    outcomes = [line["outcome"] for line in captured if line["event"] == "retire"]
    assert outcomes == ["SUCCESS", "OPERATION_IN_PROGRESS", "SUCCESS"]
    Retention(engine, 3, 0).retire()
    assert left() == [0, 1]


def test_sets_of_tasks_and_sets_without_a_manifest_stay(
    engine: Engine, sets: dict[int, str], left: Callable[[], list[int]], output_dir: Path
) -> None:
    directory = output_dir / "vector_bak"
    os.unlink(directory / f"vector_backup_{sets[40]}.json")
    task = output_dir / "task_1" / "vector_bak"
    task.mkdir(parents=True)
    for path in directory.glob(f"*{sets[10]}*"):
        (task / path.name).write_bytes(path.read_bytes())
    Retention(engine, 3, 1).retire()
    assert left() == [0, 1, 40]
    assert len(list(task.iterdir())) == 3


@pytest.mark.parametrize(("age", "days", "stays"), [(0, 0, True), (3, 0, True), (20, 0, False), (20, 30, True)])
def test_a_set_of_chosen_collections_takes_no_whole_ones_place_and_goes_by_the_same_rules(
    engine: Engine,
    left: Callable[[], list[int]],
    sets: dict[int, str],
    monkeypatch: Any,
    age: int,
    days: int,
    stays: bool,
) -> None:
    at = (datetime.now() - timedelta(days=age)).strftime("%Y%m%d_%H%M%S")
    monkeypatch.setattr("data_pipeline.operations.backup.snapshot.seconds_from_now", lambda _format: iter([at]))
    VectorTableManager("", engine=engine).execute_vector_management(collections=["docs"])
    sets[-1] = at
    Retention(engine, days, 3).retire()
    assert left() == [0, 1, 5, *([10] if days else []), *([-1] if stays else [])]


def test_what_restores_saved_first_takes_no_backups_place(
    engine: Engine, left: Callable[[], list[int]], sets: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # from here on the clock goes
    manager = VectorRestoreManager(engine=engine)
    named: dict[str, Any] = {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": sets[10]}
    for place in (-1, -2, -3):
        answer = manager.restore_from_backup(**named, truncate_before_restore=True, backup_before_restore=True)
        sets[place] = answer["undo"]["timestamp"]
    Retention(engine, 0, 3).retire()
    assert left() == [0, 1, 5, -1, -2, -3]


def test_a_storage_that_is_out_of_reach_for_a_moment_costs_no_set(
    engine: Engine, left: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_arguments: Any) -> None:
        raise ServiceUnavailable("存储暂时不可用")

    monkeypatch.setattr(verify, "read_through", unreachable)
    with pytest.raises(ServiceUnavailable):
        Retention(engine, 0, 1).retire()
    assert left() == list(AGES)


def test_each_database_keeps_sets_of_its_own(
    engine: Engine, left: Callable[[], list[int]], sets: dict[int, str], second_database: TestDatabase, monkeypatch: Any
) -> None:
    sets[20] = stamp(20)
    monkeypatch.setattr("data_pipeline.operations.backup.snapshot.seconds_from_now", lambda _format: iter([sets[20]]))
    VectorTableManager("", engine=engine).execute_vector_management(pg_conn=second_database.url)
    Retention(engine, 0, 1).retire()
    assert left() == [0, 20]


def made_on(engine: Engine, sets: dict[int, str], monkeypatch: Any, age: int, server: str | None) -> None:
    """A set of this age in days, from a database of the same name on this server; None: as earlier versions wrote."""
    sets[age] = stamp(age)
    monkeypatch.setattr("data_pipeline.operations.backup.snapshot.seconds_from_now", lambda _format: iter([sets[age]]))
    with monkeypatch.context() as patched:
        patched.setattr(server_identity, "of", lambda _session: server)
        VectorTableManager("", engine=engine).execute_vector_management()


def test_two_servers_with_a_database_of_the_same_name_keep_sets_of_their_own(
    engine: Engine, left: Callable[[], list[int]], sets: dict[int, str], monkeypatch: Any
) -> None:
    for age in (20, 30):
        made_on(engine, sets, monkeypatch, age, "0" * 32)
    Retention(engine, 0, 1).retire()
    assert left() == [0, 20]


def test_sets_that_name_no_server_are_counted_together_with_all_of_that_name(
    engine: Engine, left: Callable[[], list[int]], sets: dict[int, str], monkeypatch: Any
) -> None:
    for age in (3, -1):  # one between the others, and one newer than all
        made_on(engine, sets, monkeypatch, age, None)
    Retention(engine, 0, 2).retire()
    assert left() == [0, 1, -1]
    Retention(engine, 0, 1).retire()
    assert left() == [0, -1]


def test_a_set_that_can_not_come_back_takes_no_good_ones_place(
    engine: Engine, left: Callable[[], list[int]], sets: dict[int, str], database: TestDatabase, monkeypatch: Any
) -> None:
    """Its rows are whole, though, and in no good set: it stays until there is a newer one."""
    database.execute("ALTER TABLE langchain_pg_embedding ADD CONSTRAINT has_text CHECK (document <> '') NOT VALID")
    at = datetime.now().strftime("%Y%m%d_%H%M%S")
    monkeypatch.setattr("data_pipeline.operations.backup.snapshot.seconds_from_now", lambda _format: iter([at]))
    VectorTableManager("", engine=engine).execute_vector_management()
    sets[-1] = at
    Retention(engine, 0, 1).retire()
    assert left() == [0, -1]


def test_telling_servers_apart_removes_nothing_that_was_kept_before(
    engine: Engine, left: Callable[[], list[int]], sets: dict[int, str], monkeypatch: Any
) -> None:
    """A chosen collection's set stays while a whole set of that database's name is kept that is older than it."""
    at = sets[-1] = stamp(2)
    monkeypatch.setattr("data_pipeline.operations.backup.snapshot.seconds_from_now", lambda _format: iter([at]))
    VectorTableManager("", engine=engine).execute_vector_management(collections=["docs"])
    made_on(engine, sets, monkeypatch, 3, None)
    Retention(engine, 0, 3).retire()
    assert left() == [0, 1, 5, -1, 3]


def test_a_server_is_told_by_its_system_identifier_and_without_it_by_where_it_is(
    engine: Engine, database: TestDatabase, second_database: TestDatabase, role: Any
) -> None:
    def identity(url: str) -> str:
        with transaction(engine.databases.resolve(url), engine.timeouts, read_only=True) as session:
            return server_identity.of(session)

    same = identity(database.url)
    assert same == identity(second_database.url) == identity(role.url)
    assert same != server_digest("127.0.0.1", database.server.port)
    database.execute("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC")  # of this database only
    assert identity(role.url) == server_digest("localhost", database.server.port)
    assert identity(database.url) == same


def test_a_set_with_a_value_beyond_the_limit_takes_no_good_ones_place(
    engine: Engine, left: Callable[[], list[int]], sets: dict[int, str], database: TestDatabase, monkeypatch: Any
) -> None:
    """It was made while the limit was higher."""
    database.execute("UPDATE langchain_pg_embedding SET document = repeat('x', 2 << 20) WHERE id = 'plain'")
    at = datetime.now().strftime("%Y%m%d_%H%M%S")
    monkeypatch.setattr("data_pipeline.operations.backup.snapshot.seconds_from_now", lambda _format: iter([at]))
    VectorTableManager("", engine=engine).execute_vector_management()
    sets[-1] = at
    monkeypatch.setattr(engine.pool, "largest_field", 1 << 20)
    Retention(engine, 0, 1).retire()
    assert left() == [0, -1]


def test_the_set_that_others_go_for_is_held_meanwhile(
    engine: Engine, left: Callable[[], list[int]], sets: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    delete, refused = engine.catalog.delete, []

    def delete_both(location: Location, timestamp: str) -> list[str]:
        try:
            delete(location, sets[0])
        except OperationInProgress:
            refused.append(timestamp)
        return delete(location, timestamp)

    monkeypatch.setattr(Catalog, "delete", lambda _catalog, *named: delete_both(*named))
    Retention(engine, 0, 1).retire()
    assert left() == [0]
    assert len(refused) == 4
