"""The embedded PostgreSQL, started, shared, killed and stopped for real."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from data_pipeline.postgres_server import embedded
from data_pipeline.postgres_server.cluster import Cluster
from data_pipeline.postgres_server.embedded import EmbeddedServer, EmbeddedServerError

PROJECT = Path(__file__).resolve().parents[2]
USE_IT_UNTIL_A_LINE_COMES = """
import sys
from pathlib import Path
from data_pipeline.postgres_server import embedded
embedded.start(Path(sys.argv[1]))
print("started", flush=True)
sys.stdin.readline()
"""
root_only = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="is about root")
not_for_root = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")


@pytest.fixture
def top() -> Iterator[Path]:
    """A directory for data directories. What still runs below it after the test is stopped."""
    top = Path(tempfile.mkdtemp(prefix="pg-home-")).resolve()
    yield top
    for version in top.rglob("data/PG_VERSION"):
        Cluster(version.parent.parent).stop()
    shutil.rmtree(top)


@pytest.fixture(scope="module")
def original() -> Iterator[Path]:
    """A data directory that has been in use; making one takes as long as twenty starts."""
    home = Path(tempfile.mkdtemp(prefix="pg-home-")).resolve()
    try:
        embedded.start(home).stop()
        yield home
    finally:
        shutil.rmtree(home)


@pytest.fixture
def home(original: Path) -> Iterator[Path]:
    """That data directory itself, for tests that leave it as it was."""
    yield original
    Cluster(original).stop()


@pytest.fixture
def copy(original: Path, top: Path) -> Path:
    """A copy of it, to be changed."""
    subprocess.run(["cp", "-a", original, top / "pgdata"], check=True)
    return top / "pgdata"


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedServer]:
    server = embedded.start(home)
    yield server
    server.stop()


def query(server: EmbeddedServer, sql: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(**server.target.parameters())) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
        return rows


class Neighbour:
    """Another process that uses the server of the same directory."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", USE_IT_UNTIL_A_LINE_COMES, home],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == b"started\n"

    def leave(self) -> None:
        self._process.communicate(b"\n", timeout=60)

    def get(self, signum: int) -> None:
        self._process.send_signal(signum)
        self._process.communicate(timeout=60)


def postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().splitlines()[0])


def kill(pid: int) -> None:
    """Kill a process that isn't our child, and wait until it is gone or, where nobody reaps it, a zombie."""
    os.kill(pid, signal.SIGKILL)
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


def test_the_first_start_makes_the_database_with_langchains_tables(top: Path) -> None:
    server = embedded.start(top / "not" / "there" / "yet")
    assert query(server, "SELECT current_database()::text, current_user::text") == [("vector_db", "postgres")]
    assert query(server, "SELECT '[1,2]'::vector <-> '[1,2]'") == [(0.0,)]
    columns = (
        "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)"
        " FROM pg_attribute WHERE attnum > 0 AND attrelid = 'langchain_pg_{}'::regclass"
    )
    assert query(server, columns.format("collection")) == [("uuid uuid, name character varying, cmetadata json",)]
    assert query(server, columns.format("embedding")) == [
        ("id character varying, collection_id uuid, embedding vector, document character varying, cmetadata jsonb",)
    ]
    assert query(server, "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_cmetadata_gin'") == [
        ("CREATE INDEX ix_cmetadata_gin ON public.langchain_pg_embedding USING gin (cmetadata jsonb_path_ops)",)
    ]
    server.stop()


def test_the_target_of_the_server_shows_neither_path_nor_password(server: EmbeddedServer, home: Path) -> None:
    assert server.target.source == "embedded"
    assert str(home) not in str(server.target.public())
    assert Cluster(home).password not in repr(server.target)


