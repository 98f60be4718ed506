"""No room left, on a real small file system: where sets lie, where uploads wait, and where the database is."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import torture.postgres
from data_pipeline.api import BASE, PREFIX
from tests.conftest import Server, TestDatabase
from tests.integration.conftest import Client
from tests.integration.whole_databases import IMPORT, archive_of, plain_dump, voice
from tests.live_server import LiveServer
from tests.support.answers import data_of, failure
from torture import small_disk
from torture.small_disk import SmallDisk

pytestmark = pytest.mark.skipif(not small_disk.may_mount(), reason="mounting a file system needs root")

MEGABYTES = 24
WIDE = "CREATE TABLE wide AS SELECT n, md5(n::text) || md5((-n)::text) AS t FROM generate_series(1, 60000) n"
"""Several megabytes that no compression makes less than one of."""


@pytest.fixture
def disk() -> Iterator[tuple[Path, SmallDisk]]:
    """A small file system, and the directory that it is mounted on."""
    top = Path(tempfile.mkdtemp(prefix="small-disk-"))
    top.chmod(0o711)
    with small_disk.mounted(top / "disk", MEGABYTES, (os.getuid(), os.getgid())) as found:
        yield top / "disk", found
    shutil.rmtree(top)


@pytest.fixture
def voices(empty_database: TestDatabase) -> TestDatabase:
    voice(empty_database)
    empty_database.execute(WIDE)
    return empty_database


def test_a_backup_that_finds_no_room_leaves_no_set(
    disk: tuple[Path, SmallDisk], make_client: Callable[..., Client], voices: TestDatabase
) -> None:
    place, room = disk
    client = make_client(DATABASE_URL=voices.url, OUTPUT_DIRECTORY=str(place))
    room.leave(512 << 10)
    assert failure(client.post(f"{BASE}/databases/backup", json={})) == (507, "STORAGE_FULL")
    room.free()
    assert data_of(client.get(f"{PREFIX}/restore/list?layout=database"))["backup_locations"] == []
    assert [path.name for path in place.rglob("*") if path.is_file()] == ["vector_backup_log.txt"]
    data_of(client.post(f"{BASE}/databases/backup", json={}))


@pytest.mark.parametrize("kilobytes", [64, 3000, 6500])
def test_an_upload_that_finds_no_room_changes_nothing(
    disk: tuple[Path, SmallDisk], start_server: Callable[..., LiveServer], voices: TestDatabase, kilobytes: int
) -> None:
    """The server of HTTP keeps an upload in a file, and the import a second one: either may find none."""
    place, room = disk
    server = start_server(DATABASE_URL=voices.url, TMPDIR=str(place))
    server.wait_for_jobs()
    before, archive = plain_dump(voices), archive_of(voices, "-Z0")
    assert 3500 << 10 < len(archive) < 6000 << 10, len(archive)
    room.leave(kilobytes << 10)
    fields = {"cleanFirst": "true", "trusted": "true"}
    files = {"file": ("a.dump", archive)}
    answer = requests.post(f"http://{server.address}{IMPORT}", data=fields, files=files, timeout=60)
    assert (answer.status_code, answer.json()["data"]["error_type"]) == (507, "STORAGE_FULL")
    room.free()
    assert [*place.iterdir()] == []
    assert plain_dump(voices) == before


@pytest.fixture
def tight(disk: tuple[Path, SmallDisk]) -> Iterator[TestDatabase]:
    """A database whose tables are on the small file system; the rest of its server, its log above all, is not."""
    place, _ = disk
    home = Path(tempfile.mkdtemp(prefix="pg-tight-", dir="/dev/shm"))
    home.chmod(0o711)
    made = torture.postgres.Server(home)
    try:
        os.chown(place, *made.owner)
        made.execute(f"CREATE TABLESPACE tight LOCATION '{place}'")
        made.execute("CREATE DATABASE tight TEMPLATE template0 TABLESPACE tight")
        database = TestDatabase(Server("127.0.0.1", made.port, "postgres", made.password, "postgres"), "tight")
        voice(database)
        yield database
        database.close()
    finally:
        made.shut_down()
        shutil.rmtree(home, ignore_errors=True)


def beside(database: TestDatabase) -> list[Any]:
    return database.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, 'tight_')")


def test_a_database_without_room_stays_as_it_was(
    disk: tuple[Path, SmallDisk], start_server: Callable[..., LiveServer], tight: TestDatabase
) -> None:
    _, room = disk
    server = start_server(DATABASE_URL=tight.url)
    tight.execute(WIDE)
    archive = archive_of(tight)
    made = requests.post(f"http://{server.address}{BASE}/databases/backup", timeout=60).json()["data"]
    tight.execute("TRUNCATE wide; UPDATE users SET name = 'kept'")
    tight.execute("CHECKPOINT")  # the files of what was removed go with it
    before = plain_dump(tight)
    room.leave(2 << 20)
    fields, files = {"cleanFirst": "true", "trusted": "true"}, {"file": ("a.dump", archive)}
    answer = requests.post(f"http://{server.address}{IMPORT}", data=fields, files=files, timeout=60)
    last = json.loads(answer.text.split("\n\n")[-2].removeprefix("data: "))
    assert (last["type"], last["error_type"]) == ("error", "STORAGE_FULL")
    assert plain_dump(tight) == before
    named = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    body = {"set": named, "mode": "new_database", "swap": True, "trusted": True}
    answer = requests.post(f"http://{server.address}{BASE}/databases/restore", json=body, timeout=60)
    assert (answer.status_code, answer.json()["data"]["error_type"]) == (507, "STORAGE_FULL")
    room.free()
    assert beside(tight) == []
    assert plain_dump(tight) == before
