"""Every value comes back to the bit: random float patterns, odd texts and JSON, both formats, both server versions."""

from torture import rows, sets
from torture.budget import Budget
from torture.client import Client
from torture.figure import Figure
from torture.postgres import Database, State
from torture.rows import Batch
from torture.world import World

SHORT, LONG = 1_000_000, 20_000
VERSIONS = (18, 16)
COUNTED = {8: "vectors of 8 dimensions", 1024: "vectors of 1024 dimensions"}


def run(world: World, budget: Budget) -> Figure:
    wanted = {8: budget.scaled(SHORT), 1024: budget.scaled(LONG)}
    figure = Figure(
        "values compared bit for bit, in each format and server version",
        "a value changed",
        {COUNTED[dimensions]: count for dimensions, count in wanted.items()},
    )
    compared = [_compare(world, figure, major, wanted) for major in VERSIONS]
    for dimensions in wanted:
        figure.did(COUNTED[dimensions], min(count[dimensions] for count in compared))
    return figure


def _compare(world: World, figure: Figure, major: int, wanted: dict[int, int]) -> dict[int, int]:
    """Fill the tables of one server, and bring them back from each format; how many vectors of each kind there were."""
    with (
        world.output("values") as output,
        world.server(major).database("vectors") as database,
        world.service(database, output) as service,
    ):
        for dimensions, count in wanted.items():
            rows.fill(database, Batch(f"of {dimensions}", count, dimensions), world.seed)
        client = Client(service.port, timeout=3600)
        before = database.state()
        for file_format in sets.SUFFIXES:
            _bring_back(figure, client, database, before, file_format, f"PostgreSQL {major}, {file_format}")
        found = database.fetch("SELECT vector_dims(embedding), count(*) FROM langchain_pg_embedding GROUP BY 1")
        return {dimensions: int(dict(found).get(dimensions, 0)) for dimensions in wanted}


def _bring_back(figure: Figure, client: Client, database: Database, before: State, file_format: str, what: str) -> None:
    saved = client.backup(format=file_format)
    database.truncate()
    answer = client.replace(str(saved.data.get("backup_timestamp")))
    found = database.state()
    figure.note("round trips")
    if saved.status != 200 or answer.status != 200 or found != before:
        figure.fault(f"{what}: backup {saved}, restore {answer}: the tables hold {found}, not {before}")
