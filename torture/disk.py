"""No space left, where backups are written or where the database is: 507, nothing lost, nothing listed."""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from torture import rows, sets, small_disk
from torture.budget import Budget
from torture.client import Answer, Client
from torture.figure import Figure
from torture.operations import RESTORES
from torture.postgres import Database, Server, State
from torture.rows import Batch
from torture.small_disk import FileSizeLimit, SmallDisk
from torture.world import World

WANTED = 40
BACKUP_MEGABYTES, DATABASE_MEGABYTES = 32, 96


@dataclass
class Stage:
    """What a trial needs: a service in front of a database, and the place that is short of room."""

    client: Client
    database: Database
    directory: Path
    place: SmallDisk | FileSizeLimit
    figure: Figure
    chance: random.Random


def run(world: World, budget: Budget) -> Figure:
    """Half of the trials on either side; without the right to mount, all of them on the backup side."""
    sides = ("backup side", "database") if small_disk.may_mount() else ("backup side",)
    figure = Figure(
        "disk full",
        "a row lost, a set listed, or not 507",
        dict.fromkeys(sides, budget.scaled(WANTED // len(sides), least=3)),
    )
    if len(sides) == 1:
        figure.note("database not tried, mounting needs root")
    with _backup_stage(world, figure) as stage:
        _try_backups(world, stage, budget)
    if len(sides) == 2:
        with _database_stage(world, figure) as stage:
            _try_restores(world, stage, budget)
    return figure


@contextmanager
def _backup_stage(world: World, figure: Figure) -> Iterator[Stage]:
    with ExitStack() as stack:
        output = world.home / "small-output"
        output.mkdir()
        disk = None
        if small_disk.may_mount():
            owner = (os.getuid(), os.getgid())
            disk = stack.enter_context(small_disk.mounted(output, BACKUP_MEGABYTES, owner))
        database = stack.enter_context(world.server().database("small_backups"))
        service = stack.enter_context(world.service(database, output))
        place = disk or FileSizeLimit(service.process.pid)
        yield Stage(Client(service.port), database, output / "vector_bak", place, figure, world.chance("disk"))


@contextmanager
def _database_stage(world: World, figure: Figure) -> Iterator[Stage]:
    server = world.server()
    with (
        world.output("disk") as output,
        small_disk.mounted(world.home / "small-database", DATABASE_MEGABYTES, server.owner) as disk,
        _tablespace(server, world.home / "small-database" / "space"),
        server.database("small_database", options="TABLESPACE small") as database,
        world.service(database, output) as service,
    ):
        yield Stage(Client(service.port), database, output / "vector_bak", disk, figure, world.chance("full"))


@contextmanager
def _tablespace(server: Server, directory: Path) -> Iterator[None]:
    directory.mkdir()
    os.chown(directory, *server.owner)
    server.execute(f"CREATE TABLESPACE small LOCATION '{directory}'")
    try:
        yield
    finally:
        server.execute("DROP TABLESPACE small")


def _try_backups(world: World, stage: Stage, budget: Budget) -> None:
    rows.fill(stage.database, Batch("saved", 3000, 64), world.seed)
    before = stage.database.state()
    needed = _room_of_a_set(stage)
    while budget.allows(stage.figure, "backup side"):
        # Somewhere in the files, or just where the manifest or the log no longer fits.
        room = (
            stage.chance.randint(0, needed) if stage.chance.random() < 0.6 else needed - stage.chance.randint(0, 24_000)
        )
        stage.place.leave(max(room, 0))
        truncate = stage.chance.random() < 0.4
        answer = stage.client.backup(format="csv", truncate_vector_tables=truncate)
        _expect_nothing_lost(stage, before, answer, f"room for {room} of {needed} bytes, truncate {truncate}")
        if answer.status == 507:
            stage.figure.did("backup side")


def _room_of_a_set(stage: Stage) -> int:
    """How much room a backup takes: all its files, or where files are limited one by one its largest."""
    answer = stage.client.backup(format="csv")
    timestamp = answer.data["backup_timestamp"]
    sizes = [path.stat().st_size for path in stage.directory.glob(f"*{timestamp}*")]
    sets.remove(stage.directory, timestamp)
    (stage.directory / "vector_backup_log.txt").unlink()
    return max(sizes) if isinstance(stage.place, FileSizeLimit) else sum(size + small_disk.PAGE for size in sizes)


def _expect_nothing_lost(stage: Stage, before: State, answer: Answer, what: str) -> None:
    """Every row is in the table or in a listed set; a backup that failed has left neither a set nor leftovers."""
    figure, found = stage.figure, stage.database.state()
    stage.place.free()
    listed = stage.client.listed()
    what = f"{what}: {answer}, {len(listed)} sets listed"
    if answer.status == 200:
        if listed != {answer.data["backup_timestamp"]}:
            figure.fault(what)
    elif answer.status != 507 or answer.error_type != "STORAGE_FULL" or found != before or listed:
        figure.fault(f"{what}; the tables hold {found}")
    if left := sets.leftovers(stage.directory, listed):
        figure.fault(f"{what}: leftovers {left}")
    for timestamp in listed:
        restored = stage.client.replace(timestamp)
        if restored.status != 200 or stage.database.state() != before:
            figure.fault(f"{what}: its set does not restore: {restored}")
    for path in stage.directory.iterdir():
        path.unlink()


def _try_restores(world: World, stage: Stage, budget: Budget) -> None:
    rows.fill(stage.database, Batch("large", 4000, 256, calm=True), world.seed)
    large = str(stage.client.backup().data["backup_timestamp"])
    needed = _size(stage.database)
    stage.database.truncate()
    rows.fill(stage.database, Batch("live", 200, 64), world.seed)
    small = str(stage.client.backup().data["backup_timestamp"])
    before = stage.database.state()
    while budget.allows(stage.figure, "database"):
        room, way = stage.chance.randint(0, needed), stage.chance.choice(tuple(RESTORES))
        stage.place.leave(room)
        answer = stage.client.restore(large, **RESTORES[way])
        stage.place.free()
        found = stage.database.state()
        full = _says_full(answer)
        stage.figure.did("database", full)
        kept = found == before or (answer.status == 200 and found.embeddings == before.embeddings)
        failed = answer.status != 200 or bool(answer.data["errors"])
        if full != failed or (full and not kept):
            stage.figure.fault(f"{way}, room for {room} of {needed} bytes: {answer}: the tables hold {found}")
        if found != before:
            stage.client.replace(small)
        if stage.database.state() != before:
            stage.figure.fault(f"{way}, room for {room}: the next restore did not work")
            return


def _says_full(answer: Answer) -> bool:
    """Whether there was no room: for the whole, or in an append for the embeddings alone."""
    embeddings = answer.data.get("restore_results", {}).get(sets.EMBEDDING, {})
    said = answer.error_type if answer.status == 507 else embeddings.get("error_type")
    return said == "STORAGE_FULL"


def _size(database: Database) -> int:
    """Bytes of both tables with their indexes."""
    ((size,),) = database.fetch(
        "SELECT (pg_total_relation_size('langchain_pg_collection')"
        " + pg_total_relation_size('langchain_pg_embedding'))::bigint"
    )
    return int(size)
