"""The service in front of a test's database, in this process or as one of its own, and backup files for it."""

import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from data_pipeline.api import PREFIX
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
from tests.conftest import TestDatabase
from tests.described import Described
from tests.integration.places import KEY, BucketPlace, DirectoryPlace, Place, S3Server
from tests.integration.tls_server import Authority, TlsServer, with_tls
from tests.live_server import PROJECT, Forked, Launch, LiveServer
from tests.support.answers import data_of
from tests.support.names import DOCS
from unified_api import create_app

STAMP = "20250722_010318"
ROOT = "./data_pipeline/training_data"
ROLE_PASSWORD = "s3cret-of-the-role"
EMPTY = "22222222-2222-4222-8222-222222222222"
# Everything a table can hold that some format or other gets wrong.
AWKWARD_ROWS = [
    ("plain", DOCS, "[1,2,3]", "一段普通的文本", '{"n": 1, "ok": true, "x": null, "q": "it\'s"}'),
    ("empty text", DOCS, "[-0,0,1e-45]", "", "{}"),
    ("no text", DOCS, "[3.4028235e+38,-1.1754944e-38,0.1]", None, None),
    ("line\r\nends", DOCS, "[0.5,0.25,0.125]", 'quotes "here", commas\r\nand\nline\rends\t', "[1, [2, {}]]"),
    ("\\.", DOCS, "[1.0000001,16777217,7e-46]", "\\.\n\\N\nNULL", '"a \\"string\\""'),
    (" spaces ", None, None, " a\u00a0b\u2028c😀", '{"深": {"层": [1.10, 1e3, -0.0, "é"]}, "": ""}'),
]


class Client(FlaskClient):
    """Calls the three routes, and checks of every answer what holds for all of them."""

    def backup(self, **body: Any) -> TestResponse:
        return self.post(f"{PREFIX}/backup", data=json.dumps(body))

    def restore(self, **body: Any) -> TestResponse:
        return self.post(f"{PREFIX}/restore", data=json.dumps(body))

    def list(self, **query: str) -> TestResponse:
        return self.get(f"{PREFIX}/restore/list", query_string=query)

    def twin(self) -> "Client":
        """Another client of the same application, for another thread."""
        return cast(Client, self.application.test_client())

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        expect_envelope(response)
        self._expect_described(response)
        for secret in self.application.config["NEVER_SHOWN"]:
            assert secret not in response.text
        return response

    def _expect_described(self, response: TestResponse) -> None:
        """What the API's description says of this route's answers."""
        described: Described = self.application.config["DESCRIBED"]
        with suppress(HTTPException):  # no such route, or not with this method
            routes = self.application.url_map.bind("")
            endpoint, _ = routes.match(urlsplit(response.request.path).path, response.request.method)
            if described.knows(endpoint):
                assert described.faults(endpoint, response.status_code, response.get_json()) == []


def expect_envelope(response: TestResponse) -> None:
    """The shape that success and failure share."""
    answer = response.get_json()
    assert response.content_type == "application/json"
    assert list(answer) == ["code", "success", "message", "data"]
    assert answer["code"] == response.status_code
    assert answer["success"] is (response.status_code < 400)
    assert datetime.fromisoformat(answer["data"]["timestamp"]).utcoffset() is not None
    assert ("error_type" in answer["data"]) is not answer["success"]
    assert not re.search(r"Traceback|psycopg2|Error\(|\\u[0-9a-f]{4}", response.text)


@dataclass
class Backups:
    """Writes backup files into the output directory."""

    root: Path

    def write(
        self, collection: bytes, embedding: bytes, timestamp: str = STAMP, task_id: str = "", suffix: str = "csv"
    ) -> dict[str, str]:
        """The two files of a set that nothing vouches for; returns the body that names it."""
        self.file(f"langchain_pg_collection_{timestamp}.{suffix}", collection, task_id)
        self.file(f"langchain_pg_embedding_{timestamp}.{suffix}", embedding, task_id)
        return self.named(timestamp, task_id)

    def file(self, name: str, data: bytes = b"", task_id: str = "") -> Path:
        """One file beside a set's."""
        path = self.directory(task_id) / name
        path.write_bytes(data)
        return path

    def directory(self, task_id: str = "") -> Path:
        """A location, made if it isn't there."""
        path = self.root / task_id / "vector_bak"
        path.mkdir(parents=True, exist_ok=True)
        return path

    @staticmethod
    def named(timestamp: str = STAMP, task_id: str = "") -> dict[str, str]:
        parts = [ROOT, task_id, "vector_bak"] if task_id else [ROOT, "vector_bak"]
        return {"backup_path": "/".join(parts), "timestamp": timestamp}


