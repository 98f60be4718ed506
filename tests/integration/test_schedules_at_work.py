"""Schedules at work, by a clock of the tests' own: what is due runs once, what fails is told, old sets go."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import BASE, PREFIX
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.doctor.doctor import Doctor
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_resources import KEY, send
from tests.support.answers import data_of, failure

START = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)


class Clock:
    """The time that the schedulers of a test see."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Service:
    """A service whose schedules look at the clock when they are told to, and which retires sets when it is told to."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self.jobs: Jobs = client.application.extensions["jobs"]
        self.jobs.scheduler._clock = clock
        setattr(self.jobs._maintenance._retiring, "start", lambda: None)  # noqa: B010 (mypy takes no assignment)

    def tick(self) -> None:
        self.jobs.scheduler.tick()

    def settled(self, name: str = "nightly") -> dict[str, Any]:
        """How a schedule stands once its job has ended."""
        deadline = time.monotonic() + 60
        while True:
            self.tick()
            status: dict[str, Any] = data_of(send(self.client, "GET", f"/schedules/{name}"))["status"]
            if status["running"] is None:
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.05)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(
    jobs_database: TestDatabase, database: TestDatabase, make_client: Callable[..., Client], clock: Clock
) -> Callable[..., Service]:
    def make(**env: str) -> Service:
        settings = {"DATABASE_URL": database.url, "JOBS_DATABASE_URL": jobs_database.url, "SECRET_KEY": KEY}
        return Service(make_client(**settings, **env), clock)

    return make


@pytest.fixture
def service(start: Callable[..., Service], database: TestDatabase, fill: Any) -> Service:
    fill(database)
    return start()


def create(service: Service, **more: Any) -> dict[str, Any]:
    """A schedule, whose times count from now on."""
    made = data_of(send(service.client, "POST", "/schedules", {"name": "nightly", "when": "0 3 * * *", **more}), 201)
    service.tick()
    return made


def text_of(service: Service) -> str:
    """The metrics: no answer in an envelope."""
    return FlaskClient(service.client.application).get("/metrics").text


def runs(jobs_database: TestDatabase) -> list[tuple[str, str]]:
    """Due times and states, oldest first."""
    found = jobs_database.fetch("SELECT due, state FROM vector_jobs.schedule_runs ORDER BY due")
    return [(due.astimezone(timezone.utc).strftime("%m-%d %H:%M"), state) for due, state in found]


def test_each_time_runs_once_over_many_services(
    service: Service, start: Callable[..., Service], clock: Clock, jobs_database: TestDatabase
) -> None:
    create(service)
    services = [service, *(start() for _ in range(3))]
    for _ in range(2):
        clock.now += DAY
        with ThreadPoolExecutor(len(services)) as threads:
            for ticked in [threads.submit(one.tick) for one in services * 2]:
                ticked.result()
        service.settled()
    assert runs(jobs_database) == [("03-03 03:00", "SUCCEEDED"), ("03-04 03:00", "SUCCEEDED")]
    assert jobs_database.fetch("SELECT count(*) FROM vector_jobs.jobs") == [(2,)]


def test_what_was_missed_is_made_up_once_and_a_clock_put_back_repeats_nothing(
    service: Service, clock: Clock, jobs_database: TestDatabase
) -> None:
    create(service, when="hourly")
    clock.now += timedelta(hours=5, minutes=30)
    service.settled()
    assert runs(jobs_database) == [("03-02 17:00", "SUCCEEDED")]
    clock.now -= timedelta(hours=1)
    assert service.settled()["next_due"] is not None
    clock.now += timedelta(hours=1, minutes=29)
    service.settled()
    assert runs(jobs_database) == [("03-02 17:00", "SUCCEEDED")]
    clock.now += timedelta(minutes=1)
    service.settled()
    assert runs(jobs_database)[1:] == [("03-02 18:00", "SUCCEEDED")]


def test_a_schedule_does_not_overlap_itself(
    service: Service, clock: Clock, jobs_database: TestDatabase, database: TestDatabase
) -> None:
    create(service, when="hourly")
    held = database.connect()
    held.cursor().execute("LOCK TABLE langchain_pg_embedding")
    for _ in range(3):
        clock.now += timedelta(hours=1)
        service.tick()
    assert runs(jobs_database) == [("03-02 13:00", "PENDING")]
    refused = send(service.client, "POST", "/schedules/nightly/run")
    assert failure(refused) == (409, "OPERATION_IN_PROGRESS")
    held.rollback()
    service.settled()
    service.settled()
    assert runs(jobs_database) == [("03-02 13:00", "SUCCEEDED"), ("03-02 15:00", "SUCCEEDED")]


def test_a_paused_schedule_does_nothing_and_makes_nothing_up(
    service: Service, clock: Clock, jobs_database: TestDatabase
) -> None:
    config = create(service)["config"]
    data_of(send(service.client, "PUT", "/schedules/nightly", {**config, "paused": True}))
    service.tick()
    clock.now += 3 * DAY
    status = service.settled()
    assert (status["next_due"], status["overdue"], runs(jobs_database)) == (None, False, [])
    data_of(send(service.client, "PUT", "/schedules/nightly", config))
    assert service.settled()["overdue"] is False
    assert runs(jobs_database) == []
    clock.now += DAY
    service.settled()
    assert runs(jobs_database) == [("03-06 03:00", "SUCCEEDED")]


def test_other_times_count_from_their_change_on(service: Service, clock: Clock, jobs_database: TestDatabase) -> None:
    config = create(service)["config"]
    data_of(send(service.client, "PUT", "/schedules/nightly", {**config, "when": "0 11 * * *"}))
    service.settled()
    assert runs(jobs_database) == []  # eleven o'clock was an hour ago
    clock.now += DAY
    service.settled()
    assert runs(jobs_database) == [("03-03 11:00", "SUCCEEDED")]


def test_a_run_by_hand_is_one_of_the_schedules_and_costs_no_time_of_the_clock(
    service: Service, clock: Clock, jobs_database: TestDatabase
) -> None:
    create(service, paused=True, request={"format": "binary"})
    answer = send(service.client, "POST", "/schedules/nightly/run")
    job = data_of(answer, 202)
    assert answer.headers["Location"].endswith(job["job_id"])
    good = service.settled()["last_good"]
    assert (good["job_id"], good["rows"] > 0, good["bytes"] > 0) == (job["job_id"], True, True)
    assert data_of(service.client.list())["backup_locations"][0]["backups"][0]["format"] == "binary"
    assert failure(send(service.client, "POST", "/schedules/nothing/run")) == (404, "RESOURCE_NOT_FOUND")


def test_a_target_that_is_gone_under_a_schedule_is_a_failed_run_that_says_so(
    service: Service, clock: Clock, jobs_database: TestDatabase, database: TestDatabase
) -> None:
    send(service.client, "POST", "/targets", {"name": "other", "url": database.url})
    create(service, request={"pg_conn": "other"})
    jobs_database.execute("DELETE FROM vector_jobs.resources WHERE kind = 'target'")
    clock.now += DAY
    failed = service.settled()["last_failure"]
    assert (failed["state"], failed["error_type"], failed["job_id"]) == ("FAILED", "INVALID_PARAMS", None)
    assert failed["error"]
    send(service.client, "POST", "/targets", {"name": "other", "url": database.url})
    clock.now += DAY
    status = service.settled()
    assert status["last_good"]["due"] > status["last_failure"]["due"]
    assert [state for _, state in runs(jobs_database)] == ["FAILED", "SUCCEEDED"]


def test_overdue_is_told_everywhere_and_right_after_a_restart(
    service: Service, start: Callable[..., Service], clock: Clock, database: TestDatabase
) -> None:
    def told(by: Service) -> tuple[bool, int, str]:
        (one,) = data_of(send(by.client, "GET", "/schedules"))["schedules"]
        metrics = text_of(by)
        (line,) = [line for line in metrics.splitlines() if line.startswith("vector_backup_overdue{")]
        return one["status"]["overdue"], by.client.get("/readyz?strict=true").status_code, line[-3:]

    create(service)
    clock.now += DAY
    service.settled()
    assert told(service) == (False, 200, "0.0")
    database.execute("ALTER TABLE langchain_pg_embedding RENAME TO renamed")
    clock.now += DAY
    failed = service.settled()["last_failure"]
    assert failed["error_type"] == "SCHEMA_MISMATCH"
    for one in (service, start()):
        assert told(one) == (True, 503, "1.0")
        assert "vector_backup_age_seconds{" in text_of(one)
        assert one.client.get("/readyz").status_code == 200
        ready = one.client.get("/readyz?strict=true").get_json()["data"]
        assert (ready["checks"]["schedules"], ready["overdue"]) == (False, ["nightly"])
    database.execute("ALTER TABLE renamed RENAME TO langchain_pg_embedding")
    clock.now += DAY
    service.settled()
    assert told(service) == (False, 200, "0.0")
    assert failure(service.client.get("/readyz?strict=perhaps")) == (400, "INVALID_PARAMS")


def test_sets_of_a_schedule_go_by_its_rule_and_no_others(
    service: Service, clock: Clock, jobs_database: TestDatabase
) -> None:
    by_hand = data_of(service.client.backup())["backup_timestamp"]
    create(service, retention={"keep_last": 2})
    made = []
    for _ in range(4):
        clock.now += DAY
        made.append(service.settled()["last_good"]["timestamp"])
    service.jobs._maintenance._retire()
    (place,) = data_of(service.client.list())["backup_locations"]
    assert [one["timestamp"] for one in place["backups"]] == [made[3], made[2], by_hand]
    gone = jobs_database.fetch("SELECT count(*) FROM vector_jobs.schedule_runs WHERE retired_at IS NOT NULL")
    assert gone == [(2,)]


def test_a_set_that_was_deleted_by_hand_takes_no_other_ones_place(
    service: Service, clock: Clock, jobs_database: TestDatabase
) -> None:
    create(service, retention={"keep_last": 2})
    made = []
    for _ in range(3):
        clock.now += DAY
        made.append(service.settled()["last_good"]["timestamp"])
        time.sleep(1.1)  # the next set is of another second
    for timestamp in made[1:]:
        service.client.delete(f"{PREFIX}/backups/global/{timestamp}")
    service.jobs._maintenance._retire()
    (place,) = data_of(service.client.list())["backup_locations"]
    assert [one["timestamp"] for one in place["backups"]] == made[:1]


def test_a_copy_in_a_storage_out_of_reach_keeps_no_other_from_going(
    start: Callable[..., Service], clock: Clock, database: TestDatabase, fill: Any, tmp_path: Path
) -> None:
    fill(database)
    archive = tmp_path / "archive"
    service = start(STORAGES=json.dumps({"archive": str(archive)}))
    create(service, retention={"keep_last": 1}, request={"storages": ["local", "archive"]})
    made = []
    for _ in range(2):
        clock.now += DAY
        made.append(service.settled()["last_good"]["timestamp"])
    (archive / "vector_bak").rename(tmp_path / "away")
    (archive / "vector_bak").write_text("no directory")
    service.jobs._maintenance._retire()
    (place,) = data_of(service.client.list())["backup_locations"]
    assert [one["timestamp"] for one in place["backups"]] == made[1:]
    (archive / "vector_bak").unlink()
    (tmp_path / "away").rename(archive / "vector_bak")
    service.jobs._maintenance._retire()
    (place,) = data_of(service.client.list(storage="archive"))["backup_locations"]
    assert [one["timestamp"] for one in place["backups"]] == made[1:]


def test_a_storage_that_is_not_mounted_is_told_of_everywhere(
    start: Callable[..., Service], clock: Clock, database: TestDatabase, fill: Any, tmp_path: Path
) -> None:
    fill(database)
    archive = tmp_path / "archive"
    service = start(STORAGES=json.dumps({"archive": str(archive)}))
    create(service, request={"storages": ["local", "archive"]})
    clock.now += DAY
    assert service.settled()["last_good"]["timestamp"] == _timestamp(service, storage="archive")
    archive.rename(tmp_path / "away")
    archive.mkdir()
    clock.now += DAY
    failed = service.settled()["last_failure"]
    tested = send(service.client, "POST", "/storages/archive/test")
    listed = service.client.list(storage="archive")
    health = data_of(service.client.get("/readyz"))
    doctor = Doctor(service.jobs.scheduler._engine, lambda: None).examine().data()["findings"]
    (named,) = [one for one in doctor if (one["check"], one.get("about")) == ("storage", "archive")]
    assert (failed["state"], health["storages"], named["state"]) == ("PARTIAL", {"archive": False}, "failed")
    for response in (tested, listed):
        assert failure(response) == (503, "SERVICE_UNAVAILABLE")
    reason = tested.get_json()["data"]["response"]
    assert ".vector_backup_storage" in reason
    assert reason == listed.get_json()["data"]["response"] == health["reasons"]["archive"] == named["text"]
    assert reason in failed["error"]
    assert list(archive.iterdir()) == []
    archive.rmdir()
    (tmp_path / "away").rename(archive)
    clock.now += DAY
    assert service.settled()["last_good"]["timestamp"] == _timestamp(service, storage="archive")


def _timestamp(service: Service, **query: str) -> str:
    """Of the newest set."""
    (place,) = data_of(service.client.list(**query))["backup_locations"]
    return str(place["backups"][0]["timestamp"])


def test_a_set_that_did_not_reach_a_storage_takes_no_place_there(
    start: Callable[..., Service], clock: Clock, database: TestDatabase, fill: Any, tmp_path: Path
) -> None:
    fill(database)
    archive = tmp_path / "archive"
    service = start(STORAGES=json.dumps({"archive": str(archive)}))
    create(service, retention={"keep_last": 1}, request={"storages": ["local", "archive"]})
    clock.now += DAY
    first = service.settled()["last_good"]["timestamp"]
    (archive / "vector_bak").rename(tmp_path / "away")
    (archive / "vector_bak").write_text("no directory")
    clock.now += DAY
    failed = service.settled()["last_failure"]
    assert (failed["state"], "archive" in failed["error"]) == ("PARTIAL", True)
    (archive / "vector_bak").unlink()
    (tmp_path / "away").rename(archive / "vector_bak")
    service.jobs._maintenance._retire()
    (place,) = data_of(service.client.list(storage="archive"))["backup_locations"]
    assert [one["timestamp"] for one in place["backups"]] == [first]
    (place,) = data_of(service.client.list())["backup_locations"]
    assert first not in [one["timestamp"] for one in place["backups"]]


def test_the_rule_of_the_environment_leaves_the_sets_of_schedules_alone(
    start: Callable[..., Service], clock: Clock, database: TestDatabase, fill: Any
) -> None:
    fill(database)
    service = start(BACKUP_KEEP_LAST="1")
    create(service)
    for _ in range(2):
        clock.now += DAY
        service.settled()
    others = [data_of(service.client.backup())["backup_timestamp"] for _ in range(2)]
    service.jobs._maintenance._retire()
    (place,) = data_of(service.client.list())["backup_locations"]
    left = [one["timestamp"] for one in place["backups"]]
    assert len(left) == 3
    assert others[1] in left
    assert others[0] not in left


def test_a_schedule_that_is_deleted_leaves_its_sets(
    service: Service, clock: Clock, jobs_database: TestDatabase
) -> None:
    create(service, retention={"keep_last": 1})
    for _ in range(2):
        clock.now += DAY
        service.settled()
    data_of(send(service.client, "DELETE", "/schedules/nightly"))
    create(service, retention={"keep_last": 1})
    service.jobs._maintenance._retire()
    (place,) = data_of(service.client.list())["backup_locations"]
    assert len(place["backups"]) == 2
    assert runs(jobs_database) == []


def test_a_time_that_a_wrong_clock_ran_years_ahead_stops_nothing(
    service: Service, clock: Clock, jobs_database: TestDatabase
) -> None:
    create(service)
    clock.now += 1000 * DAY
    service.settled()
    clock.now -= 999 * DAY
    service.settled()
    assert ("03-03 03:00", "SUCCEEDED") in runs(jobs_database)


def test_a_schedule_without_the_jobs_database_is_shown_without_its_state(
    make_client: Callable[..., Client], database: TestDatabase
) -> None:
    nowhere = {"JOBS_DATABASE_URL": "postgresql://jobs:x@127.0.0.1:1/jobs"}
    client = make_client(DATABASE_URL=database.url, BACKUP_SCHEDULE="daily Asia/Shanghai", **nowhere)
    listed = data_of(client.get(f"{BASE}/schedules"))
    (one,) = listed["schedules"]
    assert (one["name"], one["status"], listed["complete"]) == ("BACKUP_SCHEDULE", None, False)
    assert json.loads(client.get("/readyz?strict=true").text)["data"]["checks"]["schedules"] is False
