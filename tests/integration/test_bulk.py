"""Many backup sets at once: all are looked at first, and each has a result."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import pytest
from werkzeug.test import TestResponse

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of, failure
from tests.support.names import COLLECTION, EMBEDDING

NAMED = {"location": "global", "timestamp": "20250722_010318"}
READER = "read-only-token-0123456789"


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase, fill: Any, tmp_path: Path) -> Client:
    fill(database)
    archive = json.dumps({"archive": str(tmp_path / "archive")})
    return make_client(DATABASE_URL=database.url, STORAGES=archive)


@pytest.fixture
def sets(client: Client, output_dir: Path) -> list[dict[str, str]]:
    """One of the whole system, one of a task, one of any tables."""
    (output_dir / "task_1").mkdir()
    made = [client.backup(), client.backup(task_id="task_1"), client.backup(layout="tables", tables=[EMBEDDING])]
    stamps = [data_of(one)["backup_timestamp"] for one in made]
    places = ("global", "task_1", "global")
    return [{"location": where, "timestamp": stamp} for where, stamp in zip(places, stamps, strict=True)]


def bulk(client: Client, action: str, sets: list[dict[str, str]], **more: Any) -> TestResponse:
    return client.post(f"{PREFIX}/backups/bulk", data=json.dumps({"action": action, "sets": sets, **more}))


def listed(client: Client, **query: str) -> set[tuple[str, str]]:
    found = data_of(client.list(layout="all", **query))["backup_locations"]
    return {(place.get("task_id", "global"), one["timestamp"]) for place in found for one in place["backups"]}


def names(sets: list[dict[str, str]]) -> set[tuple[str, str]]:
    return {(one["location"], one["timestamp"]) for one in sets}


def test_sets_of_any_layout_are_verified_copied_and_removed(client: Client, sets: list[dict[str, str]]) -> None:
    verified = data_of(bulk(client, "verify", sets))
    assert [one["verified"] for one in verified["sets"]] == [True, True, True]
    assert (verified["succeeded"], verified["failed"], verified["errors"]) == (3, 0, [])
    copied = data_of(bulk(client, "copy", sets, to="archive"))
    assert [one["copied"] for one in copied["sets"]] == [True, True, True]
    assert [one["copied"] for one in data_of(bulk(client, "copy", sets, to="archive"))["sets"]] == [False] * 3
    assert listed(client, storage="archive") == listed(client) == names(sets)
    removed = data_of(bulk(client, "delete", [{**one, "storage": "archive"} for one in sets[1:]]))
    assert all(one["removed"] for one in removed["sets"])
    assert listed(client, storage="archive") == names(sets[:1])
    assert listed(client) == names(sets)


def test_nothing_is_done_unless_all_are_there(client: Client, sets: list[dict[str, str]]) -> None:
    gone = [{"location": where, "timestamp": "20200101_000000"} for where in ("global", "task_9")]
    for action, more in (("delete", {}), ("copy", {"to": "archive"}), ("verify", {}), ("download", {})):
        refused = bulk(client, action, [sets[0], *gone, *sets[1:]], **more)
        assert failure(refused) == (404, "RESOURCE_NOT_FOUND")
        told = refused.get_json()["data"]["details"]["sets"]
        assert [one["location"] for one in told] == ["global", "task_9"]
        assert {one["success"] for one in told} == {False}
    assert listed(client) == names(sets)
    assert listed(client, storage="archive") == set()


def test_no_removal_begins_while_one_of_them_is_read(
    client: Client, sets: list[dict[str, str]], database: TestDatabase, background: Any, wait_for_lock: Any
) -> None:
    held = database.connect()
    held.cursor().execute(f"LOCK TABLE {COLLECTION}, {EMBEDDING}")
    path = f"./data_pipeline/training_data/{sets[1]['location']}/vector_bak"
    restore = background(
        lambda: client.twin().restore(backup_path=path, timestamp=sets[1]["timestamp"], on_conflict="skip")
    )
    wait_for_lock(database)
    refused = bulk(client, "delete", sets)
    assert failure(refused) == (409, "OPERATION_IN_PROGRESS")
    assert [one["location"] for one in refused.get_json()["data"]["details"]["sets"]] == ["task_1"]
    held.rollback()
    assert restore.result().status_code == 200
    assert listed(client) == names(sets)
    assert data_of(bulk(client, "delete", sets))["succeeded"] == 3
    assert listed(client) == set()


def test_a_damaged_set_keeps_no_other_from_being_done(
    client: Client, sets: list[dict[str, str]], output_dir: Path
) -> None:
    (file,) = (output_dir / "task_1" / "vector_bak").glob(f"{EMBEDDING}_*")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    for action, more in (("verify", {}), ("copy", {"to": "archive"})):
        done = data_of(bulk(client, action, sets, **more))
        assert [one["success"] for one in done["sets"]] == [True, False, True]
        assert done["sets"][1]["error_type"] == "INVALID_BACKUP"
        assert (done["failed"], len(done["errors"])) == (1, 1)
        assert failure(bulk(client, action, sets[1:2], **more)) == (422, "INVALID_BACKUP")
    assert listed(client, storage="archive") == names([sets[0], sets[2]])
    assert data_of(bulk(client, "delete", sets))["succeeded"] == 3


def test_a_download_is_one_tar_that_can_be_unpacked_where_sets_lie(
    client: Client, sets: list[dict[str, str]], output_dir: Path
) -> None:
    data_of(bulk(client, "copy", sets[:1], to="archive"))
    before = {path.relative_to(output_dir): path.read_bytes() for path in output_dir.rglob("*_2*")}
    response = super(Client, client).open(
        f"{PREFIX}/backups/bulk",
        method="POST",
        data=json.dumps({"action": "download", "sets": [*sets, {**sets[0], "storage": "archive"}]}),
    )
    assert (response.status_code, response.mimetype) == (200, "application/x-tar")
    assert response.content_length == len(response.data)
    assert "Accept-Ranges" not in response.headers
    with tarfile.open(fileobj=io.BytesIO(response.data)) as tar:
        there = {Path(member.name): cast(IO[bytes], tar.extractfile(member)).read() for member in tar}
    copies = {path: data for path, data in there.items() if path.parts[0] == "archive"}
    assert {path: data for path, data in there.items() if path not in copies} == before
    assert len(copies) == 3
    assert all(before[path.relative_to("archive")] == data for path, data in copies.items())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "burn"}, "action"),
        ({"action": "delete", "sets": []}, "sets"),
        ({"action": "delete", "sets": [{"location": "../x", "timestamp": "20250722_010318"}]}, None),
        ({"action": "delete", "sets": [{"location": "global", "timestamp": "1"}]}, "timestamp"),
        (
            {"action": "delete", "sets": [{"location": "global", "timestamp": "20250722_010318", "storage": "no"}]},
            "storage",
        ),
        ({"action": "delete", "to": "archive"}, "to"),
        ({"action": "copy", "to": "nowhere"}, "storage"),
        ({"action": "copy"}, "to"),
        ({"action": "copy", "to": "local"}, "to"),
        ({"action": "verify", "sets": [NAMED] * 2}, "sets"),
        ({"action": "verify", "sets": [NAMED] * 501}, "sets"),
    ],
)
def test_a_call_that_can_not_be_meant_is_refused(
    client: Client, sets: list[dict[str, str]], body: dict[str, Any], field: str | None
) -> None:
    response = client.post(f"{PREFIX}/backups/bulk", data=json.dumps({"sets": sets, **body}))
    assert response.status_code == 400
    data = response.get_json()["data"]
    named = data.get("missing_params") or [data.get("details", {}).get("field", "").rpartition(".")[2]]
    assert field is None or named == [field]
    assert listed(client) == names(sets)


def test_a_token_that_only_reads_may_not(make_client: Callable[..., Client], database: TestDatabase) -> None:
    client = make_client(DATABASE_URL=database.url, API_TOKEN="all-of-it-0123456789", API_READ_TOKEN=READER)
    response = client.post(
        f"{PREFIX}/backups/bulk", data='{"action": "verify"}', headers={"Authorization": f"Bearer {READER}"}
    )
    assert failure(response) == (403, "FORBIDDEN")
