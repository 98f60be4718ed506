"""Targets, storages, schedules and notifiers: made, shown, changed, tried, removed, and their secrets kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from data_pipeline.api import BASE, PREFIX
from data_pipeline.jobs.backend.migrations import MIGRATIONS
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.places import BucketPlace
from tests.support.answers import data_of, failure

SECRET = "geheim-of-the-resource"
KEY = "k" * 32
NOWHERE = "postgresql://jobs:secret@127.0.0.1:1/jobs"
BODIES: dict[str, dict[str, Any]] = {
    "targets": {"name": "prod", "url": f"postgresql://ann:{SECRET}@localhost:1/docs", "schema": "rag"},
    "storages": {
        "name": "offsite",
        "url": "s3+http://localhost:1/bucket/rag",
        "access_key_id": "own-key",
        "secret_access_key": SECRET,
    },
    "schedules": {"name": "nightly", "when": "0 3 * * *", "zone": "Europe/Berlin", "retention": {"keep_daily": 7}},
    "notifiers": {"name": "ops", "url": f"mailto://ann:{SECRET}@example.com", "secret": SECRET, "events": ["failure"]},
}
CHANGES: dict[str, dict[str, Any]] = {
    "targets": {"schema": "other"},
    "storages": {"url": "s3+http://localhost:1/bucket/other", "access_key_id": "own-key"},
    "schedules": {"when": "hourly", "paused": True},
    "notifiers": {"events": ["failure", "overdue"]},
}
ENVIRONMENT = {
    "TARGETS": '{"main": "postgresql://ann:secret@localhost:1/docs"}',
    "STORAGES": '{"archive": "./elsewhere"}',
    "BACKUP_SCHEDULE": "0 3 * * * Asia/Shanghai",
}


@pytest.fixture
def client(jobs_database: TestDatabase, database: TestDatabase, make_client: Callable[..., Client]) -> Client:
    return make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, SECRET_KEY=KEY, **ENVIRONMENT)


def send(client: Client, method: str, path: str, body: dict[str, Any] | None = None) -> TestResponse:
    return client.open(f"{BASE}{path}", method=method, data=None if body is None else json.dumps(body))


def configured(body: dict[str, Any]) -> dict[str, Any]:
    """What is shown of a body: without its name and its secrets."""
    return {name: value for name, value in body.items() if name != "name" and SECRET not in str(value)}


@pytest.mark.parametrize("kind", BODIES)
def test_a_resource_is_made_shown_changed_and_removed(client: Client, jobs_database: TestDatabase, kind: str) -> None:
    body, change = BODIES[kind], CHANGES[kind]
    path = f"/{kind}/{body['name']}"
    with capture_logs() as captured:
        made = data_of(send(client, "POST", f"/{kind}", body), 201)
        assert configured(body).items() <= {**made["config"], "retention": body.get("retention")}.items()
        assert (made["source"], made["readable"]) == ("api", True)
        assert failure(send(client, "POST", f"/{kind}", body)) == (409, "RESOURCE_EXISTS")
        names = [one["name"] for one in data_of(send(client, "GET", f"/{kind}"))[kind]]
        assert names[-1] == body["name"]
        changed = data_of(send(client, "PUT", path, change))
        assert change.items() <= changed["config"].items()
        assert changed["secrets"] == made["secrets"]
        shown = data_of(send(client, "GET", path))
        assert {**shown, "response": "", "timestamp": "", "status": ""} == {
            **changed, "response": "", "timestamp": "", "status": ""
        }  # fmt: skip
        assert data_of(send(client, "PUT", path, shown["config"]))["config"] == shown["config"]
        rows = jobs_database.fetch("SELECT row_to_json(r)::text FROM vector_jobs.resources r")
        data_of(send(client, "DELETE", path))
    for method in ("GET", "DELETE"):
        assert failure(send(client, method, path)) == (404, "RESOURCE_NOT_FOUND")
    for said in (str(made), str(shown), str(changed), str(captured), str(rows)):
        assert SECRET not in said


def test_a_secret_that_is_not_given_again_stays_and_a_new_one_takes_its_place(
    client: Client, second_database: TestDatabase, database: TestDatabase
) -> None:
    send(client, "POST", "/targets", {"name": "other", "url": second_database.url})
    data_of(send(client, "PUT", "/targets/other", {"schema": "public"}))
    assert data_of(client.backup(pg_conn="other"))["target"]["dbname"] == second_database.dbname
    data_of(send(client, "PUT", "/targets/other", {"url": database.url}))
    done = data_of(client.backup(pg_conn="other"))["target"]
    assert (done["dbname"], done["source"]) == (database.dbname, "target")


def test_what_one_service_is_told_another_one_uses_and_no_log_has_the_secret(
    start_server: Callable[..., Any], jobs_database: TestDatabase, database: TestDatabase, fill: Any
) -> None:
    fill(database)
    env = {"DATABASE_URL": database.url, "JOBS_DATABASE_URL": jobs_database.url, "SECRET_KEY": KEY}
    first, second = start_server(**env), start_server(**env)
    target = {"name": "other", "url": database.url, "schema": "public"}
    made = requests.post(f"http://{first.address}{BASE}/targets", json=target, timeout=60)
    assert made.status_code == 201
    backup = f"http://{second.address}{PREFIX}/backup"
    for body in ({"pg_conn": "other"}, {"pg_conn": "other", "async": True}):
        assert requests.post(backup, json=body, timeout=60).json()["success"] is True
    requests.post(f"http://{first.address}{BASE}/notifiers", json=BODIES["notifiers"], timeout=60)
    password = database.server.password or SECRET
    logs = first.log + second.log
    assert "create_target" in logs
    assert password not in logs
    assert SECRET not in logs
    assert password not in str(jobs_database.fetch("SELECT row_to_json(j)::text FROM vector_jobs.jobs j"))


def test_what_is_tried_is_reached(client: Client, second_database: TestDatabase) -> None:
    send(client, "POST", "/targets", {"name": "other", "url": second_database.url})
    seen = data_of(send(client, "POST", "/targets/other/test"))["seen"]
    assert seen["server_version"]
    send(client, "POST", "/targets", BODIES["targets"])
    assert failure(send(client, "POST", "/targets/prod/test")) == (500, "DATABASE_ERROR")
    assert data_of(send(client, "POST", "/storages/local/test"))["seen"]["free_bytes"] > 0
    send(client, "POST", "/schedules", BODIES["schedules"])
    times = data_of(send(client, "POST", "/schedules/nightly/test"))["seen"]["next_times"]
    assert all("T03:00:00+0" in time for time in times)


def test_a_bucket_that_was_made_here_takes_backups_with_its_own_key(
    client: Client, database: TestDatabase, bucket: BucketPlace, fill: Any
) -> None:
    fill(database)
    url = bucket.url.removesuffix("/some/prefix")
    key = {"access_key_id": "own-key", "secret_access_key": SECRET}
    data_of(send(client, "POST", "/storages", {"name": "offsite", "url": f"{url}/of-the-api", **key}), 201)
    data_of(send(client, "POST", "/storages/offsite/test"))
    done = data_of(client.backup(storages=["local", "offsite"]))
    assert done["storages"] == {"local": {"success": True}, "offsite": {"success": True}}
    listed = data_of(client.list(storage="all"))["backup_locations"]
    assert [place["storage"] for place in listed] == ["local", "offsite"]
    copy = {"backup_path": f"offsite:{done['backup_directory']}", "timestamp": done["backup_timestamp"]}
    assert data_of(client.restore(**copy, truncate_before_restore=True))["restore_performed"] is True


@pytest.mark.parametrize(
    ("kind", "change", "error"),
    [
        ("targets", {"url": "postgresql://ann:x@169.254.169.254/docs"}, (403, "FORBIDDEN")),
        ("targets", {"url": "postgresql://ann:x@db.example.com/docs"}, (403, "FORBIDDEN")),
        ("targets", {"url": "mysql://ann:x@localhost/docs"}, (400, "INVALID_PARAMS")),
        ("targets", {"url": None}, (400, "MISSING_REQUIRED_PARAMS")),
        ("targets", {"name": "../prod"}, (400, "INVALID_PARAMS")),
        ("targets", {"password": "x"}, (400, "INVALID_PARAMS")),
        ("storages", {"url": "s3+http://169.254.169.254/bucket"}, (403, "FORBIDDEN")),
        ("storages", {"url": "s3://bucket"}, (403, "FORBIDDEN")),
        ("storages", {"url": "/etc"}, (403, "FORBIDDEN")),
        ("storages", {"url": "s3+http://key:secret@localhost/bucket"}, (400, "INVALID_PARAMS")),
        ("storages", {"name": "local"}, (409, "RESOURCE_EXISTS")),
        ("storages", {"name": "all"}, (400, "INVALID_PARAMS")),
        ("storages", {"secret_access_key": None}, (400, "MISSING_REQUIRED_PARAMS")),
        ("schedules", {"when": "0 0 30 2 *"}, (400, "INVALID_PARAMS")),
        ("schedules", {"when": "0 3 * * * UTC"}, (400, "INVALID_PARAMS")),
        ("schedules", {"zone": "Mars/Olympus"}, (400, "INVALID_PARAMS")),
        ("schedules", {"kind": "dance"}, (400, "INVALID_PARAMS")),
        ("schedules", {"request": {"pg_conn": "nothing"}}, (400, "INVALID_PARAMS")),
        ("schedules", {"request": {"pg_conn": f"postgresql://a:{SECRET}@localhost/d"}}, (400, "INVALID_PARAMS")),
        ("schedules", {"request": {"storages": ["nowhere"]}}, (400, "INVALID_PARAMS")),
        ("schedules", {"request": {"truncate_vector_tables": True}}, (400, "INVALID_PARAMS")),
        ("schedules", {"request": {"async": True}}, (400, "INVALID_PARAMS")),
        ("schedules", {"retention": {"keep_daily": -1}}, (400, "INVALID_PARAMS")),
        ("schedules", {"jitter_seconds": 3601}, (400, "INVALID_PARAMS")),
        ("notifiers", {"events": []}, (400, "INVALID_PARAMS")),
        ("notifiers", {"url": "no url"}, (400, "INVALID_PARAMS")),
    ],
)
def test_what_can_not_be_meant_is_refused_and_nothing_is_stored(
    client: Client, jobs_database: TestDatabase, kind: str, change: dict[str, Any], error: tuple[int, str]
) -> None:
    refused = send(client, "POST", f"/{kind}", {**BODIES[kind], **change})
    assert failure(refused) == error
    if change.keys() <= {"when", "zone"}:
        assert refused.get_json()["data"]["details"]["field"] in change
    assert jobs_database.fetch("SELECT * FROM vector_jobs.resources") == []


@pytest.mark.parametrize(
    ("kind", "name"), [("targets", "main"), ("storages", "archive"), ("schedules", "BACKUP_SCHEDULE")]
)
def test_what_the_environment_configures_is_shown_and_can_not_be_changed(client: Client, kind: str, name: str) -> None:
    shown = data_of(send(client, "GET", f"/{kind}/{name}"))
    assert (shown["source"], shown["created_at"], shown["readable"]) == ("environment", None, True)
    change = CHANGES[kind] if kind != "targets" else {"url": "postgresql://ann@localhost/docs"}
    change = {**change, "secret_access_key": SECRET} if kind == "storages" else change
    assert failure(send(client, "PUT", f"/{kind}/{name}", change)) == (409, "RESOURCE_READ_ONLY")
    assert failure(send(client, "DELETE", f"/{kind}/{name}")) == (409, "RESOURCE_READ_ONLY")
    assert failure(send(client, "POST", f"/{kind}", {**BODIES[kind], "name": name})) == (409, "RESOURCE_EXISTS")


def test_without_the_jobs_database_what_the_environment_configures_works(
    make_client: Callable[..., Client], database: TestDatabase, second_database: TestDatabase, tmp_path: Path, fill: Any
) -> None:
    fill(second_database)
    targets = {"TARGETS": json.dumps({"main": second_database.url}), "STORAGES": json.dumps({"archive": str(tmp_path)})}
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=NOWHERE, SECRET_KEY=KEY, **targets)
    for kind, name in (("targets", "main"), ("storages", "archive")):
        listed = data_of(send(client, "GET", f"/{kind}"))
        assert listed["complete"] is False
        assert name in [one["name"] for one in listed[kind]]
        assert data_of(send(client, "GET", f"/{kind}/{name}"))["name"] == name
        assert data_of(send(client, "POST", f"/{kind}/{name}/test"))["seen"]
        assert failure(send(client, "GET", f"/{kind}/other")) == (503, "SERVICE_UNAVAILABLE")
        assert failure(send(client, "POST", f"/{kind}", BODIES[kind])) == (503, "SERVICE_UNAVAILABLE")
    done = data_of(client.backup(pg_conn="main", storages=["archive"]))
    assert done["target"]["dbname"] == second_database.dbname
    assert data_of(client.list(storage="all"))["summary"]["unreachable_storages"] == ["jobs_database"]


def test_a_schedule_with_an_unknown_target_is_told_the_names_there_are(client: Client) -> None:
    """And is offered no URL, which it could not have."""
    data_of(send(client, "POST", "/targets", BODIES["targets"]), 201)
    for unknown in ("nothing", f"postgresql://a:{SECRET}@localhost/d"):
        refused = send(client, "POST", "/schedules", {**BODIES["schedules"], "request": {"pg_conn": unknown}})
        data = refused.get_json()["data"]
        assert (refused.status_code, data["details"]) == (400, {"field": "request"})
        assert "postgresql://" not in data["response"]
        assert unknown != "nothing" or "main, prod" in data["response"]


def test_a_target_that_a_schedule_names_can_not_go(client: Client, second_database: TestDatabase) -> None:
    send(client, "POST", "/targets", {"name": "other", "url": second_database.url})
    send(client, "POST", "/storages", BODIES["storages"])
    request = {"pg_conn": "other", "storages": ["local", "offsite"]}
    data_of(send(client, "POST", "/schedules", {"name": "nightly", "when": "daily", "request": request}), 201)
    for path in ("/targets/other", "/storages/offsite"):
        refused = send(client, "DELETE", path)
        assert failure(refused) == (409, "RESOURCE_IN_USE")
        assert refused.get_json()["data"]["details"] == {"schedules": ["nightly"]}
    for path in ("/schedules/nightly", "/targets/other", "/storages/offsite"):
        data_of(send(client, "DELETE", path))


def test_without_its_key_a_resource_is_shown_and_not_used(
    client: Client, make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase
) -> None:
    send(client, "POST", "/targets", {"name": "other", "url": database.url})
    settings = {"DATABASE_URL": database.url, "JOBS_DATABASE_URL": jobs_database.url}
    other = make_client(**settings, SECRET_KEY="o" * 32)
    (shown,) = data_of(send(other, "GET", "/targets"))["targets"]
    assert (shown["readable"], shown["target"], shown["config"]) == (False, None, {})
    for refused in (other.backup(pg_conn="other"), send(other, "PUT", "/targets/other", {"schema": "rag"})):
        assert failure(refused) == (503, "SERVICE_UNAVAILABLE")
        assert refused.get_json()["data"]["can_retry"] is False
    data_of(send(other, "PUT", "/targets/other", {"url": database.url}))  # given anew it is sealed with the other key
    assert data_of(other.backup(pg_conn="other"))["target"]["dbname"] == database.dbname
    both = make_client(**settings, SECRET_KEY=f"{KEY},{'o' * 32}")
    assert data_of(both.backup(pg_conn="other"))["target"]["dbname"] == database.dbname


def test_without_a_key_nothing_secret_is_stored_in_a_database_that_others_read(
    make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url)
    refused = send(client, "POST", "/targets", BODIES["targets"])
    assert failure(refused) == (503, "SERVICE_UNAVAILABLE")
    assert "SECRET_KEY" in refused.get_json()["data"]["response"]
    data_of(send(client, "POST", "/schedules", BODIES["schedules"]), 201)  # it has no secret
    assert jobs_database.fetch("SELECT name FROM vector_jobs.resources") == [("nightly",)]


def test_a_host_that_is_not_allowed_any_more_is_not_connected_to(
    client: Client, make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase
) -> None:
    settings = {"DATABASE_URL": database.url, "JOBS_DATABASE_URL": jobs_database.url, "SECRET_KEY": KEY}
    allowing = make_client(**settings, PG_CONN_ALLOWED_HOSTS="db.example.com", STORAGE_ALLOWED_HOSTS="s3.amazonaws.com")
    target = {"name": "far", "url": "postgresql://ann:x@db.example.com/docs"}
    bucket = {**BODIES["storages"], "name": "amazon", "url": "s3://bucket/rag"}
    data_of(send(allowing, "POST", "/targets", target), 201)
    data_of(send(allowing, "POST", "/storages", bucket), 201)
    assert failure(client.backup(pg_conn="far")) == (403, "FORBIDDEN")
    assert failure(client.backup(storages=["amazon"])) == (403, "FORBIDDEN")
    assert data_of(send(client, "GET", "/targets/far"))["target"] is None


def test_a_schedule_needs_a_database_that_is_meant(
    make_client: Callable[..., Client], jobs_database: TestDatabase, second_database: TestDatabase
) -> None:
    client = make_client(JOBS_DATABASE_URL=jobs_database.url, TARGETS=json.dumps({"main": second_database.url}))
    assert failure(send(client, "POST", "/schedules", BODIES["schedules"])) == (400, "INVALID_PARAMS")
    named = {**BODIES["schedules"], "request": {"pg_conn": "main"}}
    data_of(send(client, "POST", "/schedules", named), 201)


def test_a_token_that_reads_changes_nothing(make_client: Callable[..., Client], database: TestDatabase) -> None:
    client = make_client(DATABASE_URL=database.url, API_TOKEN="a" * 16, API_READ_TOKEN="r" * 16)
    headers = {"Authorization": f"Bearer {'r' * 16}"}
    for kind in BODIES:
        assert data_of(client.get(f"{BASE}/{kind}", headers=headers))["complete"] is True
        refused = client.post(f"{BASE}/{kind}", data=json.dumps(BODIES[kind]), headers=headers)
        assert failure(refused) == (403, "FORBIDDEN")
        assert failure(client.get(f"{BASE}/{kind}")) == (401, "UNAUTHORIZED")


def test_a_database_of_a_newer_version_is_left_alone(
    make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase
) -> None:
    jobs_database.execute("UPDATE vector_jobs.schema_version SET version = %s", (len(MIGRATIONS) + 1,))
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, SECRET_KEY=KEY)
    refused = send(client, "POST", "/schedules", BODIES["schedules"])
    assert failure(refused) == (503, "SERVICE_UNAVAILABLE")
    assert refused.get_json()["data"]["can_retry"] is False
    assert jobs_database.fetch("SELECT count(*) FROM vector_jobs.resources") == [(0,)]


def test_a_database_of_an_earlier_version_is_brought_up_to_date_with_its_jobs(
    make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase
) -> None:
    settings = {"DATABASE_URL": database.url, "JOBS_DATABASE_URL": jobs_database.url, "SECRET_KEY": KEY}
    data_of(make_client(**settings).backup())
    jobs_database.execute(
        "SET search_path = vector_jobs; DROP TABLE schema_version, resources, schedule_times, schedule_runs, proofs,"
        " troubles, outbox, set_checks, user_sessions, user_tokens, users, sign_in_attempts, first_links, audit_log,"
        " known_archives, intents;"
        "ALTER TABLE jobs DROP COLUMN texts"
    )
    client = make_client(**settings)
    data_of(send(client, "POST", "/targets", BODIES["targets"]), 201)
    assert jobs_database.fetch("SELECT version FROM vector_jobs.schema_version") == [(len(MIGRATIONS),)]
    assert jobs_database.fetch("SELECT kind, texts FROM vector_jobs.jobs") == [("backup", None)]


def test_a_name_that_can_be_none_is_not_found(client: Client) -> None:
    for kind in ("targets", "schedules"):
        data_of(client.get(f"{BASE}/{kind}/%00"), 404)
    data_of(client.post(f"{BASE}/schedules/%00/run"), 404)
