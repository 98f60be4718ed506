"""dry_run: what a restore would do, and every problem it would meet, without doing it."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import COLLECTION, DOCS, EMBEDDING

EMPTY = "22222222-2222-4222-8222-222222222222"
NEW = "33333333-3333-4333-8333-333333333333"
COUNTS = ("success", "rows_restored", "rows_inserted", "rows_updated", "rows_deleted", "rows_unchanged", "rows_skipped")
REPLACE, SYNC = {"truncate_before_restore": True}, {"strategy": "sync"}
MODES: dict[str, dict[str, Any]] = {
    "append": {},
    "atomic append": {"atomic": True},
    "replace": REPLACE,
    "sync": SYNC,
    "skip": {"on_conflict": "skip"},
    "update": {"on_conflict": "update"},
    "copy": {"collection_suffix": " copy"},
    "replace some": {**REPLACE, "collections": ["docs"]},
    "sync some": {**SYNC, "collections": ["docs"]},
    "update some": {"on_conflict": "update", "collections": ["docs"]},
    "add some": {"collections": ["docs"]},
    "copy some": {"collection_suffix": "2", "collections": ["docs"]},
    "replace embeddings": {**REPLACE, "tables": [EMBEDDING]},
    "replace collections": {**REPLACE, "tables": [COLLECTION]},
    "sync embeddings": {**SYNC, "tables": [EMBEDDING]},
    "sync collections": {**SYNC, "tables": [COLLECTION]},
    "skip embeddings": {"on_conflict": "skip", "tables": [EMBEDDING]},
    "update embeddings": {"on_conflict": "update", "tables": [EMBEDDING]},
    "update collections": {"on_conflict": "update", "tables": [COLLECTION]},
    "add embeddings": {"tables": [EMBEDDING]},
    "add some embeddings": {"collections": ["docs"], "tables": [EMBEDDING]},
    "replace some embeddings": {**REPLACE, "collections": ["docs"], "tables": [EMBEDDING]},
    "replace some collections": {**REPLACE, "collections": ["docs"], "tables": [COLLECTION]},
}


@pytest.fixture(params=["csv", "binary"])
def saved(client: Client, database: TestDatabase, fill: Any, request: Any) -> dict[str, Any]:
    """A filled database and its backup; the body that restores it."""
    fill(database)
    return backup(client, format=request.param)


def backup(client: Client, **body: Any) -> dict[str, Any]:
    done = client.backup(**body).get_json()["data"]
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def rehearse(client: Client, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = client.restore(**body, **more, dry_run=True)
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    assert (data["dry_run"], data["restore_performed"], data["truncate_performed"]) == (True, False, False)
    assert data["would_succeed"] is (data["problems"] == [])
    return data


def kinds(answer: dict[str, Any]) -> list[str]:
    return sorted(problem["error_type"] for problem in answer["problems"])


def counts(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        table: {key: result[key] for key in COUNTS if key in result}
        for table, result in answer["restore_results"].items()
    }


def expect_foreseen(
    client: Client, database: TestDatabase, bits: Any, body: dict[str, Any], mode: dict[str, Any]
) -> None:
    """A rehearsal changes nothing and tells what the restore after it does."""
    before = bits(database)
    foreseen = rehearse(client, body, **mode)
    assert bits(database) == before
    response = client.restore(**body, **mode)
    real = response.get_json()["data"]
    succeeded = response.status_code == 200 and not real["errors"]
    assert foreseen["would_succeed"] is succeeded, (foreseen["problems"], response.text)
    if succeeded:
        assert counts(foreseen) == counts(real)
        befores = [answer.get("truncate_results", {}) for answer in (foreseen, real)]
        rows = [{name: result["rows_before"] for name, result in one.items()} for one in befores]
        assert rows[0] == rows[1]
        assert foreseen.get("collections") == real.get("collections")
    else:
        types = {real.get("error_type"), *(one.get("error_type") for one in real.get("restore_results", {}).values())}
        assert set(kinds(foreseen)) & types


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_what_was_foreseen_is_what_happens(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, mode: dict[str, Any]
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id IN ('plain', ' spaces ')")
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = 'no text'")
    database.execute("INSERT INTO langchain_pg_embedding (id, collection_id) VALUES ('extra', %s)", (DOCS,))
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'extra', NULL)", (NEW,))
    expect_foreseen(client, database, bits, saved, mode)
    expect_foreseen(client, database, bits, saved, mode)


def test_nobody_waits_for_a_rehearsal(
    client: Client, database: TestDatabase, saved: dict[str, Any], background: Callable[..., Any]
) -> None:
    with closing(database.connect()) as writer, writer.cursor() as cursor:
        cursor.execute("LOCK TABLE langchain_pg_embedding, langchain_pg_collection IN EXCLUSIVE MODE")
        cursor.execute("DELETE FROM langchain_pg_embedding")
        answer = background(lambda: rehearse(client.twin(), saved, **REPLACE)).result()
    assert answer["would_succeed"] is True
    assert answer["truncate_results"][EMBEDDING]["rows_before"] == 6


def test_a_replace_is_told_how_many_rows_only_the_live_tables_have(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    database.execute("INSERT INTO langchain_pg_embedding (id, collection_id) VALUES ('extra', %s)", (DOCS,))
    database.execute("INSERT INTO langchain_pg_embedding (id, collection_id) VALUES ('elsewhere', %s)", (EMPTY,))
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")

    def lost(**more: Any) -> dict[str, int]:
        truncated = rehearse(client, saved, **REPLACE, **more)["truncate_results"]
        return {table: result["rows_only_live"] for table, result in truncated.items()}

    assert lost() == {COLLECTION: 0, EMBEDDING: 2}
    assert lost(collections=["docs"]) == {COLLECTION: 0, EMBEDDING: 1}


def test_the_time_of_locks_and_indexes_is_measured(
    client: Client, database: TestDatabase, saved: dict[str, Any]
) -> None:
    database.execute("UPDATE langchain_pg_embedding SET embedding = '[1,2,3]'")
    body = backup(client)
    database.execute(
        'CREATE INDEX "h % ON x" ON langchain_pg_embedding USING hnsw ((embedding::vector(3)) vector_l2_ops)'
    )
    answer = rehearse(client, body, **REPLACE)
    expected = answer["expected"]
    assert {"h % ON x", "ix_cmetadata_gin"} <= expected["indexes"].keys()
    assert expected["readers_blocked_seconds"] == pytest.approx(
        expected["load_seconds"] + expected["index_seconds"], abs=0.002
    )
    assert expected["disk_bytes"] > 8192
    assert expected["basis"]
    expected = rehearse(client, body, **SYNC)["expected"]
    assert expected["readers_blocked_seconds"] == 0
    assert expected["writers_blocked_seconds"] > 0
    expected = rehearse(client, body, collection_suffix="x")["expected"]
    assert (expected["readers_blocked_seconds"], expected["writers_blocked_seconds"]) == (0, 0)


def test_all_problems_are_told_at_once(
    client: Client,
    database: TestDatabase,
    saved: dict[str, Any],
    backups: Any,
    role: Any,
    make_client: Callable[..., Client],
    bits: Any,
) -> None:
    for path in backups.directory().glob("langchain_pg_*"):
        data = bytearray(path.read_bytes())
        data[-20] ^= 1
        path.write_bytes(data)
    database.execute("CREATE TABLE pages (row varchar REFERENCES langchain_pg_embedding)")
    role.may("SELECT, INSERT")
    before = bits(database)
    limited = make_client(DATABASE_URL=role.url)
    answer = rehearse(limited, saved, **REPLACE, expect_database="production")
    assert kinds(answer) == [
        "DEPENDENT_ROWS",
        "INVALID_BACKUP",
        "INVALID_BACKUP",
        "PERMISSION_DENIED",
        "PERMISSION_DENIED",
        "SCHEMA_MISMATCH",
    ]
    lacking = [one["details"]["privileges"] for one in answer["problems"] if one["error_type"] == "PERMISSION_DENIED"]
    assert lacking == [["TRUNCATE"], ["TRUNCATE"]]
    damaged = [one for one in answer["problems"] if one["error_type"] == "INVALID_BACKUP"]
    assert [one["table"] for one in damaged] == [COLLECTION, EMBEDDING]
    assert all(one["details"]["line"] for one in damaged)
    assert answer["errors"] == [f"{COLLECTION}表恢复失败", f"{EMBEDDING}表恢复失败"]
    assert bits(database) == before


def test_rows_that_are_there_are_named(client: Client, database: TestDatabase, saved: dict[str, Any]) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id <> 'plain' AND id <> 'no text'")
    answer = rehearse(client, saved)
    assert [one["details"] for one in answer["problems"]] == [
        {"table": COLLECTION, "columns": ["name"], "rows": 2, "ids": [DOCS, EMPTY]},
        {"table": EMBEDDING, "columns": ["id"], "rows": 2, "ids": ["no text", "plain"]},
    ]


@pytest.mark.parametrize("mode", [REPLACE, SYNC, {"on_conflict": "update"}], ids=str)
def test_an_id_that_a_row_of_no_collection_has_is_foreseen(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, mode: dict[str, Any]
) -> None:
    database.execute("UPDATE langchain_pg_embedding SET collection_id = NULL WHERE id = 'plain'")
    assert kinds(rehearse(client, saved, **mode, collections=["docs"])) == ["DUPLICATE_ROWS"]
    expect_foreseen(client, database, bits, saved, {**mode, "collections": ["docs"]})


@pytest.mark.parametrize("on_conflict", ["skip", "update"])
def test_merged_embeddings_whose_collection_is_not_live_are_foreseen(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, on_conflict: str
) -> None:
    database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    mode = {"on_conflict": on_conflict, "tables": [EMBEDDING]}
    assert kinds(rehearse(client, saved, **mode)) == ["ORPHAN_ROWS"]
    expect_foreseen(client, database, bits, saved, mode)


def test_references_to_a_table_that_is_not_merged_are_no_problem(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    database.execute("UPDATE langchain_pg_collection SET name = 'renamed' WHERE name = 'docs'")
    database.execute("CREATE TABLE pages (name varchar REFERENCES langchain_pg_collection (name))")
    database.execute("INSERT INTO pages VALUES ('renamed')")
    mode = {"on_conflict": "update", "tables": [EMBEDDING]}
    assert rehearse(client, saved, **mode)["problems"] == []
    expect_foreseen(client, database, bits, saved, mode)


def test_other_dimensions_and_orphans_are_told_with_their_line(
    client: Client, database: TestDatabase, small_set: dict[str, str], backups: Any
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ALTER embedding TYPE vector(2)")
    (problem,) = rehearse(client, small_set, **REPLACE)["problems"]
    assert (problem["error_type"], problem["details"]["line"]) == ("INVALID_BACKUP", 2)
    rows = f'a,{NEW},"[1,2]",x,\n'
    body = backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,\n".encode(),
        f"id,collection_id,embedding,document,cmetadata\n{rows}".encode(),
    )
    assert kinds(rehearse(client, body, **REPLACE)) == ["ORPHAN_ROWS"]


def test_a_key_twice_in_a_file_is_told(client: Client, database: TestDatabase, backups: Any) -> None:
    rows = f'a,{DOCS},"[1]",x,\n' * 2
    body = backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,\n{NEW},docs,\n".encode(),
        f"id,collection_id,embedding,document,cmetadata\n{rows}".encode(),
    )
    assert kinds(rehearse(client, body, **REPLACE)) == ["DUPLICATE_ROWS", "DUPLICATE_ROWS"]


def test_where_tables_are_missing_the_files_are_read_all_the_same(
    client: Client,
    saved: dict[str, Any],
    make_client: Callable[..., Client],
    empty_database: TestDatabase,
    backups: Any,
) -> None:
    empty_database.execute("DROP EXTENSION vector")
    elsewhere = make_client(DATABASE_URL=empty_database.url)
    assert kinds(rehearse(elsewhere, saved)) == ["SCHEMA_MISMATCH"] * 3
    (path,) = backups.directory().glob("langchain_pg_embedding_*")
    path.write_bytes(path.read_bytes()[:-9] + b"xxxxxxxx\n")
    assert kinds(rehearse(elsewhere, saved)) == ["INVALID_BACKUP", *["SCHEMA_MISMATCH"] * 3]


def test_tables_that_would_be_created_are_not(
    client: Client, saved: dict[str, Any], make_client: Callable[..., Client], empty_database: TestDatabase
) -> None:
    empty_database.execute("DROP EXTENSION vector")
    elsewhere = make_client(DATABASE_URL=empty_database.url)
    for mode in ({}, REPLACE, SYNC, {"collection_suffix": "x"}):
        answer = rehearse(elsewhere, saved, create_tables=True, **mode)
        assert answer["problems"] == []
        assert answer["created"]["extension"] is True
        assert answer["created"]["tables"] == [COLLECTION, EMBEDDING]
        assert list(answer["created"]["indexes"]) == ["ix_cmetadata_gin"]
    assert empty_database.fetch("SELECT 1 FROM pg_extension WHERE extname = 'vector'") == []
    assert empty_database.fetch("SELECT 1 FROM pg_class WHERE relname LIKE 'langchain%'") == []
    response = elsewhere.restore(**saved, create_tables=True)
    assert (
        counts(answer)[COLLECTION]["rows_restored"] == counts(response.get_json()["data"])[COLLECTION]["rows_restored"]
    )


def test_keys_that_would_be_created_lock_nothing(client: Client, database: TestDatabase, saved: dict[str, Any]) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_collection_id_fkey")
    with closing(database.connect()) as writer, writer.cursor() as cursor:
        cursor.execute("LOCK TABLE langchain_pg_embedding, langchain_pg_collection IN EXCLUSIVE MODE")
        answer = rehearse(client, saved, create_tables=True, **SYNC)
    assert answer["created"]["keys"] == ["langchain_pg_embedding_collection_id_fkey"]


def test_what_the_request_asks_for_is_checked_too(
    client: Client, database: TestDatabase, small_set: dict[str, str], make_client: Callable[..., Client]
) -> None:
    answer = rehearse(client, small_set, collections=["docs", "nobody"], require_manifest=True)
    assert kinds(answer) == ["INVALID_BACKUP", "RESOURCE_NOT_FOUND"]
    assert client.restore(**{**small_set, "timestamp": "20250722_999999"}, dry_run=True).status_code == 404
    nowhere = make_client(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert nowhere.restore(**small_set, dry_run=True).get_json()["data"]["error_type"] == "DATABASE_ERROR"


def test_a_restore_under_way_is_told_and_none_is_kept_out(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    with closing(database.connect()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(x'7665635F72737472'::bigint)")
        (problem,) = rehearse(client, small_set)["problems"]
        assert problem["error_type"] == "OPERATION_IN_PROGRESS"
        assert problem["holder"]["pid"] == other.info.backend_pid


def test_a_rehearsal_backs_nothing_up(client: Client, saved: dict[str, Any], backups: Any) -> None:
    before = sorted(path.name for path in backups.directory().iterdir())
    answer = rehearse(client, saved, backup_before_restore=True, **REPLACE)
    assert "undo" not in answer
    assert sorted(path.name for path in backups.directory().iterdir()) == before
