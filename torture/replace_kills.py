"""kill -9 of the service while it replaces the tables: the old rows or the new ones, and the next restore works."""

import random
from dataclasses import dataclass
from typing import Any

from torture import rows
from torture.budget import Budget
from torture.call import Call, Moments
from torture.client import Answer, Client
from torture.figure import Figure
from torture.postgres import Database, State
from torture.rows import Batch
from torture.service import Service, lives
from torture.world import World

WANTED = 300
ROWS, DIMENSIONS = 1500, 64
LONG_TEXT = 7000
"""Bytes of a document in one of the states: its file is large enough to be parsed by worker processes."""

BACKEND_SECONDS = 15
"""Until the server has noticed that its client is gone: it looks twice a second, and rolls back."""

GENTLY = 0.08
"""How many of the ends are SIGTERM; they don't count as kills."""

HOWS: dict[str, dict[str, Any]] = {"replace": {"truncate_before_restore": True}, "sync": {"strategy": "sync"}}


@dataclass
class Scene:
    """Two states of the tables, each with a set that restores it, and which of them is in the tables."""

    service: Service
    database: Database
    figure: Figure
    chance: random.Random
    moments: Moments
    golden: dict[str, State]
    now: str


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "kill -9 of the service in replaces",
        "neither the old rows nor the new ones, or a lock left",
        {"kills": budget.scaled(WANTED)},
    )
    chance = world.chance("replace kills")
    with (
        world.output("replace-kills") as output,
        world.server().database("replace_kills", hnsw=DIMENSIONS) as database,
        world.service(database, output, LOAD_WORKERS="2") as service,
    ):
        golden = two_states(world, database, Client(service.port))
        scene = Scene(service, database, figure, chance, Moments(chance), golden, now=max(golden))
        for how in HOWS:
            _restore_undisturbed(scene, how)
        while budget.allows(figure, "kills"):
            _kill(scene, chance.choices(tuple(HOWS), (80, 20))[0])
    return figure


def two_states(world: World, database: Database, client: Client, count: int = ROWS) -> dict[str, State]:
    """Fill the tables twice and back up each time: timestamp -> state. The tables hold the newest one."""
    golden = {}
    for file_format, text_bytes in (("csv", LONG_TEXT), ("binary", 0)):
        database.truncate()
        rows.fill(database, Batch(file_format, count, DIMENSIONS, calm=True, text_bytes=text_bytes), world.seed)
        answer = client.backup(format=file_format)
        golden[str(answer.data["backup_timestamp"])] = database.state()
    return golden


def _kill(scene: Scene, how: str) -> None:
    """One trial: kill in the middle of a restore, look at the tables, start again, restore for good."""
    figure, service = scene.figure, scene.service
    target = _other(scene)
    client = Client(service.port)
    call = Call(lambda: client.restore(target, **HOWS[how]))
    scene.moments.wait(how)
    in_time = call.under_way
    children = service.children()
    gently = scene.chance.random() < GENTLY
    if gently and not service.stop():
        figure.fault(f"{how}: SIGTERM did not end the service")
    elif not gently:
        service.kill()
    answer = call.answer()
    _look_at_tables(scene, target, how, answer)
    figure.did("kills", in_time and not gently)
    figure.note("ended by SIGTERM", in_time and gently)
    service.start()
    _restore_undisturbed(scene, how)
    if orphans := [child for child in children if lives(child)]:
        figure.fault(f"worker processes outlived the service: {orphans}")
    figure.note("workers gone", len(children))


def _look_at_tables(scene: Scene, target: str, how: str, answer: Answer | None) -> None:
    if not scene.database.quiet(BACKEND_SECONDS):
        scene.figure.fault(f"{how} killed: a backend or an advisory lock is left after {BACKEND_SECONDS} s")
    found = scene.database.state()
    if found == scene.golden[target]:
        scene.now = target
        scene.figure.note("new rows")
    elif found == scene.golden[scene.now] and not (answer and answer.status == 200):
        scene.figure.note("old rows")
    else:
        scene.figure.fault(f"{how} of {target} killed, answer {answer}: the tables hold {found}")


def _restore_undisturbed(scene: Scene, how: str) -> None:
    target = _other(scene)
    answer = Client(scene.service.port).restore(target, **HOWS[how])
    found = scene.database.state()
    if answer.status != 200 or found != scene.golden[target]:
        scene.figure.fault(f"the {how} after a kill: {answer}: the tables hold {found}")
    scene.now = target
    scene.moments.learn(how, answer.seconds)


def _other(scene: Scene) -> str:
    return next(timestamp for timestamp in scene.golden if timestamp != scene.now)
