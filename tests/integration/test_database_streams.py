"""Exports and imports over real HTTP: their clients go away, and the service is killed."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from tests.conftest import TestDatabase
from tests.integration.whole_databases import EXPORT, IMPORT, archive_of, plain_dump, voice
from tests.live_server import LiveServer

CHILDREN = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'vector-restore child%'"
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
SECONDS = 30


@pytest.fixture
def voices(empty_database: TestDatabase) -> TestDatabase:
    voice(empty_database)
    return empty_database


@pytest.fixture
def server(start_server: Callable[..., LiveServer], voices: TestDatabase, tmp_path: Path) -> LiveServer:
    (tmp_path / "temporary").mkdir()
    return start_server(DATABASE_URL=voices.url, TMPDIR=str(tmp_path / "temporary"))


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _post(archive: bytes, **fields: str) -> bytes:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.dump"\r\n\r\n' + archive + b"\r\n--x--\r\n"
    body = "".join(parts).encode() + file
    head = f"POST {IMPORT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _ask(server: LiveServer, request: bytes) -> socket.socket:
    host, _, port = server.address.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=SECONDS)
    connection.sendall(request)
    return connection


@pytest.fixture
def waiting_import(server: LiveServer, voices: TestDatabase) -> Iterator[tuple[socket.socket, str]]:
    """An import that has begun and waits for a table, and what the database held before it."""
    before = plain_dump(voices)
    with closing(voices.connect()) as holder:
        holder.cursor().execute("SELECT FROM users LIMIT 1")
        connection = _ask(server, _post(archive_of(voices), cleanFirst="true", trusted="true"))
        with connection:
            eventually(lambda: voices.fetch(CHILDREN) == [(1,)])
            yield connection, before


def _nothing_left(voices: TestDatabase, temporary: Path, before: str) -> None:
    eventually(lambda: voices.fetch(CHILDREN) == [(0,)] and voices.fetch(LOCKS) == [(0,)])
    eventually(lambda: not [*temporary.glob("database_*")])
    assert plain_dump(voices) == before


def test_an_import_ends_with_its_client(
    waiting_import: tuple[socket.socket, str], voices: TestDatabase, tmp_path: Path
) -> None:
    connection, before = waiting_import
    seen = b""
    while seen.count(b'"type": "progress"') < 3:  # the table is waited for, and yet it goes on telling
        seen += connection.recv(65536)
    connection.close()
    _nothing_left(voices, tmp_path / "temporary", before)


def test_a_service_that_is_stopped_ends_its_imports(
    waiting_import: tuple[socket.socket, str], server: LiveServer, voices: TestDatabase, tmp_path: Path
) -> None:
    _, before = waiting_import
    server.stop()
    _nothing_left(voices, tmp_path / "temporary", before)


def test_a_child_that_is_killed_leaves_no_backend_and_a_clear_event(
    waiting_import: tuple[socket.socket, str], server: LiveServer, voices: TestDatabase, tmp_path: Path
) -> None:
    connection, before = waiting_import
    for child in psutil.Process(server.process.pid).children(recursive=True):
        if child.name() == "pg_restore":
            child.kill()
    seen = b""
    while part := connection.recv(65536):
        seen += part
        if b'"type": "error"' in seen:
            break
    assert b'"error_type": "DATABASE_ERROR"' in seen
    _nothing_left(voices, tmp_path / "temporary", before)


@pytest.mark.usefixtures("waiting_import")
def test_the_password_stands_in_no_argument_of_a_child(server: LiveServer, voices: TestDatabase) -> None:
    (child,) = [
        one for one in psutil.Process(server.process.pid).children(recursive=True) if one.name() == "pg_restore"
    ]
    password = voices.server.password
    assert password
    assert password not in " ".join(child.cmdline())
    assert child.environ()["PGPASSWORD"] == password
    assert password not in server.log


def test_a_backend_that_is_ended_is_a_clear_event(
    waiting_import: tuple[socket.socket, str], voices: TestDatabase, tmp_path: Path
) -> None:
    connection, before = waiting_import
    voices.fetch(CHILDREN.replace("count(*)", "pg_terminate_backend(pid)"))
    seen = b""
    while b'"type": "error"' not in seen:
        seen += connection.recv(65536)
    assert b'"error_type": "DATABASE_ERROR"' in seen
    _nothing_left(voices, tmp_path / "temporary", before)


def test_what_a_killed_service_has_left_ends_when_the_next_one_starts(
    waiting_import: tuple[socket.socket, str],
    server: LiveServer,
    start_server: Callable[..., LiveServer],
    voices: TestDatabase,
) -> None:
    _, before = waiting_import
    server.process.kill()
    server.process.wait(SECONDS)
    start_server(DATABASE_URL=voices.url).wait_for_jobs()
    eventually(lambda: voices.fetch(CHILDREN) == [(0,)])
    assert plain_dump(voices) == before


def test_an_export_ends_with_its_client(server: LiveServer, voices: TestDatabase) -> None:
    voices.execute("CREATE TABLE wide AS SELECT md5(n::text) || md5((-n)::text) AS t FROM generate_series(1, 600000) n")
    with _ask(server, f"GET {EXPORT} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()) as connection:
        assert b"200 OK" in connection.recv(1000)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    eventually(lambda: voices.fetch(CHILDREN) == [(0,)] and voices.fetch(LOCKS) == [(0,)])
