"""Other stores as a run kills and starts them: each keeps what it holds on disk, and its port."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tools import neo4j_server, s3_server
from tools.neo4j_server import PASSWORD, Neo4jServer
from tools.s3_server import KEY
from torture.redis_server import RedisServer

BUCKET = "files"
OBJECTS, NODES, KEYS = 60, 300, 1000
KEY_ID, SECRET = KEY["AWS_ACCESS_KEY_ID"], KEY["AWS_SECRET_ACCESS_KEY"]
START_SECONDS = 60


class Store(Protocol):
    """A server, and what it holds. family: of its routes. asked: how a restore makes it equal to a set. saved: fields
    of its backup."""

    family: ClassVar[str]
    asked: ClassVar[dict[str, Any]]
    saved: ClassVar[dict[str, Any]]

    @property
    def url(self) -> str: ...

    def start(self) -> Any: ...

    def kill(self) -> None: ...

    def fill(self, name: str) -> None:
        """With a state of that name, and nothing else."""

    def state(self) -> Any:
        """All that it holds."""

    def forget_locks(self) -> None:
        """End what a killed process holds for a minute."""


class Cache(RedisServer):
    """A Redis."""

    family: ClassVar[str] = "redis"
    asked: ClassVar[dict[str, Any]] = {"mode": "replace"}
    saved: ClassVar[dict[str, Any]] = {"consistency": "paused"}

    def fill(self, name: str) -> None:
        client = self.client()
        client.flushall()
        pipe = client.pipeline(transaction=False)
        for n in range(KEYS):
            pipe.set(f"session:{n}", f"{name} {n}")
        pipe.execute()

    def forget_locks(self) -> None:
        for number in range(1, 16):
            client = self.client()
            client.select(number)
            client.delete("vector-backup:lease")


class Graph:
    """A Neo4j."""

    family: ClassVar[str] = "neo4j"
    asked: ClassVar[dict[str, Any]] = {"mode": "replace"}
    saved: ClassVar[dict[str, Any]] = {}

    def __init__(self, home: Path) -> None:
        self._server = Neo4jServer(home, s3_server.free_port())
        self.start()

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        self._server.kill()

    def fill(self, name: str) -> None:
        self._run("MATCH (n) DETACH DELETE n")
        self._run(
            "UNWIND range(1, $n) AS i CREATE (:Entity {id: i, name: $name}) WITH i "
            "MATCH (a:Entity {id: i}), (b:Entity {id: i / 2}) CREATE (a)-[:R {of: $name}]->(b)",
            n=NODES,
            name=name,
        )

    def state(self) -> Any:
        nodes = "MATCH (n) WHERE NOT n:__vector_backup_lock RETURN labels(n), n.id, n.name ORDER BY n.id"
        return self._run(nodes), self._run("MATCH (a)-[r]->(b) RETURN a.id, r.of, b.id ORDER BY a.id, b.id")

    def forget_locks(self) -> None:
        self._run("MATCH (l:__vector_backup_lock) SET l.until = 0")

    def _run(self, query: str, **parameters: Any) -> list[Any]:
        import neo4j

        place = f"bolt://127.0.0.1:{self._server.port}"
        options: dict[str, Any] = {"auth": ("neo4j", PASSWORD), "notifications_min_severity": "OFF"}
        with neo4j.GraphDatabase.driver(place, **options) as driver, driver.session() as session:
            return list(session.run(query, **parameters).values())


class Files:
    """A bucket of the compiled S3 server."""

    family: ClassVar[str] = "objects"
    asked: ClassVar[dict[str, Any]] = {"mode": "mirror"}
    saved: ClassVar[dict[str, Any]] = {}

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = s3_server.free_port()
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("objects", "object-facts"):
            (home / name).mkdir(parents=True)
        (home / "objects" / BUCKET).mkdir()
        self.start()

    @property
    def url(self) -> str:
        return f"s3+http://{KEY_ID}:{SECRET}@127.0.0.1:{self._port}/{BUCKET}/app"

    def start(self) -> None:
        with (self._home / "log").open("ab") as log:
            self._process = s3_server.started(self._home, self._port, log)
        deadline = time.monotonic() + START_SECONDS
        while not s3_server.serves(self._process, self._port):
            if time.monotonic() > deadline:
                raise RuntimeError("the S3 server did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def fill(self, name: str) -> None:
        client = self._client()
        for key in self._keys(client):
            client.delete_object(Bucket=BUCKET, Key=key)
        for n in range(OBJECTS):
            half = n if n % 2 else f"{name}-{n}"  # half of the keys are of one state only
            client.put_object(Bucket=BUCKET, Key=f"app/{half}", Body=f"{name} {n}".encode() * 200)

    def state(self) -> Any:
        client = self._client()
        found = {}
        for key in self._keys(client):
            with suppress(client.exceptions.NoSuchKey):  # a restore goes on meanwhile
                found[key] = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return found

    def forget_locks(self) -> None:
        """It has none: an interrupted restore is finished by itself."""

    def _keys(self, client: Any) -> list[str]:
        return [one["Key"] for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def _client(self) -> Any:
        return s3_server.client(self._port)


def missing(kind: Any) -> str | None:
    """What a kind of store lacks on this machine."""
    if kind is Graph and not neo4j_server.is_there():
        return "no Neo4j (make neo4j)"
    if kind is Files and not s3_server.find():
        return "no compiled S3 server (make s3-server)"
    return None


@contextmanager
def running(home: Path, *kinds: Any) -> Iterator[list[Any]]:
    """A store of each kind that this machine has, stopped at the end."""
    stores: list[Any] = []
    try:
        for kind in kinds:
            if missing(kind) is None:
                stores.append(kind(home / kind.__name__.lower()))
        yield stores
    finally:
        for store in stores:
            store.kill()
