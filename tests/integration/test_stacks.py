"""Stacks: stores that belong together, saved by one call, damaged, and brought back by another."""

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient

from common.errors import DatabaseError
from data_pipeline.api import BASE
from data_pipeline.engine import Engine
from data_pipeline.operations import registry
from data_pipeline.operations.objects import writing
from data_pipeline.operations.objects.operation import ObjectsBackupOperation
from data_pipeline.operations.stacks.stack_manager import StackManager
from data_pipeline.operations.stacks.stack_retention import StackRetention
from data_pipeline.sets import manifest
from data_pipeline.settings import Settings
from data_pipeline.stores.intents import Intent
from data_pipeline.stores.objects.bucket import ObjectBucket
from data_pipeline.stores.redis.reading import INTENT, LEASE
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.places import S3Server
from tests.integration.redis_server import RedisServer, program
from tests.integration.test_objects import Bucket
from tests.support.answers import data_of, failure

NOWHERE = "s3+http://key:secret@127.0.0.1:1/bucket"
STACK = {"files": "documents", "media": "pictures"}


@pytest.fixture
def files(s3_server: S3Server) -> Bucket:
    found = Bucket(s3_server, s3_server.new_bucket())
    found.put({"a": (b"one", {}), "b": (b"two", {"Tagging": "kind=note"})})
    return found


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", "valkey").start()
    yield server
    server.stop()


@pytest.fixture
def drills() -> Iterator[Path]:
    """A path whose sockets have an address."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def media(s3_server: S3Server) -> Bucket:
    found = Bucket(s3_server, s3_server.new_bucket())
    found.put({"x.png": (b"\x89PNG", {"ContentType": "image/png"})})
    return found


@pytest.fixture
def env(files: Bucket, media: Bucket, tmp_path: Path) -> dict[str, str]:
    targets = {"documents": files.url, "pictures": media.url, "gone": NOWHERE, "cache": "neo4j://127.0.0.1:1"}
    stacks = {"voice": STACK, "half": {"files": "documents", "media": "gone"}, "odd": {"cache": "cache", "no": "none"}}
    storages = {"archive": str(tmp_path / "archive")}
    return {"TARGETS": json.dumps(targets), "STACKS": json.dumps(stacks), "STORAGES": json.dumps(storages)}


@pytest.fixture
def client(make_client: Callable[..., Client], env: dict[str, str]) -> Client:
    return make_client(**env)


@pytest.fixture
def engine(env: dict[str, str], output_dir: Path) -> Iterator[Engine]:
    found = Engine.build(Settings.load({**env, "OUTPUT_DIRECTORY": str(output_dir), "STACK_KEEP_DAYS": "30"}))
    yield found
    found.pool.close()


def post(client: Client, what: str, stack: str = "voice", **body: Any) -> Any:
    return client.post(f"{BASE}/stacks/{stack}/{what}", data=json.dumps(body))


def back_up(client: Client, **body: Any) -> dict[str, Any]:
    return data_of(post(client, "backup", **body))


def named(made: dict[str, Any]) -> dict[str, str]:
    return {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}


def sets_of(client: Client, stack: str = "voice", **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data_of(client.get(f"{BASE}/stacks/{stack}/sets", query_string=query))["sets"]
    return found


def states(answer: dict[str, Any]) -> dict[str, str]:
    return {role: one["state"] for role, one in answer["members"].items()}


def files_of(output_dir: Path, timestamp: str) -> list[Path]:
    """Of a member's set: that of a stack may have the same timestamp."""
    found = (output_dir / "vector_bak").glob(f"*_{timestamp}.*")
    return [path for path in found if not path.name.startswith("stack_")]


