"""Neo4j: what documents are about, and what goes with what."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from typing import Any

from examples.voicehelper import content
from examples.voicehelper.member import LOOPBACK, Member, free_port
from tools import neo4j_server
from tools.neo4j_server import PASSWORD, Neo4jServer

CONSTRAINTS = ("entity_id FOR (n:Entity)", "document_id FOR (n:Document)")
NODES = "MATCH (n) RETURN labels(n), properties(n) ORDER BY n.id"
TIES = "MATCH (a)-[r]->(b) RETURN a.id, type(r), properties(r), b.id ORDER BY a.id, b.id, type(r)"


class Graph(Member):
    """The database `neo4j` of a server."""

    role, store = "graph", "Neo4j"
    needs = "Java 17 and Maven, then make neo4j; and pip install -r requirements-neo4j.txt"

    def __init__(self) -> None:
        self._server: Neo4jServer | None = None

    @classmethod
    def is_there(cls) -> bool:
        return bool(neo4j_server.is_there() and util.find_spec("neo4j"))

    def start(self, home: Path) -> str:
        self._server = Neo4jServer(home / "server", free_port())
        self._server.start()
        return self._server.url

    def fill(self) -> str:
        documents = content.documents()
        with self._session() as session:
            for constraint in CONSTRAINTS:
                session.run(f"CREATE CONSTRAINT {constraint} REQUIRE n.id IS UNIQUE").consume()
            session.run(
                "UNWIND $names AS name CREATE (:Entity {id: name, name: name, kind: 'subject', created_at: $at})",
                names=content.SUBJECTS,
                at=content.BEGINNING,
            ).consume()
            session.run(
                "UNWIND $documents AS d MATCH (e:Entity {id: d.subject}) "
                "CREATE (:Document {id: d.id, title: d.title})-[:CONTAINS {confidence: 0.9, position: d.n}]->(e)",
                documents=[
                    {"id": str(one.id), "title": one.title, "subject": one.subject, "n": n}
                    for n, one in enumerate(documents)
                ],
            ).consume()
            session.run(
                "MATCH (a:Entity), (b:Entity) WHERE a.id < b.id "
                "CREATE (a)-[:RELATED_TO {weight: 0.5, created_at: $at}]->(b), "
                "(a)-[:CO_OCCURS {frequency: 3, documents: [a.id, b.id]}]->(b)",
                at=content.BEGINNING,
            ).consume()
            nodes = session.run("MATCH (n) RETURN count(n)").single(strict=True)[0]
            ties = session.run("MATCH ()-[r]->() RETURN count(r)").single(strict=True)[0]
        return f"{nodes} nodes, {ties} relationships"

    def state(self) -> dict[str, Any]:
        with self._session() as session:
            return {
                "nodes": [str(row) for row in session.run(NODES).values()],
                "relationships": [str(row) for row in session.run(TIES).values()],
                "constraints": sorted(row[0] for row in session.run("SHOW CONSTRAINTS YIELD name").values()),
            }

    def damage(self) -> str:
        with self._session() as session:
            session.run("MATCH (:Entity)-[r:RELATED_TO]->() DELETE r").consume()
            session.run("MATCH (d:Document) SET d.title = 'oops'").consume()
            session.run("DROP CONSTRAINT document_id").consume()
        return "relationships deleted, titles overwritten, a constraint dropped"

    def stop(self) -> None:
        if self._server is not None:
            self._server.kill()

    @contextmanager
    def _session(self) -> Iterator[Any]:
        import neo4j

        assert self._server is not None
        place = f"bolt://{LOOPBACK}:{self._server.port}"
        with neo4j.GraphDatabase.driver(place, auth=("neo4j", PASSWORD)) as driver, driver.session() as session:
            yield session