def test_every_start_in_a_process_gives_the_same_server(home: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        servers = list(threads.map(embedded.start, [home] * 8))
    assert len({id(server) for server in servers}) == 1
    servers[0].stop()
    assert not Cluster(home).running()


def test_rows_survive_stop_and_start_and_stopping_twice_is_no_error(home: Path) -> None:
    server = embedded.start(home)
    query(server, "CREATE TABLE stopped AS SELECT 7 AS n")
    server.stop()
    server.stop()
    again = embedded.start(home)
    assert query(again, "SELECT n FROM stopped") == [(7,)]
    again.stop()


def test_tables_that_are_there_are_left_as_they_are(copy: Path) -> None:
    server = embedded.start(copy)
    query(server, "DROP TABLE langchain_pg_embedding")
    query(server, "CREATE TABLE langchain_pg_embedding (custom_id varchar, cmetadata json)")
    server.stop()
    again = embedded.start(copy)
    assert query(again, "SELECT count(*) FROM pg_indexes WHERE tablename = 'langchain_pg_embedding'") == [(0,)]
    again.stop()


def test_processes_share_the_server_and_the_last_one_stops_it(home: Path) -> None:
    neighbour = Neighbour(home)
    first = postmaster(home)
    server = embedded.start(home)
    assert postmaster(home) == first
    neighbour.leave()
    assert query(server, "SELECT 1") == [(1,)]
    server.stop()
    assert not Cluster(home).running()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_left_by_a_killed_process_is_taken_over_and_then_stopped(home: Path, signum: int) -> None:
    Neighbour(home).get(signum)
    orphan = postmaster(home)
    server = embedded.start(home)
    assert postmaster(home) == orphan
    server.stop()
    assert not Cluster(home).running()


def test_a_killed_server_comes_back_with_what_was_committed(home: Path) -> None:
    server = embedded.start(home)
    query(server, "CREATE TABLE killed AS SELECT 7 AS n")
    kill(postmaster(home))
    again = embedded.start(home)
    assert again is server
    assert query(again, "SELECT n FROM killed") == [(7,)]
    again.stop()


def test_another_process_with_the_pid_of_a_killed_server_is_not_taken_for_it(home: Path) -> None:
    server = embedded.start(home)
    kill(postmaster(home))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        for lock in (home / "data" / "postmaster.pid", home / "data" / ".s.PGSQL.5432.lock"):
            lines = lock.read_text().splitlines()
            lock.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        assert not Cluster(home).running()
        again = embedded.start(home)
        assert postmaster(home) != stranger.pid
        assert query(again, "SELECT 1") == [(1,)]
        server.stop()
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_an_empty_pid_file_does_not_stop_a_start(home: Path) -> None:
    (home / "data" / "postmaster.pid").touch(mode=0o644)
    embedded.start(home).stop()


def test_a_data_directory_whose_making_was_cut_short_is_made_anew(top: Path) -> None:
    unfinished = top / "data.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    embedded.start(top).stop()
    assert not unfinished.exists()


@pytest.mark.parametrize("name", ["a b's 数据", "a,b", "x" * 100])
def test_any_path_will_do(copy: Path, name: str) -> None:
    server = embedded.start(copy.rename(copy.with_name(name)))
    assert query(server, "SELECT 1") == [(1,)]
    server.stop()


def test_the_directory_lets_nobody_else_in(server: EmbeddedServer, home: Path) -> None:
    assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "password").stat().st_mode) == 0o600


def test_tcp_is_off(server: EmbeddedServer) -> None:
    assert query(server, "SHOW listen_addresses") == [("",)]


def test_variables_of_libpq_do_not_reach_the_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "nowhere.invalid", "PGOPTIONS": "-c nonsense=1"}.items():
        monkeypatch.setenv(name, value)
    server = embedded.start(home)
    assert server.target.port == 5432
    server.stop()


def test_a_start_that_fails_says_why_in_one_line_and_leaves_nothing_running(copy: Path) -> None:
    with open(copy / "data" / "postgresql.conf", "a") as configuration:
        configuration.write("shared_buffers = '1 byte'\n")
    with pytest.raises(EmbeddedServerError, match=r"^the embedded PostgreSQL in [^\n]*postgresql.conf[^\n]*$"):
        embedded.start(copy)
    assert not Cluster(copy).running()


def test_a_data_directory_that_is_a_file_is_refused(top: Path) -> None:
    (top / "pgdata").touch()
    with pytest.raises(EmbeddedServerError, match=r"^the embedded PostgreSQL in [^\n]*$"):
        embedded.start(top / "pgdata")


@not_for_root
def test_a_directory_one_may_not_write_to_is_refused(top: Path) -> None:
    top.chmod(0o500)
    with pytest.raises(EmbeddedServerError, match="Permission denied"):
        embedded.start(top / "pgdata")
    top.chmod(0o700)


@root_only
def test_root_lets_the_servers_user_pass_through_directories_but_nobody_list_them(copy: Path) -> None:
    copy.parent.chmod(0o700)
    embedded.start(copy).stop()
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o701


@pytest.mark.parametrize("major", [16, 18])
def test_psql_pg_dump_and_pg_restore_come_with_it(major: int) -> None:
    for program in ("psql", "pg_dump", "pg_restore"):
        said = subprocess.check_output([embedded.binaries(major) / program, "--version"], text=True)
        assert f"(PostgreSQL) {major}." in said


def test_a_version_that_does_not_come_with_it_is_refused() -> None:
    with pytest.raises(EmbeddedServerError, match="PostgreSQL 9 is not among"):
        embedded.binaries(9)
