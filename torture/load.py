"""64 clients at once, reading and writing: every answer is one that was to be expected, and all contents are right."""

import random
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torture import rows, sets
from torture.budget import Budget
from torture.client import Answer, Client
from torture.figure import Figure
from torture.postgres import Database, State
from torture.rows import Batch
from torture.world import World

CLIENTS = 64
SECONDS = 600
ROWS, DIMENSIONS = 300, 64
SCRATCH = 3
TASK = "task_load"
KIND = f"seconds by {CLIENTS} clients"
BUSY = frozenset({"OPERATION_IN_PROGRESS", "LOCK_TIMEOUT"})
"""Answers that mean: another one is at it, come back later."""

GONE = frozenset({"RESOURCE_NOT_FOUND"})
"""What another client may have deleted a moment ago."""


@dataclass
class Load:
    """What the clients share. Sets and states of `golden` stay; sets that clients make come and go."""

    port: int
    database: Database
    scratch: list[Database]
    golden: dict[str, State]
    allowed: set[State]
    figure: Figure
    until: float
    made: set[str] = field(default_factory=set)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def record(self, what: str, answer: Answer, *expected: frozenset[str]) -> bool:
        """Count an answer, and report one that nobody could expect; whether it was 200."""
        refused = answer.status != 200
        with self.guard:
            self.figure.note("requests")
            if refused:
                self.figure.note(answer.error_type or "no error type")
                if not any(answer.error_type in errors for errors in expected):
                    self.figure.fault(f"{what}: {answer}")
        return not refused

    def fault(self, text: str) -> None:
        with self.guard:
            self.figure.fault(text)

    def some_set(self, chance: random.Random) -> str:
        with self.guard:
            return chance.choice(sorted(self.golden.keys() | self.made))


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "mixed reads and writes", "unexpected answers, wrong contents", {KIND: budget.scaled(SECONDS, least=5)}
    )
    server = world.server()
    with ExitStack() as stack:
        output = stack.enter_context(world.output("load"))
        (output / TASK).mkdir()
        database = stack.enter_context(server.database("load"))
        scratch = [stack.enter_context(server.database(f"load_scratch{n}")) for n in range(SCRATCH)]
        service = stack.enter_context(world.service(database, output, MAX_WRITERS=str(CLIENTS)))
        golden = _golden(world, database, Client(service.port), output)
        (empty,) = database.fetch("SELECT 0::bigint, md5('')")
        allowed = {
            *golden.values(),
            *(replace(state, embeddings=empty) for state in golden.values()),
            State(empty, empty),
        }
        load = Load(service.port, database, scratch, golden, allowed, figure, time.monotonic() + figure.wanted[KIND])
        started = time.monotonic()
        _work(world, load)
        figure.did(KIND, int(time.monotonic() - started))
        _look_at_what_is_left(load, output / "vector_bak")
    return figure


def _golden(world: World, database: Database, client: Client, output: Path) -> dict[str, State]:
    golden: dict[str, State] = {}
    for file_format in (*sets.SUFFIXES, "csv"):
        database.truncate()
        rows.fill(database, Batch(f"{file_format}{len(golden)}", ROWS + len(golden), DIMENSIONS), world.seed)
        golden[sets.take(client, output, file_format).timestamp] = database.state()
    return golden


