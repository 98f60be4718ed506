"""The audit log: who did what to which set, from where."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.accounts.audit import AuditTrail, set_of
from data_pipeline.accounts.first_admin import FirstAdmin
from data_pipeline.api import BASE, PREFIX
from data_pipeline.api.security.session import COOKIE
from data_pipeline.jobs.jobs import Jobs
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of, failure
from tests.support.users import GUARDED, OTHER_PASSWORD, PASSWORD, SESSION, TOKEN, Browser, bearer, make_user


@pytest.fixture
def guarded(make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase) -> Any:
    return make_client(
        DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, TRUSTED_PROXIES="127.0.0.1", **GUARDED
    )


@pytest.fixture
def alice(guarded: Any) -> Browser:
    make_user(guarded, "alice")
    return Browser.signed_in(guarded, "alice")


def noted(alice: Browser, **query: str) -> list[dict[str, Any]]:
    """Newest first."""
    answer = alice.client.get(f"{BASE}/audit", query_string=query)
    entries: list[dict[str, Any]] = data_of(answer)["entries"]
    return entries


def test_what_a_user_does_to_a_set_stands_there_with_where_from(alice: Browser, database: TestDatabase) -> None:
    made = data_of(alice.call("POST", "/vector/backup", **{"X-Forwarded-For": "203.0.113.9"}))
    place = f"global/{made['backup_timestamp']}"
    alice.call("POST", f"/vector/backups/{place}/verify")
    plain = FlaskClient(alice.client.application, alice.client.application.response_class)
    plain.set_cookie(COOKIE, alice.cookie)
    with plain.get(f"{PREFIX}/backups/{place}/download") as download:
        assert download.status_code == 200
    alice.call("DELETE", f"/vector/backups/{place}")
    found = noted(alice, set=made["backup_timestamp"])
    assert [one["what"] for one in found] == [
        "delete_backup_set",
        "download_backup_set",
        "verify_backup_set",
        "backup_vector_tables",
    ]
    assert {(one["who"], one["set"]) for one in found} == {("user:alice", place)}
    backup = found[-1]
    assert (backup["client"], backup["target"], backup["status"]) == ("203.0.113.9", database.dbname, 200)
    assert backup["outcome"] == "SUCCESS"


def test_reading_and_requests_without_a_token_leave_nothing(guarded: Any, alice: Browser) -> None:
    before = noted(alice)
    alice.call("GET", "/vector/restore/list")
    assert failure(guarded.post(f"{PREFIX}/backup")) == (401, "UNAUTHORIZED")
    assert noted(alice) == before


def test_refusals_and_wrong_passwords_stand_there_and_no_password_does(
    guarded: Any, alice: Browser, jobs_database: TestDatabase
) -> None:
    make_user(guarded, "vera", "viewer")
    vera = Browser.signed_in(guarded, "vera")
    assert failure(vera.call("POST", "/vector/backup")) == (403, "FORBIDDEN")
    guarded.post(SESSION, json={"name": "vera", "password": OTHER_PASSWORD})
    refused, forbidden, *_ = noted(alice)
    assert (refused["who"], refused["what"], refused["outcome"]) == ("refused", "sign_in", "UNAUTHORIZED")
    assert (forbidden["who"], forbidden["outcome"]) == ("user:vera", "FORBIDDEN")
    made = noted(alice, what="create_user")[0]
    assert made["details"] == {"name": "vera", "role": "viewer"}
    kept = jobs_database.fetch("SELECT t::text FROM vector_jobs.audit_log t")
    assert PASSWORD not in str(kept)
    assert OTHER_PASSWORD not in str(kept)


def test_jobs_are_noted_as_they_end_under_the_name_of_who_asked(guarded: Any, alice: Browser) -> None:
    schedule = {"name": "nightly", "when": "daily"}
    data_of(guarded.post(f"{BASE}/schedules", json=schedule, headers=bearer(TOKEN)), 201)
    job = data_of(alice.call("POST", "/schedules/nightly/run"), 202)["job_id"]
    jobs: Jobs = guarded.application.extensions["jobs"]
    for news in jobs.follow(job):
        assert news is None or news.state not in ("FAILED", "INTERRUPTED")
    (ended,) = [one for one in noted(alice, what="backup") if one["job_id"] == job]
    assert (ended["who"], ended["outcome"], ended["status"]) == ("user:alice", "SUCCEEDED", None)
    assert ended["set"].startswith("global/")
    (asked,) = noted(alice, what="run_schedule")
    assert (asked["outcome"], asked["job_id"], asked["details"]) == ("ACCEPTED", job, {"name": "nightly"})


def test_pages_follow_one_another_and_filters_narrow(guarded: Any, alice: Browser) -> None:
    for _ in range(3):
        alice.call("POST", "/vector/compare")
    guarded.post(f"{PREFIX}/backup", headers=bearer(TOKEN))
    everything = noted(alice)
    page = data_of(alice.client.get(f"{BASE}/audit", query_string={"limit": "2"}))
    rest = noted(alice, after=str(page["next"]))
    assert page["entries"] + rest == everything
    assert {one["who"] for one in noted(alice, who="alice")} == {"user:alice"}
    assert {one["who"] for one in noted(alice, who="API_TOKEN")} == {"API_TOKEN"}
    for wrong in ({"limit": "0"}, {"limit": "201"}, {"after": "x"}, {"set": ""}, {"more": "1"}):
        assert failure(alice.client.get(f"{BASE}/audit", query_string=wrong)) == (400, "INVALID_PARAMS")


def test_old_entries_go(alice: Browser, guarded: Any, jobs_database: TestDatabase) -> None:
    jobs_database.execute("UPDATE vector_jobs.audit_log SET at = at - interval '366 days' WHERE what = 'create_user'")
    trail: AuditTrail = guarded.application.extensions["jobs"].audit
    trail.forget()
    assert [one["what"] for one in noted(alice)] == ["sign_in"]


def test_what_cant_be_written_now_is_written_when_the_jobs_database_is_back(
    alice: Browser, guarded: Any, jobs_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: Jobs = guarded.application.extensions["jobs"]
    database = jobs.resources.database
    with monkeypatch.context() as away:
        away.setattr(database, "_down_until", float("inf"))  # as after an attempt that failed a moment ago
        assert guarded.post(f"{PREFIX}/compare", headers=bearer(TOKEN)).status_code == 400
    assert noted(alice, who="API_TOKEN", what="compare_backup") == []
    jobs._pending.flush()
    assert len(noted(alice, who="API_TOKEN", what="compare_backup")) == 1


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"location": "global", "timestamp": "20250722_010318"}, "global/20250722_010318"),
        (
            {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20250722_010318"},
            "global/20250722_010318",
        ),
        (
            {"backup_directory": "./data_pipeline/training_data/task_1/vector_bak", "backup_timestamp": "2"},
            "task_1/2",
        ),
        ({"backup_path": "./x"}, None),
        (None, None),
    ],
)
def test_a_set_is_named_the_same_whichever_way_it_was_told(told: Any, name: str | None) -> None:
    assert set_of({}, told) == name


# The first admin


def link_of(guarded: Any) -> str:
    printed = io.StringIO()
    FirstAdmin(guarded.application.extensions["jobs"].accounts, "https://backups.example.com/", printed).offer()
    return printed.getvalue().partition("#/first/")[2].strip()


def first(client: Any, link: str, name: str = "alice", password: str = PASSWORD) -> Any:
    body = {"link": link, "name": name, "password": password}
    return client.twin().post(f"{BASE}/users/first", json=body)


def test_the_first_admin_is_made_by_a_link_once(guarded: Any, jobs_database: TestDatabase) -> None:
    link = link_of(guarded)
    assert failure(first(guarded, link, password="short")) == (400, "INVALID_PARAMS")
    assert failure(first(guarded, f"{link}x")) == (401, "UNAUTHORIZED")
    assert data_of(first(guarded, link))["role"] == "admin"
    assert failure(first(guarded, link, "mallory")) == (401, "UNAUTHORIZED")
    assert link_of(guarded) == "", "there is an admin"
    alice = Browser.signed_in(guarded, "alice")
    assert link not in str(noted(alice)) + str(jobs_database.fetch("SELECT t::text FROM vector_jobs.audit_log t"))


def test_of_two_links_that_are_used_at_once_one_makes_an_admin(guarded: Any, background: Any) -> None:
    """Two services that start beside one another print a link each."""
    links = [link_of(guarded), link_of(guarded)]
    calls = [
        background(lambda link=link, name=name: first(guarded, link, name).status_code)
        for link, name in zip(links, ("alice", "bob"), strict=True)
    ]
    assert sorted(call.result() for call in calls) == [200, 401]
    users = data_of(guarded.get(f"{BASE}/users", headers=bearer(TOKEN)))["users"]
    assert [one["role"] for one in users] == ["admin"]


def test_a_link_ends_after_a_day_and_with_an_admin_made_otherwise(guarded: Any, jobs_database: TestDatabase) -> None:
    link = link_of(guarded)
    jobs_database.execute("UPDATE vector_jobs.first_links SET expires_at = now()")
    assert failure(first(guarded, link)) == (401, "UNAUTHORIZED")
    link = link_of(guarded)
    make_user(guarded, "alice")
    assert failure(first(guarded, link, "mallory")) == (401, "UNAUTHORIZED")


def test_a_link_is_printed_as_soon_as_the_jobs_database_is_there(
    make_client: Callable[..., Client], jobs_database: TestDatabase
) -> None:
    accounts = make_client(JOBS_DATABASE_URL=jobs_database.url, **GUARDED).application.extensions["jobs"].accounts
    database = accounts.users._database
    there = database.transaction
    database._down_until = float("inf")
    waited: list[float] = []

    def away() -> Any:
        database.expect_up()
        return there()

    def wait(seconds: float) -> None:
        waited.append(seconds)
        database._down_until = 0.0

    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "transaction", away)
        FirstAdmin(accounts, "http://localhost:8084/", printed, wait).offer()
    assert len(waited) == 1
    assert "http://localhost:8084/#/first/vbl_" in printed.getvalue()


def test_beyond_loopback_the_first_start_prints_it_and_no_log_has_it(
    start_server: Callable[..., Any], database: TestDatabase, jobs_database: TestDatabase
) -> None:
    env = {"DATABASE_URL": database.url, "JOBS_DATABASE_URL": jobs_database.url, "HOST": "0.0.0.0", **GUARDED}
    server = start_server(**env)
    server.await_log("#/first/vbl_")
    lines = [line for line in server.log.splitlines() if "vbl_" in line]
    assert len(lines) == 1
    assert not lines[0].startswith("{"), "standard output, not a line of the log"
