"""The same service on every kind of storage: whatever holds for a directory holds for a bucket."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
from data_pipeline.storage import lease
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import COLLECTION, DOCS, EMBEDDING, TABLES

ROOT = "./data_pipeline/training_data"
STAMP = "20250722_010318"
LOG = "vector_backup_log.txt"
REPLACE = {"truncate_before_restore": True}
FORMATS = {"csv": "csv", "binary": "pgcopy"}


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase, place: Any) -> Any:
    return make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=place.url, LOAD_WORKERS="2")


@pytest.fixture
def back_up(client: Client, database: TestDatabase, fill: Any) -> Callable[..., dict[str, Any]]:
    """Fill the tables once, and back them up; the answer."""
    fill(database)

    def run(**body: Any) -> dict[str, Any]:
        response = client.backup(**body)
        assert response.status_code == 200
        return dict(response.get_json()["data"])

    return run


def body_of(answer: dict[str, Any]) -> dict[str, str]:
    return {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}


def path_of(answer: dict[str, Any], more: str = "", location: str = "global") -> str:
    return f"{PREFIX}/backups/{location}/{answer['backup_timestamp']}{more}"


def files_of(answer: dict[str, Any]) -> dict[str, str]:
    return {name: table["backup_file"] for name, table in answer["tables_backed_up"].items()}


def listed(client: Client, **query: str) -> list[tuple[str, str]]:
    found = client.list(**query).get_json()["data"]["backup_locations"]
    return [(location["relative_path"], one["timestamp"]) for location in found for one in location["backups"]]


def flip(place: Any, name: str, where: int = -1000) -> None:
    data = bytearray(place.read(name))
    data[max(where, -len(data))] ^= 1
    place.write(name, bytes(data))


# There and back


@pytest.mark.parametrize("file_format", FORMATS)
def test_what_is_backed_up_is_listed_and_comes_back_to_the_bit(
    client: Client, database: TestDatabase, bits: Any, place: Any, back_up: Any, file_format: str
) -> None:
    made = back_up(format=file_format)
    before = bits(database)
    stamp = made["backup_timestamp"]
    assert made["backup_directory"] == f"{ROOT}/vector_bak"
    assert listed(client) == [(f"{ROOT}/vector_bak", stamp)]
    assert place.names() == {*files_of(made).values(), f"vector_backup_{stamp}.json", LOG}
    database.execute(f"DELETE FROM {EMBEDDING}")
    response = client.restore(**body_of(made), **REPLACE, require_manifest=True)
    assert response.status_code == 200
    assert response.get_json()["data"]["warnings"] == []
    assert bits(database) == before
    assert place.names() == {*files_of(made).values(), f"vector_backup_{stamp}.json", LOG}


@pytest.mark.parametrize("mode", [{}, {"atomic": True}, {"strategy": "sync"}], ids=["append", "atomic", "sync"])
def test_rows_can_be_added_or_brought_back_in_line(
    client: Client, database: TestDatabase, bits: Any, back_up: Any, mode: dict[str, Any]
) -> None:
    made = back_up()
    before = bits(database)
    database.execute(f"DELETE FROM {EMBEDDING}; DELETE FROM {COLLECTION}")
    assert client.restore(**body_of(made), **mode).status_code == 200
    assert bits(database) == before


def test_a_task_has_backups_of_its_own(client: Client, place: Any, back_up: Any) -> None:
    place.write("anything.txt", b"", "task_1")
    of_task, of_all = back_up(task_id="task_1"), back_up()
    assert of_task["backup_directory"] == f"{ROOT}/task_1/vector_bak"
    assert len(listed(client)) == 2
    assert listed(client, global_only="true") == [(f"{ROOT}/vector_bak", of_all["backup_timestamp"])]
    assert listed(client, task_id="task_1") == [(f"{ROOT}/task_1/vector_bak", of_task["backup_timestamp"])]
    assert listed(client, task_id="task_2") == []
    assert client.restore(**body_of(of_task), **REPLACE).status_code == 200
    assert client.get(path_of(of_task, location="task_1")).status_code == 200


def test_a_pair_of_files_that_somebody_put_there_restores_with_a_warning(
    client: Client, database: TestDatabase, place: Any
) -> None:
    place.write(f"{COLLECTION}_{STAMP}.csv", f"uuid,name,cmetadata\r\n{DOCS},docs,\r\n".encode())
    rows = f'id,collection_id,embedding,document,cmetadata\r\na,{DOCS},"[1,2,3]",first,{{}}\r\n'
    place.write(f"{EMBEDDING}_{STAMP}.csv", rows.encode())
    place.write(f"{EMBEDDING}_20200101_000000.csv", rows.encode())
    (location,) = client.list().get_json()["data"]["backup_locations"]
    (found,) = location["backups"]
    assert (found["timestamp"], found["has_manifest"], found["has_log"]) == (STAMP, False, False)
    assert found["embedding_size"] == f"{len(rows)} B"
    response = client.restore(backup_path=location["relative_path"], timestamp=STAMP)
    assert response.status_code == 200
    assert len(response.get_json()["data"]["warnings"]) == 1
    assert database.fetch(f"SELECT id, document FROM {EMBEDDING}") == [("a", "first")]


def test_a_file_of_many_blocks_goes_through_the_workers(
    client: Client, database: TestDatabase, bits: Any, place: Any
) -> None:
    database.execute(
        f"INSERT INTO {COLLECTION} VALUES (%(docs)s, 'docs', NULL);"
        f"INSERT INTO {EMBEDDING} SELECT 'row ' || i, %(docs)s, '[1,2,3]', repeat(md5(i::text), 400), NULL"
        " FROM generate_series(1, 1500) i",
        {"docs": DOCS},
    )
    made = client.backup().get_json()["data"]
    before = bits(database)
    assert made["tables_backed_up"][EMBEDDING]["file_bytes"] > 16 << 20
    assert client.restore(**body_of(made), **REPLACE).status_code == 200
    assert bits(database) == before
    place.remove(f"vector_backup_{made['backup_timestamp']}.json")
    assert client.restore(**body_of(made), **REPLACE).status_code == 200
    assert bits(database) == before


def test_nothing_there_is_an_empty_list(client: Client) -> None:
    data = client.list().get_json()["data"]
    assert (data["backup_locations"], data["response"]) == ([], "未找到任何可用的备份文件")
    assert failure(client.restore(backup_path=f"{ROOT}/vector_bak", timestamp=STAMP)) == (404, "RESOURCE_NOT_FOUND")
    assert client.get("/readyz").get_json()["data"]["checks"] == {"database": True, "storage": True, "queue": True}


# Backups that fail, and backups at once


def test_a_backup_that_fails_leaves_nothing_but_a_line_in_the_log(
    client: Client, database: TestDatabase, place: Any
) -> None:
    database.execute(f"ALTER TABLE {EMBEDDING} RENAME TO elsewhere")
    assert client.backup().status_code == 409
    assert place.names() == {LOG}
    assert listed(client) == []


def test_backups_at_once_each_have_a_second_of_their_own(client: Client, background: Any, back_up: Any) -> None:
    back_up()
    running = [background(lambda: client.twin().backup()) for _ in range(4)]
    stamps = {one.result().get_json()["data"]["backup_timestamp"] for one in running}
    assert len(stamps) == 4
    assert {stamp for _, stamp in listed(client)} > stamps


def test_the_log_has_a_line_for_each_run_newest_last(client: Client, place: Any, back_up: Any) -> None:
    first, second = back_up(), back_up(format="binary")
    lines = place.read(LOG).decode().splitlines()
    assert len(lines) == 2
    for line, made in zip(lines, (first, second), strict=True):
        assert files_of(made)[EMBEDDING] in line


def test_rows_are_removed_only_once_their_backup_is_stored(
    client: Client, database: TestDatabase, bits: Any, back_up: Any
) -> None:
    made = back_up()
    before = bits(database)
    assert made["truncate_performed"] is False
    made = back_up(truncate_vector_tables=True)
    assert bits(database, EMBEDDING) == []
    assert client.restore(**body_of(made), **REPLACE).status_code == 200
    assert bits(database) == before


def leave_behind(place: Any, made: dict[str, Any], *lost: str) -> None:
    """What a backup that was killed leaves: its claim, and no manifest."""
    for name in lost:
        place.remove(name)
    place.write(f".vector_backup_{made['backup_timestamp']}.claim", b"")


def test_what_a_killed_backup_left_is_not_listed_and_is_swept(
    client: Client, place: Any, back_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, whole = back_up(), back_up()
    leave_behind(place, made, f"vector_backup_{made['backup_timestamp']}.json")
    leave_behind(place, whole)
    assert listed(client) == [(f"{ROOT}/vector_bak", whole["backup_timestamp"])]
    assert failure(client.restore(**body_of(made))) == (404, "RESOURCE_NOT_FOUND")
    monkeypatch.setattr(lease, "STALE", timedelta(seconds=-5))
    engine = Engine.build(Settings.load({"OUTPUT_DIRECTORY": place.url}))
    swept = {f"{ROOT}/vector_bak/{one['backup_timestamp']}" for one in (made, whole)}
    assert set(engine.catalog.sweep()) == swept
    kept = {*files_of(whole).values(), f"vector_backup_{whole['backup_timestamp']}.json", LOG}
    assert place.names() == kept
    assert engine.catalog.sweep() == []


# Sets as resources


def test_a_set_is_shown_and_verified(client: Client, back_up: Any) -> None:
    made = back_up()
    data = client.get(path_of(made)).get_json()["data"]
    assert (data["has_manifest"], data["backup_info"]["storage"]) == (True, "local")
    assert data["files"][EMBEDDING]["file_bytes"] == made["tables_backed_up"][EMBEDDING]["file_bytes"]
    verified = client.post(path_of(made, "/verify")).get_json()["data"]
    assert (verified["verified"], verified["tables"][EMBEDDING]["rows"]) == (True, 6)


@pytest.mark.parametrize("table", TABLES)
def test_a_wrong_byte_is_found_and_nothing_is_lost(
    client: Client, database: TestDatabase, bits: Any, place: Any, back_up: Any, table: str
) -> None:
    made = back_up()
    before = bits(database)
    flip(place, files_of(made)[table])
    assert failure(client.post(path_of(made, "/verify"))) == (422, "INVALID_BACKUP")
    response = client.restore(**body_of(made), **REPLACE)
    assert failure(response) == (422, "INVALID_BACKUP")
    assert response.get_json()["data"]["details"]["file"] == files_of(made)[table]
    assert bits(database) == before


def test_a_file_that_is_cut_short_or_gone_is_found(client: Client, place: Any, back_up: Any) -> None:
    cut, gone = back_up(), back_up()
    name = files_of(cut)[EMBEDDING]
    place.write(name, place.read(name)[:-1])
    assert failure(client.restore(**body_of(cut), **REPLACE)) == (422, "INVALID_BACKUP")
    place.remove(files_of(gone)[EMBEDDING])
    assert failure(client.restore(**body_of(gone), **REPLACE)) == (404, "RESOURCE_NOT_FOUND")
    assert listed(client) == [(f"{ROOT}/vector_bak", cut["backup_timestamp"])]


def test_a_removed_set_is_gone_and_no_other(client: Client, place: Any, back_up: Any) -> None:
    kept, made = back_up(), back_up(format="binary")
    data = client.delete(path_of(made)).get_json()["data"]
    assert sorted(data["removed"]) == sorted(
        [*files_of(made).values(), f"vector_backup_{made['backup_timestamp']}.json"]
    )
    assert place.names() == {*files_of(kept).values(), f"vector_backup_{kept['backup_timestamp']}.json", LOG}
    assert failure(client.delete(path_of(made))) == (404, "RESOURCE_NOT_FOUND")


@pytest.fixture
def reading(
    client: Client, database: TestDatabase, background: Any, wait_for_lock: Any
) -> Callable[..., Callable[[], Any]]:
    """Start a restore that waits for a table until the returned function is called, which gives its answer."""

    def start(made: dict[str, Any]) -> Callable[[], Any]:
        reader = database.connect()
        reader.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS SHARE MODE")
        running = background(lambda: client.twin().restore(**body_of(made), **REPLACE))
        wait_for_lock(database)

        def finish() -> Any:
            reader.rollback()
            return running.result()

        return finish

    return start


def test_a_set_that_a_restore_reads_is_not_removed_by_any_service(
    client: Client, make_client: Callable[..., Client], database: TestDatabase, place: Any, back_up: Any, reading: Any
) -> None:
    made = back_up()
    other = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=place.url)
    finish = reading(made)
    for one in (client, other):
        response = one.delete(path_of(made))
        assert failure(response) == (409, "OPERATION_IN_PROGRESS")
        assert response.get_json()["data"]["can_retry"] is True
    assert other.post(path_of(made, "/verify")).status_code == 200
    assert finish().status_code == 200
    assert other.delete(path_of(made)).status_code == 200
    assert place.names() == {LOG}


def test_a_file_that_is_swapped_while_the_restore_waits_is_noticed(
    client: Client, database: TestDatabase, bits: Any, place: Any, back_up: Any, reading: Any
) -> None:
    made = back_up()
    before = bits(database)
    finish = reading(made)
    flip(place, files_of(made)[EMBEDDING])
    assert failure(finish()) == (422, "INVALID_BACKUP")
    assert bits(database) == before


def test_so_is_one_that_nothing_vouches_for_though_it_would_load(
    client: Client, database: TestDatabase, bits: Any, place: Any, back_up: Any, reading: Any
) -> None:
    made = back_up()
    place.remove(f"vector_backup_{made['backup_timestamp']}.json")
    before = bits(database)
    finish = reading(made)
    name = files_of(made)[EMBEDDING]
    place.write(name, place.read(name).replace("普通的文本".encode(), "另外的文本".encode()))
    response = finish()
    assert failure(response) == (422, "INVALID_BACKUP")
    assert "更改" in response.get_json()["data"]["response"]
    assert bits(database) == before


def test_many_sets_are_verified_and_removed_or_none(
    client: Client, make_client: Callable[..., Client], database: TestDatabase, place: Any, back_up: Any, reading: Any
) -> None:
    made = [back_up(), back_up()]
    sets = [{"location": "global", "timestamp": one["backup_timestamp"]} for one in made]
    other = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=place.url)

    def bulk(action: str) -> Any:
        return other.post(f"{PREFIX}/backups/bulk", data=json.dumps({"action": action, "sets": sets}))

    finish = reading(made[1])
    assert failure(bulk("delete")) == (409, "OPERATION_IN_PROGRESS")
    assert len(listed(client)) == 2
    assert bulk("verify").get_json()["data"]["succeeded"] == 2
    assert finish().status_code == 200
    assert bulk("delete").get_json()["data"]["succeeded"] == 2
    assert place.names() == {LOG}
