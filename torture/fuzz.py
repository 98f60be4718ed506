"""Requests by the thousand, from the API's description and from those who want in: no bug, no way out, no secret."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torture import attacks, canaries, described, planted, raw
from torture.attacks import Attack
from torture.budget import Budget
from torture.canaries import Canaries
from torture.client import LOCATION, ROOT, Client, Gone
from torture.description import Description, Hint, Request
from torture.figure import Figure
from torture.oracle import Oracle
from torture.planted import wild_stamp
from torture.postgres import Database, Server
from torture.service import Service
from torture.traps import Trap
from torture.world import World

WANTED = 50_000
BATCH = 1_000
THREADS = 8
BY_SCHEMATHESIS = 0.05
ATTACK_SECONDS = 30
RAW = 0.01
OWNED = """
CREATE ROLE {role} LOGIN PASSWORD '{password}';
ALTER TABLE langchain_pg_collection OWNER TO {role};
ALTER TABLE langchain_pg_embedding OWNER TO {role};
GRANT CREATE ON SCHEMA public TO {role};
ALTER TABLE langchain_pg_embedding ADD CHECK (document NOT LIKE 'forbidden%');
"""
ANOTHER_API = "/api/v1/"
"""That of milvus-backup, whose answers have a shape of their own; it needs a Milvus."""


@dataclass
class Target:
    """What is fuzzed: a service that knows secrets, its databases, and all that could give it away."""

    world: World
    service: Service
    databases: tuple[Database, Database]
    output: Path
    outside: list[Path]
    secrets: Canaries
    traps: tuple[Trap, Trap]
    oracle: Oracle
    figure: Figure
    named_url: str


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "requests fuzzed and attacks", "unhandled 500, escape, secret seen", {"requests": budget.scaled(WANTED)}
    )
    with _target(world, figure) as target, canaries.watched_processes(target.secrets) as seen:
        document = Client(target.service.port, target.secrets.token).call("GET", "/openapi/openapi.json").envelope
        document["paths"] = {
            path: methods for path, methods in document["paths"].items() if not path.startswith(ANOTHER_API)
        }
        untouched = planted.fingerprint(target.outside, world.home)
        _attack(target)
        share = int(figure.wanted["requests"] * BY_SCHEMATHESIS)
        described.run(
            target.oracle, document, target.service.port, target.secrets.token, share, world.chance("schemathesis")
        )
        going = True
        while going:
            _fuzz(target, document, min(BATCH, figure.wanted["requests"]))
            _look_around(target, untouched)
            going = budget.allows(figure, "requests")
        for leak in sorted(seen):
            figure.fault(f"in the process list: {leak}")
    return figure


@contextmanager
def _target(world: World, figure: Figure) -> Iterator[Target]:
    secrets = Canaries.hatch(world)
    with ExitStack() as stack:
        output = stack.enter_context(world.output("fuzz"))
        server = world.server()
        urls, databases = [], []
        for name, password in (("fuzzed", secrets.configured_password), ("fuzzed_too", secrets.named_password)):
            databases.append(stack.enter_context(_owned(server, name, password)))
            urls.append(f"postgresql://{name}_owner:{password}@127.0.0.1:{server.port}/{name}")
        outside = planted.plant_outside(world.home, output, secrets)
        (world.home / ".pgpass").write_text(f"*:*:*:*:{secrets.ambient_password}\n", encoding="ascii")
        (world.home / ".pgpass").chmod(0o600)
        env = {"API_TOKEN": secrets.token, "API_READ_TOKEN": secrets.read_token, "PGPASSWORD": secrets.ambient_password}
        service = stack.enter_context(world.service(urls[0], output, **env))
        traps = (stack.enter_context(closing(Trap(True))), stack.enter_context(closing(Trap(False))))
        oracle = Oracle(figure, secrets, (str(world.home), str(Path(__file__).parent.parent)))
        yield Target(
            world, service, (databases[0], databases[1]), output, outside, secrets, traps, oracle, figure, urls[1]
        )


@contextmanager
def _owned(server: Server, name: str, password: str) -> Iterator[Database]:
    """A database whose tables belong to a role of its own, with a password that is a secret."""
    with server.database(name) as database:
        try:
            database.execute(OWNED.format(role=f"{name}_owner", password=password))
            yield database
        finally:
            database.execute(f"DROP OWNED BY {name}_owner; DROP ROLE {name}_owner")


def _attack(target: Target) -> None:
    """Each attack once, one after the other, and its answer looked at closely."""
    planted.plant(target.output, target.secrets)
    links = planted.link(target.output, target.outside[0])
    ports = (target.traps[0].port, target.traps[1].port)
    client = Client(target.service.port, target.secrets.token, ATTACK_SECONDS)
    for attack in attacks.all_attacks(target.secrets.named_password, wild_stamp(0), links, ports):
        request = _as_request(attack)
        target.figure.note("attacks")
        try:
            answer = client.call(request.method, request.path, request.body, request.headers)
        except Gone as gone:
            target.oracle.no_answer(request, gone)
            continue
        target.oracle.judge(request, answer)
        if answer.status not in attack.refused or answer.seconds > attack.seconds:
            target.figure.fault(f"{request}: {answer}, after {answer.seconds:.1f} s")


def _as_request(attack: Attack) -> Request:
    body = None if attack.body is None else described.as_json(attack.body)
    return Request(attack.method, attack.path, body, dict(attack.headers))


def _fuzz(target: Target, document: dict[str, Any], count: int) -> None:
    planted.plant(target.output, target.secrets)
    planted.link(target.output, target.outside[0])
    done = target.figure.done["requests"]
    threads = [
        threading.Thread(
            target=_send, args=(target, document, count // THREADS + 1, f"fuzz {done} {number}"), daemon=True
        )
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send(target: Target, document: dict[str, Any], count: int, name: str) -> None:
    chance = target.world.chance(name)
    client = Client(target.service.port, target.secrets.token)
    description = Description(document, _hints(target), chance)
    for _ in range(count):
        if chance.random() < RAW:
            target.oracle.judge_raw(*raw.send(target.service.port, chance))
            continue
        request = description.request()
        try:
            answer = client.call(request.method, request.path, request.body, request.headers)
        except Gone as gone:
            target.oracle.no_answer(request, gone)
        else:
            target.oracle.judge(request, answer)


def _hints(target: Target) -> dict[str, Hint]:
    """Values that get far, and attacks, by the name of the field they are for."""
    stamps = [wild_stamp(number) for number in range(len(planted.BAD_ROWS) + 1)]
    links = [planted.LINKED.format(number) for number in range(4)]
    user = f"somebody:{target.secrets.named_password}@"
    urls = Hint(
        [target.named_url],
        [target.named_url.replace("_owner:", "_owner:x"), *(url.replace("{}", user) for url in attacks.PG_CONNS)],
    )
    tables = ["langchain_pg_collection", "langchain_pg_embedding"]
    tasks = ["task_none", "task_link", "task_half", *attacks.TASK_IDS]
    return {
        "backup_path": Hint(
            [*[LOCATION] * 8, *(f"{ROOT}/{task}/vector_bak" for task in planted.TASKS)],
            [f"{ROOT}/task_link/vector_bak", *attacks.PATHS],
        ),
        "timestamp": Hint([*stamps, *links], ["20240303_000000", *attacks.TIMESTAMPS]),
        "task_id": Hint(planted.TASKS, tasks),
        "location": Hint([*["global"] * 4, *planted.TASKS], tasks),
        "pg_conn": urls,
        "db_connection": urls,
        "tables": Hint([tables, *([table] for table in tables)], [["pg_authid"], ["x; DROP TABLE y"], tables * 2]),
        "expect_database": Hint(["fuzzed", "fuzzed_too"], ["x", "fuzzed; DROP TABLE y", "a" * 100]),
    }


def _look_around(target: Target, untouched: str) -> None:
    """In the log, in the databases, outside of the root, and at what the trap was told."""
    figure, secrets = target.figure, target.secrets
    log = target.service.log.read_bytes()
    for name in secrets.seen(log):
        figure.fault(f"in the log: {name}: {_around(log, getattr(secrets, name))}")
    for name in set(secrets.seen(target.traps[0].received)) - {"named_password"}:
        figure.fault(f"sent to a host that a request named: {name}")
    if planted.fingerprint(target.outside, target.world.home) != untouched:
        figure.fault("something outside of the backup root has changed")
    for database in target.databases:
        if database.fetch("SELECT 1 FROM langchain_pg_embedding WHERE document LIKE %s", (f"%{secrets.escaped}%",)):
            figure.fault(f"rows from outside of the backup root were restored into {database.name}")
            database.truncate()


def _around(log: bytes, word: str) -> str:
    place = log.index(word.encode())
    return log[max(0, place - 100) : place].decode(errors="replace")
