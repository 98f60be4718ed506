"""A backup that is killed leaves nothing that is listed, and its files are gone after the next start.

What holds for every storage stands in test_drafts.py; here are services as processes, and what a directory may hold.
"""

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
from data_pipeline.storage.local.directory import open_directory
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.relay import Relay
from tests.support.names import DOCS, EMBEDDING, TABLES

LOG = "vector_backup_log.txt"
STAMP = "20250722_010318"
CLAIM = f".vector_backup_{STAMP}.claim"
MANIFEST = f"vector_backup_{STAMP}.json"
DATA = [f"{table}_{STAMP}.csv" for table in TABLES]


def until(found: Callable[[], Any]) -> Any:
    """What `found` gives as soon as it gives something."""
    deadline = time.monotonic() + 60
    while not (result := found()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return result


def hidden(directory: Path) -> list[Path]:
    """A backup's claim and the files it has under way."""
    return sorted(directory.glob(".*"))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} - {LOG}


def listed(client: Client) -> list[str]:
    locations = client.list().get_json()["data"]["backup_locations"]
    return [found["timestamp"] for location in locations for found in location["backups"]]


def kill(server: Any) -> None:
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(60)


@pytest.fixture
def post_backup() -> Iterator[Callable[..., Callable[[], tuple[int, dict[str, Any]]]]]:
    """Ask a server for a backup and wait for nothing; what it returns waits for status and data."""
    connections = []

    def post(server: Any, **body: Any) -> Callable[[], tuple[int, dict[str, Any]]]:
        connection = http.client.HTTPConnection(server.address, timeout=60)
        connections.append(connection)
        connection.request("POST", f"{PREFIX}/backup", json.dumps(body))

        def answer() -> tuple[int, dict[str, Any]]:
            response = connection.getresponse()
            return response.status, json.loads(response.read())["data"]

        return answer

    yield post
    for connection in connections:
        connection.close()


@pytest.fixture
def directory(output_dir: Path) -> Path:
    return output_dir / "vector_bak"


@pytest.fixture
def locker(database: TestDatabase) -> Any:
    """A transaction in which no backup can begin: it waits with its timestamp claimed."""
    connection = database.connect()
    connection.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS EXCLUSIVE MODE")
    return connection


@pytest.fixture
def narrow(database: TestDatabase, fill: Any) -> Iterator[Relay]:
    """The way to a database of ten megabytes, wide enough for the first three of a backup's."""
    fill(database)
    for number in range(10):
        document = str(number) * (1 << 20)
        database.execute(f"INSERT INTO {EMBEDDING} VALUES (%s, %s, '[1,2,3]', %s)", (f"big {number}", DOCS, document))
    relay = Relay.before(database.url)
    relay.room = 5 << 20
    yield relay
    relay.close()


def sweep(directory: Path) -> list[str]:
    """What a service does when it starts; the sets it has removed."""
    return Engine.build(Settings.load({"OUTPUT_DIRECTORY": str(directory.parent)})).catalog.sweep()


# Killed


@pytest.mark.parametrize("body", [{}, {"format": "binary"}, {"truncate_vector_tables": True}], ids=str)
def test_a_backup_killed_while_it_writes_is_never_listed_and_swept_at_the_next_start(
    client: Client,
    database: TestDatabase,
    bits: Any,
    directory: Path,
    narrow: Relay,
    post_backup: Any,
    start_server: Any,
    body: dict[str, Any],
) -> None:
    before = bits(database)
    server = start_server(DATABASE_URL=narrow.through(database.url))
    post_backup(server, **body)
    until(lambda: any(path.stat().st_size > 1 << 20 for path in directory.glob(f".{EMBEDDING}_*")))
    assert listed(client) == []
    kill(server)
    claim, *data = hidden(directory)[::-1]
    assert claim.suffix == ".claim"
    assert len(data) == 2
    assert names(directory) == {path.name for path in [claim, *data]}
    assert listed(client) == []
    assert bits(database) == before
    following = start_server(DATABASE_URL=database.url)
    assert following.address
    assert names(directory) == set()
    assert following.log.count("removed what an interrupted backup left behind") == 1
    assert client.backup().status_code == 200
    assert len(listed(client)) == 1


def test_a_backup_killed_before_it_has_written_anything_is_swept_in_a_task_too(
    client: Client,
    database: TestDatabase,
    output_dir: Path,
    start_server: Any,
    post_backup: Any,
    locker: Any,
    wait_for_lock: Any,
) -> None:
    task = output_dir / "task_1"
    task.mkdir()
    server = start_server(DATABASE_URL=database.url)
    post_backup(server, task_id="task_1")
    wait_for_lock(database)
    kill(server)
    locker.rollback()
    assert [path.suffix for path in hidden(task / "vector_bak")] == [".claim"]
    assert start_server(DATABASE_URL=database.url).address
    assert names(task / "vector_bak") == set()


