"""Sets in more than one place: copied, listed where they live, restored from wherever they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.places import DirectoryPlace
from tests.support.answers import failure
from tests.support.names import EMBEDDING

ROOT = "./data_pipeline/training_data"
STAMP = "20250722_010318"
LOG = "vector_backup_log.txt"
REPLACE = {"truncate_before_restore": True}


@pytest.fixture
def attic(tmp_path: Path) -> DirectoryPlace:
    """A second storage, a directory."""
    return DirectoryPlace(tmp_path / "attic")


@pytest.fixture
def client(
    make_client: Callable[..., Client], database: TestDatabase, output_dir: Path, bucket: Any, attic: Any
) -> Any:
    """A service with three storages: local, archive (a bucket), attic (a directory)."""
    storages = f'{{"archive": "{bucket.url}", "attic": "{attic.url}"}}'
    return make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=str(output_dir), STORAGES=storages)


@pytest.fixture
def local(output_dir: Path) -> DirectoryPlace:
    return DirectoryPlace(output_dir)


@pytest.fixture
def back_up(client: Client, database: TestDatabase, fill: Any) -> Callable[..., dict[str, Any]]:
    fill(database)

    def run(**body: Any) -> dict[str, Any]:
        return dict(client.backup(**body).get_json()["data"])

    return run


def path_of(made: dict[str, Any], more: str = "") -> str:
    return f"{PREFIX}/backups/global/{made['backup_timestamp']}{more}"


def copy(client: Client, made: dict[str, Any], to: str, storage: str = "local") -> Any:
    return client.post(path_of(made, f"/copy?storage={storage}"), json={"to": to})


def stamps(client: Client, **query: str) -> list[tuple[str, str]]:
    found = client.list(**query).get_json()["data"]["backup_locations"]
    return [(location["storage"], one["timestamp"]) for location in found for one in location["backups"]]


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_a_set_is_copied_from_storage_to_storage_and_restored_from_each(
    client: Client,
    database: TestDatabase,
    bits: Any,
    back_up: Any,
    bucket: Any,
    attic: Any,
    local: Any,
    file_format: str,
) -> None:
    made = back_up(format=file_format)
    before = bits(database)
    stamp = made["backup_timestamp"]
    for source, to in (("local", "archive"), ("archive", "attic")):
        data = copy(client, made, to, source).get_json()["data"]
        assert data["copied"] is True
        assert data["copy"]["backup_path"] == f"{to}:{ROOT}/vector_bak"
    names = local.names() - {LOG}
    assert len(names) == 3
    for place in (bucket, attic):
        assert place.names() == names
        assert {place.read(name) for name in names} == {local.read(name) for name in names}
    assert client.delete(path_of(made)).status_code == 200
    for storage in ("archive", "attic"):
        database.execute(f"DELETE FROM {EMBEDDING}")
        path = f"{storage}:{ROOT}/vector_bak"
        response = client.restore(backup_path=path, timestamp=stamp, **REPLACE, require_manifest=True)
        assert response.get_json()["data"]["backup_info"]["backup_path"] == path
        assert bits(database) == before


def test_the_list_shows_where_each_set_lives(client: Client, back_up: Any, bucket: Any) -> None:
    made = back_up()
    copy(client, made, "archive")
    stamp = made["backup_timestamp"]
    assert stamps(client) == [("local", stamp)]
    assert stamps(client, storage="archive") == [("archive", stamp)]
    assert stamps(client, storage="attic") == []
    assert stamps(client, storage="all") == [("local", stamp), ("archive", stamp)]
    (location,) = client.list(storage="archive").get_json()["data"]["backup_locations"]
    assert location["relative_path"] == f"archive:{ROOT}/vector_bak"


def test_every_operation_on_a_set_takes_a_storage(client: Client, back_up: Any, bucket: Any, local: Any) -> None:
    made = back_up()
    copy(client, made, "archive")
    for method, more in (("GET", ""), ("POST", "/verify"), ("DELETE", "")):
        response = client.open(path_of(made, f"{more}?storage=archive"), method=method)
        assert response.get_json()["data"]["backup_info"]["storage"] == "archive"
    assert bucket.names() == set()
    assert len(local.names()) == 4


def test_a_copy_that_is_there_already_is_only_verified(client: Client, back_up: Any, attic: Any) -> None:
    made = back_up()
    assert copy(client, made, "attic").get_json()["data"]["copied"] is True
    assert copy(client, made, "attic").get_json()["data"]["copied"] is False
    name = made["tables_backed_up"][EMBEDDING]["backup_file"]
    data = attic.read(name)
    attic.write(name, data[:-1] + b"x")
    assert failure(copy(client, made, "attic")) == (422, "INVALID_BACKUP")


@pytest.mark.parametrize("to", ["archive", "attic"])
def test_another_set_of_the_same_time_is_never_overwritten(
    client: Client, back_up: Any, attic: Any, bucket: Any, to: str
) -> None:
    made = back_up()
    place = {"archive": bucket, "attic": attic}[to]
    for table in made["tables_backed_up"].values():
        place.write(table["backup_file"], b"mine")
    assert failure(copy(client, made, to)) == (409, "BACKUP_EXISTS")
    assert {place.read(name) for name in place.names()} == {b"mine"}


@pytest.mark.parametrize("to", ["archive", "attic"])
def test_a_damaged_set_is_not_copied(
    client: Client, back_up: Any, local: Any, bucket: Any, attic: Any, to: str
) -> None:
    made = back_up()
    name = made["tables_backed_up"][EMBEDDING]["backup_file"]
    data = local.read(name)
    local.write(name, bytes([data[0] ^ 1]) + data[1:])
    assert failure(copy(client, made, to)) == (422, "INVALID_BACKUP")
    assert bucket.names() | attic.names() == set()


def test_a_set_that_nothing_vouches_for_is_copied_as_it_is(
    client: Client, small_set: Any, bucket: Any, local: Any
) -> None:
    response = copy(client, {"backup_timestamp": small_set["timestamp"]}, "archive")
    assert response.get_json()["data"]["copied"] is True
    assert {bucket.read(name) for name in bucket.names()} == {local.read(name) for name in local.names()}
    assert stamps(client, storage="archive") == [("archive", small_set["timestamp"])]


def test_what_is_no_storage_is_refused(client: Client, back_up: Any, bits: Any, database: TestDatabase) -> None:
    made = back_up()
    before = bits(database)
    answers = [
        copy(client, made, "nowhere"),
        copy(client, made, "local"),
        copy(client, made, "archive", "nowhere"),
        client.post(path_of(made, "/copy"), json={}),
        client.post(path_of(made, "/copy"), json={"to": "archive", "more": 1}),
        client.post(path_of(made, "/copy"), json={"to": "s3://elsewhere/x"}),
        client.list(storage="nowhere"),
        client.list(storage="s3://elsewhere"),
        client.get(path_of(made, "?storage=nowhere")),
        client.backup(storages=["nowhere"]),
        client.backup(storages=["local", "nowhere"]),
        client.backup(storages=["local", "local"]),
        client.backup(storages=[]),
        client.backup(storages="archive"),
        client.restore(backup_path=f"nowhere:{ROOT}/vector_bak", timestamp=made["backup_timestamp"], **REPLACE),
        client.restore(backup_path=f"archive:{ROOT}/../x", timestamp=made["backup_timestamp"]),
        client.restore(backup_path=f"archive:attic:{ROOT}/vector_bak", timestamp=made["backup_timestamp"]),
    ]
    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert bits(database) == before
    assert len(stamps(client, storage="all")) == 1


# A backup that goes to several places


def test_a_backup_goes_to_every_storage_it_names(
    client: Client, database: TestDatabase, bits: Any, back_up: Any
) -> None:
    made = back_up(storages=["archive", "local", "attic"])
    stamp = made["backup_timestamp"]
    assert made["backup_directory"] == f"archive:{ROOT}/vector_bak"
    assert made["storages"] == {name: {"success": True} for name in ("archive", "local", "attic")}
    assert sorted(stamps(client, storage="all")) == [(name, stamp) for name in ("archive", "attic", "local")]
    for name in ("archive", "local", "attic"):
        assert client.post(path_of(made, f"/verify?storage={name}")).get_json()["data"]["verified"] is True


def test_a_storage_that_can_not_be_written_is_said_and_the_others_have_it(
    client: Client, back_up: Any, attic: Any, local: Any
) -> None:
    attic.root.write_bytes(b"no directory")
    made = back_up(storages=["local", "attic", "archive"])
    assert made["response"] == "Vector表备份部分完成,部分存储备份失败"
    assert made["errors"] == ["存储attic备份失败"]
    assert {name: one["success"] for name, one in made["storages"].items()} == {
        "local": True,
        "attic": False,
        "archive": True,
    }
    assert sorted(name for name, _ in stamps(client, storage="all")) == ["archive", "local"]


def test_no_row_is_removed_before_every_copy_is_there(
    client: Client, database: TestDatabase, bits: Any, fill: Any, attic: Any
) -> None:
    fill(database)
    before = bits(database)
    attic.root.write_bytes(b"no directory")
    body = {"storages": ["local", "attic"], "truncate_vector_tables": True}
    response = client.backup(**body)
    assert failure(response) == (500, "INTERNAL_ERROR")
    assert response.get_json()["data"]["response"].startswith("备份存储不可写: attic:")
    assert bits(database) == before
    assert stamps(client) == [("local", response.get_json()["data"]["backup_timestamp"])]
    attic.root.unlink()
    assert client.backup(**body).status_code == 200
    assert bits(database, EMBEDDING) == []
    assert len(stamps(client, storage="attic")) == 1
