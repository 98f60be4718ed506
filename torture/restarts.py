"""The server stopped and started, or crashed, in the middle of an operation: the answer is true, and no row is lost."""

import time
from typing import get_args

from torture import operations
from torture.budget import Budget
from torture.call import Call
from torture.client import Client
from torture.figure import Figure
from torture.operations import DIMENSIONS
from torture.postgres import StopMode
from torture.world import World

WANTED = 30


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "server stopped and started in the middle",
        "a row lost, or an untrue answer",
        {"stops": budget.scaled(WANTED, least=3)},
    )
    server = world.server()
    with (
        world.output("restarts") as output,
        server.database("restarts", hnsw=DIMENSIONS) as database,
        world.service(database, output) as service,
    ):
        stage = operations.prepare(world, "restarts", database, Client(service.port), output, figure)
        while budget.allows(figure, "stops"):
            kind = operations.any_kind(stage)
            mode: StopMode = get_args(StopMode)[figure.done["stops"] % 3]

            def restart(call: Call, kind: str = kind, mode: StopMode = mode) -> str:
                stage.moments.wait(kind)
                figure.did("stops", call.under_way)
                server.stop(mode)
                time.sleep(stage.chance.uniform(0, 0.3))
                server.start()
                return f"server stopped, {mode}"

            operations.attempt(stage, kind, restart)
    return figure
