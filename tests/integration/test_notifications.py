"""Notifications, received by a real HTTP server on loopback."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from data_pipeline.api import BASE
from data_pipeline.jobs.backend.schedule_runs import Run
from data_pipeline.jobs.job import Origin
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.notify import webhook
from data_pipeline.operations.requests.backup import BackupRequest
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of, failure

SECRET = "the-secret-of-the-webhook"
KEY = "a-key-for-secrets-of-resources-in-tests"
LOCATION = "http://127.0.0.1:1/elsewhere"


@dataclass
class Receiver:
    """What was received: method, path, headers and body of each request. statuses: what is answered next."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, _, body in self.received if body]

    def expect(self, count: int) -> list[dict[str, Any]]:
        """The messages, once there are so many."""
        wait_until(lambda: len(self.received) >= count)
        return self.messages


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._receive(self.rfile.read(int(self.headers["Content-Length"])))

        def do_GET(self) -> None:
            self._receive(b"")

        def _receive(self, body: bytes) -> None:
            found.received.append((self.command, self.path, dict(self.headers), body))
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            self.send_header("Location", LOCATION)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def env(database: TestDatabase, jobs_database: TestDatabase) -> dict[str, str]:
    return {
        "DATABASE_URL": database.url,
        "JOBS_DATABASE_URL": jobs_database.url,
        "SECRET_KEY": KEY,
        "NOTIFY_ALLOWED_HOSTS": "127.0.0.1",
        "JOBS_HEARTBEAT_SECONDS": "1",
    }


@pytest.fixture
def client(make_client: Callable[..., Client], env: dict[str, str]) -> Client:
    return make_client(**env)


@pytest.fixture
def jobs(client: Client) -> Jobs:
    found: Jobs = client.application.extensions["jobs"]
    return found


def wait_until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def notifier(client: Client, name: str, url: str, **config: Any) -> None:
    response = client.post(f"{BASE}/notifiers", json={"name": name, "url": url, **config})
    assert response.status_code == 201, response.text


def ended(jobs: Jobs, state: str, schedule: str = "nightly", cause: str = "STORAGE_FULL") -> None:
    """A run of a schedule that has ended, told and sent."""
    now = datetime.now(timezone.utc)
    error = {"data": {"error_type": cause, "response": "存储空间不足"}} if state == "FAILED" else None
    jobs.notifications.settled(Run(schedule, now, False, None, state, {}, error, now, now))
    jobs.notifications.deliver()


