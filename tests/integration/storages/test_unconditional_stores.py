"""Object stores that refuse conditional writes, as Backblaze B2 does, or ignore them; and credentials that may not do
everything: known before data is at risk.
"""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from common.messages import say
from data_pipeline.api import PREFIX
from data_pipeline.storage.s3 import bucket as buckets
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.places import BucketPlace

IF_NONE_MATCH, IF_MATCH = "if-none-match", "if-match"
REFUSAL = b"<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality...</Message></Error>"
DENIAL = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
UNSUPPORTED = (501, "STORAGE_UNSUPPORTED")
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class Front(ThreadingHTTPServer):
    """A server in front of an S3 server. It refuses writes with some headers, or takes these headers away."""

    daemon_threads = True

    def __init__(self, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind = behind
        self.refused: set[str] = set()
        self.ignored: set[str] = set()
        self.denied: set[str] = set()
        """Methods that the credentials are not good for."""
        self.writes = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """Passes one request on."""

    protocol_version = "HTTP/1.1"
    server: Front

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        if self.command in self.server.denied:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(403, {"Content-Type": "application/xml"}, DENIAL)
            return False
        return True

    def do_PUT(self) -> None:
        self.server.writes += 1
        sent = {name.lower() for name in self.headers}
        if sent & self.server.refused:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(501, {"Content-Type": "application/xml"}, REFUSAL)
        else:
            self._pass_on(self.server.ignored)

    def do_GET(self) -> None:
        self._pass_on(set())

    do_HEAD = do_POST = do_DELETE = do_GET

    def _pass_on(self, without: set[str]) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in without}
        connection = HTTPConnection("127.0.0.1", self.server.behind, timeout=30)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        given = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        self._answer(answer.status, given, answer.read(), answer.getheader("Content-Length"))
        connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, length: str | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """obstore asks again after any 5xx: as often as ever, with hardly a pause."""
    pauses = {"init_backoff": timedelta(milliseconds=10), "max_backoff": timedelta(milliseconds=50), "base": 2}
    monkeypatch.setitem(buckets.RETRIES, "backoff", pauses)


@pytest.fixture
def front(bucket: BucketPlace) -> Iterator[Front]:
    with Front(bucket.server.port) as front:
        yield front
        front.shutdown()


KINDS: dict[str, Callable[[Front], None]] = {
    "refuses both": lambda front: front.refused.update({IF_NONE_MATCH, IF_MATCH}),
    "ignores both": lambda front: front.ignored.update({IF_NONE_MATCH, IF_MATCH}),
    "ignores If-None-Match": lambda front: front.ignored.add(IF_NONE_MATCH),
    "refuses If-Match": lambda front: front.refused.add(IF_MATCH),
    "ignores If-Match": lambda front: front.ignored.add(IF_MATCH),
}


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase, bucket: BucketPlace, front: Front) -> Any:
    storages = json.dumps({"archive": bucket.through(front.server_port).url})
    return make_client(DATABASE_URL=database.url, STORAGES=storages)


def failure(response: Any) -> tuple[int, str]:
    assert response.get_json()["data"]["can_retry"] is False
    assert "If-None-Match" in response.get_json()["data"]["response"]
    return response.status_code, response.get_json()["data"]["error_type"]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_stored_there_and_no_row_is_removed(
    client: Client, database: TestDatabase, fill: Any, bits: Any, bucket: BucketPlace, front: Front, kind: str
) -> None:
    fill(database)
    before = bits(database)
    done = client.backup().get_json()["data"]["backup_timestamp"]
    KINDS[kind](front)
    for body in ({"storages": ["archive"]}, {"storages": ["archive"], "truncate_vector_tables": True}):
        assert failure(client.backup(**body)) == UNSUPPORTED
    both = client.backup(storages=["local", "archive"], truncate_vector_tables=True)
    assert failure(both) == UNSUPPORTED
    assert failure(client.post(f"{PREFIX}/backups/global/{done}/copy", data='{"to": "archive"}')) == UNSUPPORTED
    partial = client.backup(storages=["local", "archive"]).get_json()["data"]
    assert partial["storages"]["archive"]["error_type"] == "STORAGE_UNSUPPORTED"
    assert bits(database) == before
    assert {name for name in bucket.names() if not name.endswith(".txt")} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_such_a_store_is_not_ready(
    make_client: Callable[..., Client], database: TestDatabase, bucket: BucketPlace, front: Front, kind: str
) -> None:
    client = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=bucket.through(front.server_port).url)
    assert client.get("/readyz").status_code == 200
    KINDS[kind](front)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["data"]["checks"]["storage"]) == (503, False)
    assert bucket.names("") == set()


def test_a_refusal_is_not_asked_for_again_and_again(client: Client, front: Front) -> None:
    KINDS["refuses both"](front)
    assert failure(client.backup(storages=["archive"])) == UNSUPPORTED
    assert front.writes <= 10


def test_what_lies_there_can_be_restored_and_stays(
    client: Client, database: TestDatabase, fill: Any, bits: Any, front: Front
) -> None:
    fill(database)
    before = bits(database)
    done = client.backup(storages=["archive"]).get_json()["data"]
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    path = f"{PREFIX}/backups/global/{named['timestamp']}"
    KINDS["refuses both"](front)
    database.execute("TRUNCATE langchain_pg_embedding, langchain_pg_collection")
    assert client.restore(**named, truncate_before_restore=True).status_code == 200
    assert bits(database) == before
    assert client.post(f"{path}/verify?storage=archive").status_code == 200
    assert failure(client.delete(f"{path}?storage=archive")) == UNSUPPORTED
    assert client.get(f"{path}?storage=archive").status_code == 200


def test_where_credentials_may_only_read_a_set_is_restored_and_nothing_else_is_tried(
    client: Client, database: TestDatabase, fill: Any, bits: Any, bucket: BucketPlace, front: Front
) -> None:
    fill(database)
    before = bits(database)
    done = client.backup(storages=["archive"]).get_json()["data"]
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    path = f"{PREFIX}/backups/global/{named['timestamp']}"
    there = bucket.names()
    front.denied.update({"PUT", "POST", "DELETE"})
    assert client.restore(**named, truncate_before_restore=True).status_code == 200
    assert client.post(f"{path}/verify?storage=archive").status_code == 200
    refused = [
        client.backup(storages=["archive"], truncate_vector_tables=True),
        client.delete(f"{path}?storage=archive"),
    ]
    for response in refused:
        assert response.status_code == 500
        assert response.get_json()["data"]["response"] == say("bucket_access_denied")
    assert bits(database) == before
    assert bucket.names() == there
    partial = client.backup(storages=["local", "archive"]).get_json()["data"]
    assert {name: one["success"] for name, one in partial["storages"].items()} == {"local": True, "archive": False}


def test_where_credentials_may_do_nothing_the_other_storages_are_there(
    client: Client, database: TestDatabase, fill: Any, front: Front
) -> None:
    fill(database)
    front.denied.update({"GET", "HEAD", "PUT", "POST", "DELETE"})
    assert client.list(storage="archive").get_json()["data"]["response"] == say("bucket_access_denied")
    made = client.backup().get_json()["data"]["backup_timestamp"]
    data = client.list(storage="all").get_json()["data"]
    assert data["summary"]["unreachable_storages"] == ["archive"]
    assert [one["timestamp"] for location in data["backup_locations"] for one in location["backups"]] == [made]
