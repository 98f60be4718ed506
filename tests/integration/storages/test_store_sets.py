"""A set of a store that isn't PostgreSQL tables: what is done with any set is done with it, on each storage."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel

from common.errors import InvalidBackup, InvalidParams, NotFound
from data_pipeline.api import PREFIX
from data_pipeline.engine import Engine
from data_pipeline.operations.retention import Retention
from data_pipeline.operations.store_backup import StoreBackup
from data_pipeline.sets import manifest as manifests
from data_pipeline.sets.manifest import Manifest
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.settings import Settings
from data_pipeline.storage.naming import store_stem
from data_pipeline.stores import registry, target_url
from data_pipeline.stores.store import Capabilities, Store
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.places import Place
from tests.support.answers import data_of, failure

TARGET = target_url.parse("cache", "redis://:secret-of-the-cache@127.0.0.1:6379/2")
BLOCKS = [b"one block\n" * 400, b"another\n" * 100, b""]
ROWS = [3, 2, 0]
Make = Callable[..., dict[str, Any]]


class Facts(BaseModel):
    """Of the tests' store."""

    keys: int


class Jars(Store):
    """A store that has nothing but sets."""

    family = "redis"
    capabilities = Capabilities(transactional=True, snapshot=True, diffable=False, indexed=False)
    facts = Facts

    def probe(self, target: Any) -> dict[str, Any]:
        return {"server_version": "7.4"}


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "known", lambda: MappingProxyType({"redis": Jars()}))


@pytest.fixture
def settings(database: TestDatabase, place: Place, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database.url,
        "OUTPUT_DIRECTORY": place.url,
        "STORAGES": json.dumps({"archive": str(tmp_path / "archive")}),
    }


@pytest.fixture
def engine(settings: dict[str, str]) -> Iterator[Engine]:
    found = Engine.build(Settings.load(settings))
    yield found
    found.pool.close()


@pytest.fixture
def client(make_client: Callable[..., Client], settings: dict[str, str]) -> Client:
    return make_client(**settings)


@pytest.fixture
def make(engine: Engine) -> Make:
    """Back the store up; the answer's data."""

    def run(storages: tuple[str, ...] = ("local",), keys: Any = 5, **more: Any) -> dict[str, Any]:
        def save(draft: StoreDraft) -> None:
            with draft.file("0", store_stem("redis", "cache", "DB 0"), "jsonl.zst") as file:
                for block, rows in zip(BLOCKS, ROWS, strict=True):
                    file.write(block, rows, raw_bytes=len(block) * 2)
            with draft.file("functions", store_stem("redis", "cache", "functions"), "zst"):
                pass
            draft.publish({"keys": keys}, database="cache/2", server_version="7.4", server="ab" * 16, **more)

        return StoreBackup(engine, "redis", TARGET, list(storages)).run(save).data()

    return run


def path_of(made: dict[str, Any], more: str = "") -> str:
    return f"{PREFIX}/backups/global/{made['backup_timestamp']}{more}"


def files_of(made: dict[str, Any]) -> set[str]:
    return {one["backup_file"] for one in made["files"].values()}


def download(client: Client, made: dict[str, Any]) -> bytes:
    response = FlaskClient(client.application).get(path_of(made, "/download"), buffered=True)
    assert response.status_code == 200
    return bytes(response.data)


def test_it_lies_there_as_any_other_and_is_listed_where_it_is_asked_for(
    client: Client, place: Place, make: Make
) -> None:
    made = make()
    stamp = made["backup_timestamp"]
    named = {f"redis_cache.%44%42%200_{stamp}.jsonl.zst", f"redis_cache.functions_{stamp}.zst"}
    assert files_of(made) == named
    assert place.names() == {*named, f"vector_backup_{stamp}.json", "vector_backup_log.txt"}
    assert f"redis_cache.functions_{stamp}.zst" in place.read("vector_backup_log.txt").decode()
    assert data_of(client.list())["backup_locations"] == []
    for layout in ("all", "redis"):
        (location,) = data_of(client.list(layout=layout))["backup_locations"]
        (listed,) = location["backups"]
        assert (listed["layout"], listed["database"], listed["rows"], listed["format"]) == ("redis", "cache/2", 5, None)
        assert (listed["state"], listed["partial"], listed["origin"]) == ("vouched", False, "backup")
        assert {(one["name"], one["rows"]) for one in listed["tables"]} == {("0", 5), ("functions", 0)}
    assert data_of(client.list(layout="milvus"))["backup_locations"] == []
    assert len(data_of(client.list(layout="all", q="redis cache/2 functions"))["backup_locations"]) == 1


