"""POST /restore without truncate: rows are added, each table in a savepoint of its own."""

from typing import Any

import pytest

from data_pipeline.postgres.writing import copy_in
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import COLLECTION, DOCS, EMBEDDING

NOBODY = "99999999-9999-4999-8999-999999999999"
COLLECTION_FILE = "langchain_pg_collection_20250722_010318.csv"
EMBEDDING_FILE = "langchain_pg_embedding_20250722_010318.csv"
HEADER = "id,collection_id,embedding,document,cmetadata\n"
SECRET = "the-text-of-a-row"
COLLECTIONS = f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode()
BAD_EMBEDDINGS = f'{HEADER}a,{DOCS},"[1,2,3]",fine,{{}}\nb,{DOCS},[oops],{SECRET},{{}}\n'.encode()


def counts(database: TestDatabase) -> tuple[int, ...]:
    return tuple(database.fetch(f"SELECT count(*) FROM {table}")[0][0] for table in (COLLECTION, EMBEDDING))


@pytest.fixture
def half_bad(backups: Any) -> Any:
    """A set whose collections are fine and whose second embedding is not; the body that restores it."""
    return backups.write(COLLECTIONS, BAD_EMBEDDINGS)


@pytest.fixture
def small_set_over(small_set: dict[str, str], database: TestDatabase) -> dict[str, str]:
    """A set whose rows are in the tables already."""
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'docs')", (DOCS,))
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('a'), ('b')")
    return small_set


@pytest.mark.parametrize("atomic", [{}, {"atomic": False}, {"atomic": True}, {"truncate_before_restore": False}])
def test_rows_are_added_to_those_that_are_there_and_only_they_are_counted(
    client: Client, database: TestDatabase, small_set: dict[str, str], atomic: dict[str, bool]
) -> None:
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'other')", (NOBODY,))
    database.execute("INSERT INTO langchain_pg_embedding (id) SELECT 'old ' || n FROM generate_series(1, 7) n")
    data = client.restore(**small_set, **atomic).get_json()["data"]
    assert (data["response"], data["restore_performed"], data["truncate_performed"]) == (
        "Vector表恢复完成",
        True,
        False,
    )
    results = data["restore_results"]
    assert [results[table]["rows_restored"] for table in (COLLECTION, EMBEDDING)] == [1, 2]
    assert data["errors"] == []
    assert not {"truncate_results", "rolled_back"} & data.keys()
    assert counts(database) == (2, 9)


def test_a_table_that_fails_is_undone_alone_and_the_answer_is_the_documented_one(
    client: Client, database: TestDatabase, half_bad: dict[str, str]
) -> None:
    response = client.restore(**half_bad)
    assert response.status_code == 200
    answer = response.get_json()
    assert (answer["code"], answer["success"], answer["message"]) == (200, True, "操作成功")
    data = answer["data"]
    results = data["restore_results"]
    written = results[COLLECTION]
    assert written.pop("duration") >= 0
    expected = {"success": True, "source_file": COLLECTION_FILE, "rows_restored": 1, "file_size": "65 B"}
    assert expected.items() <= written.items()
    failed = results[EMBEDDING]
    assert (failed["success"], failed["source_file"]) == (False, EMBEDDING_FILE)
    assert failed["error"].startswith("数据导入失败: ")
    assert (EMBEDDING_FILE in failed["error"], "第 3 行" in failed["error"]) == (True, True)
    assert "rows_restored" not in failed
    assert SECRET not in response.text
    assert {
        "response": "Vector表恢复部分完成,部分表恢复失败",
        "restore_performed": True,
        "truncate_performed": False,
        "backup_info": {
            "backup_path": "./data_pipeline/training_data/vector_bak",
            "timestamp": "20250722_010318",
            "backup_date": "2025-07-22 01:03:18",
        },
        "errors": ["langchain_pg_embedding表恢复失败"],
    }.items() <= data.items()
    assert data["duration"] >= 0
    assert counts(database) == (1, 0)


def test_the_other_table_is_kept_when_the_first_one_fails(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'docs')", (DOCS,))
    data = client.restore(**small_set).get_json()["data"]
    assert data["errors"] == ["langchain_pg_collection表恢复失败"]
    assert data["restore_results"][COLLECTION]["success"] is False
    assert data["restore_results"][EMBEDDING]["rows_restored"] == 2
    assert counts(database) == (1, 2)


def test_atomic_keeps_neither(client: Client, database: TestDatabase, half_bad: dict[str, str]) -> None:
    response = client.restore(**half_bad, atomic=True)
    data = response.get_json()["data"]
    assert (response.status_code, data["error_type"], data["rolled_back"]) == (422, "INVALID_BACKUP", True)
    assert (data["details"]["file"], data["details"]["line"]) == (EMBEDDING_FILE, 3)
    assert SECRET not in response.text
    assert counts(database) == (0, 0)


def test_when_every_table_failed_the_answer_is_the_first_failure(
    client: Client, database: TestDatabase, backups: Any, small_set_over: dict[str, str]
) -> None:
    response = client.restore(**small_set_over)
    data = response.get_json()["data"]
    assert (response.status_code, data["error_type"], data["rolled_back"]) == (409, "DUPLICATE_ROWS", True)
    assert data["details"]["file"] == COLLECTION_FILE
    assert data["target"]["dbname"] == database.dbname
    assert counts(database) == (1, 2)


def test_when_the_only_table_failed_the_answer_is_its_failure(
    client: Client, database: TestDatabase, small_set_over: dict[str, str], backups: Any
) -> None:
    response = client.restore(**small_set_over, tables=[EMBEDDING])
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (409, "DUPLICATE_ROWS")
    backups.write(COLLECTIONS, BAD_EMBEDDINGS)
    response = client.restore(**small_set_over, tables=[EMBEDDING])
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (422, "INVALID_BACKUP")
    assert counts(database) == (1, 2)


def test_embeddings_without_their_collection_are_not_added(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    response = client.restore(**small_set, tables=[EMBEDDING])
    data = response.get_json()["data"]
    assert (response.status_code, data["error_type"]) == (422, "ORPHAN_ROWS")
    assert (data["details"]["file"], data["details"]["line"]) == (EMBEDDING_FILE, 2)
    assert counts(database) == (0, 0)


def test_a_file_that_disappears_after_the_request_came_is_a_documented_failure(
    client: Client, database: TestDatabase, backups: Any, small_set: dict[str, str], background: Any, wait_for_lock: Any
) -> None:
    locker = database.connect()
    locker.cursor().execute("LOCK TABLE langchain_pg_collection IN SHARE MODE")
    running = background(lambda: client.twin().restore(**small_set))
    wait_for_lock(database)
    (backups.directory() / EMBEDDING_FILE).unlink()
    locker.rollback()
    data = running.result().get_json()["data"]
    assert data["response"] == "Vector表恢复部分完成,部分表恢复失败"
    assert data["restore_results"][EMBEDDING]["error"].startswith("文件读取失败: ")
    assert counts(database) == (1, 0)


def test_other_sessions_read_and_write_while_rows_are_added(
    client: Client, database: TestDatabase, small_set: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load = copy_in.load

    def use_meanwhile(*args: Any) -> int:
        written = load(*args)
        database.execute("INSERT INTO langchain_pg_embedding (id) SELECT count(*)::text FROM langchain_pg_embedding")
        return written

    monkeypatch.setattr(copy_in, "load", use_meanwhile)
    assert client.restore(**small_set).status_code == 200
    assert database.fetch("SELECT id FROM langchain_pg_embedding ORDER BY 1") == [("0",), ("1",), ("a",), ("b",)]
