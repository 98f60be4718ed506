"""The requests that the API's description shows, sent to the service as a process; each answer is what it shows."""

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import neo4j
import pytest
import requests

from data_pipeline.api import BASE, PREFIX
from data_pipeline.api.openapi import examples
from data_pipeline.api.openapi.examples import Example
from data_pipeline.api.security.session import COOKIE
from data_pipeline.jobs.backend.accounts import secrets
from tests.conftest import TestDatabase
from tests.described import Described
from tests.integration.places import KEY, S3Server
from tests.integration.privileges import like_a_user
from tests.integration.redis_server import RedisServer
from tests.integration.test_drills import scratch_directory
from tests.live_server import Forked, Launch, LiveServer
from tools import neo4j_server
from tools.neo4j_server import Neo4jServer

GLOBAL_SET = "20250722_010318"
TASK_SETS = {
    "task_20250721_213627": {"20250721_215758": (58, 764)},
    "task_20250721_183935": {"20250721_201447": (58, 780), "20250721_190102": (58, 780)},
}
REDIS_SET = "20260722_010318"
NEO4J_SET = "20260723_010318"
JOB = "77245a18eaa54833b36522f328de5a47"
TARGET = "postgresql://user:password@localhost:5432/target_db"
NOWHERE = "postgresql://postgres@127.0.0.1:1/vector_db"
OF_USERS = ("users", "a backup by a user", "a first link")
"""Scenes of a service that asks its clients to sign in."""
STORES = (
    *("back_up_objects", "restore_objects", "list_stacks", "list_stack_sets", "back_up_stack", "restore_stack"),
    *("verify_stack", "delete_stack_set", "download_stack_set", "compare_stack", "drill_stack", "upload_stack_set"),
)
"""Operations that a service is asked which knows other stores."""
STACKS = '{"voicehelper": {"files": "files"}}'
ENDED = ("SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED")


MILVUS = ("backup_milvus", "compare_milvus", "restore_milvus")
"""Operations whose examples need a Milvus: tests/integration/milvus/test_examples.py sends them."""


