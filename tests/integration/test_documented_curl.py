"""Every curl line of the API's documentation, as written, against the service as a process.

Only host and credentials are put in; the tasks, files and rows that the lines speak of are made.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.conftest import TestDatabase

TASK = "task_20250721_213627"
TASK_SET = "20250721_215758"
GLOBAL_SET = "20250722_010318"
# For a machine without curl: the same request, a form's Content-Type included where -H names none.
STAND_IN = f"""#!{sys.executable}
import argparse, sys, urllib.error, urllib.request
parser = argparse.ArgumentParser()
parser.add_argument("-X"), parser.add_argument("-H"), parser.add_argument("-d"), parser.add_argument("url")
given = parser.parse_args()
headers = dict([given.H.split(": ", 1)]) if given.H else {{}}
request = urllib.request.Request(given.url, given.d and given.d.encode(), headers, method=given.X)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.buffer.write(answer.read())
"""


class Some:
    """Equal to every value that a check accepts."""

    def __init__(self, check: Callable[[Any], object]) -> None:
        self._check = check

    def __eq__(self, other: object) -> bool:
        return bool(self._check(other))


SECONDS = Some(lambda value: isinstance(value, float) and value >= 0)
MOMENT = Some(lambda value: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", value))


def documented(answer: Any, example: Any) -> Any:
    """What of an answer stands in the documented example; other keys may stand beside it."""
    if isinstance(example, dict):
        return {key: documented(answer[key], value) for key, value in example.items()}
    if isinstance(example, list) and len(example) == len(answer):
        return [documented(part, value) for part, value in zip(answer, example, strict=True)]
    return answer


def expect(answer: Any, data: dict[str, Any]) -> None:
    """Compare a success with an example's `data`."""
    example = {"code": 200, "success": True, "message": "操作成功", "data": {**data, "timestamp": MOMENT}}
    assert documented(answer, example) == example
    assert answer.keys() == example.keys()


@pytest.fixture
def curl(live_server: Any, tmp_path: Path) -> Callable[[str], Any]:
    """Run a documented line in a shell; returns the parsed answer."""
    path = os.environ["PATH"]
    if not shutil.which("curl"):
        (tmp_path / "curl").write_text(STAND_IN)
        (tmp_path / "curl").chmod(0o755)
        path = f"{tmp_path}{os.pathsep}{path}"

    def run(line: str) -> Any:
        line = re.sub(r"(localhost|source-server|target-server):8084", live_server.address, line)
        done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, env={**os.environ, "PATH": path})
        return json.loads(done.stdout)

    return run


@pytest.fixture(autouse=True)
def sets(backups: Any) -> None:
    """A set of the task with 4 collections and 58 embeddings, and a global one with 4 and 62."""
    write_set(backups, 58, TASK_SET, TASK, 764 << 10)
    write_set(backups, 62, GLOBAL_SET, "", 819 << 10)


def write_set(backups: Any, embeddings: int, timestamp: str, task_id: str, size: int) -> None:
    """Two files, one of 209 bytes and one of `size`, and a log."""
    collections = [str(UUID(int=number)) for number in range(4)]
    first = "uuid,name,cmetadata\n" + "".join(f"{uuid},c{uuid[-1]},{{}}\n" for uuid in collections[:3])
    second = "id,collection_id,embedding,document,cmetadata\n" + "".join(
        f'e{n},{collections[n % 4]},"[{n},0.5]",text {n},{{}}\n' for n in range(embeddings - 1)
    )
    last = f'last,{collections[0]},"[1,2]",'
    backups.write(
        f"{first}{collections[3]},c3,{{}}".ljust(209).encode(),
        f"{second}{last}{'x' * (size - len(second) - len(last) - 3)},{{}}".encode(),
        timestamp,
        task_id,
    )
    backups.file("vector_backup_log.txt", task_id=task_id)


def counts(database: TestDatabase) -> tuple[int, ...]:
    tables = ("langchain_pg_collection", "langchain_pg_embedding")
    return tuple(database.fetch(f"SELECT count(*) FROM {table}")[0][0] for table in tables)


