"""A file larger than the memory there is for it, and fields that are far longer than usual."""

from pathlib import Path

from benchmarks import memory
from torture import rows, sets
from torture.budget import Budget
from torture.client import Client
from torture.figure import Figure
from torture.planted import COLLECTION, HEADERS
from torture.postgres import Database
from torture.rows import Batch
from torture.service import Service
from torture.world import World

MEGABYTE = 1 << 20
FILE_MEGABYTES = 1024
DIMENSIONS = 1024
ROW_BYTES = 12_500
"""Of a row of so many random floats in CSV; the file comes out a little larger than wanted."""

MEMORY_MEGABYTES = 256
FIELD_BYTES = 65 * MEGABYTE
SIZE = "megabytes in one file"
FIELDS = "fields over 64 MB"
STAMP = "20240101_000000"


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        f"giants: a file restored in {MEMORY_MEGABYTES} MB of memory, and fields that are very long",
        "more memory, a value changed, a wrong answer",
        {SIZE: budget.scaled(FILE_MEGABYTES, least=64), FIELDS: 2},
    )
    with (
        world.output("giants") as output,
        world.server().database("giants") as database,
        world.service(database, output) as service,
    ):
        _file(world, figure, database, service, output)
        _field_with_manifest(world, figure, database, Client(service.port), output)
        _field_without(figure, Client(service.port), output / "vector_bak")
    return figure


def _file(world: World, figure: Figure, database: Database, service: Service, output: Path) -> None:
    """Back up and restore a large file, and watch the memory of the service and its workers."""
    count = figure.wanted[SIZE] * MEGABYTE // ROW_BYTES
    rows.fill(database, Batch("many", count, DIMENSIONS), world.seed)
    before, client = database.state(), Client(service.port, timeout=3600)
    with memory.watched(service.process.pid) as peak:
        saved = client.backup(format="csv")
        timestamp = str(saved.data.get("backup_timestamp"))
        restored = client.replace(timestamp)
    used = peak.bytes // MEGABYTE
    figure.note("peak megabytes", used)
    if restored.status != 200 or database.state() != before or used > MEMORY_MEGABYTES:
        figure.fault(f"backup {saved}, restore {restored}, {used} MB")
    size = sum(path.stat().st_size for path in (output / "vector_bak").glob(f"{sets.EMBEDDING}_{timestamp}.csv"))
    figure.did(SIZE, min(size // MEGABYTE, figure.wanted[SIZE]))
    sets.remove(output / "vector_bak", timestamp)


def _field_with_manifest(world: World, figure: Figure, database: Database, client: Client, output: Path) -> None:
    """Such a field comes back, after its backup has emptied the table."""
    database.truncate()
    rows.fill(database, Batch("one", 1, 3, calm=True, text_bytes=FIELD_BYTES), world.seed)
    before = database.state()
    saved = client.backup(format="csv", truncate_vector_tables=True)
    if saved.status != 200 or database.state() == before:
        figure.fault(f"a backup of a field of {FIELD_BYTES} bytes: {saved}")
    restored = client.replace(str(saved.data.get("backup_timestamp")))
    if restored.status != 200 or database.state() != before:
        figure.fault(f"a restore of a field of {FIELD_BYTES} bytes: {restored}")
    figure.did(FIELDS)


def _field_without(figure: Figure, client: Client, directory: Path) -> None:
    """The same in a file of somebody else, here with a quote that never closes: it isn't read to its end."""
    for table, header, row in zip(
        ("collection", "embedding"),
        HEADERS,
        (f"{COLLECTION},docs,{{}}\n", f'a,{COLLECTION},"[1,2,3]","' + "x" * FIELD_BYTES + "\n"),
        strict=True,
    ):
        (directory / f"langchain_pg_{table}_{STAMP}.csv").write_text(f"{header}\n{row}", encoding="ascii")
    answer = client.replace(STAMP)
    if answer.status != 422:
        figure.fault(f"a field of {FIELD_BYTES} bytes that never ends: {answer}")
    figure.did(FIELDS)
