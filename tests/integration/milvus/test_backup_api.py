"""milvus-backup's API: the documented curl lines work unchanged, and answers have its shapes."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.milvus.conftest import Service
from tests.integration.milvus.rows import held, make_plain
from tools.milvus_server import MilvusServer

ENDED = (2, 3)
TOKEN = "0123456789abcdef0123456789abcdef"


class BackupApi:
    """Calls as a client of milvus-backup makes them."""

    def __init__(self, client: Client) -> None:
        app = client.application
        self._client = FlaskClient(app, app.response_class)

    def call(self, method: str, path: str, body: Any = None, **more: str) -> tuple[int, Any]:
        data = None if body is None else body if isinstance(body, str) else json.dumps(body)
        headers = {"Content-Type": "application/json", **more}
        answer = self._client.open(f"/api/v1{path}", method=method, data=data, headers=headers)
        return answer.status_code, answer.get_json(silent=True) or answer.text

    def post(self, path: str, body: Any) -> Any:
        status, answer = self.call("POST", path, body)
        assert status == 200
        return answer

    def get(self, path: str) -> Any:
        status, answer = self.call("GET", path)
        assert status == 200
        return answer

    def until_ended(self, path: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while (found := self.get(path)["data"])["state_code"] not in ENDED:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return dict(found)


@pytest.fixture
def api(service: Service) -> BackupApi:
    return BackupApi(service.client)


def test_the_documented_examples_work_unchanged(api: BackupApi, pymilvus: Any) -> None:
    make_plain(pymilvus, "hello_milvus", 50)
    before = held(pymilvus, "hello_milvus")
    made = api.post("/create", {"async": True, "backup_name": "my_backup", "collection_names": ["hello_milvus"]})
    assert made["msg"] == "create backup is executing asynchronously"
    assert made["data"] is None
    assert "code" not in made
    shown = api.until_ended("/get_backup?backup_name=my_backup")
    assert (shown["state_code"], shown["progress"], shown["name"]) == (2, 100, "my_backup")
    (listed,) = api.get("/list")["data"]
    assert listed == {key: shown[key] for key in ("id", "name", "size", "milvus_version")}
    by_both = api.get(f"/get_backup?backup_id={listed['id']}&backup_name=my_backup")
    assert by_both["data"]["collection_backups"][0]["collection_name"] == "hello_milvus"
    body = {"async": True, "collection_names": ["hello_milvus"], "collection_suffix": "_recover"}
    begun = api.post("/restore", {**body, "backup_name": "my_backup"})
    assert begun["data"]["id"].startswith("restore_")
    done = api.until_ended(f"/get_restore?id={begun['data']['id']}")
    assert (done["state_code"], done["progress"]) == (2, 100)
    assert done["collection_restore_tasks"][0]["target_collection_name"] == "hello_milvus_recover"
    assert held(pymilvus, "hello_milvus_recover") == before
    pymilvus.drop_collection("hello_milvus")
    again = api.post("/restore", {**body, "collection_suffix": "", "backup_name": "my_backup"})
    assert api.until_ended(f"/get_restore?id={again['data']['id']}")["state_code"] == 2
    assert held(pymilvus, "hello_milvus") == before


def test_operations_are_jobs_too(api: BackupApi, service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 5)
    api.post("/create", {"backup_name": "one"})
    jobs = service.client.get(f"{PREFIX}/jobs").get_json()["data"]["jobs"]
    assert (jobs[0]["kind"], jobs[0]["state"], jobs[0]["request"]["name"]) == ("milvus_backup", "SUCCEEDED", "one")


def test_the_history_survives_a_restart_and_needs_the_token(
    make_client: Callable[..., Client], milvus: MilvusServer, pymilvus: Any, jobs_database: TestDatabase
) -> None:
    make_plain(pymilvus, "docs", 5)
    settings = {"TARGETS": json.dumps({"milvus": milvus.url}), "JOBS_DATABASE_URL": jobs_database.url}
    first = BackupApi(make_client(**settings))
    first.post("/create", {"backup_name": "one"})
    first.post("/restore", {"backup_name": "one", "collection_suffix": "_copy", "id": "mine"})
    guarded = BackupApi(make_client(**settings, API_TOKEN=TOKEN))
    assert guarded.call("GET", "/get_restore?id=mine")[0] == 401
    status, answer = guarded.call("GET", "/get_restore?id=mine", Authorization=f"Bearer {TOKEN}")
    assert (status, answer["data"]["state_code"]) == (200, 2)
    assert answer["data"]["collection_restore_tasks"][0]["target_collection_name"] == "docs_copy"


def test_a_request_keeps_the_id_that_its_client_gave_it(api: BackupApi, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 5)
    _, made = api.call("POST", "/create", {"backup_name": "one"}, request_id="of-a-client")
    assert made["requestId"] == "of-a-client"
    restored = api.post("/restore", {"backup_name": "one", "collection_suffix": "_x", "requestId": "another"})
    assert restored["requestId"] == "another"
    assert api.call("DELETE", "/delete?backup_name=two", request_id="third")[1]["requestId"] == "third"


def test_a_synchronous_call_answers_with_what_was_made(api: BackupApi, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 5)
    made = api.post("/create", {"backup_name": "one", "unknown_field": 1, "force": True})
    assert (made["msg"], made["data"]["name"]) == ("success", "one")
    restored = api.post("/restore", {"backup_name": "one", "collection_renames": {"docs": "other"}, "id": "mine"})
    assert (restored["msg"], restored["data"]["id"], restored["data"]["state_code"]) == ("success", "mine", 2)
    assert len(held(pymilvus, "other")) == 5
    plan = {"mapping": [{"source": "default", "target": "default", "colls": [{"source": "docs", "target": "third"}]}]}
    api.post("/restore", {"backup_name": "one", "restorePlan": plan, "restoreIndex": True})
    assert sorted(pymilvus.list_collections()) == ["docs", "other", "third"]


def test_drop_exist_and_skip_create(api: BackupApi, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 5)
    api.post("/create", {"backup_name": "one", "filter": {"default": {"colls": ["docs"]}}})
    pymilvus.delete("docs", filter="id == 1")
    api.post("/restore", {"backup_name": "one", "skipCreateCollection": True})
    assert len(held(pymilvus, "docs")) == 5
    pymilvus.delete("docs", filter="id < 3")
    api.post("/restore", {"backup_name": "one", "dropExistCollection": True, "restoreIndex": True})
    assert len(held(pymilvus, "docs")) == 5
    assert pymilvus.list_collections() == ["docs"]


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/get_backup?backup_name=nothing", None, 404),
        ("GET", "/get_backup", None, 400),
        ("GET", "/list?collection_name=docs", None, 400),
        ("DELETE", "/delete?backup_name=nothing", None, 3),
        ("GET", "/get_restore?id=nothing", None, 3),
        ("POST", "/restore", {"backup_name": "nothing"}, 400),
        ("POST", "/create", {"backup_name": "1 bad"}, 400),
        ("POST", "/create", {"rbac": True}, 1),
        ("POST", "/create", {"backup_root_path": "x"}, 1),
        ("POST", "/create", {"gc_pause_enable": True}, 1),
        ("POST", "/create", {"strategy": "meta_only"}, 1),
        ("POST", "/create", {"filter": {"other_db": {"colls": ["x"]}}}, 1),
        ("POST", "/create", {"collection_names": ["nothing"]}, 3),
    ],
)
def test_failures_are_200_with_a_code(api: BackupApi, method: str, path: str, body: Any, code: int) -> None:
    status, answer = api.call(method, path, body)
    assert (status, answer["code"]) == (200, code)
    assert ("data" in answer) == (method != "DELETE")


def test_what_excludes_one_another_is_a_wrong_parameter(api: BackupApi, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 5)
    api.post("/create", {"backup_name": "one"})
    assert api.post("/create", {"backup_name": "one"})["code"] == 400
    plan = {"mapping": [{"colls": [{"source": "docs", "target": "x"}]}]}
    wrong: list[dict[str, Any]] = [
        {"dropExistCollection": True, "skipCreateCollection": True},
        {"restorePlan": plan, "collection_suffix": "_x"},
    ]
    for body in wrong:
        assert api.post("/restore", {"backup_name": "one", **body})["code"] == 400
    for field in ("bucket_name", "path", "truncateBinlogByTs", "ezkMapping"):
        assert api.post("/restore", {"backup_name": "one", field: "x"})["code"] == 1
    assert api.post("/restore", {"backup_name": "one"})["code"] == 3  # its name is taken
    assert api.call("DELETE", "/delete?backup_name=one") == (200, {"msg": "success"})
    assert api.get("/list")["data"] == []


def test_malformed_json_is_400_with_an_error(api: BackupApi) -> None:
    status, answer = api.call("POST", "/create", "{")
    assert status == 400
    assert list(answer) == ["error"]


def test_hello_and_check(api: BackupApi) -> None:
    assert api.get("/hello") == "Hello, This is backup service"
    assert "milvus_lite" in api.get("/check")
