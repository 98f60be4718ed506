"""The service's backends ended by pg_terminate_backend at random moments: the answer is true, and no row is lost."""

from torture import operations
from torture.budget import Budget
from torture.call import Call
from torture.client import Client
from torture.figure import Figure
from torture.operations import DIMENSIONS
from torture.world import World

WANTED = 200


def run(world: World, budget: Budget) -> Figure:
    figure = Figure("backends ended in the middle", "a row lost, or an untrue answer", {"ended": budget.scaled(WANTED)})
    with (
        world.output("backends") as output,
        world.server().database("backends", hnsw=DIMENSIONS) as database,
        world.service(database, output) as service,
    ):
        stage = operations.prepare(world, "backends", database, Client(service.port), output, figure)
        while budget.allows(figure, "ended"):
            kind = operations.any_kind(stage)

            def end_backend(_call: Call, kind: str = kind) -> str:
                stage.moments.wait(kind)
                ended = database.terminate()
                figure.did("ended", ended)
                return f"{ended} backends ended"

            operations.attempt(stage, kind, end_backend)
    return figure
