"""Files and directories that the service may not touch: named with the reason, and the rest still works."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.privileges import like_a_user

ROOT = "./data_pipeline/training_data"
STAMP = "20250722_010318"
COLLECTION_FILE, EMBEDDING_FILE = (f"langchain_pg_{name}_{STAMP}.csv" for name in ("collection", "embedding"))
DENIED = (403, "PERMISSION_DENIED")
NO_RIGHT = "服务没有权限"


@pytest.fixture
def may(output_dir: Path) -> Iterator[Callable[[Path, int], None]]:
    """Give a file or a directory these permissions, until the test ends."""
    kept: list[tuple[Path, int]] = []

    def change(path: Path, mode: int) -> None:
        kept.append((path, path.stat().st_mode))
        path.chmod(mode)

    with like_a_user():
        yield change
        for path, mode in reversed(kept):
            if path.exists():
                path.chmod(mode)


def said(response: Any) -> tuple[tuple[int, str], str, str]:
    """How it failed, the text, and the reason."""
    data = response.get_json()["data"]
    return (response.status_code, data["error_type"]), data["response"], data["details"]["reason"]


def uses(client: Client, named: dict[str, str]) -> dict[str, Callable[[], Any]]:
    """Every route that reads a set."""
    path = f"{PREFIX}/backups/global/{named['timestamp']}"
    return {
        "show": lambda: client.get(path),
        "verify": lambda: client.post(f"{path}/verify"),
        "download": lambda: client.get(f"{path}/download"),
        "copy": lambda: client.post(f"{path}/copy", data='{"to": "usb"}'),
        "compare": lambda: client.post(f"{PREFIX}/compare", data=json.dumps(named)),
        "restore": lambda: client.restore(**named, atomic=True),
    }


@pytest.fixture
def made(client: Client, database: TestDatabase, fill: Any) -> dict[str, str]:
    """A set with a manifest; the body that restores it."""
    fill(database)
    done = client.backup().get_json()["data"]
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase, tmp_path: Path) -> Any:
    return make_client(DATABASE_URL=database.url, STORAGES=json.dumps({"usb": str(tmp_path / "usb")}))


@pytest.mark.parametrize("kind", ["langchain_pg_collection_{}.csv", "vector_backup_{}.json"])
def test_a_file_that_may_not_be_read_is_named(
    client: Client, made: dict[str, str], backups: Any, may: Any, bits: Any, database: TestDatabase, kind: str
) -> None:
    before, name = bits(database), kind.format(made["timestamp"])
    may(backups.directory() / name, 0o000)
    for use in uses(client, made).values():
        assert said(use()) == (DENIED, f"{NO_RIGHT}: {ROOT}/vector_bak/{name}", NO_RIGHT)
    assert bits(database) == before
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o300])
def test_a_location_that_may_not_be_read_is_named(
    client: Client, made: dict[str, str], backups: Any, may: Any, mode: int
) -> None:
    may(backups.directory(), mode)
    for use in uses(client, made).values():
        status, text, reason = said(use())
        assert (status, reason) == (DENIED, NO_RIGHT)
        assert text.startswith(f"{NO_RIGHT}: {ROOT}/vector_bak")


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o300])
@pytest.mark.parametrize("inner", [False, True], ids=["task", "its backups"])
def test_one_task_that_may_not_be_read_leaves_the_rest_of_the_list(
    client: Client, small_set: dict[str, str], backups: Any, output_dir: Path, may: Any, mode: int, inner: bool
) -> None:
    for task_id in ("task_1", "task_2"):
        backups.write(b"uuid,name,cmetadata\n", b"id,collection_id,embedding,document,cmetadata\n", task_id=task_id)
    may(output_dir / "task_1" / ("vector_bak" if inner else ""), mode)
    if mode == 0o300 and not inner:  # what lies in it can be reached by its name
        assert client.list().get_json()["data"]["summary"]["total_locations"] == 3 - 1
        return
    data = client.list().get_json()["data"]
    assert [one["relative_path"] for one in data["backup_locations"]] == [
        f"{ROOT}/vector_bak",
        f"{ROOT}/task_2/vector_bak",
    ]
    path = f"{ROOT}/task_1/vector_bak"
    unreadable = [{"relative_path": path, "storage": "local", "error": f"{NO_RIGHT}: {path}"}]
    assert data["summary"]["unreadable"] == unreadable
    assert data["response"] == "成功扫描到 2 个备份位置,共 2 个备份集;1 个备份位置无法读取"
    assert client.list(storage="all").get_json()["data"]["summary"]["unreadable"] == unreadable
    assert client.list(task_id="task_1").get_json()["data"]["summary"]["unreadable"] == unreadable
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["data"]["unreadable_locations"]) == (200, 1)


def test_where_everything_can_be_read_nothing_is_said_of_it(client: Client, small_set: dict[str, str]) -> None:
    assert "unreadable" not in client.list().get_json()["data"]["summary"]
    assert "unreadable_locations" not in client.get("/readyz").get_json()["data"]


def test_an_output_directory_that_may_not_be_read_is_no_empty_list(
    client: Client, small_set: dict[str, str], output_dir: Path, may: Any
) -> None:
    may(output_dir, 0o300)
    assert client.get("/readyz").status_code == 503
    may(output_dir, 0o000)
    assert said(client.list()) == (DENIED, f"{NO_RIGHT}: {ROOT}", NO_RIGHT)
    assert client.list(storage="all").get_json()["data"]["summary"]["unreachable_storages"] == ["local"]
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["data"]["checks"]["storage"]) == (503, False)


def test_a_set_that_may_not_be_removed_is_not_in_use(
    client: Client, made: dict[str, str], backups: Any, may: Any
) -> None:
    before = {path.name for path in backups.directory().iterdir()}
    may(backups.directory(), 0o500)
    name = f"langchain_pg_embedding_{made['timestamp']}.csv"
    response = client.delete(f"{PREFIX}/backups/global/{made['timestamp']}")
    assert said(response) == (DENIED, f"{NO_RIGHT}: {ROOT}/vector_bak/{name}", NO_RIGHT)
    assert {path.name for path in backups.directory().iterdir()} == before


def test_a_removal_that_stops_halfway_says_what_is_gone(
    client: Client, made: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a file that is immutable, or another user's in a sticky directory."""
    unlink = os.unlink

    def refuse(path: Any, **more: Any) -> None:
        if "collection" in str(path):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refuse)
        response = client.delete(f"{PREFIX}/backups/global/{made['timestamp']}")
    assert (response.status_code, response.get_json()["data"]["details"]["removed"]) == (
        403,
        [f"langchain_pg_embedding_{made['timestamp']}.csv"],
    )


