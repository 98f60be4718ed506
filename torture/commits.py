"""The connection lost at COMMIT: the answer tells what became of it, or that nobody can know; it never guesses."""

from contextlib import closing

from torture import operations
from torture.budget import Budget
from torture.call import Call
from torture.client import Client
from torture.figure import Figure
from torture.operations import DIMENSIONS
from torture.proxy import Break, Proxy
from torture.world import World

WANTED = 40
WANTED_OUTCOMES: dict[Break, tuple[str, ...]] = {
    "before": ("rolled back",),
    "after": ("done",),
    "slow": ("done", "outcome unknown"),
    "for good": ("outcome unknown",),
}
TURNS: tuple[Break, ...] = ("before", "after", "slow", "for good", "after", "slow", "before")
"""The service asks for ten seconds or so before it calls an outcome unknown, so that comes less often."""

WRITES = ("replace", "sync", "append", "atomic append", "backup that truncates")


def run(world: World, budget: Budget) -> Figure:
    figure = Figure("connections lost at COMMIT", "an outcome guessed", {"lost": budget.scaled(WANTED, least=8)})
    server = world.server()
    with (
        world.output("commits") as output,
        closing(Proxy(server.port)) as proxy,
        server.database("commits", hnsw=DIMENSIONS) as database,
        world.service(server.url("commits", proxy.port), output) as service,
    ):
        stage = operations.prepare(world, "commits", database, Client(service.port), output, figure)
        while budget.allows(figure, "lost"):
            how = TURNS[figure.done["lost"] % len(TURNS)]
            lost_before = figure.done["lost"]

            def lose(call: Call, how: Break = how) -> str:
                proxy.break_next(how)
                call.answer()
                figure.did("lost", not proxy.armed)
                proxy.let_through()
                return f"connection lost at COMMIT, {how}"

            kind = stage.chance.choice(WRITES)
            outcome = operations.attempt(stage, kind, lose)
            if figure.done["lost"] > lost_before and outcome not in WANTED_OUTCOMES[how]:
                figure.fault(f"{kind}, connection lost at COMMIT, {how}: {outcome}")
    return figure
