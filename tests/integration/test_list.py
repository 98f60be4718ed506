"""GET /restore/list: which backups there are."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Client

TASK = "task_20250721_213627"
ROOT = "./data_pipeline/training_data"
PREFIX = "/api/v0/data_pipeline/vector"


def listed(client: Client, **query: str) -> list[tuple[str, list[str]]]:
    """Each location's last part but one, and its timestamps, in the order of the answer."""
    data = client.list(**query).get_json()["data"]
    return [
        (place.get("task_id", "global"), [found["timestamp"] for found in place["backups"]])
        for place in data["backup_locations"]
    ]


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Any:
    """Listing asks no database: this one isn't there."""
    return make_client(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")


@pytest.fixture
def documented(backups: Any) -> Any:
    """The state of affairs in the document's example: three locations, four sets."""
    backups.write(b"c" * 209, b"e" * 819 * 1024)
    backups.file("vector_backup_log.txt")
    backups.write(b"c" * 210, b"e" * 780 * 1024, "20250721_201447", "task_20250721_183935")
    backups.write(b"c" * 209, b"e" * 764 * 1024, "20250721_215758", TASK)
    backups.write(b"", b"e" * 1572864, "20250721_215700", TASK)
    backups.file("vector_backup_log.txt", task_id=TASK)
    return backups


def test_the_answer_has_every_key_of_the_document(client: Client, documented: Any) -> None:
    data = client.list().get_json()["data"]
    assert data["response"] == "成功扫描到 3 个备份位置,共 4 个备份集"
    assert [place["type"] for place in data["backup_locations"]] == ["global", "task", "task"]
    task = data["backup_locations"][1]
    assert (task["task_id"], task["relative_path"]) == (TASK, f"{ROOT}/{TASK}/vector_bak")
    expected = {
        "timestamp": "20250721_215758",
        "collection_file": "langchain_pg_collection_20250721_215758.csv",
        "embedding_file": "langchain_pg_embedding_20250721_215758.csv",
        "collection_size": "209 B",
        "embedding_size": "764 KB",
        "backup_date": "2025-07-21 21:57:58",
        "has_log": True,
        "log_file": "vector_backup_log.txt",
    }
    assert expected.items() <= task["backups"][0].items()
    assert (task["backups"][1]["collection_size"], task["backups"][1]["embedding_size"]) == ("0 B", "1.5 MB")
    summary = data["summary"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", summary.pop("scan_time"))
    assert summary == {"total_locations": 3, "total_backup_sets": 4, "global_backups": 1, "task_backups": 3}


def test_without_a_log_the_answer_says_so(client: Client, documented: Any) -> None:
    place = client.list(task_id="task_20250721_183935").get_json()["data"]["backup_locations"][0]
    assert (place["backups"][0]["has_log"], place["backups"][0]["log_file"]) == (False, None)


def test_chinese_goes_out_unescaped(client: Client, documented: Any) -> None:
    assert "成功扫描到 3 个备份位置".encode() in client.list().data


def test_the_global_location_comes_first_and_then_tasks_by_their_newest_set(client: Client, backups: Any) -> None:
    backups.write(b"", b"", "20200101_000000")
    backups.write(b"", b"", "20250101_000000", "task_a")
    backups.write(b"", b"", "20250301_000000", "task_b")
    backups.write(b"", b"", "20240101_000000", "task_b")
    backups.write(b"", b"", "20250201_000000", "manual_c")
    assert listed(client) == [
        ("global", ["20200101_000000"]),
        ("task_b", ["20250301_000000", "20240101_000000"]),
        ("manual_c", ["20250201_000000"]),
        ("task_a", ["20250101_000000"]),
    ]


def test_the_newest_set_of_a_location_comes_first_and_times_need_not_exist(client: Client, backups: Any) -> None:
    for timestamp in ("20250722_010318", "20250722_999999", "20241231_235959", "00000000_000000"):
        backups.write(b"", b"", timestamp)
    assert listed(client) == [("global", ["20250722_999999", "20250722_010318", "20241231_235959", "00000000_000000"])]


def test_a_pair_that_is_incomplete_or_of_two_formats_is_no_set(client: Client, backups: Any) -> None:
    backups.file("langchain_pg_collection_20250101_000000.csv")
    backups.file("langchain_pg_embedding_20250102_000000.csv")
    backups.file("langchain_pg_collection_20250103_000000.csv")
    backups.file("langchain_pg_embedding_20250103_000000.pgcopy")
    backups.file("langchain_pg_embedding_20250101_000000.csv", task_id=TASK)
    assert listed(client) == []


def test_both_formats_are_listed(client: Client, backups: Any) -> None:
    backups.write(b"", b"", "20250101_000000", suffix="csv")
    backups.write(b"", b"", "20250102_000000", suffix="pgcopy")
    (place,) = client.list().get_json()["data"]["backup_locations"]
    assert [(found["format"], found["embedding_file"]) for found in place["backups"]] == [
        ("binary", "langchain_pg_embedding_20250102_000000.pgcopy"),
        ("csv", "langchain_pg_embedding_20250101_000000.csv"),
    ]


def test_a_timestamp_is_listed_once_in_the_format_a_restore_reads(client: Client, backups: Any) -> None:
    backups.write(b"", b"", suffix="csv")
    backups.write(b"", b"", suffix="pgcopy")
    (place,) = client.list().get_json()["data"]["backup_locations"]
    assert [found["format"] for found in place["backups"]] == ["csv"]


@pytest.mark.parametrize(
    "name",
    [
        "langchain_pg_collection_20250722_010318.csv.bak",
        "langchain_pg_collection_20250722_010318.CSV",
        "langchain_pg_collection_20250722_01031.csv",
        "langchain_pg_collection_20250722_٠١٠٣١٨.csv",
        "langchain_pg_collection_20250722_010318.csv\n",
        ".langchain_pg_collection_20250722_010318.csv.partial",
        "xlangchain_pg_collection_20250722_010318.csv",
        "langchain_pg_collections_20250722_010318.csv",
    ],
)
def test_a_name_that_is_only_like_a_backups_is_not_listed(client: Client, backups: Any, name: str) -> None:
    backups.file(name)
    backups.file(name.replace("collection", "embedding"))
    assert listed(client) == []


def test_global_only_leaves_the_tasks_out(client: Client, documented: Any) -> None:
    for yes in ("true", "True", "TRUE"):
        assert listed(client, global_only=yes) == [("global", ["20250722_010318"])]
    for no in ("false", "False", "FALSE"):
        assert len(listed(client, global_only=no)) == 3


def test_a_task_id_leaves_everything_else_out_and_beats_global_only(client: Client, documented: Any) -> None:
    expected = [(TASK, ["20250721_215758", "20250721_215700"])]
    assert listed(client, task_id=TASK) == expected
    assert listed(client, task_id=TASK, global_only="true") == expected
    data = client.list(task_id=TASK).get_json()["data"]
    assert data["response"] == "成功扫描到 1 个备份位置,共 2 个备份集"
    assert (data["summary"]["global_backups"], data["summary"]["task_backups"]) == (0, 2)


def expect_nothing_found(client: Client, **query: str) -> None:
    answer = client.list(**query).get_json()
    for moment in (answer["data"], answer["data"]["summary"]):
        moment.pop("timestamp", moment.pop("scan_time", None))
    assert answer == {
        "code": 200,
        "success": True,
        "message": "操作成功",
        "data": {
            "response": "未找到任何可用的备份文件",
            "backup_locations": [],
            "summary": {"total_locations": 0, "total_backup_sets": 0, "global_backups": 0, "task_backups": 0},
        },
    }


@pytest.mark.parametrize("task_id", ["task_20200101_000000", "vector_bak", "nobody", "x" * 255])
def test_an_unknown_task_is_an_empty_list(client: Client, documented: Any, task_id: str) -> None:
    expect_nothing_found(client, task_id=task_id)


def test_an_output_directory_that_is_not_there_yet_is_an_empty_list(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    client = make_client(OUTPUT_DIRECTORY=str(tmp_path / "later"))
    expect_nothing_found(client)
    assert not (tmp_path / "later").exists()


@pytest.mark.parametrize(
    "task_id",
    ["", " ", "task 1", "task_1 ", "task_1\n", "../x", "task.1", "task-1", "task_١", "task_é", "a/b", "a\0", "x" * 300],
)
def test_a_bad_task_id_is_refused(client: Client, documented: Any, task_id: str) -> None:
    response = client.list(task_id=task_id)
    assert response.status_code == 400
    assert response.get_json()["message"] == "请求参数错误"
    assert response.get_json()["data"]["response"] == "无效的task_id格式,只能包含字母、数字和下划线"
    assert response.get_json()["data"]["error_type"] == "INVALID_PARAMS"


@pytest.mark.parametrize("value", ["", "1", "yes", "on", "true ", "tru", "null", "ｔｒｕｅ"])
def test_a_boolean_is_true_or_false_and_nothing_else(client: Client, value: str) -> None:
    response = client.list(global_only=value)
    assert response.status_code == 400
    assert response.get_json()["data"]["details"] == {"field": "global_only"}


@pytest.mark.parametrize("query", ["global=true", "Task_id=x", "task_id=task_1&x", "task_ids=a", "=1"])
def test_an_unknown_query_key_is_refused(client: Client, query: str) -> None:
    response = client.get(f"{PREFIX}/restore/list?{query}")
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (400, "INVALID_PARAMS")


@pytest.mark.parametrize("query", ["task_id=task_1&task_id=task_2", "global_only=true&global_only=false"])
def test_a_key_given_twice_is_refused_and_not_guessed_at(client: Client, query: str) -> None:
    assert client.get(f"{PREFIX}/restore/list?{query}").status_code == 400


def test_a_link_to_files_or_directories_elsewhere_is_not_listed(
    client: Client, backups: Any, tmp_path: Path, output_dir: Path
) -> None:
    outside = tmp_path / "outside"
    (outside / "vector_bak").mkdir(parents=True)
    for table in ("collection", "embedding"):
        name = f"langchain_pg_{table}_20250101_000000.csv"
        (outside / "vector_bak" / name).write_bytes(b"")
        (backups.directory() / name).symlink_to(outside / "vector_bak" / name)
    (output_dir / "task_linked").symlink_to(outside)
    (output_dir / "task_inner").mkdir()
    (output_dir / "task_inner" / "vector_bak").symlink_to(outside / "vector_bak")
    assert listed(client) == []
    assert listed(client, task_id="task_linked") == listed(client, task_id="task_inner") == []


def test_a_linked_global_location_is_not_listed(client: Client, output_dir: Path, tmp_path: Path, backups: Any) -> None:
    backups.write(b"", b"")
    (output_dir / "vector_bak").rename(tmp_path / "moved")
    (output_dir / "vector_bak").symlink_to(tmp_path / "moved")
    assert listed(client) == []


def test_what_is_no_regular_file_is_not_listed(client: Client, backups: Any) -> None:
    (backups.directory() / "langchain_pg_collection_20250722_010318.csv").mkdir()
    os.mkfifo(backups.directory() / "langchain_pg_embedding_20250722_010318.csv")
    assert listed(client) == []


def test_a_link_is_no_log(client: Client, backups: Any, tmp_path: Path) -> None:
    backups.write(b"", b"")
    (backups.directory() / "vector_backup_log.txt").symlink_to(tmp_path)
    (place,) = client.list().get_json()["data"]["backup_locations"]
    assert place["backups"][0]["has_log"] is False


def test_directories_of_nobody_are_not_scanned(client: Client, backups: Any, output_dir: Path) -> None:
    backups.write(b"", b"", task_id="other_1")
    backups.write(b"", b"", task_id="task_1/deeper")
    (output_dir / "task_file").write_bytes(b"")
    assert listed(client) == []


def test_what_a_killed_backup_left_is_not_listed_nor_restored(client: Client, backups: Any) -> None:
    body = backups.write(b"", b"")
    backups.file(".vector_backup_20250722_010318.claim")
    assert listed(client) == []
    response = client.restore(**body)
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (404, "RESOURCE_NOT_FOUND")