@pytest.fixture
def backups(output_dir: Path) -> Backups:
    return Backups(output_dir)


@pytest.fixture
def small_set(backups: Backups) -> dict[str, str]:
    """One collection and two embeddings, as COPY writes them; the body that restores them."""
    return backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode(),
        "id,collection_id,embedding,document,cmetadata\n"
        f'a,{DOCS},"[1,2,3]",first,{{}}\nb,{DOCS},"[4,5,6]",second,{{}}\n'.encode(),
    )


@pytest.fixture
def fill() -> Callable[..., None]:
    """Put two collections into a database, one of them empty, and awkward embeddings into the other."""

    def put(database: TestDatabase, rows: list[tuple[Any, ...]] = AWKWARD_ROWS) -> None:
        with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO langchain_pg_collection (uuid, name, cmetadata)"
                " VALUES (%s, 'docs', %s), (%s, '空集合', NULL)",
                (DOCS, '{"b": 1, "a" : [1.0,  2]}', EMPTY),
            )
            cursor.executemany("INSERT INTO langchain_pg_embedding VALUES (%s, %s, %s, %s, %s)", rows)

    return put


@pytest.fixture
def bits() -> Callable[..., list[bytes]]:
    """All rows of both tables, or of one, as the server sends them in binary: equal only if every bit is."""

    def read(database: TestDatabase, *tables: str) -> list[bytes]:
        names = tables or ("langchain_pg_collection", "langchain_pg_embedding")
        each = [f"SELECT {n}, record_send(t) FROM {name} t" for n, name in enumerate(names)]
        return [row[1].tobytes() for row in database.fetch(f"{' UNION ALL '.join(each)} ORDER BY 1, 2")]

    return read


@pytest.fixture(scope="session", autouse=True)
def _routes_compiled_once() -> Iterator[None]:
    """Every test's application has the same routes; compiling how their URLs are built took half of its making."""
    compile_builder = Rule._compile_builder
    compiled: dict[tuple[str, bool], Any] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults or rule.subdomain or rule.host:
            return compile_builder(rule, append_unknown)
        key = rule.rule, append_unknown
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


@pytest.fixture
def make_client(
    output_dir: Path, history_url: str, described: Described, removed_last: list[TestDatabase]
) -> Iterator[Callable[..., Client]]:
    """A client of the service with these settings; OUTPUT_DIRECTORY is output_dir.

    removed_last: databases that are still there when the services are closed.
    """
    engines = []
    jobs = []

    def make(**env: str) -> Client:
        defaults = {"OUTPUT_DIRECTORY": str(output_dir), "JOBS_DATABASE_URL": history_url}
        engine = Engine.build(Settings.load({**defaults, **env}))
        engines.append(engine)
        app = create_app(engine=engine)
        jobs.append(app.extensions["jobs"])
        app.test_client_class = Client
        password = urlsplit(env.get("DATABASE_URL", "")).password
        never = (password, ROLE_PASSWORD, str(output_dir), str(PROJECT), *KEY.values(), "some/prefix")
        app.config["DESCRIBED"] = described
        app.config["NEVER_SHOWN"] = [secret for secret in never if secret]
        return cast(Client, app.test_client())

    yield make
    for one in jobs:
        one.close()
    for engine in engines:
        engine.pool.close()


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase) -> Client:
    """A client of the service whose configured database is `database`."""
    return make_client(DATABASE_URL=database.url)


