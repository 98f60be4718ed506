"""kill -9 of the service while it replaces the tables: the old rows or the new ones, and the next restore works."""

import random
from typing import Any

from torture import two_states
from torture.budget import Budget
from torture.call import Call, Moments
from torture.client import Client
from torture.figure import Figure
from torture.service import lives
from torture.two_states import DIMENSIONS, Scene
from torture.world import World

WANTED = 300
GENTLY = 0.08
"""How many of the ends are SIGTERM; they don't count as kills."""

HOWS: dict[str, dict[str, Any]] = {"replace": {"truncate_before_restore": True}, "sync": {"strategy": "sync"}}


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
        golden = two_states.made(world, database, Client(service.port))
        scene = Scene(service, database, figure, Moments(chance), golden, now=max(golden))
        for how in HOWS:
            scene.restore_undisturbed(how, HOWS[how])
        while budget.allows(figure, "kills"):
            _kill(scene, chance, chance.choices(tuple(HOWS), (80, 20))[0])
    return figure


def _kill(scene: Scene, chance: random.Random, how: str) -> None:
    """One trial: kill in the middle of a restore, look at the tables, start again, restore for good."""
    figure, service = scene.figure, scene.service
    target = scene.other
    client = Client(service.port)
    call = Call(lambda: client.restore(target, **HOWS[how]))
    in_time = scene.moments.within(call, how)
    children = service.children()
    gently = chance.random() < GENTLY
    if gently and not service.stop():
        figure.fault(f"{how}: SIGTERM did not end the service")
    elif not gently:
        service.kill()
    answer = call.answer()
    scene.look_at_tables(target, how, answer)
    figure.did("kills", in_time and not gently)
    figure.note("ended by SIGTERM", in_time and gently)
    service.start()
    scene.restore_undisturbed(how, HOWS[how])
    if orphans := [child for child in children if lives(child)]:
        figure.fault(f"worker processes outlived the service: {orphans}")
    figure.note("workers gone", len(children))