class Scenery:
    """A service, and what has to be so before an example's answer comes; `names` are the example's -> the real ones."""

    def __init__(
        self,
        address: str,
        drills: str,
        stores: str,
        others: dict[str, str],
        databases: list[TestDatabase],
        backups: Any,
        cache: RedisServer,
    ) -> None:
        self._cache = cache
        self.graph: Neo4jServer | None = None
        self.url = {scene: f"http://{other}" for scene, other in others.items()}
        self._address = f"http://{address}"
        self._drills = f"http://{drills}"
        self._stores = f"http://{stores}"
        self._asked = self._address
        self._databases = databases
        self._backups = backups
        self._upload: bytes | None = None
        self.names: dict[str, str] = {}
        self.headers: dict[str, str] = {}

    @contextmanager
    def set(self, scene: str) -> Iterator[None]:
        """Everything as it was, and then what the scene adds to it."""
        self.names = {TARGET: self._databases[1].url}
        self._asked = self._address
        self._upload, self.headers = None, {}
        shutil.rmtree(self._backups.root)
        self._backups.root.mkdir()
        for database in self._databases[:2]:
            database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
        if scene != "nothing":
            self._write_sets()
        if scene in ("redis", "neo4j"):
            with self._redis() if scene == "redis" else self._neo4j():
                yield
            return
        if scene not in ("nothing", *self.url, "usual"):
            with getattr(self, f"_{scene.replace(' ', '_')}")():
                yield
            return
        self._fill(4, 58)
        yield

    def call(self, described: Described, operation: str, example: Example) -> requests.Response:
        """Send an example's request, with the real names in it."""
        method, path = described.route(operation)
        scene = "guarded" if example.scene in OF_USERS else example.scene
        own = {"drill_backup_set": self._drills, **dict.fromkeys(STORES, self._stores)}
        base = self._asked = own.get(operation) or self.url.get(scene, self._address)
        url = self._real(path.format(**example.path))
        body = self._real(json.dumps(example.body)).encode() if example.body else self._upload
        return requests.request(method, base + url, headers=self.headers, params=example.query, data=body, timeout=60)

    def _real(self, text: str) -> str:
        for name, real in self.names.items():
            text = text.replace(name, real)
        return text

    @contextmanager
    def _redis(self) -> Iterator[None]:
        """A set of three keys, and what has changed since."""
        client = self._cache.client()
        client.flushall()
        client.mset({"session:1": 1, "session:2": 2})
        client.expire("session:1", 3600)
        client.hset("user:1", "name", "first")
        route = f"{self.url['redis']}{BASE}/redis/backup"
        made = requests.post(route, json={"target": "cache", "consistency": "paused"}, timeout=60).json()["data"]
        self.names[REDIS_SET] = made["backup_timestamp"]
        client.hset("user:1", "name", "second")
        client.set("session:3", 3)
        yield

    @contextmanager
    def _neo4j(self) -> Iterator[None]:
        """A set of a small graph, and a node more since."""
        assert self.graph is not None
        login = ("neo4j", neo4j_server.PASSWORD)
        with neo4j.GraphDatabase.driver(f"bolt://127.0.0.1:{self.graph.port}", auth=login) as driver:
            driver.execute_query("MATCH (n) DETACH DELETE n")
            driver.execute_query("CREATE CONSTRAINT e IF NOT EXISTS FOR (e:Entity) REQUIRE e.id IS UNIQUE")
            driver.execute_query("CREATE (:Entity {id: 1})-[:RELATED_TO]->(:Entity {id: 2})")
            route = f"{self.url['neo4j']}{BASE}/neo4j/backup"
            made = requests.post(route, json={"target": "graph"}, timeout=60).json()["data"]
            self.names[NEO4J_SET] = made["backup_timestamp"]
            driver.execute_query("CREATE (:Entity {id: 3})")
        yield

    def _write_sets(self) -> None:
        self._write(GLOBAL_SET, "", 62, 819)
        for task_id, sets in TASK_SETS.items():
            for timestamp, (rows, size) in sets.items():
                self._write(timestamp, task_id, rows, size)

    def _write(self, timestamp: str, task_id: str, rows: int, kilobytes: int) -> None:
        names = [f"{UUID(int=number)},c{number},{{}}\n" for number in range(4)]
        first = f"uuid,name,cmetadata\n{''.join(names)}"
        second = "id,collection_id,embedding,document,cmetadata\n" + "".join(
            f'e{n},{UUID(int=n % 4)},"[{n},0.5]",text {n},{{}}\n' for n in range(rows - 1)
        )
        last = f'last,{UUID(int=0)},"[1,2]",'
        filling = "x" * (kilobytes * 1024 - len(second) - len(last) - 3)
        self._backups.write(
            first[:-1].ljust(209).encode(), f"{second}{last}{filling},{{}}".encode(), timestamp, task_id
        )
        self._backups.file("vector_backup_log.txt", task_id=task_id)

    def _fill(self, collections: int, embeddings: int) -> None:
        with closing(self._databases[0].connect()) as connection, connection, connection.cursor() as cursor:
            for n in range(collections):
                cursor.execute("INSERT INTO langchain_pg_collection VALUES (%s, %s)", (str(UUID(int=n)), f"c{n}"))
            for n in range(embeddings):
                cursor.execute(
                    "INSERT INTO langchain_pg_embedding VALUES (%s, %s, '[1,2]', %s, '{}')",
                    (f"e{n}", str(UUID(int=n % collections)), f"text {n}"),
                )

    @contextmanager
    def _no_rows(self) -> Iterator[None]:
        yield

    @contextmanager
    def _only_collections(self) -> Iterator[None]:
        self._fill(4, 0)
        yield

    @contextmanager
    def _damaged_file(self) -> Iterator[None]:
        path = self._backups.directory() / f"langchain_pg_embedding_{GLOBAL_SET}.csv"
        path.write_bytes(path.read_bytes().replace(b'"[15,0.5]"', b'"[15,0.5"', 1))
        yield

    @contextmanager
    def _an_unreadable_task(self) -> Iterator[None]:
        path = self._backups.root / "task_20250721_183935" / "vector_bak"
        path.chmod(0o000)
        try:
            yield
        finally:
            path.chmod(0o700)

    @contextmanager
    def _a_backup(self) -> Iterator[None]:
        """A set that a manifest vouches for, instead of the older one."""
        self._fill(4, 58)
        made = self._post("/backup", {"probes": 2})
        for path in self._backups.directory().glob(f"*{GLOBAL_SET}*"):
            path.unlink()
        self.names[GLOBAL_SET] = made["backup_timestamp"]
        yield

    @contextmanager
    def _a_drill(self) -> Iterator[None]:
        """Of that set."""
        with self._a_backup():
            route = f"{self._drills}{PREFIX}/backups/global/{self.names[GLOBAL_SET]}/drill"
            assert requests.post(route, timeout=60).status_code == 200
            yield

    @contextmanager
    def _a_set_of_objects(self) -> Iterator[None]:
        answer = requests.post(f"{self._stores}{BASE}/objects/backup", json={"target": "files"}, timeout=60)
        self.names[GLOBAL_SET] = answer.json()["data"]["backup_timestamp"]
        yield

    @contextmanager
    def _a_set_of_a_stack(self) -> Iterator[None]:
        answer = requests.post(f"{self._stores}{BASE}/stacks/voicehelper/backup", json={}, timeout=60)
        self.names[GLOBAL_SET] = answer.json()["data"]["backup_timestamp"]
        yield

    @contextmanager
    def _a_tar_of_a_stack(self) -> Iterator[None]:
        """To be uploaded as the request's body."""
        with self._a_set_of_a_stack():
            route = f"{self._stores}{BASE}/stacks/voicehelper"
            asked = {"timestamp": self.names[GLOBAL_SET]}
            self._upload = requests.get(f"{route}/download", params=asked, timeout=60).content
            requests.delete(f"{route}/sets/{self.names[GLOBAL_SET]}", timeout=60)
            yield

    @contextmanager
    def _a_set_of_a_database(self) -> Iterator[None]:
        self._fill(4, 58)
        made = requests.post(f"{self._address}{BASE}/databases/backup", timeout=60).json()["data"]
        self.names[GLOBAL_SET] = made["backup_timestamp"]
        yield

    @contextmanager
    def _a_tar(self) -> Iterator[None]:
        """To be uploaded as the request's body."""
        with self._a_backup():
            route = f"{self._address}{PREFIX}/backups/global/{self.names[GLOBAL_SET]}"
            self._upload = requests.get(f"{route}/download", timeout=60).content
            requests.delete(route, timeout=60)
            yield

    @contextmanager
    def _a_job(self) -> Iterator[None]:
        """One that has ended."""
        self._fill(4, 58)
        self.names[JOB] = self._post("/backup", {"async": True})["job_id"]
        self._until(*ENDED)
        yield

    @contextmanager
    def _a_running_job(self) -> Iterator[None]:
        self._fill(4, 58)
        with closing(self._databases[0].connect()) as connection:
            connection.cursor().execute("LOCK TABLE langchain_pg_embedding")
            self.names[JOB] = self._post(
                "/restore",
                {
                    "backup_path": "./data_pipeline/training_data/vector_bak",
                    "timestamp": GLOBAL_SET,
                    "truncate_before_restore": True,
                    "async": True,
                },
            )["job_id"]
            self._until("RUNNING", progress=True)
            yield
        self._until(*ENDED)

    @contextmanager
    def _resources(self) -> Iterator[None]:
        """One of each kind that can be created."""
        with self._no_resources():
            for name in ("target", "storage", "notifier", "schedule"):
                body = json.loads(self._real(json.dumps(examples.of(f"create_{name}")[0].body)))
                assert requests.post(f"{self._address}{BASE}/{name}s", json=body, timeout=60).status_code == 201
            yield

    @contextmanager
    def _a_notifier_within_reach(self) -> Iterator[None]:
        """One that the service itself answers."""
        with self._no_resources():
            body = {"name": "ops", "url": f"ping+{self._address}/healthz"}
            assert requests.post(f"{self._address}{BASE}/notifiers", json=body, timeout=60).status_code == 201
            yield

    @contextmanager
    def _a_price_table(self) -> Iterator[None]:
        """One price that was set by hand, and a form with a file that has another."""
        self._databases[0].execute(
            "CREATE TABLE prices (model text PRIMARY KEY, usd numeric, source text);"
            "INSERT INTO prices VALUES ('gpt-4', 1, 'manual')"
        )
        file = {"gpt-4": {"usd": 0.5}, "gpt-5": {"usd": 0.25}}
        parts = {"file": ("prices.json", json.dumps(file)), "keep": (None, '{"source": "manual"}')}
        prepared = requests.Request("POST", self._address, files=parts).prepare()
        assert isinstance(prepared.body, bytes)
        self._upload, self.headers = prepared.body, {"Content-Type": prepared.headers["Content-Type"]}
        yield
        self._databases[0].execute("DROP TABLE prices")

    @contextmanager
    def _no_resources(self) -> Iterator[None]:
        """What the example creates goes afterwards."""
        self._fill(4, 58)
        yield
        for name in ("schedule", "notifier", "storage", "target"):
            body = examples.of(f"create_{name}")[0].body
            requests.delete(f"{self._address}{BASE}/{name}s/{body['name']}", timeout=60)

    @contextmanager
    def _users(self) -> Iterator[None]:
        """The session of an admin, who has a token, and an operator with a session and a token."""
        with self._no_users():
            made, others = self._user("alice", "admin"), self._user("bob", "operator")
            for headers, name, days in ((made, "backups", 90), (others, "ci", None)):
                body = {"name": name, "days": days}
                assert self._of_users("POST", "/account/tokens", body, headers).status_code == 201
            self.headers = made
            yield

    @contextmanager
    def _a_backup_by_a_user(self) -> Iterator[None]:
        with self._users():
            self._fill(4, 58)
            answered = self._of_users("POST", "/vector/backup", {"format": "binary"}, self.headers)
            assert answered.status_code == 200
            yield

    @contextmanager
    def _a_first_link(self) -> Iterator[None]:
        """As the first start prints one."""
        with self._no_users():
            link = examples.of("create_first_admin")[0].body["link"]
            self._databases[2].execute(
                "INSERT INTO vector_jobs.first_links VALUES (%s, now() + interval '1 day')", (secrets.digest(link),)
            )
            yield

    @contextmanager
    def _no_users(self) -> Iterator[None]:
        yield
        self._databases[2].execute("DELETE FROM vector_jobs.users")

    def _user(self, name: str, role: str) -> dict[str, str]:
        """A user, and the headers of its session."""
        password = examples.of("create_user")[0].body["password"]
        token = {"Authorization": f"Bearer {examples.of('sign_in')[0].body['token']}"}
        made = self._of_users("POST", "/users", {"name": name, "role": role, "password": password}, token)
        assert made.status_code == 201, made.text
        begun = self._of_users("POST", "/vector/session", {"name": name, "password": password}, {})
        cookie = {"Cookie": f"{COOKIE}={begun.cookies[COOKIE]}"}
        session = self._of_users("GET", "/vector/session", None, cookie).json()["data"]
        return {**cookie, "X-CSRF-Token": session["csrf_token"]}

    def _of_users(self, method: str, path: str, body: Any, headers: dict[str, str]) -> requests.Response:
        return requests.request(method, f"{self.url['guarded']}{BASE}{path}", headers=headers, json=body, timeout=60)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return requests.post(f"{self._address}{PREFIX}{path}", json=body, timeout=60).json()["data"]

    def _job(self, job_id: str) -> Any:
        return requests.get(f"{self._asked}{PREFIX}/jobs/{job_id}", timeout=60).json()["data"]

    def _until(self, *states: str, progress: bool = False) -> None:
        deadline = time.monotonic() + 60
        job = self._job(self.names[JOB])
        while job["state"] not in states or (progress and not job["progress"]):
            assert time.monotonic() < deadline, job
            time.sleep(0.02)
            job = self._job(self.names[JOB])

    def settle(self, answer: Any) -> None:
        """Until a job that an example has begun is over."""
        if answer["code"] == 202:
            self.names[JOB] = answer["data"]["job_id"]
            self._until(*ENDED)


