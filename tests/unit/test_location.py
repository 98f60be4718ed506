"""Reading a request's backup_path and task_id."""

import pytest

from common.errors import InvalidParams
from data_pipeline.storage import location
from data_pipeline.storage.location import Location

ROOT = "./data_pipeline/training_data"


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/vector_bak",
        f"{ROOT}/vector_bak/",
        "data_pipeline/training_data/vector_bak",
    ],
)
def test_the_global_location_is_read_with_or_without_dot_and_slash(path: str) -> None:
    assert location.parse(path) == Location(("vector_bak",))


@pytest.mark.parametrize("task_id", ["task_20250721_213627", "manual_1", "task_数据", "a b", "x.y"])
def test_what_the_list_shows_is_read_back_unchanged(task_id: str) -> None:
    listed = Location((task_id, "vector_bak"))
    assert listed.relative_path == f"{ROOT}/{task_id}/vector_bak"
    assert location.parse(listed.relative_path) == listed


def test_a_location_knows_its_task_and_its_files() -> None:
    assert Location(("vector_bak",)).task_id is None
    assert Location(("task_1", "vector_bak")).task_id == "task_1"
    assert Location(("vector_bak",)).file("a.csv") == f"{ROOT}/vector_bak/a.csv"


OUTSIDE = {
    "nothing": "",
    "a dot": ".",
    "the root itself": ROOT,
    "the root with a slash": f"{ROOT}/",
    "another directory": "./data_pipeline/other/vector_bak",
    "a sibling with the same prefix": "./data_pipeline/training_data_evil/vector_bak",
    "an absolute path": "/data_pipeline/training_data/vector_bak",
    "an absolute path with the root inside": "/etc/data_pipeline/training_data/vector_bak",
    "a network path": "//server/data_pipeline/training_data/vector_bak",
    "a parent at the start": f"../{ROOT}/vector_bak",
    "a parent in the middle": f"{ROOT}/../training_data/vector_bak",
    "a parent at the end": f"{ROOT}/vector_bak/..",
    "a dot in the middle": f"{ROOT}/./vector_bak",
    "an empty part": f"{ROOT}//vector_bak",
    "an encoded parent": f"{ROOT}/%2e%2e%2fetc",
    "a parent encoded twice": f"{ROOT}/%252e%252e%252fetc",
    "backslashes": ".\\data_pipeline\\training_data\\vector_bak",
    "a parent with a backslash": f"{ROOT}/..\\vector_bak",
    "a drive letter": f"C:{ROOT}/vector_bak",
    "a drive letter inside": f"{ROOT}/C:/vector_bak",
    "an alternate data stream": f"{ROOT}/vector_bak:secret",
    "a NUL": f"{ROOT}/vector_bak\0.csv",
    "a line break": f"{ROOT}/vector_bak\n",
    "a wildcard": f"{ROOT}/task_*/vector_bak",
    "a part Windows shortens": f"{ROOT}/vector_bak.",
    "a part that ends in a space": f"{ROOT}/task_1 /vector_bak",
    "5,000 characters": f"{ROOT}/{'x/' * 2500}vector_bak",
    "a name no system takes": f"{ROOT}/{'长' * 100}/vector_bak",
    "a lone surrogate": f"{ROOT}/\ud800/vector_bak",
    "a URL": f"file://{ROOT}/vector_bak",
    "a home directory": "~/data_pipeline/training_data/vector_bak",
    "spaces around": f" {ROOT}/vector_bak",
}


@pytest.mark.parametrize("path", OUTSIDE.values(), ids=OUTSIDE)
def test_anything_else_is_refused_and_not_repeated(path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        location.parse(path)
    assert caught.value.response == f"无效的backup_path: 必须是 {ROOT}/ 下的相对目录"
    assert caught.value.data == {"details": {"field": "backup_path"}}


@pytest.mark.parametrize("task_id", ["task_20250721_213627", "A", "_", "0", "x" * 255])
def test_a_task_id_is_ascii_letters_digits_and_underscores(task_id: str) -> None:
    location.check_task_id(task_id)


@pytest.mark.parametrize(
    "task_id",
    [
        "",
        " ",
        "task_1 ",
        "task_1\n",
        "task-1",
        "task.1",
        "../x",
        "a/b",
        "task_١",
        "task_é",
        "task_１",
        "x\0",
        "x" * 256,
    ],
)
def test_any_other_task_id_is_refused(task_id: str) -> None:
    with pytest.raises(InvalidParams, match=r"^无效的task_id格式,只能包含字母、数字和下划线$"):
        location.check_task_id(task_id)


@pytest.mark.parametrize("name", ["task_1", "manual_1", "task_"])
def test_directories_of_tasks_begin_with_task_or_manual(name: str) -> None:
    assert location.is_task_directory(name)


@pytest.mark.parametrize("name", ["vector_bak", "tasks", "mytask_1", "task_1.old", "task_1\n", "manual"])
def test_other_directories_belong_to_no_task(name: str) -> None:
    assert not location.is_task_directory(name)
