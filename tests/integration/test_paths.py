"""Paths that lead elsewhere, and files that are no files: refused, without a hang, and nothing is changed."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure

ROOT = "./data_pipeline/training_data"
STAMP = "20250722_010318"
COLLECTION_FILE = f"langchain_pg_collection_{STAMP}.csv"
EMBEDDING_FILE = f"langchain_pg_embedding_{STAMP}.csv"
MANIFEST = f"vector_backup_{STAMP}.json"
LOG = "vector_backup_log.txt"


@pytest.fixture
def expect(client: Client, database: TestDatabase, fill: Any, bits: Any, background: Any) -> Callable[..., None]:
    """Try to restore, and see that it is refused and changes nothing. In a thread: a FIFO could hang for ever."""
    fill(database)
    before = bits(database)

    def check(body: dict[str, str], status: int, error_type: str) -> None:
        for mode in ({"truncate_before_restore": True}, {"atomic": True}):
            response = background(lambda mode=mode: client.twin().restore(**body, **mode)).result()
            assert failure(response) == (status, error_type)
        assert bits(database) == before

    return check


OUTSIDE = [
    f"{ROOT}/vector_bak/../../evil/vector_bak",
    f"{ROOT}/%2e%2e%2fevil/vector_bak",
    f"{ROOT}/%252e%252e%252fevil/vector_bak",
    "/etc",
    "OUTPUT/vector_bak",
    f"{ROOT}\\vector_bak",
    f"C:{ROOT}/vector_bak",
    f"{ROOT}/vector_bak\0",
    f"{ROOT}/{'x/' * 2490}vector_bak",
    f"{ROOT}_evil/vector_bak",
    "./training_data/vector_bak",
    f"{ROOT}/\ud800",
]


def test_a_path_outside_of_the_backups_is_refused(
    expect: Callable[..., None], small_set: dict[str, str], output_dir: Path
) -> None:
    sibling = output_dir.with_name("training_data_evil")
    for copy in (sibling, output_dir.with_name("evil")):
        (copy / "vector_bak").mkdir(parents=True)
        for name in (COLLECTION_FILE, EMBEDDING_FILE):
            (copy / "vector_bak" / name).write_bytes((output_dir / "vector_bak" / name).read_bytes())
    for path in OUTSIDE:
        expect({"backup_path": path.replace("OUTPUT", str(output_dir)), "timestamp": STAMP}, 400, "INVALID_PARAMS")


def test_a_directory_that_is_not_there_is_not_found(expect: Callable[..., None]) -> None:
    for path in (f"{ROOT}/task_1/vector_bak", f"{ROOT}/vector_bak/deeper", f"{ROOT}/．．/vector_bak"):
        expect({"backup_path": path, "timestamp": STAMP}, 404, "RESOURCE_NOT_FOUND")


def test_a_file_for_a_directory_is_refused(expect: Callable[..., None], output_dir: Path) -> None:
    (output_dir / "task_1").write_bytes(b"")
    expect({"backup_path": f"{ROOT}/task_1/vector_bak", "timestamp": STAMP}, 422, "INVALID_BACKUP")


def test_a_linked_location_is_refused(
    expect: Callable[..., None], small_set: dict[str, str], output_dir: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    (output_dir / "vector_bak").rename(outside)
    (output_dir / "vector_bak").symlink_to(outside)
    expect(small_set, 422, "INVALID_BACKUP")


def test_a_linked_task_is_refused_even_if_it_leads_back_in(
    expect: Callable[..., None], small_set: dict[str, str], output_dir: Path
) -> None:
    (output_dir / "task_1").symlink_to(output_dir)
    expect({"backup_path": f"{ROOT}/task_1/vector_bak", "timestamp": STAMP}, 422, "INVALID_BACKUP")


def make_link(path: Path) -> None:
    outside = path.with_name("outside")
    path.rename(outside)
    path.symlink_to(outside)


def make_device_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    here = os.open(path.parent, os.O_RDONLY)
    listener.bind(f"/proc/self/fd/{here}/{path.name}")  # a socket's path holds 108 bytes
    os.close(here)
    listener.close()


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_device(path: Path) -> None:
    path.unlink()
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("only root makes devices")


KINDS = [make_link, make_device_link, make_fifo, make_socket, make_directory, make_device]


@pytest.mark.parametrize("make", KINDS)
def test_what_is_no_regular_file_is_refused(
    expect: Callable[..., None], small_set: dict[str, str], backups: Any, make: Callable[[Path], None]
) -> None:
    for name in (COLLECTION_FILE, EMBEDDING_FILE, MANIFEST):
        path = backups.directory() / name
        kept = path.read_bytes() if path.exists() else b""
        make(backups.file(name, kept))
        expect(small_set, 422, "INVALID_BACKUP")
        path.rename(path.with_name(f"{make.__name__} {name}"))
        if kept:
            path.write_bytes(kept)


def test_a_set_that_restores_does_so_with_or_without_dot_and_slash(client: Client, small_set: dict[str, str]) -> None:
    for path in (f"{ROOT}/vector_bak", f"{ROOT}/vector_bak/", f"{ROOT[2:]}/vector_bak"):
        response = client.restore(**{**small_set, "backup_path": path}, truncate_before_restore=True)
        assert response.status_code == 200
        assert response.get_json()["data"]["backup_info"]["backup_path"] == f"{ROOT}/vector_bak"


def test_the_output_directory_itself_may_be_a_link(
    make_client: Callable[..., Client],
    database: TestDatabase,
    small_set: dict[str, str],
    output_dir: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "link").symlink_to(output_dir)
    client = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=str(tmp_path / "link"))
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1
    assert client.restore(**small_set).status_code == 200
    assert client.backup().status_code == 200


@pytest.mark.parametrize("truncate", [False, True])
def test_a_backup_does_not_follow_a_link_out(
    client: Client, database: TestDatabase, fill: Any, bits: Any, output_dir: Path, tmp_path: Path, truncate: bool
) -> None:
    fill(database)
    before = bits(database)
    (tmp_path / "outside").mkdir()
    (output_dir / "task_1").mkdir()
    (output_dir / "task_1" / "vector_bak").symlink_to(tmp_path / "outside")
    response = client.backup(task_id="task_1", truncate_vector_tables=truncate)
    assert failure(response) == (422, "INVALID_BACKUP")
    assert list((tmp_path / "outside").iterdir()) == []
    assert bits(database) == before


def test_a_backup_does_not_take_a_file_for_its_directory(client: Client, output_dir: Path) -> None:
    (output_dir / "task_1").mkdir()
    (output_dir / "task_1" / "vector_bak").write_bytes(b"")
    assert failure(client.backup(task_id="task_1")) == (422, "INVALID_BACKUP")


@pytest.mark.parametrize("make", KINDS)
def test_a_log_that_is_no_regular_file_neither_hangs_a_backup_nor_makes_its_answer_untrue(
    client: Client, database: TestDatabase, fill: Any, bits: Any, backups: Any, background: Any, make: Any
) -> None:
    fill(database)
    before = bits(database)
    make(backups.file(LOG, b"what was there"))
    response = background(lambda: client.twin().backup(truncate_vector_tables=True)).result()
    if response.status_code == 200:
        assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1
        assert bits(database, "langchain_pg_embedding") == []
        assert LOG in response.get_json()["data"]["warnings"][0]
    else:
        assert failure(response) == (422, "INVALID_BACKUP")
        assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 0
        assert bits(database) == before
    if make is make_link:
        assert (backups.directory() / "outside").read_bytes() == b"what was there"