def test_everything_is_saved_damaged_and_brought_back(client: Client, files: Bucket, media: Bucket) -> None:
    before = files.state(), media.state()
    made = back_up(client, storages=["local", "archive"])
    assert {role: (one["rows"] > 0, one["consistency"]) for role, one in made["members"].items()} == {
        "files": (True, "live"),
        "media": (True, "live"),
    }
    assert made["storages"] == {"local": {"success": True}, "archive": {"success": True}}
    for storage in ("local", "archive"):
        (listed,) = sets_of(client, storage=storage)
        assert (listed["timestamp"], listed["whole"]) == (made["backup_timestamp"], True)
        assert listed["members"] == made["members"]
    verified = data_of(post(client, "verify", set=named(made)))
    assert set(verified["members"]) == set(STACK)
    files.put({"a": (b"damaged", {}), "new": (b"", {})})
    media.remove("x.png")
    damaged = files.state(), media.state()
    planned = data_of(post(client, "restore", set=named(made), dry_run=True))
    assert states(planned) == {"files": "rehearsed", "media": "rehearsed"}
    assert planned["members"]["files"]["answer"]["objects"]["replaced"] == 1
    assert (files.state(), media.state()) == damaged
    assert len(sets_of(client)) == 1
    done = data_of(post(client, "restore", set=named(made)))
    assert states(done) == {"files": "restored", "media": "restored"}
    assert (files.state(), media.state()) == before
    assert [one["precaution"] for one in sets_of(client)] == [True, False]
    assert states(data_of(post(client, "restore", **done["undo"]))) == states(done)
    assert (files.state(), media.state()) == damaged


def test_a_storage_that_takes_no_copies_says_why(client: Client, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "vector_bak").write_text("no directory")
    made = back_up(client, storages=["local", "archive"])
    assert made["storages"]["archive"]["error_type"] == "INVALID_BACKUP"
    assert made["storages"]["archive"]["error"].startswith(("files: ", "media: "))
    assert [one["whole"] for one in sets_of(client)] == [True]


def test_some_members_and_beside_the_originals(client: Client, files: Bucket, media: Bucket) -> None:
    made = back_up(client)
    files.remove("a")
    media.remove("x.png")
    done = data_of(post(client, "restore", set=named(made), members=["media"], rename_suffix="old"))
    assert (states(done), "undo" in done) == ({"media": "restored"}, False)
    assert media.keys() == {"old/x.png"}
    assert files.keys() == {"b"}
    only = back_up(client, members=["files"])
    assert set(only["members"]) == {"files"}
    assert failure(post(client, "restore", set=named(only), members=["media"])) == (400, "INVALID_PARAMS")
    assert failure(post(client, "restore", set=named(made), members=["graph"])) == (400, "INVALID_PARAMS")