def test_where_nothing_may_be_written_a_backup_says_so(
    client: Client, database: TestDatabase, bits: Any, made: dict[str, str], backups: Any, tmp_path: Path, may: Any
) -> None:
    before = bits(database)
    archive = FlaskClient.open(client, f"{PREFIX}/backups/global/{made['timestamp']}/download").data
    client.delete(f"{PREFIX}/backups/global/{made['timestamp']}")
    may(backups.directory(), 0o500)
    upload = {"data": archive, "content_type": "application/x-tar"}
    for response in (client.backup(truncate_vector_tables=True), client.post(f"{PREFIX}/backups/upload", **upload)):
        assert said(response) == (DENIED, f"{NO_RIGHT}: {ROOT}/vector_bak", NO_RIGHT)
    assert bits(database) == before


@pytest.mark.parametrize("code", [errno.EROFS, errno.EIO], ids=["read-only", "failing"])
def test_a_disk_that_takes_no_writes_says_why(
    client: Client, made: dict[str, str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write is refused by the system, as it is on such a file system; reads go on."""
    path, opened = f"{PREFIX}/backups/global/{made['timestamp']}", os.open

    def refuse(*_arguments: Any, **_more: Any) -> None:
        raise OSError(code, os.strerror(code))

    def only_read(name: Any, flags: int, *arguments: Any, **more: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse()
        return opened(name, flags, *arguments, **more)

    for name in ("unlink", "replace", "mkdir"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(os, "open", only_read)
    status, reason = (
        ((403, "PERMISSION_DENIED"), "文件系统是只读的")
        if code == errno.EROFS
        else (
            (503, "SERVICE_UNAVAILABLE"),
            "磁盘读写失败",
        )
    )
    for response in (client.backup(), client.delete(path), client.post(f"{path}/copy", data='{"to": "usb"}')):
        found, text, why = said(response)
        assert (found, why) == (status, reason)
        assert ROOT in text
    assert client.get(path).status_code == client.post(f"{path}/verify").status_code == client.list().status_code == 200


def test_a_claim_that_can_not_be_removed_is_no_failure_once_rows_are_gone(
    client: Client, database: TestDatabase, fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database)
    unlink = os.unlink

    def refuse(path: Any, **more: Any) -> None:
        if str(path).endswith(".claim"):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refuse)
        response = client.backup(truncate_vector_tables=True)
    assert (response.status_code, response.get_json()["data"]["truncate_performed"]) == (200, True)
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1
