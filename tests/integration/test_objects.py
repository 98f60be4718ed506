"""The objects of a bucket: saved, damaged, and brought back by HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from data_pipeline.api import BASE, PREFIX
from data_pipeline.jobs.backend.intents import JobsIntents
from data_pipeline.operations.objects import plan as plans
from data_pipeline.operations.objects import recovery, saving, writing
from data_pipeline.operations.objects.operation import ObjectsRestoreOperation, _Restore
from data_pipeline.operations.objects.requests import ObjectsRestoreRequest
from data_pipeline.stores.intents import Intent
from data_pipeline.stores.objects import bucket as buckets
from data_pipeline.stores.objects import content
from tests.integration.conftest import Client
from tests.integration.places import KEY, S3Server
from tests.support.answers import data_of, failure

Objects = dict[str, tuple[bytes, dict[str, Any]]]
LARGE = bytes(range(256)) * 12_000
SOME_SET = {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20250101_000000"}
KEY_ID, SECRET = KEY.values()
STRANGE: Objects = {
    "folder/": (b"", {}),
    "a//b": (b"two slashes", {}),
    "ü 文件?#%2F&+.txt": ("文本".encode(), {"ContentType": "text/plain; charset=utf-8", "CacheControl": "max-age=60"}),
    "..": (b"dots", {}),
    "notes/a b.json": (b"{}", {"Metadata": {"owner": "ann", "n": "1"}, "Tagging": "kind=note&of=a%20b"}),
    "notes/large.bin": (LARGE, {"ContentEncoding": "identity", "ContentDisposition": 'attachment; filename="x"'}),
    "zero": (b"", {"ContentType": "application/x-empty", "ContentLanguage": "de"}),
}


class Bucket:
    """A prefix of a bucket, looked at from outside of the service."""

    def __init__(self, server: S3Server, name: str) -> None:
        self.name = name
        self.url = f"s3+http://{KEY_ID}:{SECRET}@127.0.0.1:{server.port}/{name}/app"
        self.client = boto3.client(
            "s3",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
        )

    def put(self, objects: Objects, below: str = "app/") -> None:
        for key, (data, said) in objects.items():
            self.client.put_object(Bucket=self.name, Key=below + key, Body=data, **said)

    def remove(self, *keys: str) -> None:
        for key in keys:
            self.client.delete_object(Bucket=self.name, Key=f"app/{key}")

    def keys(self, below: str = "app/") -> set[str]:
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return {one["Key"][len(below) :] for one in found if one["Key"].startswith(below)}

    def state(self, below: str = "app/") -> dict[str, Any]:
        """All that objects are, by key."""
        found = {}
        for key in self.keys(below):
            at = {"Bucket": self.name, "Key": below + key}
            answer = self.client.get_object(**at)
            said = {name: answer.get(name) for name in (*buckets.HEADERS.values(), "Metadata")}
            tags = self.client.get_object_tagging(**at)["TagSet"]
            found[key] = (answer["Body"].read(), said, {one["Key"]: one["Value"] for one in tags})
        return found


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large in a test is so at 1 MB."""
    monkeypatch.setattr(content, "BLOCK_BYTES", 1 << 20)


@pytest.fixture
def files(s3_server: S3Server) -> Bucket:
    found = Bucket(s3_server, s3_server.new_bucket())
    found.put(STRANGE)
    found.put({"other": (b"of another application", {})}, below="")
    return found


@pytest.fixture
def client(make_client: Callable[..., Client], files: Bucket, tmp_path: Path) -> Client:
    targets = {"files": files.url, "cache": "redis://127.0.0.1:1/0"}
    return make_client(TARGETS=json.dumps(targets), STORAGES=json.dumps({"archive": str(tmp_path / "archive")}))


def post(client: Client, what: str, **body: Any) -> Any:
    return client.post(f"{BASE}/objects/{what}", data=json.dumps({"target": "files", **body}))


def back_up(client: Client, **body: Any) -> dict[str, Any]:
    return data_of(post(client, "backup", **body))


def restore(client: Client, made: dict[str, Any], **body: Any) -> Any:
    return post(client, "restore", set=named(made), **body)


def named(made: dict[str, Any]) -> dict[str, str]:
    return {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}


def counted(answer: dict[str, Any]) -> tuple[int, ...]:
    return tuple(answer["objects"][name] for name in ("added", "replaced", "removed", "unchanged", "kept"))


