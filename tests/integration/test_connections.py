"""The database that a request names: which ones may be named, what fails how, and what is never shown or leaked."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import DOCS

SECRET = "pa55-word"


def place(database: TestDatabase) -> str:
    """host:port/dbname"""
    return str(database.url.rpartition("@")[2])


REFUSED = {
    "service": "postgresql://ann:SECRET@localhost/docs?service=prod",
    "passfile": "postgresql://ann:SECRET@localhost/docs?passfile=/root/.pgpass",
    "options": "postgresql://ann:SECRET@localhost/docs?options=-crow_security%3Don",
    "hostaddr": "postgresql://ann:SECRET@localhost/docs?hostaddr=169.254.169.254",
    "sslkey": "postgresql://ann:SECRET@localhost/docs?sslkey=/etc/key",
    "sslcert": "postgresql://ann:SECRET@localhost/docs?sslcert=/etc/cert",
    "sslkeylogfile": "postgresql://ann:SECRET@localhost/docs?sslkeylogfile=/tmp/keys",
    "a socket path": "postgresql://ann:SECRET@%2Fvar%2Frun%2Fpostgresql/docs",
    "a socket path as an option": "postgresql://ann:SECRET@/docs?host=/var/run/postgresql",
    "no host": "postgresql:///docs?password=SECRET",
    "a list of hosts": "postgresql://ann:SECRET@localhost,example.com/docs",
    "a list of hosts and ports": "postgresql://ann:SECRET@localhost:1,example.com:2/docs",
    "a URI inside dbname": "postgresql://ann:SECRET@localhost/postgresql:%2F%2Fexample.com%2Fdocs",
    "keywords inside dbname": "postgresql://ann:SECRET@localhost/host%3Dexample.com",
    "keywords": "host=localhost user=ann password=SECRET dbname=docs",
    "another database": "mysql://ann:SECRET@localhost/docs",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_a_connection_string_that_says_more_than_where_and_who_is_refused(
    make_client: Callable[..., Client], small_set: dict[str, str], url: str
) -> None:
    client = make_client()
    url = url.replace("SECRET", SECRET)
    for response in (client.restore(**small_set, pg_conn=url), client.backup(pg_conn=url)):
        assert failure(response) == (400, "INVALID_PARAMS")
        assert response.get_json()["data"]["details"]["field"] == "pg_conn"
        assert SECRET not in response.text


@pytest.mark.parametrize("host", ["169.254.169.254", "example.com", "10.0.0.1", "0.0.0.0", "localhost.example.com"])
def test_a_host_that_is_neither_loopback_nor_listed_is_forbidden(
    make_client: Callable[..., Client], small_set: dict[str, str], host: str
) -> None:
    url = f"postgresql://ann:{SECRET}@{host}:1/docs"
    response = make_client().restore(**small_set, pg_conn=url)
    assert failure(response) == (403, "FORBIDDEN")
    assert response.get_json()["message"] == "禁止访问"
    assert SECRET not in response.text


@pytest.mark.parametrize(
    "env", [{"PG_CONN_ALLOWED_HOSTS": "example.com,0.0.0.0"}, {"DATABASE_URL": "postgresql://bob@0.0.0.0/other"}]
)
def test_a_host_that_is_listed_or_configured_may_be_named(
    make_client: Callable[..., Client], small_set: dict[str, str], env: dict[str, str]
) -> None:
    response = make_client(**env).restore(**small_set, pg_conn=f"postgresql://ann:{SECRET}@0.0.0.0:1/docs")
    assert failure(response) == (500, "DATABASE_ERROR")


def expect_no_connection(response: Any, cause: str, *, can_retry: bool) -> None:
    assert failure(response) == (500, "DATABASE_ERROR")
    data = response.get_json()["data"]
    assert data["response"] == "数据库连接失败,请检查连接配置"
    assert data["can_retry"] is can_retry
    assert data["details"]["cause"] == cause
    assert data["details"]["reason"]
    assert data["target"]["source"] == "pg_conn"
    assert SECRET not in response.text


def test_a_wrong_password_is_not_worth_trying_again(client: Client, role: Any, small_set: dict[str, str]) -> None:
    url = f"postgresql://{role.name}:{SECRET}@{place(role.database)}"
    if not role.database.server.password:
        pytest.skip("this server asks for no password")
    expect_no_connection(client.restore(**small_set, pg_conn=url), "WRONG_PASSWORD", can_retry=False)
    expect_no_connection(client.backup(pg_conn=url), "WRONG_PASSWORD", can_retry=False)


def test_a_database_that_does_not_exist_is_not_worth_trying_again(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    url = database.url.replace(database.dbname, "no_such_database")
    expect_no_connection(client.restore(**small_set, pg_conn=url), "NO_SUCH_DATABASE", can_retry=False)


def test_too_many_connections_are_worth_trying_again(client: Client, role: Any, small_set: dict[str, str]) -> None:
    role.database.execute(f"ALTER ROLE {role.name} CONNECTION LIMIT 0")
    expect_no_connection(client.restore(**small_set, pg_conn=role.url), "TOO_MANY_CLIENTS", can_retry=True)


def test_a_role_without_login_is_told_so(client: Client, role: Any, small_set: dict[str, str]) -> None:
    role.database.execute(f"ALTER ROLE {role.name} NOLOGIN")
    expect_no_connection(client.restore(**small_set, pg_conn=role.url), "NO_LOGIN", can_retry=False)


def test_a_host_that_has_no_address_is_told_so(make_client: Callable[..., Client], small_set: dict[str, str]) -> None:
    client = make_client(PG_CONN_ALLOWED_HOSTS="nowhere.invalid")
    url = f"postgresql://ann:{SECRET}@nowhere.invalid/docs"
    expect_no_connection(client.restore(**small_set, pg_conn=url), "NO_SUCH_HOST", can_retry=True)


def test_why_there_is_no_connection_stands_in_the_job_and_in_the_log(
    start_server: Any, jobs_database: TestDatabase, role: Any, small_set: dict[str, str]
) -> None:
    role.database.execute(f"ALTER ROLE {role.name} NOLOGIN")
    server = start_server(DATABASE_URL=role.url, JOBS_DATABASE_URL=jobs_database.url)
    url = f"http://{server.address}/api/v0/data_pipeline/vector"
    submitted = requests.post(f"{url}/restore", json={**small_set, "async": True}, timeout=60).json()["data"]
    job: dict[str, Any] = {"finished_at": None}
    while job["finished_at"] is None:
        job = requests.get(f"{url}/jobs/{submitted['job_id']}", timeout=60).json()["data"]
    assert job["error"]["data"]["details"]["cause"] == "NO_LOGIN"
    assert server.stop() == 0
    written = [json.loads(line) for line in server.log.splitlines()]
    assert [line["cause"] for line in written if line["event"] == "job"] == ["NO_LOGIN"]


@pytest.mark.parametrize("mode", [{}, {"truncate_before_restore": True}])
def test_a_port_where_nobody_listens_is_worth_trying_again(
    make_client: Callable[..., Client], small_set: dict[str, str], mode: dict[str, bool]
) -> None:
    url = f"postgresql://ann:{SECRET}@127.0.0.1:1/docs"
    expect_no_connection(make_client().restore(**small_set, **mode, pg_conn=url), "REFUSED", can_retry=True)


class FakeServer:
    """Listens, answers each connection with some bytes, and keeps what it is sent."""

    def __init__(self, *answers: bytes) -> None:
        self.received = b""
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://ann@127.0.0.1:{self._listener.getsockname()[1]}/docs"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            for answer in (*self._answers, b""):
                data = connection.recv(65536)
                self.received += data
                if not data:
                    return
                connection.sendall(answer)
            connection.recv(65536)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def fake_server() -> Iterator[Callable[..., FakeServer]]:
    servers: list[FakeServer] = []

    def make(*answers: bytes) -> FakeServer:
        servers.append(FakeServer(*answers))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def test_a_server_that_says_nothing_is_given_up(
    make_client: Callable[..., Client], small_set: dict[str, str], fake_server: Any, background: Any
) -> None:
    client = make_client(PG_CONNECT_TIMEOUT="1")
    silent, silent_after_tls = fake_server(), fake_server(b"N")
    running = [
        background(lambda url=server.url: client.twin().restore(**small_set, pg_conn=url))
        for server in (silent, silent_after_tls)
    ]
    for restore in running:
        expect_no_connection(restore.result(), "TIMED_OUT", can_retry=True)
    assert silent.received
    assert silent_after_tls.received.endswith(b"\0")  # the start-up message, after TLS was refused


def test_a_server_that_talks_nonsense_is_no_connection(
    make_client: Callable[..., Client], small_set: dict[str, str], fake_server: Any
) -> None:
    server = fake_server(b"HTTP/1.1 400 Bad Request\r\n\r\n", b"E\0\0\0\x08text")
    response = make_client(PG_CONNECT_TIMEOUT="1").restore(**small_set, pg_conn=server.url)
    assert failure(response) == (500, "DATABASE_ERROR")
    assert "Bad Request" not in response.text


ASK_FOR_A_PASSWORD = (b"N", b"R\0\0\0\x08\0\0\0\x03", b"E\0\0\0\x05\0")


def test_passwords_of_the_service_never_reach_a_host_that_a_request_named(
    start_server: Any, small_set: dict[str, str], fake_server: Any, tmp_path: Path
) -> None:
    for name in (".pgpass", "passfile"):
        (tmp_path / name).write_text(f"*:*:*:*:{SECRET}\n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / ".pg_service.conf").write_text(f"[leak]\npassword={SECRET}\n")
    server = start_server(
        HOME=str(tmp_path),
        DATABASE_URL=f"postgresql://bob:{SECRET}@127.0.0.1:1/other",
        PGPASSWORD=SECRET,
        PGPASSFILE=str(tmp_path / "passfile"),
        PGSERVICE="leak",
        PGSERVICEFILE=str(tmp_path / ".pg_service.conf"),
        PGOPTIONS="-c leak=1",
        PGAPPNAME="leaked name",
    )
    fake = fake_server(*ASK_FOR_A_PASSWORD)
    url = f"http://{server.address}/api/v0/data_pipeline/vector/restore"
    answer = requests.post(url, json={**small_set, "pg_conn": fake.url}, timeout=60)
    assert (answer.status_code, answer.json()["data"]["can_retry"]) == (500, False)
    assert b"user\0ann\0" in fake.received
    for leak in (SECRET.encode(), b"bob", b"leak"):
        assert leak not in fake.received
    given = fake.url.replace("ann@", f"ann:{SECRET}-of-the-request@")
    requests.post(url, json={**small_set, "pg_conn": given}, timeout=60)
    assert f"{SECRET}-of-the-request".encode() in fake.received
    assert server.stop() == 0
    assert SECRET not in server.log


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_langchains_own_connection_strings_work(
    client: Client, second_database: TestDatabase, small_set: dict[str, str], scheme: str
) -> None:
    url = second_database.url.replace("postgresql", scheme, 1)
    assert client.restore(**small_set, pg_conn=url).status_code == 200
    assert second_database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(2,)]


def test_a_password_of_strange_characters_is_given_encoded(client: Client, role: Any) -> None:
    password = "p@ss/w:rd%?#中"
    role.database.execute(f"ALTER ROLE {role.name} PASSWORD '{password}'".replace("%", "%%"), ())
    role.may("SELECT")
    url = f"postgresql://{role.name}:{quote(password, safe='')}@{place(role.database)}?sslmode=prefer"
    assert client.backup(pg_conn=url).get_json()["data"]["target"]["user"] == role.name


def test_the_variables_of_libpq_are_the_third_source(
    make_client: Callable[..., Client], database: TestDatabase
) -> None:
    server = database.server
    client = make_client(
        PGHOST=server.host,
        PGPORT=str(server.port),
        PGUSER=server.user,
        PGPASSWORD=server.password or "",
        PGDATABASE=database.dbname,
    )
    target = client.backup().get_json()["data"]["target"]
    assert (target["dbname"], target["source"]) == (database.dbname, "app_config")


def test_requests_at_once_never_see_each_others_database(
    client: Client, database: TestDatabase, second_database: TestDatabase, backups: Any, fill: Any, bits: Any
) -> None:
    header = "id,collection_id,embedding,document,cmetadata\n"
    bodies = {}
    for number, target in enumerate((database, second_database)):
        rows = "".join(f'{target.dbname} {n},{DOCS},"[{n}]",text,{{}}\n' for n in range(20 + number))
        collections = f"uuid,name,cmetadata\n{DOCS},{target.dbname},{{}}\n"
        bodies[target.dbname] = backups.write(collections.encode(), (header + rows).encode(), f"20250722_01031{number}")

    def restore_repeatedly(target: Any) -> list[Any]:
        twin = client.twin()
        body = {**bodies[target.dbname], "pg_conn": target.url, "truncate_before_restore": True}
        return [twin.restore(**body) for _ in range(8)]

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(restore_repeatedly, (database, second_database)))
    for target, found in zip((database, second_database), answers, strict=True):
        assert [answer.status_code for answer in found] == [200] * 8
        assert {answer.get_json()["data"]["target"]["dbname"] for answer in found} == {target.dbname}
        mixed = "SELECT count(*) FROM langchain_pg_embedding WHERE id NOT LIKE %s || ' %%'"
        assert target.fetch(mixed, (target.dbname,)) == [(0,)]
        assert target.fetch("SELECT name FROM langchain_pg_collection") == [(target.dbname,)]
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(20,)]
    assert second_database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(21,)]