def test_it_is_shown_with_its_stores_facts(client: Client, make: Make) -> None:
    shown = data_of(client.get(path_of(make(partial=True, precaution=True))))
    assert shown["format"] is None
    manifest = shown["manifest"]
    assert (manifest["layout"], manifest["store"], manifest["server"]) == ("redis", {"keys": 5}, "ab" * 16)
    assert (manifest["partial"], manifest["precaution"]) == (True, True)
    assert {key: (one["rows"], one["blocks"]) for key, one in manifest["files"].items()} == {
        "0": (5, 3),
        "functions": (0, 0),
    }


def test_its_bytes_are_read_back_as_they_were_written(engine: Engine, make: Make) -> None:
    made = make()
    with engine.catalog.held(engine.catalog.location(None), made["backup_timestamp"], "redis") as held:
        assert (held.family, held.facts, list(held.files)) == ("redis", {"keys": 5}, ["0", "functions"])
        assert list(held.blocks("0")) == BLOCKS
        assert list(held.blocks("functions")) == []
        with held.reader("0") as file:
            assert file.read() == b"".join(BLOCKS)
            assert file.seek(-9, 2) == 4791
            assert file.read(4) == b"\nano"
            assert file.seek(3995) == 3995
            assert file.read(10) == b"lock\nanoth"


def test_verifying_reads_every_byte_and_asks_the_store(client: Client, place: Place, make: Make) -> None:
    made = make()
    verified = data_of(client.post(path_of(made, "/verify")))
    assert verified["verified"] is True
    assert {key: one["rows"] for key, one in verified["tables"].items()} == {"0": 5, "functions": 0}
    (listed,) = data_of(client.list(layout="redis"))["backup_locations"][0]["backups"]
    assert listed["state"] == "verified"
    senseless = make(keys="many")
    assert data_of(client.post(path_of(senseless, "/verify")), 422)["details"]["key"] == "store"
    name = made["files"]["0"]["backup_file"]
    place.write(name, place.read(name).replace(b"another", b"anOther", 1))
    damaged = data_of(client.post(path_of(made, "/verify")), 422)
    assert (damaged["details"]["file"], damaged["details"]["offset"]) == (name, 4000)


def test_no_byte_of_a_damaged_block_is_handed_out(engine: Engine, place: Place, make: Make) -> None:
    made = make()
    name = made["files"]["0"]["backup_file"]
    place.write(name, place.read(name).replace(b"another", b"anOther", 1))
    with engine.catalog.held(engine.catalog.location(None), made["backup_timestamp"]) as held:
        blocks = held.blocks("0")
        assert next(blocks) == BLOCKS[0]
        with pytest.raises(InvalidBackup):
            next(blocks)
        with held.reader("0") as file:
            assert file.read(10) == b"one block\n"
            file.seek(4100)
            with pytest.raises(InvalidBackup):
                file.read(1)


def test_a_file_that_is_cut_short_or_gone_is_found(client: Client, place: Place, make: Make) -> None:
    made = make()
    name = made["files"]["0"]["backup_file"]
    place.write(name, place.read(name)[:-1])
    assert client.get(path_of(made)).status_code == 422
    place.remove(name)
    assert client.post(path_of(made, "/verify")).status_code == 404
    (listed,) = data_of(client.list(layout="all"))["backup_locations"][0]["backups"]
    assert listed["state"] == "damaged"


def test_it_goes_to_other_storages_and_is_verified_there(client: Client, engine: Engine, make: Make) -> None:
    made = make(("local", "archive"))
    assert made["storages"] == {"local": {"success": True}, "archive": {"success": True}}
    copied = data_of(client.post(path_of(made, "/copy"), data=json.dumps({"to": "archive"})))
    assert copied["copied"] is False
    assert data_of(client.post(path_of(made, "/verify?storage=archive")))["verified"] is True
    with engine.catalog.held(engine.catalog.location(None, "archive"), made["backup_timestamp"]) as held:
        assert list(held.blocks("0")) == BLOCKS