def test_a_mirror_brings_everything_back(client: Client, files: Bucket) -> None:
    before = files.state()
    made = back_up(client)
    assert sum(one["row_count"] for one in made["files"].values()) == 2 * len(STRANGE)  # in the index, and the data
    assert (made["layout"], made["warnings"], made["target"]["family"]) == ("objects", [], "objects")
    files.put({"zero": (b"no more", {}), "new": (b"x", {}), "notes/a b.json": (b"{}", {"Metadata": {"owner": "bob"}})})
    files.remove("a//b", "notes/large.bin")
    changed = files.state()
    planned = data_of(restore(client, made, mode="mirror", dry_run=True))
    assert (planned["restore_performed"], counted(planned)) == (False, (2, 2, 1, 3, 0))
    assert planned["samples"]["removed"] == ["new"]
    assert files.state() == changed
    done = data_of(restore(client, made, mode="mirror"))
    assert (counted(done), done["verified"]) == (counted(planned), 4)
    assert files.state() == before
    assert counted(data_of(restore(client, made, mode="mirror"))) == (0, 0, 0, len(STRANGE), 0)
    undone = data_of(client.post(f"{BASE}/objects/restore", data=json.dumps(done["undo"])))
    assert undone["restore_performed"] is True
    assert files.state() == changed
    assert files.keys(below="") - {f"app/{key}" for key in changed} == {"other"}


def test_adding_leaves_what_is_there(client: Client, files: Bucket) -> None:
    made = back_up(client)
    files.put({"zero": (b"theirs", {}), "new": (b"x", {})})
    files.remove("a//b")
    done = data_of(restore(client, made))
    assert counted(done) == (1, 0, 0, len(STRANGE) - 2, 1)
    assert "undo" not in done
    assert len(done["warnings"]) == 1
    state = files.state()
    assert (state["zero"][0], state["new"][0], state["a//b"][0]) == (b"theirs", b"x", b"two slashes")


def test_a_prefix_alone_and_another_place(client: Client, files: Bucket) -> None:
    before = files.state()
    made = back_up(client)
    files.remove(*STRANGE)
    data_of(restore(client, made, prefix="notes/"))
    assert files.keys() == {key for key in STRANGE if key.startswith("notes/")}
    data_of(restore(client, made, mode="mirror", to_prefix="restored/"))
    assert files.state(below="app/restored/") == before
    partial = back_up(client, prefix="notes/")
    files.put({"notes/more": (b"x", {})})
    kept = files.keys() - {"notes/more"}
    assert counted(data_of(restore(client, partial, mode="mirror")))[:3] == (0, 0, 1)
    assert files.keys() == kept
    refused = restore(client, partial, prefix="ü")
    assert failure(refused) == (400, "INVALID_PARAMS")


def test_the_set_is_one_as_any_other(client: Client, files: Bucket) -> None:
    made = back_up(client, storages=["local", "archive"])
    path = f"{PREFIX}/backups/global/{made['backup_timestamp']}"
    assert data_of(client.post(f"{path}/verify"))["verified"] is True
    assert data_of(client.post(f"{path}/verify?storage=archive"))["verified"] is True
    shown = data_of(client.get(path))["manifest"]
    assert (shown["layout"], shown["store"]["objects"], shown["partial"]) == ("objects", len(STRANGE), False)
    (location,) = data_of(client.list(layout="objects"))["backup_locations"]
    assert location["backups"][0]["database"] == f"{files.name}/app"


