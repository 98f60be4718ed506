"""Whose password goes where: a named target's to its own server, the service's own to nobody a request names."""

import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from data_pipeline.api import PREFIX
from data_pipeline.settings import Settings, SettingsError
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import EMBEDDING

CANARY = "canary-pa55word"
REPLACE = {"truncate_before_restore": True}
SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
CLEARTEXT, MD5, SASL = 3, 5, 10


def post_backup(address: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Ask a service that is a process of its own for a backup; its status and data."""
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("POST", f"{PREFIX}/backup", json.dumps(body))
    response = connection.getresponse()
    data = json.loads(response.read())["data"]
    connection.close()
    return response.status, data


class FakePostgres:
    """Asks whoever connects for a password, writes down all it is told, and lets nobody in."""

    def __init__(self) -> None:
        self.asks_for = CLEARTEXT
        self.startups: list[dict[str, str]] = []
        self.passwords: list[bytes] = []
        self._listener = socket.create_server(("0.0.0.0", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # A client that gives up, or tries again without TLS, hangs up in the middle.
            with suppress(struct.error, OSError), connection, connection.makefile("rwb") as stream:
                self._talk(stream)

    def _talk(self, stream: Any) -> None:
        """https://www.postgresql.org/docs/current/protocol-message-formats.html"""
        packet = self._packet(stream)
        while struct.unpack("!i", packet[:4])[0] in (SSL_REQUEST, GSS_REQUEST):
            stream.write(b"N")
            stream.flush()
            packet = self._packet(stream)
        words = packet[4:].rstrip(b"\0").decode().split("\0")
        self.startups.append(dict(zip(words[::2], words[1::2], strict=True)))
        more = {CLEARTEXT: b"", MD5: b"salt", SASL: b"SCRAM-SHA-256\0\0"}[self.asks_for]
        stream.write(b"R" + struct.pack("!ii", 8 + len(more), self.asks_for) + more)
        stream.flush()
        if stream.read(1) == b"p":
            self.passwords.append(self._packet(stream))
        said = b"SFATAL\0C28P01\0Mpassword authentication failed\0\0"
        stream.write(b"E" + struct.pack("!i", 4 + len(said)) + said)

    @staticmethod
    def _packet(stream: Any) -> bytes:
        (length,) = struct.unpack("!i", stream.read(4))
        return bytes(stream.read(length - 4))


@pytest.fixture
def fake() -> Iterator[FakePostgres]:
    server = FakePostgres()
    yield server
    server.close()


def targets(**urls: str) -> dict[str, str]:
    return {"TARGETS": json.dumps(urls)}


# Named targets


def test_a_target_is_restored_and_backed_up_by_its_name_alone(
    make_client: Callable[..., Client],
    database: TestDatabase,
    second_database: TestDatabase,
    fill: Any,
    bits: Any,
    small_set: dict[str, str],
) -> None:
    fill(database)
    before = bits(database)
    client = make_client(DATABASE_URL=database.url, **targets(copy=second_database.url))
    with capture_logs() as lines:
        restored = client.restore(**small_set, **REPLACE, pg_conn="copy")
        answers = [restored, client.backup(pg_conn="copy"), client.backup(db_connection="copy")]
    for response in answers:
        assert response.status_code == 200
        target = response.get_json()["data"]["target"]
        assert (target["dbname"], target["source"]) == (second_database.dbname, "target")
        assert set(target) == {"host", "port", "dbname", "user", "source"}
    assert second_database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(2,)]
    assert bits(database) == before
    password = second_database.server.password
    for text in (*(response.text for response in answers), str(lines)):
        assert not password or password not in text


def test_a_name_that_is_no_target_is_refused_without_telling_the_others(
    make_client: Callable[..., Client], small_set: dict[str, str]
) -> None:
    client = make_client(**targets(production=f"postgresql://ann:{CANARY}@127.0.0.1:1/docs"))
    for name in ("staging", "Production", "production ", "target", "product"):
        response = client.restore(**small_set, pg_conn=name)
        assert failure(response) == (400, "INVALID_PARAMS")
        assert ("TARGETS" in response.get_json()["data"]["response"]) is (" " not in name)  # which no URL has either
        assert "production" not in response.text.replace(name, "")


def test_a_targets_password_goes_to_its_own_server_and_to_no_other(
    make_client: Callable[..., Client], fake: FakePostgres
) -> None:
    client = make_client(**targets(far=f"postgresql://ann:{CANARY}@0.0.0.0:{fake.port}/docs"))
    assert failure(client.backup(pg_conn="far")) == (500, "DATABASE_ERROR")
    assert fake.passwords == [f"{CANARY}\0".encode()]
    response = client.backup(pg_conn=f"postgresql://ann@127.0.0.1:{fake.port}/docs")
    assert failure(response) == (500, "DATABASE_ERROR")
    assert len(fake.passwords) == 1


def test_a_targets_host_is_not_open_to_requests(make_client: Callable[..., Client], fake: FakePostgres) -> None:
    client = make_client(**targets(far=f"postgresql://ann:{CANARY}@0.0.0.0:{fake.port}/docs"))
    assert failure(client.backup(pg_conn=f"postgresql://ann@0.0.0.0:{fake.port}/docs")) == (403, "FORBIDDEN")
    assert fake.startups == []


WRONG_TARGETS = [
    "postgresql://ann:canary-pa55word@localhost/docs",
    '["postgresql://ann:canary-pa55word@localhost/docs"]',
    '{"copy": {"host": "localhost", "password": "canary-pa55word"}}',
    '{"copy": "host=localhost password=canary-pa55word"}',
    '{"copy": "postgresql://ann:canary-pa55word@/var/run/docs"}',
    '{"copy": "postgresql://ann:canary-pa55word@localhost/docs?passfile=/x"}',
    '{"": "postgresql://ann:canary-pa55word@localhost/docs"}',
    '{"a b": "postgresql://ann:canary-pa55word@localhost/docs"}',
    '{"postgresql://x": "postgresql://ann:canary-pa55word@localhost/docs"}',
    '{"copy": null}',
    "true",
]