def listed(timestamp: str, embedding_size: str) -> dict[str, Any]:
    date = f"{timestamp[:4]}-{timestamp[4:6]}-{timestamp[6:8]} {timestamp[9:11]}:{timestamp[11:13]}:{timestamp[13:]}"
    return {
        "timestamp": timestamp,
        "collection_file": f"langchain_pg_collection_{timestamp}.csv",
        "embedding_file": f"langchain_pg_embedding_{timestamp}.csv",
        "collection_size": "209 B",
        "embedding_size": embedding_size,
        "backup_date": date,
        "has_log": True,
        "log_file": "vector_backup_log.txt",
    }


THE_GLOBAL_LOCATION = {
    "type": "global",
    "relative_path": "./data_pipeline/training_data/vector_bak",
    "backups": [listed(GLOBAL_SET, "819 KB")],
}
THE_TASK = {
    "type": "task",
    "task_id": TASK,
    "relative_path": f"./data_pipeline/training_data/{TASK}/vector_bak",
    "backups": [listed(TASK_SET, "764 KB")],
}


def the_list(*locations: dict[str, Any]) -> dict[str, Any]:
    tasks = sum(place["type"] == "task" for place in locations)
    return {
        "response": f"成功扫描到 {len(locations)} 个备份位置,共 {len(locations)} 个备份集",
        "backup_locations": list(locations),
        "summary": {
            "total_locations": len(locations),
            "total_backup_sets": len(locations),
            "global_backups": len(locations) - tasks,
            "task_backups": tasks,
            "scan_time": MOMENT,
        },
    }


def backup_info(timestamp: str, task_id: str = "") -> dict[str, Any]:
    path = "/".join(part for part in ("./data_pipeline/training_data", task_id, "vector_bak") if part)
    return {"backup_path": path, "timestamp": timestamp, "backup_date": listed(timestamp, "")["backup_date"]}


def truncated(rows_before: int) -> dict[str, Any]:
    return {"success": True, "rows_before": rows_before, "rows_after": 0, "duration": SECONDS}


def restored(table: str, timestamp: str, rows: int, size: str) -> dict[str, Any]:
    return {
        "success": True,
        "source_file": f"{table}_{timestamp}.csv",
        "rows_restored": rows,
        "file_size": size,
        "duration": SECONDS,
    }


def both_restored(timestamp: str, embeddings: int) -> dict[str, Any]:
    return {
        "langchain_pg_collection": restored("langchain_pg_collection", timestamp, 4, "209 B"),
        "langchain_pg_embedding": restored(
            "langchain_pg_embedding", timestamp, embeddings, "764 KB" if timestamp == TASK_SET else "819 KB"
        ),
    }


def the_restore(
    timestamp: str, results: dict[str, Any], task_id: str = "", rows_before: tuple[int, int] | None = None
) -> dict[str, Any]:
    """The example of a complete restore; rows_before, if the tables were emptied first."""
    emptied = dict(zip(("langchain_pg_collection", "langchain_pg_embedding"), rows_before or (), strict=False))
    return {
        "response": "Vector表恢复完成",
        "restore_performed": True,
        "truncate_performed": bool(emptied),
        "backup_info": backup_info(timestamp, task_id),
        **({"truncate_results": {table: truncated(rows) for table, rows in emptied.items()}} if emptied else {}),
        "restore_results": results,
        "errors": [],
        "duration": SECONDS,
    }


def test_all_backups_are_listed(curl: Callable[[str], Any]) -> None:
    answer = curl('curl "http://localhost:8084/api/v0/data_pipeline/vector/restore/list"')
    expect(answer, the_list(THE_GLOBAL_LOCATION, THE_TASK))


def test_only_global_backups_are_listed(curl: Callable[[str], Any]) -> None:
    answer = curl('curl "http://localhost:8084/api/v0/data_pipeline/vector/restore/list?global_only=true"')
    expect(answer, the_list(THE_GLOBAL_LOCATION))


def test_only_a_tasks_backups_are_listed(curl: Callable[[str], Any]) -> None:
    answer = curl('curl "http://localhost:8084/api/v0/data_pipeline/vector/restore/list?task_id=task_20250721_213627"')
    expect(answer, the_list(THE_TASK))


def test_a_tasks_backup_takes_the_place_of_what_was_there(curl: Any, database: TestDatabase, fill: Any) -> None:
    fill(database)
    answer = curl("""curl -X POST http://localhost:8084/api/v0/data_pipeline/vector/restore \\
  -H "Content-Type: application/json" \\
  -d '{
    "backup_path": "./data_pipeline/training_data/task_20250721_213627/vector_bak",
    "timestamp": "20250721_215758",
    "truncate_before_restore": true
  }'""")
    expect(answer, the_restore(TASK_SET, both_restored(TASK_SET, 58), TASK, rows_before=(2, 6)))
    assert counts(database) == (4, 58)