def test_damage_is_found_before_anything_is_touched(client: Client, files: Bucket, output_dir: Path) -> None:
    made = back_up(client)
    files.remove("zero")
    before = files.state()
    for one in made["files"].values():
        path = output_dir / "vector_bak" / one["backup_file"]
        whole = path.read_bytes()
        for place in range(0, len(whole), max(1, len(whole) // 7)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
            assert failure(restore(client, made, mode="mirror")) == (422, "INVALID_BACKUP")
        path.write_bytes(whole)
    assert files.state() == before


@pytest.mark.parametrize("mode", ["add", "mirror"])
def test_what_fails_half_way_is_undone(
    client: Client, files: Bucket, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    made = back_up(client)
    files.put({"new": (b"x", {}), "zero": (b"theirs", {})})
    files.remove("a//b", "notes/large.bin")
    before = files.state()
    digest = buckets.ObjectBucket.digest
    monkeypatch.setattr(
        buckets.ObjectBucket, "digest", lambda self, key: "0" * 64 if "large" in key else digest(self, key)
    )
    response = restore(client, made, mode=mode)
    assert failure(response) == (500, "DATABASE_ERROR")
    assert response.get_json()["data"]["rolled_back"] is True
    assert files.state() == before


class Killed(BaseException):
    """As a process ends: nothing cleans up."""


def killed(client: Client, made: dict[str, Any], patch: pytest.MonkeyPatch, mode: str) -> Callable[[], None]:
    """A restore that ends so, and keeps others away; what another process does then. What was patched is undone."""
    left: list[Intent] = []
    patch.setattr(JobsIntents, "end", lambda _, intent: left.append(intent))
    engine = client.application.extensions["jobs"]._operations["objects_restore"]._engine
    body = {"set": {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}}
    with pytest.raises(Killed):
        ObjectsRestoreOperation(engine).run(ObjectsRestoreRequest.read({**body, "target": "files", "mode": mode}))
    patch.undo()
    assert failure(restore(client, made, mode="mirror")) == (409, "OPERATION_IN_PROGRESS")

    def settle() -> None:
        engine.intents.store.leave(*left)
        while engine.intents.store.abandoned():  # the service itself is about to do it, too
            recovery.recover(engine)

    return settle


@pytest.mark.parametrize("mode", ["add", "mirror"])
def test_what_a_killed_service_has_left_is_finished(
    client: Client, files: Bucket, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    made = back_up(client)
    before = files.state()
    files.remove("a//b", "zero", "..")
    if mode == "mirror":
        files.put({"new": (b"x", {}), "folder/": (b"theirs", {})})
    put = writing.Writing._put
    written = []

    def die(self: Any, *arguments: Any) -> bool:
        written.append(arguments)
        if len(written) > 1:
            raise Killed
        return put(self, *arguments)

    monkeypatch.setattr(writing.Writing, "_put", die)
    monkeypatch.setattr(_Restore, "_undo", lambda *_: None)
    settle = killed(client, made, monkeypatch, mode)
    assert files.state() != before
    settle()
    assert files.state() == before
    data_of(restore(client, made, mode="mirror"))


def test_objects_that_change_meanwhile_are_counted(
    client: Client, files: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = buckets.ObjectBucket.open

    def changing(self: Any, key: str) -> Any:
        if key == "zero":
            files.put({"late": (b"x", {}), "..": (b"others", {})})
            files.remove("notes/large.bin")
        return opened(self, key)

    monkeypatch.setattr(buckets.ObjectBucket, "open", changing)
    monkeypatch.setattr(saving, "AHEAD", 1)
    monkeypatch.setattr(saving, "READERS", 1)
    made = back_up(client)
    assert len(made["warnings"]) == 1
    monkeypatch.undo()
    assert data_of(client.post(f"{PREFIX}/backups/global/{made['backup_timestamp']}/verify"))["verified"] is True


def test_a_killed_service_that_had_only_planned_leaves_nothing_to_finish(
    client: Client, files: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Today's state isn't saved yet by then: what is there would be lost."""
    made = back_up(client)
    files.put({"new": (b"x", {})})
    before = files.state()

    def die(*_: Any, **__: Any) -> Any:
        raise Killed

    monkeypatch.setattr(_Restore, "_saved_before", die)
    killed(client, made, monkeypatch, "mirror")()
    assert files.state() == before
    data_of(restore(client, made, mode="mirror"))


def test_no_restore_plans_while_another_one_writes(
    client: Client, files: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = back_up(client)
    files.remove("zero")
    seen: list[Any] = []
    make = plans.make

    def planning(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        seen.append(failure(restore(client, made)))
        return make(*arguments, **options)

    monkeypatch.setattr(plans, "make", planning)
    data_of(restore(client, made))
    assert seen == [(409, "OPERATION_IN_PROGRESS")]
    assert "zero" in files.state()


@pytest.mark.parametrize("mode", ["add", "mirror"])
def test_a_key_that_a_server_refuses_though_nothing_is_there_is_written_all_the_same(
    client: Client, files: Bucket, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """As a server of the tests does that was killed while it wrote one."""
    made = back_up(client)
    before = files.state()
    files.remove("zero", "..")
    put = buckets.ObjectBucket.put

    def refusing(self: Any, key: str, data: bytes, said: Any, *, new: bool) -> bool:
        return put(self, key, data, said, new=new) if key != "zero" or not new else False

    monkeypatch.setattr(buckets.ObjectBucket, "put", refusing)
    done = data_of(restore(client, made, mode=mode))
    assert counted(done) == (2, 0, 0, len(STRANGE) - 2, 0)
    assert files.state() == before


def test_an_object_made_meanwhile_is_left_alone(client: Client, files: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    made = back_up(client)
    files.remove("zero", "..")
    run = writing.Writing.run

    def late(self: Any) -> None:
        files.put({"zero": (b"theirs", {})})
        run(self)

    monkeypatch.setattr(writing.Writing, "run", late)
    done = data_of(restore(client, made))
    assert counted(done) == (1, 0, 0, len(STRANGE) - 2, 1)
    assert files.state()["zero"][0] == b"theirs"


@pytest.mark.parametrize(
    ("what", "body", "expected"),
    [
        ("backup", {"target": "none"}, (400, "INVALID_PARAMS")),
        ("backup", {"target": "cache"}, (400, "INVALID_PARAMS")),
        ("backup", {"target": "s3://k:s@bucket"}, (400, "INVALID_PARAMS")),
        ("backup", {"storages": ["none"]}, (400, "INVALID_PARAMS")),
        ("backup", {"prefix": "x" * 2000}, (400, "INVALID_PARAMS")),
        ("backup", {"unknown": 1}, (400, "INVALID_PARAMS")),
        ("restore", {}, (400, "MISSING_REQUIRED_PARAMS")),
        ("restore", {"set": SOME_SET, "mode": "replace"}, (400, "INVALID_PARAMS")),
        ("restore", {"set": {"backup_path": "../x", "timestamp": "20250101_000000"}}, (400, "INVALID_PARAMS")),
        ("restore", {"set": SOME_SET}, (404, "RESOURCE_NOT_FOUND")),
    ],
)
def test_what_can_not_be_meant_is_refused(client: Client, what: str, body: Any, expected: tuple[int, str]) -> None:
    assert failure(post(client, what, **body)) == expected


def test_a_server_that_is_down_and_a_wrong_key(
    make_client: Callable[..., Client], files: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "ATTEMPTS", 1)
    down = make_client(TARGETS=json.dumps({"files": "s3+http://key:secret@127.0.0.1:1/bucket"}))
    assert failure(post(down, "backup")) == (500, "DATABASE_ERROR")
    assert data_of(down.list(layout="all"))["backup_locations"] == []
    gone = make_client(TARGETS=json.dumps({"files": files.url.replace(files.name, "no-such-bucket")}))
    assert failure(post(gone, "backup")) == (500, "DATABASE_ERROR")


def test_a_target_that_holds_backups_is_none(make_client: Callable[..., Client], files: Bucket) -> None:
    place = files.url.replace(f"{KEY_ID}:{SECRET}@", "")
    for name, url in (("OUTPUT_DIRECTORY", f"{place}/backups"), ("OUTPUT_DIRECTORY", place)):
        client = make_client(TARGETS=json.dumps({"files": files.url}), **{name: url})
        assert failure(post(client, "backup")) == (400, "INVALID_PARAMS")


def test_as_a_job_and_by_a_schedule(client: Client, files: Bucket) -> None:
    job = data_of(post(client, "backup", **{"async": True}), 202)
    assert job["state"] == "PENDING"
    body = {"when": "daily", "kind": "objects_backup", "request": {"target": "files", "prefix": "notes/"}}
    made = client.post(f"{BASE}/schedules", data=json.dumps({"name": "nightly_files", **body}))
    assert data_of(made, 201)["config"]["kind"] == "objects_backup"
    wrong = client.post(
        f"{BASE}/schedules", data=json.dumps({"name": "wrong", **body, "request": {"target": "no such target"}})
    )
    assert failure(wrong) == (400, "INVALID_PARAMS")


def test_a_target_is_tried_out(client: Client) -> None:
    seen = data_of(client.post(f"{BASE}/targets/files/test"))["seen"]
    assert "server_version" in seen
    assert data_of(client.get(f"{BASE}/targets/files"))["target"]["dbname"].endswith("/app")
    assert failure(client.post(f"{BASE}/targets/cache/test")) in ((400, "INVALID_PARAMS"), (500, "DATABASE_ERROR"))