def test_damage_in_any_member_is_found_before_any_is_touched(
    client: Client, files: Bucket, media: Bucket, output_dir: Path
) -> None:
    made = back_up(client)
    files.remove("a")
    before = files.state(), media.state()
    for role, one in made["members"].items():
        for path in files_of(output_dir, one["timestamp"]):
            whole = path.read_bytes()
            for place in range(0, len(whole), max(1, len(whole) // 5)):
                path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
                response = post(client, "restore", set=named(made))
                assert failure(response) == (422, "INVALID_BACKUP")
                assert response.get_json()["data"]["member"] == role
                assert failure(post(client, "verify", set=named(made))) == (422, "INVALID_BACKUP")
            path.write_bytes(whole)
    (own,) = (output_dir / "vector_bak").glob("stack_*.json")
    whole = own.read_bytes()
    own.write_bytes(whole.replace(b'"rows": ', b'"rows": 1', 1))
    assert failure(post(client, "restore", set=named(made))) == (422, "INVALID_BACKUP")
    assert data_of(client.get(f"{BASE}/stacks/voice/sets"))["damaged"] == [made["backup_timestamp"]]
    own.write_bytes(whole)
    assert (files.state(), media.state()) == before
    assert len(sets_of(client)) == 1


def test_another_set_in_the_place_of_a_members_is_not_taken_for_it(
    client: Client, files: Bucket, output_dir: Path
) -> None:
    made = back_up(client)
    files.put({"a": (b"other", {})})
    second = back_up(client)
    directory = output_dir / "vector_bak"
    mine, other = made["members"]["files"]["timestamp"], second["members"]["files"]["timestamp"]
    for path in files_of(output_dir, other):
        data = path.read_bytes()
        if path.suffix == ".json":
            document = json.loads(data.replace(other.encode(), mine.encode()))
            document.pop("sha256")
            data = manifest.dump_store(document)
        (directory / path.name.replace(other, mine)).write_bytes(data)
    assert data_of(client.post(f"{BASE}/vector/backups/global/{mine}/verify"))["verified"] is True
    assert failure(post(client, "verify", set=named(made))) == (422, "INVALID_BACKUP")
    assert [one["whole"] for one in sets_of(client)] == [True, False]


def test_nothing_is_begun_while_a_member_is_down(
    client: Client, files: Bucket, output_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = post(client, "backup", stack="half")
    assert failure(response) == (500, "DATABASE_ERROR")
    assert response.get_json()["data"]["member"] == "media"
    assert list(output_dir.rglob("objects_*")) == []
    stacks = data_of(client.get(f"{BASE}/stacks"))["stacks"]
    half = next(one for one in stacks if one["name"] == "half")["members"]
    assert "error" not in half["files"]
    assert "error" in half["media"]


def test_a_member_that_fails_midway_says_which_sets_exist(
    client: Client, output_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ObjectsBackupOperation.run
    ended = []

    def failing(self: Any, request: Any, progress: Any) -> Any:
        if request.target == "documents":
            made = run(self, request, progress)
            ended.append(made)
            return made
        while not ended:
            progress.expect_wanted()
        raise DatabaseError("gone")

    monkeypatch.setattr(ObjectsBackupOperation, "run", failing)
    response = post(client, "backup")
    assert failure(response) == (500, "DATABASE_ERROR")
    data = response.get_json()["data"]
    assert data["member"] == "media"
    assert data["sets"]["files"]["timestamp"] == ended[0].backup_timestamp
    assert list(output_dir.rglob("stack_*")) == []


@pytest.mark.parametrize(("broken", "left"), [("documents", "pictures"), ("pictures", None)])
def test_where_one_fails_the_rest_is_not_begun(
    client: Client, files: Bucket, media: Bucket, monkeypatch: pytest.MonkeyPatch, broken: str, left: str | None
) -> None:
    made = back_up(client)
    files.put({"a": (b"damaged", {})})
    media.put({"x.png": (b"damaged", {})})
    before = files.state(), media.state()
    bucket = {"documents": files, "pictures": media}[broken]
    run = writing.Writing.run

    def failing(self: Any) -> None:
        if self._bucket.name == bucket.name:
            raise DatabaseError("gone")
        run(self)

    monkeypatch.setattr(writing.Writing, "run", failing)
    response = post(client, "restore", set=named(made))
    monkeypatch.undo()
    if left:
        assert failure(response) == (500, "DATABASE_ERROR")
        data = response.get_json()["data"]
        assert (data["member"], data["not_begun"]) == ("files", ["media"])
        assert (files.state(), media.state()) == before
    else:
        data = data_of(response)
        assert states(data) == {"files": "restored", "media": "failed"}
        assert len(data["errors"]) == 1
        assert files.state() != before[0]
    data_of(post(client, "restore", **data["undo"]))
    assert (files.state(), media.state()) == before


def test_it_is_one_download_and_goes_with_its_members(client: Client, output_dir: Path) -> None:
    made = back_up(client)
    kept = back_up(client)
    query = {"timestamp": made["backup_timestamp"]}
    response = FlaskClient(client.application).get(f"{BASE}/stacks/voice/download", query_string=query, buffered=True)
    assert (response.status_code, response.mimetype) == (200, "application/gzip")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(response.data))) as tar:
        names = tar.getnames()
        for name in names:
            member = tar.extractfile(name)
            assert member is not None
            assert member.read() == (output_dir / "vector_bak" / name).read_bytes()
    assert names[0] == f"stack_voice_{made['backup_timestamp']}.json"
    assert len(names) == 1 + 2 * 3
    removed = data_of(client.delete(f"{BASE}/stacks/voice/sets/{made['backup_timestamp']}"))["removed"]
    assert set(removed) == set(names)
    assert [one["timestamp"] for one in sets_of(client)] == [kept["backup_timestamp"]]
    assert sets_of(client)[0]["whole"] is True


def download(client: Client, made: dict[str, Any]) -> bytes:
    query = {"timestamp": made["backup_timestamp"]}
    with FlaskClient(client.application).get(f"{BASE}/stacks/voice/download", query_string=query) as response:
        found: bytes = response.data
    return found


def upload(client: Client, data: bytes) -> Any:
    return client.post(f"{BASE}/stacks/upload", data=data, content_type="application/gzip")


def test_a_download_is_taken_in_by_another_service(
    client: Client, make_client: Callable[..., Client], env: dict[str, str], files: Bucket, tmp_path: Path
) -> None:
    before = files.state()
    made = back_up(client)
    whole = download(client, made)
    files.remove("a")
    (tmp_path / "elsewhere").mkdir()
    other = make_client(**env, OUTPUT_DIRECTORY=str(tmp_path / "elsewhere"))
    tar = gzip.decompress(whole)
    place = tar.index(b"\x28\xb5\x2f\xfd") + 9  # in a frame of zstd
    for data in (
        whole[:-9],
        tar,
        gzip.compress(tar[: len(tar) // 2]),
        gzip.compress(tar[:place] + bytes([tar[place] ^ 1]) + tar[place + 1 :]),
        gzip.compress(tar[: tar.index(b"vector_backup_")] + bytes(1024)),
        gzip.compress(bytes(1024)),
        b"",
    ):
        assert failure(upload(other, data)) == (422, "INVALID_BACKUP")
        assert [path for path in (tmp_path / "elsewhere").rglob("*") if path.suffix in (".json", ".zst")] == []
    taken = data_of(upload(other, whole))
    assert (taken["stack"], set(taken["members"])) == ("voice", set(STACK))
    assert [(one["timestamp"], one["whole"]) for one in sets_of(other)] == [(made["backup_timestamp"], True)]
    assert failure(upload(other, whole)) == (409, "BACKUP_EXISTS")
    assert sets_of(other)[0]["whole"] is True
    data_of(post(other, "restore", set=taken["set"]))
    assert files.state() == before


def test_a_comparison_says_of_each_member_whether_it_is_the_same(client: Client, files: Bucket) -> None:
    made = back_up(client)
    same = data_of(post(client, "compare", set=named(made)))
    assert (same["identical"], {one["identical"] for one in same["members"].values()}) == (True, {True})
    files.put({"new": (b"", {})})
    found = data_of(post(client, "compare", set=named(made)))
    assert {role: one["identical"] for role, one in found["members"].items()} == {"files": False, "media": True}
    assert (found["identical"], found["members"]["files"]["answer"]["objects"]["removed"]) == (False, 1)
    assert data_of(post(client, "compare", set=named(made), members=["media"]))["identical"] is True
    only = back_up(client, members=["files"])
    assert failure(post(client, "compare", set=named(only))) == (400, "INVALID_PARAMS")
    assert failure(post(client, "compare", stack="none", set=named(made))) == (404, "RESOURCE_NOT_FOUND")


def test_old_sets_go_when_a_newer_one_verifies(
    client: Client, engine: Engine, output_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, newer = back_up(client), back_up(client)
    retention = StackRetention(engine, StackManager(engine, registry.of(engine)))
    retention.retire()
    assert len(sets_of(client)) == 2

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=40)

    monkeypatch.setattr("data_pipeline.operations.stacks.stack_retention.datetime", Later)
    (own,) = (output_dir / "vector_bak").glob(f"objects_*data*_{newer['members']['files']['timestamp']}.zst")
    whole = own.read_bytes()
    own.write_bytes(whole[:-1] + b"x")
    retention.retire()
    assert len(sets_of(client)) == 2
    own.write_bytes(whole)
    assert {timestamp for _, timestamp in retention.members()} == {
        one["timestamp"] for made in (old, newer) for one in made["members"].values()
    }
    retention.retire()
    (left,) = sets_of(client)
    assert (left["timestamp"], left["whole"]) == (newer["backup_timestamp"], True)
    assert files_of(output_dir, old["members"]["media"]["timestamp"]) == []


def test_what_can_not_be_meant_is_refused(client: Client) -> None:
    some = {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20250101_000000"}
    assert failure(post(client, "backup", stack="none")) == (404, "RESOURCE_NOT_FOUND")
    assert failure(post(client, "backup", stack="odd", members=["cache"])) == (500, "DATABASE_ERROR"), "it is down"
    assert failure(post(client, "backup", stack="odd", members=["no"])) == (400, "INVALID_PARAMS")
    assert failure(post(client, "backup", members=["files", "files"])) == (400, "INVALID_PARAMS")
    assert failure(post(client, "backup", members=["none"])) == (400, "INVALID_PARAMS")
    assert failure(post(client, "backup", storages=["none"])) == (400, "INVALID_PARAMS")
    assert failure(post(client, "backup", options={"files": {"unknown": 1}})) == (400, "INVALID_PARAMS")
    assert failure(post(client, "backup", options={"files": {"target": "gone"}})) == (400, "INVALID_PARAMS")
    assert failure(post(client, "restore")) == (400, "MISSING_REQUIRED_PARAMS")
    assert failure(post(client, "restore", set=some)) == (404, "RESOURCE_NOT_FOUND")
    assert failure(post(client, "verify", set=some)) == (404, "RESOURCE_NOT_FOUND")
    members = {one["name"]: one["members"] for one in data_of(client.get(f"{BASE}/stacks"))["stacks"]}["odd"]
    assert (members["no"]["family"], members["no"]["supported"]) == (None, False)
    assert (members["cache"]["family"], members["cache"]["supported"]) == ("neo4j", True)


def test_as_a_job_with_options_and_by_a_schedule(client: Client) -> None:
    made = back_up(client, options={"files": {"prefix": "a"}})
    assert made["members"]["files"]["rows"] < back_up(client)["members"]["files"]["rows"]
    assert (
        data_of(client.post(f"{BASE}/stacks/voice/backup", data=json.dumps({"async": True})), 202)["state"] == "PENDING"
    )
    body = {"name": "nightly_stack", "when": "daily", "kind": "stack_backup", "request": {"stack": "voice"}}
    assert data_of(client.post(f"{BASE}/schedules", data=json.dumps(body)), 201)["config"]["kind"] == "stack_backup"


def test_members_are_asked_at_the_same_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the other: one after the other they would wait for ever."""
    both, found = Barrier(2, timeout=60), ObjectBucket.list

    def waiting(self: Any, prefix: str = "") -> Any:
        if not self.__dict__.setdefault("waited", False):
            self.waited = True
            both.wait()
        return found(self, prefix)

    monkeypatch.setattr(ObjectBucket, "list", waiting)
    assert set(back_up(client)["members"]) == set(STACK)


@pytest.mark.parametrize("busy", ["documents", "cache"])
def test_nothing_is_begun_while_another_restore_keeps_a_member(
    make_client: Callable[..., Client], database: TestDatabase, cache: RedisServer, files: Bucket, busy: str
) -> None:
    """Of a service that was killed, for up to a minute. The cache comes last."""
    targets = {"cache": cache.url(), "documents": files.url}
    stacks = {"app": {"cache": "cache", "files": "documents"}}
    client = make_client(DATABASE_URL=database.url, TARGETS=json.dumps(targets), STACKS=json.dumps(stacks))
    made = data_of(post(client, "backup", stack="app", options={"cache": {"consistency": "paused"}}))
    files.put({"a": (b"damaged", {})})
    damaged = files.state()
    engine = client.application.extensions["jobs"]._operations["objects_restore"]._engine
    store = engine.intents.store
    if busy == "cache":
        taken = cache.client(15)
        taken.set(INTENT, json.dumps({"token": "t", "phase": "loading", "targets": [0], "keep": False}))
        taken.set(LEASE, "t", px=60_000)
    else:
        digest = engine.store_target("documents", "objects").digest
        intent = Intent("1" * 32, "documents", digest, "objects", "", stage="planning", family="objects")
        store.begin(intent)
    refused = post(client, "restore", stack="app", set=named(made))
    assert failure(refused) == (409, "OPERATION_IN_PROGRESS")
    assert refused.get_json()["data"]["member"] == ("cache" if busy == "cache" else "files")
    assert files.state() == damaged
    if busy == "cache":
        taken.flushdb()
    else:
        store.end(intent)
    assert set(states(data_of(post(client, "restore", stack="app", set=named(made)))).values()) == {"restored"}


def test_a_database_a_cache_and_a_bucket_are_one(
    make_client: Callable[..., Client],
    database: TestDatabase,
    cache: RedisServer,
    files: Bucket,
    fill: Any,
    drills: Path,
) -> None:
    fill(database)
    targets = {"main": database.url, "cache": cache.url(), "documents": files.url}
    stacks = {"app": {"cache": "cache", "files": "documents", "postgres": "main"}}
    client = make_client(
        DATABASE_URL=database.url,
        TARGETS=json.dumps(targets),
        STACKS=json.dumps(stacks),
        REDIS_SERVER_BIN=str(program("valkey")),
        DRILL_DIRECTORY=str(drills),
    )
    cache.client().set("session:1", "ann")
    rows = database.fetch("SELECT count(*) FROM langchain_pg_embedding")
    made = data_of(post(client, "backup", stack="app", options={"cache": {"consistency": "paused"}}))
    assert {role: one["family"] for role, one in made["members"].items()} == {
        "postgres": "database",
        "files": "objects",
        "cache": "redis",
    }
    assert [made["members"][role]["consistency"] for role in ("postgres", "cache")] == ["snapshot", "paused"]
    before = files.state()
    drilled = data_of(post(client, "drill", stack="app", set=named(made), members=["cache", "files"]))
    assert (drilled["proven"], drilled["members"]["cache"]["proven"]) == (True, True)
    assert drilled["members"]["files"]["proven"] is None
    assert {one["timestamp"] for one in data_of(client.get(f"{BASE}/drills"))["drills"]} == {
        made["members"]["cache"]["timestamp"]
    }
    compared = data_of(post(client, "compare", stack="app", set=named(made)))
    assert {role: one["identical"] for role, one in compared["members"].items()} == {
        "postgres": None,
        "files": True,
        "cache": True,
    }
    database.execute("DELETE FROM langchain_pg_embedding")
    cache.client().set("session:1", "nobody")
    files.remove("a")
    body = {"set": named(made), "options": {"postgres": {"trusted": True}}}
    assert states(data_of(post(client, "restore", stack="app", **body, dry_run=True)))["postgres"] == "verified"
    done = data_of(post(client, "restore", stack="app", **body))
    assert states(done) == {"postgres": "restored", "files": "restored", "cache": "restored"}
    assert list(done["members"]) == ["postgres", "files", "cache"]
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == rows
    assert cache.client().get("session:1") == b"ann"
    assert files.state() == before
    undo = {**done["undo"], "options": body["options"], "backup_before_restore": False}
    assert set(states(data_of(post(client, "restore", stack="app", **undo))).values()) == {"restored"}
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]
    assert cache.client().get("session:1") == b"nobody"
    assert files.keys() == {"b"}