def put_collections(database: TestDatabase) -> None:
    """The state before embeddings alone are restored."""
    for number in range(4):
        database.execute("INSERT INTO langchain_pg_collection VALUES (%s, %s)", (str(UUID(int=number)), f"c{number}"))


EMBEDDING_ALONE = {"langchain_pg_embedding": restored("langchain_pg_embedding", GLOBAL_SET, 62, "819 KB")}


def test_embeddings_alone_are_added(curl: Any, database: TestDatabase) -> None:
    put_collections(database)
    answer = curl("""curl -X POST http://localhost:8084/api/v0/data_pipeline/vector/restore \\
  -H "Content-Type: application/json" \\
  -d '{
    "backup_path": "./data_pipeline/training_data/vector_bak",
    "timestamp": "20250722_010318",
    "tables": ["langchain_pg_embedding"],
    "truncate_before_restore": false
  }'""")
    expect(answer, the_restore(GLOBAL_SET, EMBEDDING_ALONE))
    assert answer["data"]["restore_results"].keys() == EMBEDDING_ALONE.keys()
    assert counts(database) == (4, 62)


def test_a_request_names_another_database(
    curl: Any, database: TestDatabase, second_database: TestDatabase, fill: Any, bits: Any
) -> None:
    fill(database)
    before = bits(database)
    line = """curl -X POST http://localhost:8084/api/v0/data_pipeline/vector/restore \\
  -H "Content-Type: application/json" \\
  -d '{
    "backup_path": "./data_pipeline/training_data/vector_bak",
    "timestamp": "20250722_010318",
    "pg_conn": "postgresql://user:password@localhost:5432/target_db",
    "truncate_before_restore": true
  }'"""
    answer = curl(line.replace("postgresql://user:password@localhost:5432/target_db", second_database.url))
    expect(answer, the_restore(GLOBAL_SET, both_restored(GLOBAL_SET, 62), rows_before=(0, 0)))
    assert answer["data"]["target"]["dbname"] == second_database.dbname
    assert counts(second_database) == (4, 62)
    assert bits(database) == before


def test_a_migration_lists_on_one_server_and_restores_on_another(curl: Any, database: TestDatabase) -> None:
    answer = curl('curl "http://source-server:8084/api/v0/data_pipeline/vector/restore/list"')
    expect(answer, the_list(THE_GLOBAL_LOCATION, THE_TASK))
    answer = curl("""curl -X POST http://target-server:8084/api/v0/data_pipeline/vector/restore \\
  -d '{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20250722_010318"}'""")
    expect(answer, the_restore(GLOBAL_SET, both_restored(GLOBAL_SET, 62)))
    assert counts(database) == (4, 62)


def test_a_rollback_finds_its_point_and_goes_back_to_it(curl: Any, database: TestDatabase, fill: Any) -> None:
    fill(database)
    answer = curl('curl "http://localhost:8084/api/v0/data_pipeline/vector/restore/list?task_id=task_20250721_213627"')
    expect(answer, the_list(THE_TASK))
    answer = curl("""curl -X POST http://localhost:8084/api/v0/data_pipeline/vector/restore \\
  -d '{"backup_path": "./data_pipeline/training_data/task_20250721_213627/vector_bak", "timestamp": "20250721_215758", "truncate_before_restore": true}'""")  # noqa: E501
    expect(answer, the_restore(TASK_SET, both_restored(TASK_SET, 58), TASK, rows_before=(2, 6)))
    assert counts(database) == (4, 58)


def test_embeddings_alone_are_added_without_a_content_type(curl: Any, database: TestDatabase) -> None:
    put_collections(database)
    answer = curl("""curl -X POST http://localhost:8084/api/v0/data_pipeline/vector/restore \\
  -d '{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20250722_010318", "tables": ["langchain_pg_embedding"], "truncate_before_restore": false}'""")  # noqa: E501
    expect(answer, the_restore(GLOBAL_SET, EMBEDDING_ALONE))
    assert counts(database) == (4, 62)