@pytest.mark.parametrize("value", WRONG_TARGETS)
def test_targets_that_cannot_be_used_stop_the_start_with_one_line(value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"TARGETS": value})
    (line,) = str(caught.value).splitlines()
    assert line.startswith("TARGETS must be a JSON object such as")
    assert CANARY not in line


# Hosts that a request may name

ELSEWHERE = [
    "169.254.169.254",
    "169.254.169.254.",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "metadata.google.internal",
    "0",
    "127.0.0.1.",
    "localhost.",
    "localhost.localdomain",
    "db.example.com.evil.com",
]


@pytest.mark.parametrize("host", ELSEWHERE)
def test_any_way_to_write_another_host_is_forbidden_before_anything_is_sent(
    make_client: Callable[..., Client], small_set: dict[str, str], fake: FakePostgres, host: str
) -> None:
    client = make_client(PG_CONN_ALLOWED_HOSTS="db.example.com")
    url = f"postgresql://ann:{CANARY}@{host}:{fake.port}/docs"
    for response in (client.restore(**small_set, pg_conn=url), client.backup(db_connection=url)):
        assert failure(response) == (403, "FORBIDDEN")
        assert CANARY not in response.text
    assert fake.startups == []


def test_a_host_that_is_allowed_is_reached_with_the_requests_own_password(
    make_client: Callable[..., Client], fake: FakePostgres
) -> None:
    client = make_client(PG_CONN_ALLOWED_HOSTS="0.0.0.0")
    response = client.backup(pg_conn=f"postgresql://ann:mine@0.0.0.0:{fake.port}/docs")
    assert failure(response) == (500, "DATABASE_ERROR")
    assert response.get_json()["data"]["can_retry"] is False
    assert fake.passwords == [b"mine\0"]


# What the service has of its own


@pytest.fixture
def ambient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All that libpq would help itself to: variables, a password file, a client certificate."""
    home = tmp_path / "home"
    (home / ".postgresql").mkdir(parents=True)
    for name in (".pgpass", "passfile"):
        (home / name).write_text(f"*:*:*:*:{CANARY}\n")
        (home / name).chmod(0o600)
    for name in ("postgresql.crt", "postgresql.key"):
        (home / ".postgresql" / name).write_text(CANARY)
    (home / ".pg_service.conf").write_text(f"[ours]\npassword={CANARY}\nuser={CANARY}\noptions=-c {CANARY}\n")
    variables = {
        "HOME": str(home),
        "PGPASSWORD": CANARY,
        "PGPASSFILE": str(home / "passfile"),
        "PGUSER": CANARY,
        "PGDATABASE": CANARY,
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGOPTIONS": f"-c {CANARY}",
        "PGAPPNAME": CANARY,
        "PGSERVICE": "ours",
        "PGSERVICEFILE": str(home / ".pg_service.conf"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("ambient")
@pytest.mark.parametrize("asks_for", [CLEARTEXT, MD5, SASL], ids=["cleartext", "md5", "scram"])
def test_a_server_that_a_request_named_gets_nothing_of_the_services_own(
    make_client: Callable[..., Client], fake: FakePostgres, small_set: dict[str, str], asks_for: int
) -> None:
    fake.asks_for = asks_for
    client = make_client(DATABASE_URL=f"postgresql://bob:{CANARY}@127.0.0.1:{fake.port}/own")
    url = f"postgresql://ann@127.0.0.1:{fake.port}/docs"
    for response in (client.backup(pg_conn=url), client.restore(**small_set, pg_conn=url)):
        assert failure(response) == (500, "DATABASE_ERROR")
    assert fake.passwords == []
    assert fake.startups
    for startup in fake.startups:
        assert startup == {
            "user": "ann",
            "database": "docs",
            "client_encoding": "UTF8",
            "application_name": "vector-restore",
        }


@pytest.mark.usefixtures("ambient")
def test_its_own_database_gets_its_own_password_and_nobody_elses(
    make_client: Callable[..., Client], fake: FakePostgres
) -> None:
    client = make_client(DATABASE_URL=f"postgresql://bob:its-own@127.0.0.1:{fake.port}/own")
    assert failure(client.backup()) == (500, "DATABASE_ERROR")
    assert fake.passwords == [b"its-own\0"]
    assert [startup["user"] for startup in fake.startups] == ["bob"]
    without = make_client(DATABASE_URL=f"postgresql://bob@127.0.0.1:{fake.port}/own")
    assert failure(without.backup()) == (500, "DATABASE_ERROR")
    assert len(fake.passwords) == 1


def test_a_process_forgets_the_variables_once_it_has_read_them(
    start_server: Callable[..., Any], database: TestDatabase, fake: FakePostgres
) -> None:
    server = start_server(
        PGHOST=database.server.host,
        PGPORT=str(database.server.port),
        PGUSER=database.server.user,
        PGPASSWORD=database.server.password or "",
        PGDATABASE=database.dbname,
        PGTZ="Asia/Shanghai",
        PGDATESTYLE="German",
        PGGEQO="off",
    )
    answers = [
        post_backup(server.address, body) for body in ({}, {"pg_conn": f"postgresql://ann@127.0.0.1:{fake.port}"})
    ]
    assert [(status, data["target"]["source"]) for status, data in answers] == [(200, "app_config"), (500, "pg_conn")]
    assert fake.passwords == []
    for startup in fake.startups:
        assert set(startup) == {"user", "database", "client_encoding", "application_name"}
