"""A real Neo4j, where `make neo4j` has fetched one, and the service in front of it."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neo4j
import pytest

from data_pipeline.api import BASE
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of
from tools import neo4j_server
from tools.neo4j_server import PASSWORD, Neo4jServer


@pytest.fixture(scope="session")
def graph_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    if not neo4j_server.is_there():
        assert os.environ.get("NEO4J_TESTS") != "required", "make neo4j has fetched none"
        pytest.skip("there is no Neo4j: make neo4j fetches one, for Java 17")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    server = Neo4jServer(tmp_path_factory.mktemp("neo4j") / "home", port)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="session")
def driver(graph_server: Neo4jServer) -> Iterator[neo4j.Driver]:
    with neo4j.GraphDatabase.driver(f"bolt://127.0.0.1:{graph_server.port}", auth=("neo4j", PASSWORD)) as made:
        yield made


@pytest.fixture
def session(driver: neo4j.Driver) -> Iterator[neo4j.Session]:
    """Of an empty database."""
    with driver.session() as made:
        clear(made)
        yield made


def clear(session: neo4j.Session) -> None:
    """Remove everything."""
    session.run("MATCH (n) DETACH DELETE n").consume()
    for row in session.run("SHOW CONSTRAINTS YIELD name").values():
        session.run(f"DROP CONSTRAINT `{row[0]}`").consume()
    for row in session.run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name").values():
        session.run(f"DROP INDEX `{row[0]}`").consume()


@dataclass
class Graph:
    """The server as the target `graph`, and calls about it."""

    server: Neo4jServer
    client: Client
    engine: Engine

    def backup(self) -> dict[str, Any]:
        done = data_of(self.post("backup", target="graph"))
        return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}

    def restore(self, named: dict[str, Any], **body: Any) -> dict[str, Any]:
        return data_of(self.post("restore", set=named, target="graph", **body))

    def compare(self, named: dict[str, Any]) -> dict[str, Any]:
        return data_of(self.post("compare", set=named, target="graph"))

    def post(self, what: str, **body: Any) -> Any:
        return self.client.post(f"{BASE}/neo4j/{what}", data=json.dumps(body))


@pytest.fixture
def graph(
    graph_server: Neo4jServer,
    session: neo4j.Session,
    make_client: Callable[..., Client],
    database: TestDatabase,
    output_dir: Path,
) -> Iterator[Graph]:
    targets = {"graph": graph_server.url, "down": "bolt://neo4j:pw@127.0.0.1:1", "wrong": _wrong(graph_server)}
    client = make_client(DATABASE_URL=database.url, TARGETS=json.dumps(targets))
    client.application.config["NEVER_SHOWN"].append(PASSWORD)
    engine = Engine.build(Settings.load({"DATABASE_URL": database.url, "OUTPUT_DIRECTORY": str(output_dir)}))
    yield Graph(graph_server, client, engine)
    engine.pool.close()


def _wrong(server: Neo4jServer) -> str:
    return f"bolt://neo4j:another@127.0.0.1:{server.port}"


@pytest.fixture
def files(output_dir: Path) -> Callable[[dict[str, Any]], list[Path]]:
    """Of a set."""
    return lambda named: sorted((output_dir / "vector_bak").glob(f"*{named['timestamp']}*"))
