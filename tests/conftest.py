"""A real PostgreSQL for the tests: one server a session, one database a test, cloned from a template.

DATABASE_URL_TEST names a server to use instead of the embedded one: its user may create databases and the extension.
TEST_PG_VERSION=16 starts that major version of the embedded one.
"""

import gc
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import psycopg2
import pytest
from hypothesis import settings as hypothesis_settings
from psycopg2.errors import ObjectInUse
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extensions import parse_dsn
from psycopg2.sql import SQL, Identifier

from data_pipeline import (
    dump_settings,
    packing_settings,
    redis_settings,
    settings,
    targets,
)
from data_pipeline.jobs.backend.database import JobsDatabase
from data_pipeline.postgres.connection_url import from_url
from data_pipeline.postgres_server.cluster import MAJOR, SUPERUSER, Cluster
from data_pipeline.settings import Settings
from data_pipeline.stores.milvus import settings as milvus_settings
from tests.described import Described
from tests.integration.decoys import DECOYS
from tests.support import landing
from unified_api import create_app

NEW_TABLES = """
CREATE TABLE langchain_pg_collection (uuid uuid PRIMARY KEY, name varchar NOT NULL UNIQUE, cmetadata json);
CREATE TABLE langchain_pg_embedding (
    id varchar PRIMARY KEY, collection_id uuid REFERENCES langchain_pg_collection (uuid) ON DELETE CASCADE,
    embedding vector, document varchar, cmetadata jsonb);
CREATE INDEX ix_cmetadata_gin ON langchain_pg_embedding USING gin (cmetadata jsonb_path_ops);
"""
OLD_TABLES = """
CREATE TABLE langchain_pg_collection (name varchar, cmetadata json, uuid uuid PRIMARY KEY);
CREATE TABLE langchain_pg_embedding (
    collection_id uuid REFERENCES langchain_pg_collection (uuid) ON DELETE CASCADE,
    embedding vector, document varchar, cmetadata json, custom_id varchar, uuid uuid PRIMARY KEY);
"""
hypothesis_settings.register_profile("fast", max_examples=5, deadline=None, database=None, derandomize=True)
hypothesis_settings.register_profile("thorough", max_examples=100, deadline=None, database=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# Nothing here has to survive a power cut. What a transaction writes, and what replays after a crash, stays the same.
# No password is worth hashing it four thousand times: that alone would be half of a connection's cost. A database that
# goes is looked for in every shared buffer, and none lives long enough to be vacuumed.
FAST = """
scram_iterations = 1
fsync = off
full_page_writes = off
shared_buffers = 64MB
autovacuum_naptime = 1h
min_wal_size = 32MB
max_wal_size = 256MB
"""
LONGEST = (
    "test_documentation.py",
    "test_api_examples.py",
    "test_torture.py",
    "test_restore_properties.py",
    "test_stacks.py",
    "test_recorded.py",
    "test_resources.py",
    "test_objects.py",
    "test_roles.py",
    "test_digests.py",
    "test_dialects.py",
    "test_described_fuzz.py",
    "test_panel.py",
    "test_odd_columns.py",
)
INTEGRATION = Path(__file__).parent / "integration"

ROOM = 2 << 30  # bytes; the databases and the WAL of a session stay below half a gigabyte
# The developer's own settings are not the tests': a test sets what it needs.
SETTINGS = [
    name
    for module in (
        settings,
        milvus_settings,
        targets,
        dump_settings,
        packing_settings,
        redis_settings,
    )
    for name in re.findall(r'"([A-Z_]+)"', Path(str(module.__file__)).read_text(encoding="utf-8"))
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--which", choices=landing.CHOICES, default="everyday", help="of the tests, if no file is named")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Other plugins have a say where this is None."""
    which = config.getoption("which")
    if which == "all":
        return None
    if which == "everyday":
        return landing.waits(collection_path) or None
    chosen = landing.waits(collection_path) or (collection_path.is_dir() and landing.leads_to(collection_path))
    return None if chosen else True


def pytest_configure(config: pytest.Config) -> None:
    if config.args_source is pytest.Config.ArgsSource.ARGS and not hasattr(config, "workerinput"):
        config.option.which = "all"  # a file that is named runs, whichever suite it is of
    for name in [name for name in os.environ if name in SETTINGS or name.startswith(("PG", "AWS_"))]:
        del os.environ[name]
    os.environ["PGPASSFILE"] = os.environ["VECTOR_BACKUP_CONFIG"] = os.devnull
    os.environ["LC_ALL"] = "C.UTF-8"  # answers in the default language
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1"
    # Many containers set it: the tests, and each process that one starts, would be compiled anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # Fixtures are torn down, and the server stopped, after SIGTERM as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before the cases that are marked slow are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest go first: several run at a time, and none is left over at the end."""
    _thin_out(items)
    items.sort(key=lambda item: item.path.name not in LONGEST)


def _thin_out(items: list[pytest.Item]) -> None:
    """Of a test that is a matrix mark those cases slow that aren't needed for each value of each parameter to be tried.

    Every integration test is one: what it does for a combination takes a database, a service and half a second.
    """
    tests: dict[str, list[tuple[pytest.Function, set[str]]]] = {}
    for item in items:
        if isinstance(item, pytest.Function) and _is_a_matrix(item):
            tests.setdefault(item.nodeid.partition("[")[0], []).append((item, _values(item)))
    for cases in tests.values():
        if len(cases[0][1]) == 1:
            continue
        untried = {value for _, values in cases for value in values}
        left = list(cases)
        while untried:
            needed = max(left, key=lambda case: len(case[1] & untried))
            left.remove(needed)
            untried -= needed[1]
        for item, _ in left:
            item.add_marker("slow")


def _is_a_matrix(item: pytest.Function) -> bool:
    everyday = hasattr(item, "callspec") and not item.get_closest_marker("slow")
    return everyday and bool(INTEGRATION in item.path.parents or item.get_closest_marker("matrix"))


def _values(item: pytest.Function) -> set[str]:
    """This case's value of each parameter; what one `parametrize` names is one parameter."""
    names = [mark.args[0] for mark in item.iter_markers("parametrize")]
    together = [tuple(name.strip() for name in (one.split(",") if isinstance(one, str) else one)) for one in names]
    given = item.callspec.params
    fixtures = [(name,) for name in given if not any(name in one for one in together)]
    return {repr([(name, given[name]) for name in one]) for one in (*together, *fixtures)}


def pytest_collection_finish() -> None:
    """All modules and tests stay: looking through them for garbage, again and again, took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say that the tests with a browser, or a library, didn't run: a line of dots doesn't."""
    for kind, place in {"browser": "/browser/", "library": "/test_llamaindex.py", "S3 server": "/storages/"}.items():
        skipped = [report for report in terminalreporter.stats.get("skipped", []) if place in report.nodeid]
        if skipped:
            reason = skipped[0].longrepr[2].removeprefix("Skipped: ")
            terminalreporter.write_line(f"{len(skipped)} {kind} tests were skipped: {reason}")


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server, a role that may create databases, and a database of it that is there."""

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    dbname: str


@dataclass
class TestDatabase:
    """A database of one test's own."""

    __test__: ClassVar[bool] = False

    server: Server
    dbname: str
    _connections: list[Connection] = field(default_factory=list)
    _idle: list[Connection] = field(default_factory=list)

    @property
    def url(self) -> str:
        """postgresql://user:password@host:port/dbname"""
        server = self.server
        password = f":{quote(server.password, safe='')}" if server.password else ""
        return f"postgresql://{quote(server.user, safe='')}{password}@{server.host}:{server.port}/{self.dbname}"

    def connect(self) -> Connection:
        """A new psycopg2 connection, closed after the test."""
        connection = psycopg2.connect(self.url)
        self._connections.append(connection)
        return connection

    def execute(self, sql: str, params: Any = None) -> None:
        """Run a statement in a transaction of its own."""
        with self._cursor() as cursor:
            cursor.execute(sql, params)

    def fetch(self, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
        """The rows of a query, in a transaction of its own."""
        with self._cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        """In a session that is kept: connecting takes longer than most statements. Each begins with it as new."""
        connection = self._idle.pop() if self._idle else self.connect()
        try:
            connection.reset()
        except psycopg2.Error:  # somebody has ended it
            connection = self.connect()
        with connection, connection.cursor() as cursor:
            yield cursor
        self._idle.append(connection)

    def close(self) -> None:
        """End every session that was begun here."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._idle.clear()


@pytest.fixture(scope="session")
def pg_server() -> Iterator[Server]:
    """The server of this session: DATABASE_URL_TEST, or one started here, on TCP and with a password."""
    url = os.environ.get("DATABASE_URL_TEST")
    if url:
        yield _outside_server(url)
        return
    with _started(int(os.environ.get("TEST_PG_VERSION", MAJOR))) as server:
        yield server


@contextmanager
def _started(major: int) -> Iterator[Server]:
    home = Path(tempfile.mkdtemp(prefix="pg-test-", dir=roomy_memory()))
    cluster = Cluster(home)
    try:
        cluster.create(major)
        with open(cluster.data / "postgresql.conf", "a", encoding="utf-8") as configuration:
            configuration.write(f"{FAST}listen_addresses = '127.0.0.1'\nport = {_free_port()}\n")
        cluster.start()
        _hash_again(cluster)
        yield Server("127.0.0.1", cluster.port, SUPERUSER, cluster.password, "postgres")
    finally:
        cluster.stop()
        shutil.rmtree(home)


def _hash_again(cluster: Cluster) -> None:
    """With the iterations of FAST: initdb knows nothing of them."""
    server = Server("127.0.0.1", cluster.port, SUPERUSER, cluster.password, "postgres")
    database = TestDatabase(server, server.dbname)
    database.execute(f"ALTER ROLE {SUPERUSER} PASSWORD %s", (cluster.password,))
    database.close()


def _outside_server(url: str) -> Server:
    given = parse_dsn(url)
    user = given.get("user", "postgres")
    return Server(
        host=given.get("host", "localhost"),
        port=int(given.get("port", 5432)),
        user=user,
        password=given.get("password"),
        dbname=given.get("dbname", user),
    )


def roomy_memory() -> Path | None:
    """A file system in memory, if there is one with room: making a database is mostly making three hundred files."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# The process id keeps two sessions on one outside server apart.
_RUN = f"test_{os.getpid()}"
DROP_SECONDS = 60
"""For the sessions of a database that is to go: the server itself waits for them no longer than five seconds."""


@dataclass(frozen=True)
class Template:
    """What a new database holds: all that another template has, and what `make` puts into it."""

    name: str
    make: Callable[[TestDatabase], None]
    of: "Template | None" = None


class Databases:
    """Makes databases from templates, and removes them, over one connection: a database costs little but its files."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: Connection | None = None
        self._templates: dict[str, TestDatabase] = {}

    def like(self, template: Template, name: str = "") -> TestDatabase:
        """A new database with the contents of a template, called by the template's name or another one."""
        source = self._made(template)
        made = TestDatabase(self._server, f"{_RUN}_{name or template.name}")
        self.remove(made)
        self._execute("CREATE DATABASE {} TEMPLATE {}", made.dbname, source.dbname)
        return made

    def remove(self, database: TestDatabase) -> None:
        """With every session that is still in it."""
        database.close()
        deadline = time.monotonic() + DROP_SECONDS
        while True:
            try:
                return self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.dbname)
            except ObjectInUse:
                if time.monotonic() > deadline:
                    raise

    def close(self) -> None:
        """Remove the templates too."""
        for template in self._templates.values():
            self.remove(template)
        if self._connection:
            self._connection.close()

    def _made(self, template: Template) -> TestDatabase:
        if template.name not in self._templates:
            made = TestDatabase(self._server, f"{_RUN}_{template.name}_template")
            source = self._made(template.of).dbname if template.of else "template1"
            self._execute("CREATE DATABASE {} TEMPLATE {}", made.dbname, source)
            template.make(made)
            made.close()  # a database with sessions is no template
            self._templates[template.name] = made
        return self._templates[template.name]

    def _execute(self, statement: str, *names: str) -> None:
        for _ in range(2):
            if self._connection is None or self._connection.closed:
                self._connection = psycopg2.connect(TestDatabase(self._server, self._server.dbname).url)
                self._connection.autocommit = True
            try:
                with self._connection.cursor() as cursor:
                    return cursor.execute(SQL(statement).format(*map(Identifier, names)))
            except psycopg2.Error:
                if not self._connection.closed:
                    raise
        raise AssertionError("the server ends every session")


def _install_jobs(database: TestDatabase) -> None:
    """The schema of the job queue, as a service makes it."""
    jobs = JobsDatabase(lambda: from_url(database.url, "config"))
    with jobs.transaction():
        pass
    jobs.close()


EMPTY = Template("empty", lambda database: database.execute("CREATE EXTENSION vector"))
NEW = Template("new", lambda database: database.execute(NEW_TABLES), of=EMPTY)
DECOYED = Template(
    "decoyed",
    lambda database: database.execute(
        f"CREATE SCHEMA extensions; ALTER EXTENSION vector SET SCHEMA extensions; {DECOYS}"
    ),
    of=NEW,
)
OLD = Template("old", lambda database: database.execute(OLD_TABLES), of=EMPTY)
JOBS = Template("jobs", _install_jobs, of=EMPTY)


@pytest.fixture(scope="session")
def databases(pg_server: Server) -> Iterator[Databases]:
    """Where the databases of the tests come from."""
    found = Databases(pg_server)
    yield found
    found.close()


@pytest.fixture(scope="session")
def older_databases() -> Iterator[Databases]:
    """Those of the oldest server that can be started here."""
    with _started(16) as server:
        found = Databases(server)
        yield found
        found.close()


@pytest.fixture
def database(databases: Databases) -> Iterator[TestDatabase]:
    """LangChain's tables as langchain_postgres makes them, empty."""
    yield (made := databases.like(NEW))
    databases.remove(made)


@pytest.fixture
def decoyed_database(databases: Databases) -> Iterator[TestDatabase]:
    """One like `database` with pgvector in a schema `extensions`, and a schema of decoys."""
    yield (made := databases.like(DECOYED))
    databases.remove(made)


@pytest.fixture
def second_database(databases: Databases) -> Iterator[TestDatabase]:
    """Another one like `database`."""
    yield (made := databases.like(NEW, "second"))
    databases.remove(made)


@pytest.fixture
def four_databases(
    databases: Databases, database: TestDatabase, second_database: TestDatabase
) -> Iterator[list[TestDatabase]]:
    """Four of them."""
    more = [databases.like(NEW, name) for name in ("third", "fourth")]
    yield [database, second_database, *more]
    for one in more:
        databases.remove(one)


@pytest.fixture
def removed_last(databases: Databases) -> Iterator[list[TestDatabase]]:
    """Databases that go once no service uses them any more: one whose queue is gone looks for it for seconds."""
    made: list[TestDatabase] = []
    yield made
    for one in made:
        databases.remove(one)


@pytest.fixture
def jobs_database(databases: Databases, removed_last: list[TestDatabase]) -> TestDatabase:
    """For a job queue of one test's own."""
    removed_last.append(made := databases.like(JOBS))
    return made


@pytest.fixture(scope="session")
def history_url(databases: Databases) -> Iterator[str]:
    """The job queue of all services whose test doesn't look at it."""
    made = databases.like(JOBS, "history")
    yield made.url
    databases.remove(made)


@pytest.fixture
def old_database(databases: Databases) -> Iterator[TestDatabase]:
    """The tables of langchain_community: uuid and custom_id, json."""
    yield (made := databases.like(OLD))
    databases.remove(made)


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[TestDatabase]:
    """The extension, and no tables."""
    yield (made := databases.like(EMPTY))
    databases.remove(made)


@pytest.fixture(scope="session")
def untouched_database(databases: Databases) -> Iterator[TestDatabase]:
    """One like `empty_database` for all tests that leave nothing in it: what they make goes with their session."""
    yield (made := databases.like(EMPTY, "untouched"))
    databases.remove(made)


@pytest.fixture(scope="session")
def described() -> Described:
    """The service's own description."""
    return Described(create_app(Settings.load({"DATABASE_URL": "postgresql://user@localhost/db"})).api_doc)


@pytest.fixture
def output_dir(tmp_path: Path) -> Path:
    """An output directory with the global backup location in it."""
    directory = tmp_path / "training_data"
    (directory / "vector_bak").mkdir(parents=True)
    return directory
