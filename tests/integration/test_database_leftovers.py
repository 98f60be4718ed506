"""What a restore into a database of its own leaves when it is killed: gone with the next start, and nothing else is."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import psutil
import psycopg2
import pytest
import requests

from data_pipeline.api import BASE
from data_pipeline.postgres.whole import unfinished
from tests.conftest import TestDatabase
from tests.integration.conftest import Background
from tests.integration.whole_databases import plain_dump, voice
from tests.live_server import LiveServer

SLOWLY = """
CREATE FUNCTION slowly() RETURNS bool LANGUAGE sql
    AS $$ SELECT pg_catalog.pg_sleep(coalesce(current_setting('test.seconds', true), '1')::float) IS NOT NULL $$;
SET test.seconds = 0;
ALTER TABLE system_configs ADD CHECK (public.slowly());
INSERT INTO system_configs SELECT 'slow' || n, '{}' FROM generate_series(1, 120) n;
"""
"""A restore of the configuration takes minutes, so that a kill comes in time."""

CHILDREN = "SELECT datname FROM pg_stat_activity WHERE application_name LIKE 'vector-restore child pg_restore%'"
BESIDE = r"SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND datname ~ '_(new|before)_\d|_mine$'"
SECONDS = 60


class Admin:
    """The server's databases, and what is made there by hand."""

    def __init__(self, live: TestDatabase) -> None:
        self._live = live

    def run(self, *statements: str) -> None:
        with closing(psycopg2.connect(TestDatabase(self._live.server, self._live.server.dbname).url)) as connection:
            connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)

    def beside(self) -> list[str]:
        """What is named after the live one."""
        return sorted(name for (name,) in self._live.fetch(BESIDE, (self._live.dbname,)))


@pytest.fixture
def voices(empty_database: TestDatabase) -> TestDatabase:
    voice(empty_database)
    empty_database.execute(SLOWLY)
    return empty_database


@pytest.fixture
def admin(voices: TestDatabase) -> Iterator[Admin]:
    yield (made := Admin(voices))
    for name in made.beside():
        made.run(f'DROP DATABASE "{name}" WITH (FORCE)')


def call(server: LiveServer, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer's data; {} where none comes."""
    with suppress(requests.ConnectionError):
        answer = requests.post(f"http://{server.address}{BASE}/databases/{path}", json=body, timeout=SECONDS)
        data: dict[str, Any] = answer.json()["data"]
        return data
    return {}


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def filling(
    start_server: Callable[..., LiveServer], voices: TestDatabase, admin: Admin
) -> tuple[LiveServer, Background]:
    """A service in the middle of filling a database beside the live one, and the call that waits for it."""
    server = start_server(DATABASE_URL=voices.url)
    made = call(server, "backup", {})
    named = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    body = {"set": named, "mode": "new_database", "swap": True, "trusted": True}
    restore = Background(lambda: call(server, "restore", body))
    eventually(lambda: voices.fetch(CHILDREN) == [(name,) for name in admin.beside()] != [])
    return server, restore


def test_a_killed_services_half_database_goes_when_the_next_one_starts_and_no_other(
    filling: tuple[LiveServer, Background],
    start_server: Callable[..., LiveServer],
    voices: TestDatabase,
    admin: Admin,
) -> None:
    server, restore = filling
    before, (half,) = plain_dump(voices), admin.beside()
    server.process.kill()
    assert restore.result() == {}
    mark, name = unfinished.CONNECTIONS, voices.dbname
    admin.run(
        f"CREATE DATABASE {name}_new_20200101_000000",  # made by hand
        f"CREATE DATABASE {name}_mine CONNECTION LIMIT {mark}",
        f"COMMENT ON DATABASE {name}_mine IS '{unfinished.COMMENT}{name}'",  # one that was renamed, to be kept
        f"CREATE DATABASE {name}_new_20200101_000001 CONNECTION LIMIT {mark}",  # killed before it had its comment
        f"CREATE DATABASE {name}_b_new_20200101_000002 CONNECTION LIMIT {mark}",  # the same for another live one
        f"CREATE DATABASE {name}_c_new_20200101_000003 CONNECTION LIMIT {mark}",
        f"COMMENT ON DATABASE {name}_c_new_20200101_000003 IS '{unfinished.COMMENT}{name}_c'",
    )
    others = [f"{name}_b_new_20200101_000002", f"{name}_c_new_20200101_000003", f"{name}_mine"]
    start_server("worker", DATABASE_URL=voices.url).wait_for_jobs()  # as a service does
    eventually(lambda: half not in admin.beside())
    eventually(lambda: admin.beside() == sorted([*others, f"{name}_new_20200101_000000"]))
    eventually(lambda: voices.fetch(CHILDREN) == [])
    assert plain_dump(voices) == before


def test_a_killed_child_leaves_no_database_and_no_backend(
    filling: tuple[LiveServer, Background], voices: TestDatabase, admin: Admin
) -> None:
    server, restore = filling
    before = plain_dump(voices)
    for child in psutil.Process(server.process.pid).children(recursive=True):
        if child.name() == "pg_restore":
            child.kill()
    answer = restore.result()
    assert (answer["error_type"], answer["rolled_back"]) == ("DATABASE_ERROR", True)
    assert admin.beside() == []
    assert voices.fetch(CHILDREN) == []
    assert plain_dump(voices) == before


def test_a_database_that_is_being_filled_is_left_alone_by_a_service_that_starts(
    filling: tuple[LiveServer, Background], start_server: Callable[..., LiveServer], voices: TestDatabase, admin: Admin
) -> None:
    _, restore = filling
    (half,) = admin.beside()
    second = start_server(DATABASE_URL=voices.url)
    second.await_log("an unfinished database may be left")  # it is asked for again with each heartbeat
    assert admin.beside() == [half]
    assert voices.fetch(CHILDREN) == [(half,)]
    voices.fetch(CHILDREN.replace("datname", "pg_terminate_backend(pid)"))
    assert restore.result()["error_type"] == "DATABASE_ERROR"
    assert admin.beside() == []
