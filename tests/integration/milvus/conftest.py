"""A server for the session, empty for each test."""

import importlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from data_pipeline.api import BASE
from data_pipeline.stores.milvus.protocol import grpc
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tools.milvus_server import MilvusServer

MISSING = "Milvus' packages are missing: pip install -r requirements-milvus.txt -r requirements-libraries.txt"
NEEDED = ("pymilvus", "pyarrow", "milvus_lite")


@pytest.fixture(scope="session", autouse=True)
def extras() -> None:
    """What Milvus needs: skipped without it, but where it is required."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if not missing:
        grpc()  # as the service loads it, before any client of pymilvus does
        return
    if os.environ.get("LIBRARY_TESTS") == "required":
        pytest.fail(MISSING)
    pytest.skip(MISSING)


@pytest.fixture(scope="session")
def milvus_process(extras: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    yield server
    server.kill()


@pytest.fixture
def milvus(milvus_process: MilvusServer) -> MilvusServer:
    """The server, without any collection."""
    client = milvus_process.client()
    for name in client.list_collections():
        for alias in client.list_aliases(name)["aliases"]:
            with suppress(Exception):
                client.drop_alias(alias)
        client.drop_collection(name)
    client.close()
    return milvus_process


@pytest.fixture
def pymilvus(milvus: MilvusServer) -> Iterator[Any]:
    """A client of pymilvus."""
    client = milvus.client()
    yield client
    client.close()


@pytest.fixture
def service(milvus: MilvusServer, make_client: Callable[..., Client], database: TestDatabase) -> "Service":
    """The service, which knows the server as `milvus` and a database as `main`."""
    targets = json.dumps({"milvus": milvus.url, "main": database.url})
    return Service(make_client(DATABASE_URL=database.url, TARGETS=targets, LOAD_WORKERS="0"))


class Service:
    """Calls of the routes of Milvus."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def call(self, route: str, **body: Any) -> tuple[int, dict[str, Any]]:
        """Status and data."""
        answer = self.client.post(f"{BASE}/milvus/{route}", data=json.dumps(body))
        return answer.status_code, answer.get_json()["data"]

    def done(self, route: str, **body: Any) -> dict[str, Any]:
        """The data of a call that works."""
        status, data = self.call(route, **body)
        assert status == 200, data
        return data

    def refused(self, route: str, **body: Any) -> tuple[int, str]:
        """Status and kind of a call that doesn't."""
        status, data = self.call(route, **body)
        return status, data.get("error_type", "")

    def backup(self, **body: Any) -> dict[str, Any]:
        """The set of a backup, as requests name it."""
        made = self.done("backup", target="milvus", **body)
        return named(made)

    def restore(self, chosen: dict[str, Any], **body: Any) -> dict[str, Any]:
        return self.done("restore", set=chosen, target="milvus", **body)


def named(made: dict[str, Any]) -> dict[str, Any]:
    """A backup's set."""
    return {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
