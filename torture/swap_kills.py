"""kill -9 of the service, and of the server, while new tables are swapped in: all old or all new, nothing is left."""

import time

from data_pipeline.postgres.swapping.names import PREFIX
from torture import two_states
from torture.budget import Budget
from torture.call import Call, Moments
from torture.client import Client
from torture.figure import Figure
from torture.postgres import Database
from torture.two_states import DIMENSIONS, Scene
from torture.world import World

WANTED = 100
SWAP = {"strategy": "swap"}
SWEEP_SECONDS = 20
"""Until a service that has started has removed what it found: it does so beside everything else."""


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "kill -9 in swaps",
        "neither the old rows nor the new ones, or a table left after the next start",
        {"of the service": budget.scaled(WANTED), "of the server": budget.scaled(WANTED)},
    )
    chance = world.chance("swap kills")
    server = world.server()
    with (
        world.output("swap-kills") as output,
        server.database("swap_kills", hnsw=DIMENSIONS) as database,
        world.service(database, output, LOAD_WORKERS="2", LOAD_CONNECTIONS="3") as service,
    ):
        golden = two_states.made(world, database, Client(service.port))
        scene = Scene(service, database, figure, Moments(chance), golden, now=max(golden))
        scene.restore_undisturbed("swap", SWAP)
        while budget.allows(figure, "of the service") or budget.allows(figure, "of the server"):
            whose = min(figure.wanted, key=lambda kind: figure.done[kind])
            _kill(scene, whose)
    return figure


def _kill(scene: Scene, whose: str) -> None:
    """One trial: kill in the middle of a swap, look at the tables, start again, swap for good."""
    target, client, server = scene.other, Client(scene.service.port), scene.database.server
    call = Call(lambda: client.restore(target, **SWAP))
    in_time = scene.moments.within(call, "swap")
    if whose == "of the service":
        scene.service.kill()
    else:
        server.stop("immediate")
        server.start()
        scene.service.kill()
    answer = call.answer()
    scene.figure.did(whose, in_time)
    scene.look_at_tables(target, "swap", answer)
    scene.service.start()
    if not _swept(scene.database):
        scene.figure.fault(f"a swap was killed ({whose}), and its tables are left after the next start")
    scene.restore_undisturbed("swap", SWAP)


def _swept(database: Database) -> bool:
    deadline = time.monotonic() + SWEEP_SECONDS
    while database.fetch("SELECT FROM pg_class WHERE relname LIKE %s", (f"{PREFIX}%",)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