def _work(world: World, load: Load) -> None:
    clients = [
        threading.Thread(target=_run, args=(load, world.chance(f"client {number}")), daemon=True)
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def _run(load: Load, chance: random.Random) -> None:
    client = Client(load.port)
    try:
        while time.monotonic() < load.until:
            chance.choices(tuple(ACTIONS), tuple(ACTIONS.values()))[0](load, client, chance)
    except Exception as error:
        load.fault(f"a client broke off: {type(error).__name__}: {error} {traceback.format_exc(limit=-1)}")


def _list(load: Load, client: Client, _chance: random.Random) -> None:
    answer = client.get("/restore/list")
    if load.record("list", answer):
        listed = {found["timestamp"] for place in answer.data["backup_locations"] for found in place["backups"]}
        if not load.golden.keys() <= listed:
            load.fault(f"list: sets are missing, {len(listed)} listed")


def _read(load: Load, _client: Client, _chance: random.Random) -> None:
    """What an application sees beside all this."""
    found = load.database.state_at_once()
    if found not in load.golden.values():
        load.fault(f"a reader saw {found}")


def _replace(load: Load, client: Client, chance: random.Random) -> None:
    _restore(load, client, chance, truncate_before_restore=True)


def _sync(load: Load, client: Client, chance: random.Random) -> None:
    _restore(load, client, chance, strategy="sync")


def _restore(load: Load, client: Client, chance: random.Random, **how: Any) -> None:
    timestamp = chance.choice(sorted(load.golden))
    answer = client.restore(timestamp, **how)
    if load.record(f"restore {how}", answer, BUSY) and answer.data["errors"]:
        load.fault(f"restore {how}: {answer}")


def _back_up(load: Load, client: Client, chance: random.Random) -> None:
    answer = client.backup(format=chance.choice(tuple(sets.SUFFIXES)))
    if load.record("backup", answer, BUSY):
        with load.guard:
            load.made.add(answer.data["backup_timestamp"])


def _restore_beside(load: Load, client: Client, chance: random.Random) -> None:
    """Any set, into another database that the request names: all sets hold one of the states."""
    database = chance.choice(load.scratch)
    answer = client.replace(load.some_set(chance), pg_conn=database.url)
    load.record("restore elsewhere", answer, BUSY, GONE)
    if (found := database.state_at_once()) not in load.allowed:
        load.fault(f"restored elsewhere: {found}")


def _empty_beside(load: Load, client: Client, chance: random.Random) -> None:
    database = chance.choice(load.scratch)
    answer = client.post("/backup", {"task_id": TASK, "pg_conn": database.url, "truncate_vector_tables": True})
    load.record("backup that truncates", answer, BUSY)


def _verify(load: Load, client: Client, chance: random.Random) -> None:
    load.record("verify", client.verify(load.some_set(chance)), BUSY, GONE)


def _show(load: Load, client: Client, chance: random.Random) -> None:
    answer = client.get(f"/backups/global/{load.some_set(chance)}")
    if load.record("show", answer, GONE) and not answer.data["has_manifest"]:
        load.fault("show: no manifest")


def _delete(load: Load, client: Client, chance: random.Random) -> None:
    with load.guard:
        if not load.made:
            return
        timestamp = chance.choice(sorted(load.made))
    if load.record("delete", client.delete(timestamp), BUSY, GONE):
        with load.guard:
            load.made.discard(timestamp)


def _operate(load: Load, client: Client, chance: random.Random) -> None:
    path = chance.choice(("/healthz", "/readyz", "/metrics", "/openapi/openapi.json"))
    load.record(path, client.call("GET", path))


ACTIONS: dict[Callable[[Load, Client, random.Random], None], int] = {
    **{_list: 25, _read: 12, _show: 10, _verify: 6, _operate: 9},
    **{_replace: 8, _sync: 5, _back_up: 9, _restore_beside: 9, _empty_beside: 2, _delete: 5},
}


def _look_at_what_is_left(load: Load, directory: Path) -> None:
    """Afterwards: every listed set reads well, the golden ones restore, and nothing else lies about."""
    client = Client(load.port)
    listed = client.listed()
    for timestamp in listed:
        load.record("verify in the end", client.verify(timestamp))
    for timestamp, state in load.golden.items():
        if load.record("restore in the end", client.replace(timestamp)) and load.database.state() != state:
            load.fault(f"restored in the end: {load.database.state()}")
    if left := sets.leftovers(directory, listed):
        load.fault(f"leftovers: {left}")
    if lost := load.made - listed:
        load.fault(f"made and not listed: {sorted(lost)}")
