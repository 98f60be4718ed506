"""The server, or the way to it, falls silent: it takes everything, answers nothing, and is given up in time."""

from contextlib import closing

from torture import operations
from torture.budget import Budget
from torture.call import Call
from torture.client import Client
from torture.figure import Figure
from torture.operations import DIMENSIONS
from torture.proxy import Proxy
from torture.world import World

WANTED = 20
LONGEST_SECONDS = 60.0
"""Ten for the silence itself, and what a lost COMMIT is asked about for."""


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "servers that fell silent in the middle",
        "a row lost, an untrue answer, or none within a minute",
        {"silences": budget.scaled(WANTED)},
    )
    server = world.server()
    with (
        world.output("silence") as output,
        closing(Proxy(server.port)) as proxy,
        server.database("silence", hnsw=DIMENSIONS) as database,
        world.service(server.url("silence", proxy.port), output) as service,
    ):
        stage = operations.prepare(world, "silence", database, Client(service.port), output, figure)
        while budget.allows(figure, "silences"):
            kind = operations.any_kind(stage)

            def hush(call: Call, kind: str = kind) -> str:
                stage.moments.wait(kind)
                proxy.fall_silent()
                figure.did("silences", call.under_way)
                answer = call.answer()
                proxy.speak()
                if answer is not None and answer.seconds > LONGEST_SECONDS:
                    figure.fault(f"{kind}: answered after {answer.seconds:.0f} s")
                return "the server fell silent"

            operations.attempt(stage, kind, hush)
    return figure