def shape(value: Any) -> Any:
    """The keys of an answer, and the kinds of its values; of a list those of its first value."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@pytest.fixture
def launch() -> Launch:
    """Held by the permissions of files, for root as for an ordinary user."""
    return partial(Forked, within=like_a_user)


@contextmanager
def _graph(scenery: Scenery, start_server: Callable[..., Any], settings: dict[str, str]) -> Iterator[None]:
    """A Neo4j, where there is one."""
    if not neo4j_server.is_there():
        yield
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    with neo4j_server.running(port) as server:
        scenery.graph = server
        found = start_server(**settings, TARGETS=json.dumps({"graph": server.url}))
        scenery.url["neo4j"] = f"http://{found.address}"
        yield


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", "valkey").start()
    yield server
    server.stop()


@pytest.fixture
def scenery(
    start_server: Callable[..., Any],
    database: TestDatabase,
    second_database: TestDatabase,
    jobs_database: TestDatabase,
    backups: Any,
    tmp_path: Path,
    s3_server: S3Server,
    cache: RedisServer,
) -> Iterator[Scenery]:
    settings = {"DATABASE_URL": database.url, "JOBS_DATABASE_URL": jobs_database.url}
    storages = {"STORAGES": json.dumps({"archive": str(tmp_path / "archive")})}
    server = start_server(**settings, SECRET_KEY="k" * 32, NOTIFY_ALLOWED_HOSTS="127.0.0.1", **storages)
    down = start_server(DATABASE_URL=NOWHERE)  # with another queue: it could not do the jobs of this one
    guarded = start_server(**settings, API_TOKEN=examples.of("sign_in")[0].body["token"])
    targets = start_server(
        DATABASE_URL=database.url, TARGETS=json.dumps({"staging": second_database.url, "old_server": NOWHERE})
    )
    redis = start_server(**settings, TARGETS=json.dumps({"cache": cache.url()}))
    name = s3_server.new_bucket()
    requests.put(f"{s3_server.url}/{name}/app/notes/a.txt", data=b"a note", timeout=60)
    files = f"s3+http://{':'.join(KEY.values())}@127.0.0.1:{s3_server.port}/{name}/app"
    stores = start_server(
        DATABASE_URL=database.url,
        TARGETS=json.dumps({"files": files}),
        OUTPUT_DIRECTORY=str(backups.root),
        STACKS=STACKS,
    )
    named = {"redis": redis, "database down": down, "guarded": guarded, "targets": targets}
    others = {scene: one.address for scene, one in named.items()}
    # Root's PostgreSQL is another user's, whose files an ordinary user has no way to.
    with scratch_directory() as drills:
        env = {**settings, "DRILL_DIRECTORY": str(drills), "OUTPUT_DIRECTORY": str(backups.root)}
        drilling = LiveServer(tmp_path / "drills.log", env)
        try:
            databases = [database, second_database, jobs_database]
            made = Scenery(server.address, drilling.address, stores.address, others, databases, backups, cache)
            with _graph(made, start_server, settings):
                yield made
        finally:
            drilling.stop()


def test_every_example_is_answered_as_it_says(scenery: Scenery, described: Described) -> None:
    wrong = []
    for operation in sorted(described.operations - {*MILVUS}):
        for example in examples.of(operation):
            if example.scene == "neo4j" and scenery.graph is None:
                continue
            with scenery.set(example.scene):
                response = scenery.call(described, operation, example)
                answer = response.json()
                faults = described.faults(operation, response.status_code, answer)
                if response.status_code != example.status or faults or shape(answer) != shape(example.answer):
                    wrong.append((operation, example.name, faults, answer))
                scenery.settle(answer)
    assert wrong == []


def test_every_example_fits_what_is_described(described: Described) -> None:
    found = {
        (operation, example.name): described.faults(operation, example.status, example.answer)
        for operation in described.operations
        for example in examples.of(operation)
    }
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert len(found) > 30