def test_it_is_downloaded_removed_and_uploaded_again(client: Client, place: Place, make: Make) -> None:
    made = make()
    before = {name: place.read(name) for name in files_of(made)}
    tar = download(client, made)
    assert set(data_of(client.delete(path_of(made)))["removed"]) >= files_of(made)
    assert files_of(made) & place.names() == set()
    uploaded = data_of(client.post(f"{PREFIX}/backups/upload", data=tar, content_type="application/x-tar"))
    assert uploaded["verified"] is True
    assert {name: place.read(name) for name in files_of(made)} == before
    assert client.post(f"{PREFIX}/backups/upload", data=tar, content_type="application/x-tar").status_code == 409


def test_an_upload_that_isnt_as_promised_is_not_listed(client: Client, place: Place, make: Make) -> None:
    made = make()
    tar = download(client, made)
    client.delete(path_of(made))
    wrong = tar.replace(b"another", b"anOther", 1)
    assert client.post(f"{PREFIX}/backups/upload", data=wrong, content_type="application/x-tar").status_code == 422
    assert data_of(client.list(layout="all"))["backup_locations"] == []
    assert files_of(made) & place.names() == set()


def test_a_set_under_way_is_not_seen_and_what_fails_leaves_nothing(
    engine: Engine, client: Client, place: Place
) -> None:
    def save(draft: StoreDraft) -> None:
        with draft.file("0", store_stem("redis", "cache"), "zst") as file:
            file.write(b"x", 1)
        assert data_of(client.list(layout="all"))["backup_locations"] == []
        raise InvalidBackup("no")

    with pytest.raises(InvalidBackup) as caught:
        StoreBackup(engine, "redis", TARGET, ["local"]).run(save)
    assert caught.value.data["target"]["name"] == "cache"
    assert place.names() == {"vector_backup_log.txt"}


def test_it_is_not_restored_as_tables_nor_tables_as_it(
    client: Client, engine: Engine, database: TestDatabase, fill: Any, make: Make
) -> None:
    fill(database)
    made = make()
    body = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    refused = data_of(client.restore(**body), 400)
    assert (refused["error_type"], refused["details"]["layout"]) == ("INVALID_PARAMS", "redis")
    assert client.post(f"{PREFIX}/compare", data=json.dumps(body)).status_code == 400
    drill = client.post(f"{PREFIX}/backups/global/{made['backup_timestamp']}/drill", data="{}")
    assert failure(drill) == (422, "INVALID_BACKUP"), "its facts are not those of Redis"
    tables = data_of(client.backup())["backup_timestamp"]
    where = engine.catalog.location(None)
    with pytest.raises(InvalidParams), engine.catalog.held(where, tables):
        pass
    with pytest.raises(InvalidParams), engine.catalog.held(where, made["backup_timestamp"], "milvus"):
        pass
    with pytest.raises(NotFound), engine.catalog.held(where, "20200101_000000"):
        pass


def test_retention_counts_sets_of_one_store_by_themselves(engine: Engine, client: Client, make: Make) -> None:
    first, second, third = make(), make(partial=True), make()
    Retention(engine, 0, 1).retire()
    (location,) = data_of(client.list(layout="all"))["backup_locations"]
    assert [one["timestamp"] for one in location["backups"]] == [third["backup_timestamp"]]
    assert first["backup_timestamp"] < second["backup_timestamp"] < third["backup_timestamp"]


def test_retention_keeps_the_newest_that_verifies(engine: Engine, client: Client, place: Place, make: Make) -> None:
    good, bad = make(), make()
    name = bad["files"]["0"]["backup_file"]
    place.write(name, place.read(name).replace(b"another", b"anOther", 1))
    Retention(engine, 0, 1).retire()
    (location,) = data_of(client.list(layout="all"))["backup_locations"]
    assert good["backup_timestamp"] in [one["timestamp"] for one in location["backups"]]


def test_an_earlier_version_reads_its_manifest_as_far_as_the_layout(place: Place, make: Make) -> None:
    """That is where it says that it doesn't know it: with these keys the model of tables finds nothing wrong before."""
    stamp = make()["backup_timestamp"]
    document = json.loads(place.read(f"vector_backup_{stamp}.json"))
    assert Manifest.model_validate(document).layout == "redis"
    strange = {key: value for key, value in document.items() if key != "sha256"} | {"layout": "of a later version"}
    with pytest.raises(InvalidBackup) as caught:
        manifests.load(manifests.dump_store(strange), "a manifest", stamp)
    assert caught.value.code == "manifest_layout_unknown"
