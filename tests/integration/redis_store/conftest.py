"""A server of either kind, and the service in front of it."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.api import BASE
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.redis_server import IN_MEMORY, Kind, RedisServer, program
from tests.support.answers import data_of


def expect_program(kind: Kind) -> None:
    """Skip where the distribution's server isn't installed; not where CI says that it is."""
    if program(kind) is None:
        assert os.environ.get("REDIS_TESTS") != "required", "redis-server is missing"
        pytest.skip("redis-server is not installed: apt-get install redis-server")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RedisServer]]:
    """Servers that tests share, by their settings; each test begins with empty databases."""
    started: dict[tuple[Any, ...], RedisServer] = {}

    def find(kind: Kind, *more: str) -> RedisServer:
        expect_program(kind)
        if (kind, more) not in started:
            directory = tmp_path_factory.mktemp("redis")
            started[kind, more] = RedisServer(directory, kind, (*IN_MEMORY, *more)).start()
        client = started[kind, more].client()
        client.flushall()
        client.function_flush("SYNC")
        return started[kind, more]

    yield find
    for server in started.values():
        server.stop()


@pytest.fixture(params=["redis", "valkey"])
def server(servers: Callable[..., RedisServer], request: pytest.FixtureRequest) -> RedisServer:
    """One of the two kinds."""
    return servers(request.param)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A path whose sockets have an address."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


@dataclass
class Cache:
    """A server as the target `cache`, and calls about it."""

    server: RedisServer
    client: Client

    def backup(self, **body: Any) -> dict[str, Any]:
        """A set: the body's part that names it."""
        done = data_of(self.post("backup", target="cache", **body))
        return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}

    def restore(self, named: dict[str, Any], **body: Any) -> dict[str, Any]:
        return data_of(self.post("restore", set=named, target="cache", **body))

    def compare(self, named: dict[str, Any], **body: Any) -> dict[str, Any]:
        return data_of(self.post("compare", set=named, **({"target": "cache"} if "with" not in body else {}), **body))

    def post(self, what: str, **body: Any) -> Any:
        return self.client.post(f"{BASE}/redis/{what}", data=json.dumps(body))


@pytest.fixture
def settings(database: TestDatabase, short_path: Path) -> Callable[..., dict[str, str]]:
    """Of a service with these servers as targets; the first one's program makes snapshots."""

    def make(**named: RedisServer) -> dict[str, str]:
        first = next(iter(named.values()))
        return {
            "DATABASE_URL": database.url,
            "TARGETS": json.dumps({name: one.url() for name, one in named.items()}),
            "DRILL_DIRECTORY": str(short_path / "scratch"),
            "REDIS_SERVER_BIN": str(program(first.kind)),
        }

    return make


@pytest.fixture
def cache_of(make_client: Callable[..., Client], settings: Callable[..., dict[str, str]]) -> Callable[..., Cache]:
    """The service in front of a server."""

    def make(server: RedisServer, **more: RedisServer) -> Cache:
        client = make_client(**settings(cache=server, **more))
        client.application.config["NEVER_SHOWN"].append(server.password)
        return Cache(server, client)

    return make


@pytest.fixture
def cache(server: RedisServer, cache_of: Callable[..., Cache]) -> Cache:
    return cache_of(server)


@pytest.fixture
def valkey_cache(servers: Callable[..., RedisServer], cache_of: Callable[..., Cache]) -> Cache:
    """Of the kind that is always there."""
    return cache_of(servers("valkey"))