# Alive


def test_a_backup_under_way_is_left_alone_by_a_service_that_starts(
    client: Client,
    database: TestDatabase,
    fill: Any,
    directory: Path,
    start_server: Any,
    post_backup: Any,
    locker: Any,
    wait_for_lock: Any,
) -> None:
    server = start_server(DATABASE_URL=database.url)
    answer = post_backup(server)
    wait_for_lock(database)
    (claim,) = hidden(directory)
    following = start_server(DATABASE_URL=database.url)
    assert following.address
    assert "removed" not in following.log
    assert hidden(directory) == [claim]
    locker.rollback()
    status, data = answer()
    assert status == 200
    assert claim.name == f".vector_backup_{data['backup_timestamp']}.claim"
    assert listed(client) == [data["backup_timestamp"]]
    assert client.post(f"{PREFIX}/backups/global/{data['backup_timestamp']}/verify").status_code == 200
    assert hidden(directory) == []


# At whatever moment


@pytest.fixture
def whole(client: Client, database: TestDatabase, fill: Any, directory: Path) -> Path:
    """A set with its manifest, all of it named STAMP; gives the directory."""
    fill(database)
    made = client.backup().get_json()["data"]["backup_timestamp"]
    manifest = directory / f"vector_backup_{made}.json"
    document = json.loads(manifest.read_bytes())
    manifest.unlink()
    for path in directory.glob(f"*{made}*"):
        path.rename(directory / path.name.replace(made, STAMP))
    (directory / MANIFEST).write_text(json.dumps(document))
    return directory


def unpublish(directory: Path, *published: str) -> None:
    """Take a set back to the moment when only these files had got their names."""
    (directory / CLAIM).touch()
    for name in (*DATA, MANIFEST):
        if name not in published:
            (directory / name).rename(directory / f".{name}.partial")


MOMENTS = {
    "nothing has its name": [],
    "one file has its name": DATA[:1],
    "both files have their names": DATA,
}


@pytest.mark.parametrize("published", MOMENTS.values(), ids=MOMENTS)
def test_a_set_without_its_manifest_yet_is_neither_listed_nor_found_and_goes_with_the_sweep(
    client: Client, whole: Path, published: list[str]
) -> None:
    unpublish(whole, *published)
    body = {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": STAMP}
    assert listed(client) == []
    path = f"{PREFIX}/backups/global/{STAMP}"
    answers = [client.restore(**body), client.get(path), client.post(f"{path}/verify"), client.delete(path)]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert len(names(whole)) == 4
    assert sweep(whole) == [f"./data_pipeline/training_data/vector_bak/{STAMP}"]
    assert names(whole) == set()


def test_a_set_whose_manifest_is_there_survives_and_only_its_claim_goes(client: Client, whole: Path) -> None:
    (whole / CLAIM).touch()
    assert listed(client) == [STAMP]
    assert sweep(whole) == [f"./data_pipeline/training_data/vector_bak/{STAMP}"]
    assert names(whole) == {*DATA, MANIFEST}
    assert listed(client) == [STAMP]


def test_a_set_being_published_is_not_removed_under_its_writers_hands(client: Client, whole: Path) -> None:
    unpublish(whole, *DATA)
    (whole / CLAIM).unlink()
    with open_directory(whole, ()) as place, place.claim(CLAIM):
        assert client.delete(f"{PREFIX}/backups/global/{STAMP}").status_code == 404
        assert sweep(whole) == []
        assert len(names(whole)) == 4
    assert sweep(whole) != []


def test_what_is_no_leftover_stays(client: Client, whole: Path) -> None:
    others = [
        ".hidden",
        f".{DATA[0]}.partial",
        f"{DATA[0]}.bak",
        f"{CLAIM}.txt",
        ".vector_backup_today.claim",
        f"{EMBEDDING}_20200101_000000.csv",
    ]
    for name in others:
        (whole / name).write_bytes(b"mine")
    (whole / ".vector_backup_20210101_000000.claim").mkdir()
    assert sweep(whole) == []
    assert names(whole) == {*DATA, MANIFEST, *others, ".vector_backup_20210101_000000.claim"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_claim_that_is_no_file_keeps_nobody_waiting(client: Client, whole: Path, tmp_path: Path) -> None:
    os.mkfifo(whole / ".vector_backup_20210101_000000.claim")
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (whole / ".vector_backup_20220101_000000.claim").symlink_to(tmp_path / "elsewhere")
    assert sweep(whole) == []
    assert listed(client) == [STAMP]
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