def sent(client: Client, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data_of(client.get(f"{BASE}/notifications", query_string=query))["notifications"]
    return found


def due_now(jobs_database: TestDatabase) -> None:
    jobs_database.execute("UPDATE vector_jobs.outbox SET next_at = now()")


def test_a_webhook_is_signed_and_its_test_says_so(client: Client, receiver: Receiver) -> None:
    notifier(client, "hook", f"{receiver.url}/hook?channel=ops", secret=SECRET, language="en")
    assert data_of(client.post(f"{BASE}/notifiers/hook/test"))["seen"] == {"service": "http"}
    ((method, path, headers, body),) = receiver.received
    assert (method, path) == ("POST", "/hook?channel=ops")
    timestamp = headers[webhook.TIMESTAMP]
    assert headers[webhook.SIGNATURE] == webhook.signature(SECRET, timestamp, body)
    assert abs(int(timestamp) - time.time()) < 60
    (message,) = receiver.messages
    assert (message["event"], message["title"]) == ("test", "a test: hook")
    assert headers[webhook.DELIVERY] == message["id"]
    assert SECRET not in client.get(f"{BASE}/notifiers/hook").text


def test_the_same_trouble_is_told_once_and_its_end_too(
    client: Client, jobs: Jobs, jobs_database: TestDatabase, receiver: Receiver
) -> None:
    notifier(client, "all", receiver.url, repeat_hours=6)
    notifier(client, "quiet", f"{receiver.url}/quiet", events=["recovered"])
    notifier(client, "other", f"{receiver.url}/other", schedules=["weekly"])
    for state in ("SUCCEEDED", "FAILED", "FAILED", "CANCELLED", "FAILED"):
        ended(jobs, state)
    assert [(one["event"], one["subject"]) for one in receiver.messages] == [("failure", "nightly")]
    ended(jobs, "FAILED", cause="DATABASE_ERROR")
    jobs_database.execute("UPDATE vector_jobs.troubles SET told_at = told_at - interval '7 hours'")
    ended(jobs, "FAILED", cause="DATABASE_ERROR")
    assert [one["error_type"] for one in receiver.messages] == ["STORAGE_FULL", "DATABASE_ERROR", "DATABASE_ERROR"]
    ended(jobs, "SUCCEEDED")
    ended(jobs, "SUCCEEDED")
    paths = [path for _, path, _, _ in receiver.received]
    assert [one["event"] for one in receiver.messages[3:]] == ["recovered", "recovered"]
    assert sorted(paths[3:]) == ["/", "/quiet"]
    assert "存储空间不足" in receiver.messages[0]["text"]


def test_a_dead_mans_switch_is_called_after_each_success(client: Client, jobs: Jobs, receiver: Receiver) -> None:
    notifier(client, "switch", f"ping+{receiver.url}/abc", schedules=["nightly"])
    for state in ("SUCCEEDED", "FAILED", "SUCCEEDED"):
        ended(jobs, state)
    ended(jobs, "SUCCEEDED", schedule="weekly")
    assert [(method, path, body) for method, path, _, body in receiver.received] == [("GET", "/abc", b"")] * 2


def test_what_is_not_taken_is_sent_again_with_the_same_id_and_shown(
    client: Client, jobs: Jobs, jobs_database: TestDatabase, receiver: Receiver
) -> None:
    notifier(client, "hook", receiver.url)
    receiver.statuses += [500, 302]
    ended(jobs, "FAILED")
    for state, attempts, error in (
        ("WAITING", 1, "NOTIFIER_FAILED"),
        ("WAITING", 2, "NOTIFIER_FAILED"),
        ("SENT", 3, None),
    ):
        (shown,) = sent(client, notifier="hook")
        assert (shown["state"], shown["attempts"], shown["error_type"]) == (state, attempts, error)
        jobs.notifications.deliver()  # not yet
        assert len(receiver.received) == attempts
        due_now(jobs_database)
        jobs.notifications.deliver()
    assert len({headers[webhook.DELIVERY] for _, _, headers, _ in receiver.received}) == 1


def test_what_else_waits_for_a_notifier_that_is_down_holds_nothing_up(
    client: Client, jobs: Jobs, receiver: Receiver
) -> None:
    notifier(client, "down", f"{receiver.url}/down", schedules=["nightly", "weekly"])
    notifier(client, "up", f"{receiver.url}/up", schedules=["daily"])
    receiver.statuses += [500]
    now = datetime.now(timezone.utc)
    for schedule in ("nightly", "weekly", "daily"):
        jobs.notifications.settled(Run(schedule, now, False, None, "FAILED", {}, None, now, now))
    jobs.notifications.deliver()
    assert [path for _, path, _, _ in receiver.received] == ["/down", "/up"]
    assert [one["attempts"] for one in sent(client, notifier="down")] == [0, 1]


def test_what_can_not_be_sent_for_a_day_is_given_up(
    client: Client, jobs: Jobs, jobs_database: TestDatabase, receiver: Receiver
) -> None:
    notifier(client, "hook", receiver.url)
    receiver.statuses += [500, 500]
    ended(jobs, "FAILED")
    jobs_database.execute("UPDATE vector_jobs.outbox SET next_at = now(), created_at = now() - interval '25 hours'")
    jobs.notifications.deliver()
    (shown,) = sent(client)
    assert (shown["state"], shown["next_at"]) == ("FAILED", None)
    due_now(jobs_database)
    jobs.notifications.deliver()
    assert len(receiver.received) == 2


def test_a_webhook_that_points_inside_is_refused(
    make_client: Callable[..., Client], env: dict[str, str], receiver: Receiver, client: Client
) -> None:
    strict = make_client(**env | {"NOTIFY_ALLOWED_HOSTS": ""})
    for number, host in enumerate(("127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:127.0.0.1]", "0x7f.1")):
        url = receiver.url.replace("127.0.0.1", host)
        refused = strict.post(f"{BASE}/notifiers", json={"name": f"inside{number}", "url": url})
        assert failure(refused) == (403, "FORBIDDEN")
    notifier(strict, "name", receiver.url.replace("127.0.0.1", "localhost"))
    assert failure(strict.post(f"{BASE}/notifiers/name/test")) == (403, "FORBIDDEN")
    notifier(client, "allowed-before", receiver.url)
    assert failure(strict.post(f"{BASE}/notifiers/allowed-before/test")) == (403, "FORBIDDEN")
    assert receiver.received == []


def test_wrong_notifiers_are_refused(client: Client) -> None:
    for url in ("json://localhost/", "file:///etc/passwd", "https://user:password@example.com/", "nonsense"):
        assert failure(client.post(f"{BASE}/notifiers", json={"name": "x", "url": url})) == (400, "INVALID_PARAMS")
    more: dict[str, Any]
    for more in ({"events": ["nonsense"]}, {"repeat_hours": 0}, {"language": "fr"}, {"schedules": []}):
        body = {"name": "x", "url": "https://example.com/", **more}
        assert failure(client.post(f"{BASE}/notifiers", json=body)) == (400, "INVALID_PARAMS")


def test_what_waits_goes_with_its_notifier(
    client: Client, jobs: Jobs, jobs_database: TestDatabase, receiver: Receiver
) -> None:
    notifier(client, "hook", receiver.url)
    receiver.statuses += [500]
    ended(jobs, "FAILED")
    data_of(client.delete(f"{BASE}/notifiers/hook"))
    assert sent(client) == []
    assert jobs_database.fetch("SELECT count(*) FROM vector_jobs.troubles") == [(0,)]


def test_a_service_tells_of_backups_that_fail_and_that_are_overdue(
    client: Client,
    jobs: Jobs,
    jobs_database: TestDatabase,
    start_server: Callable[..., Any],
    env: dict[str, str],
    database: TestDatabase,
    receiver: Receiver,
) -> None:
    notifier(client, "hook", receiver.url, events=["failure", "success", "overdue", "recovered"], language="en")
    created = client.post(
        f"{BASE}/schedules", json={"name": "nightly", "when": "0 3 * * *", "request": {}, "grace_minutes": 1}
    )
    assert created.status_code == 201, created.text
    began = datetime.now(timezone.utc) - timedelta(days=9)
    jobs_database.execute("INSERT INTO vector_jobs.schedule_times VALUES ('nightly', '0 3 * * * UTC', %s)", (began,))
    jobs_database.execute(
        "INSERT INTO vector_jobs.schedule_runs (schedule, due, state, finished_at)"
        " VALUES ('nightly', now(), 'FAILED', now())"
    )
    worker = start_server("worker", **env)
    worker.wait_for_jobs()
    (overdue,) = receiver.expect(1)
    assert (overdue["event"], overdue["title"]) == ("overdue", "backup overdue: nightly")
    database.execute("ALTER TABLE langchain_pg_embedding RENAME TO elsewhere")
    data_of(client.post(f"{BASE}/schedules/nightly/run"), 202)
    failed = receiver.expect(2)[1]
    assert (failed["event"], failed["error_type"], failed["schedule"]) == ("failure", "SCHEMA_MISMATCH", "nightly")
    assert "Job: " in failed["text"]
    database.execute("ALTER TABLE elsewhere RENAME TO langchain_pg_embedding")
    data_of(client.post(f"{BASE}/schedules/nightly/run"), 202)
    assert receiver.expect(3)[2]["event"] == "recovered"


def test_a_set_is_proven_after_each_backup_and_a_drill_that_fails_is_told(
    client: Client, jobs: Jobs, database: TestDatabase, fill: Any, output_dir: Any, receiver: Receiver
) -> None:
    fill(database)
    notifier(client, "hook", receiver.url, events=["success", "drill_failed"], language="en", schedules=["nightly"])
    body = {"name": "nightly", "when": "0 3 * * *", "request": {}, "drill": True}
    assert client.post(f"{BASE}/schedules", json=body).status_code == 201
    jobs.start()
    data_of(client.post(f"{BASE}/schedules/nightly/run"), 202)
    assert [one["subject"] for one in receiver.expect(2)] == ["nightly", "nightly: drill"]
    (drilled,) = data_of(client.get(f"{BASE}/drills"))["drills"]
    assert (drilled["schedule"], drilled["proven"]) == ("nightly", True)
    assert data_of(client.get(f"{BASE}/schedules/nightly"))["status"]["proven_at"] == drilled["proven_at"]
    (file,) = output_dir.rglob("langchain_pg_embedding_*.csv")
    file.write_bytes(file.read_bytes().replace(b"0.25", b"0.35", 1))
    route = f"{BASE}/vector/backups/global/{drilled['timestamp']}/drill"
    data_of(client.post(route, json={"async": True}), 202)
    failed = receiver.expect(3)[2]
    assert (failed["event"], failed["subject"], failed["error_type"]) == (
        "drill_failed",
        "nightly: drill",
        "INVALID_BACKUP",
    )
    assert drilled["timestamp"] in failed["text"]


def test_a_failed_job_is_an_error_in_the_log(
    start_server: Callable[..., Any], env: dict[str, str], jobs: Jobs, database: TestDatabase
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding RENAME TO elsewhere")
    worker = start_server("worker", **env)
    worker.wait_for_jobs()
    job = jobs.hand_over(BackupRequest.read({}), Origin("failing", "test"))
    wait_until(lambda: jobs.get(job.id).finished)
    wait_until(lambda: '"event": "job"' in worker.log)
    (line,) = [line for line in map(json.loads, worker.log.splitlines()) if line["event"] == "job"]
    assert (line["level"], line["state"]) == ("error", "FAILED")