@pytest.fixture
def saved(client: Client, database: TestDatabase, fill: Any) -> dict[str, Any]:
    """A filled database and its backup: the body that restores it."""
    fill(database)
    done = data_of(client.backup())
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def restored(client: Client, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a restore answers that succeeds."""
    return data_of(client.restore(**body, **more))


@pytest.fixture
def launch() -> Launch:
    """How start_server starts a process."""
    return Forked


@pytest.fixture
def start_server(
    output_dir: Path, tmp_path: Path, history_url: str, launch: Launch
) -> Iterator[Callable[..., LiveServer]]:
    """Start the service as a process with these settings; OUTPUT_DIRECTORY is output_dir.

    It waits longer for a table than usual: one that a test holds is let go in time, however slow the machine is.
    """
    servers: list[LiveServer] = []

    def start(*arguments: str, **env: str) -> LiveServer:
        log_file = tmp_path / f"server-{len(servers)}.log"
        defaults = {
            "OUTPUT_DIRECTORY": str(output_dir),
            "JOBS_DATABASE_URL": history_url,
            "PG_LOCK_TIMEOUT": "60",
        }
        servers.append(LiveServer(log_file, {**defaults, **env}, *arguments, launch=launch))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def live_server(start_server: Callable[..., LiveServer], database: TestDatabase) -> LiveServer:
    """The service as a process, its configured database `database`."""
    return start_server(DATABASE_URL=database.url)


class Background:
    """A call in a thread of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread.start()

    def _run(self, call: Callable[[], Any]) -> None:
        try:
            self._result = call()
        except BaseException as error:
            self._error = error

    def result(self) -> Any:
        """What the call returned. Raises what it raised."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error
        return self._result


@pytest.fixture
def background() -> Callable[[Callable[[], Any]], Background]:
    return Background


@pytest.fixture
def wait_for_lock() -> Callable[[Any], None]:
    """Wait until some session of the database waits for a lock."""

    def wait(database: TestDatabase) -> None:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        deadline = time.monotonic() + 60
        while database.fetch(waiting) == [(0,)]:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return wait


@dataclass(frozen=True)
class Role:
    """A database role that may log in and nothing else."""

    database: TestDatabase
    name: str
    url: str

    def may(self, privileges: str, *tables: str) -> None:
        for table in tables or ("langchain_pg_collection", "langchain_pg_embedding"):
            self.database.execute(f"GRANT {privileges} ON {table} TO {self.name}")


@pytest.fixture
def role(database: TestDatabase) -> Iterator[Role]:
    """A role without privileges in `database`, and the URL to connect as it."""
    with new_role(database) as made:
        yield made


@contextmanager
def new_role(database: TestDatabase) -> Iterator[Role]:
    """The same for any database."""
    name = f"role_{os.getpid()}"
    database.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{ROLE_PASSWORD}'")
    place = database.url.rpartition("@")[2]
    yield Role(database, name, f"postgresql://{name}:{ROLE_PASSWORD}@{place}")
    for connection in database.fetch("SELECT pid FROM pg_stat_activity WHERE usename = %s", (name,)):
        database.fetch("SELECT pg_terminate_backend(%s)", connection)
    database.execute(f"DROP OWNED BY {name} CASCADE")
    database.execute(f"DROP ROLE {name}")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server, on this machine."""
    server = S3Server(tmp_path_factory.mktemp("s3") / "server.log")
    yield server
    server.close()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> BucketPlace:
    """A bucket of a test's own; its key is in the environment, as it is for a service."""
    for name, value in KEY.items():
        monkeypatch.setenv(name, value)
    return s3_server.bucket()


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest, output_dir: Path) -> Place:
    """Where backups are kept: the same test for each kind of storage."""
    found: Place = DirectoryPlace(output_dir) if request.param == "directory" else request.getfixturevalue("bucket")
    return found


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The one whose certificates the distribution's server has."""
    return Authority("the one that signed")


@pytest.fixture(scope="session")
def tls_server(authority: Authority) -> Iterator[TlsServer]:
    """The distribution's PostgreSQL, which is built with TLS and lz4, unlike the embedded one, and has no pgvector."""
    programs = with_tls()
    if programs is None:
        if os.environ.get("TLS_TESTS") == "required":
            pytest.fail("no PostgreSQL with TLS on this machine")
        pytest.skip("no PostgreSQL with TLS on this machine")
    server = TlsServer(Path(tempfile.mkdtemp(prefix="pg-tls-")), programs)
    try:
        server.start(authority)
        yield server
    finally:
        server.stop()
