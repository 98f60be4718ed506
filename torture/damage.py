"""Damaged sets with a manifest, offered to a live service: refused and nothing changed, or restored to the bit."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from torture import harm, rows, sets
from torture.budget import Budget
from torture.client import Answer, Client
from torture.figure import Figure
from torture.harm import Harm
from torture.postgres import Database, State
from torture.rows import Batch
from torture.sets import COLLECTION, EMBEDDING, BackupFiles
from torture.world import World

WANTED = 10_000
LARGE = 300
KEEP = """
CREATE TABLE kept_collection AS TABLE langchain_pg_collection;
CREATE TABLE kept_embedding AS TABLE langchain_pg_embedding;
"""
PUT_BACK = """
DELETE FROM langchain_pg_embedding; DELETE FROM langchain_pg_collection;
INSERT INTO langchain_pg_collection TABLE kept_collection; INSERT INTO langchain_pg_embedding TABLE kept_embedding;
"""
MODES: dict[str, dict[str, Any]] = {
    "replace": {"truncate_before_restore": True},
    "append": {},
    "atomic append": {"atomic": True},
    "sync": {"strategy": "sync"},
}
REFUSALS = ("INVALID_BACKUP", "ORPHAN_ROWS")


@dataclass(frozen=True)
class Bench:
    """A service, its database with other rows than any backup's, and what the tables hold then."""

    client: Client
    database: Database
    before: State


@dataclass(frozen=True)
class Subject:
    """A set to be harmed, another of the same tables, and what the tables hold once it is restored, by mode."""

    files: BackupFiles
    other: BackupFiles
    after: dict[str, State]


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "damaged sets with a manifest offered",
        "restored silently wrong, or refused wrongly",
        {"sets": budget.scaled(WANTED), "large sets": budget.scaled(LARGE)},
    )
    chance = world.chance("damage")
    with (
        world.output("damage") as output,
        world.server().database("damage") as database,
        world.service(database, output) as service,
    ):
        client = Client(service.port)
        subjects = _subjects(world, database, client, output, budget)
        bench = Bench(client, database, _fill_with_other_rows(world, database))
        tiny, small, large = ([_with_results(bench, pair) for pair in group] for group in subjects)
        for kind, subject, done in _trials(chance, tiny, small, large, budget):
            if budget.allows(figure, kind):
                _offer(figure, bench, subject, done, chance.choices(tuple(MODES), (55, 25, 10, 10))[0])
                figure.did(kind)
            elif not any(budget.allows(figure, other) for other in figure.wanted):
                break
    return figure


def _subjects(
    world: World, database: Database, client: Client, output: Path, budget: Budget
) -> list[list[tuple[BackupFiles, BackupFiles]]]:
    """Pairs of sets, in both formats each: tiny ones, small ones, and ones of several blocks and worker processes."""
    shapes = [(4, 3), (20, 8), (2200 if budget.full else 900, 1024)]
    return [
        list(zip(*(_take_both(world, database, client, output, f"{size}{n}", *shape) for n in (1, 2)), strict=True))
        for size, shape in enumerate(shapes)
    ]


def _take_both(
    world: World, database: Database, client: Client, output: Path, tag: str, count: int, dimensions: int
) -> list[BackupFiles]:
    database.truncate()
    rows.fill(database, Batch(f"set{tag}", count, dimensions, collections=2), world.seed)
    return [sets.take(client, output, file_format) for file_format in sets.SUFFIXES]


def _fill_with_other_rows(world: World, database: Database) -> State:
    database.truncate()
    rows.fill(database, Batch("live", 20, 8), world.seed)
    database.execute(KEEP)
    return database.state()


def _with_results(bench: Bench, pair: tuple[BackupFiles, BackupFiles]) -> Subject:
    """Restore the unharmed set in every mode, and see what comes of it."""
    after = {}
    for mode, options in MODES.items():
        answer = bench.client.restore(pair[0].timestamp, **options)
        if answer.status != 200 or answer.data["errors"]:
            raise AssertionError(f"an unharmed set was refused: {answer}")
        after[mode] = bench.database.state()
        bench.database.execute(PUT_BACK)
    return Subject(*pair, after)


def _trials(
    chance: random.Random, tiny: list[Subject], small: list[Subject], large: list[Subject], budget: Budget
) -> Iterator[tuple[str, Subject, Harm]]:
    """Every truncation point of the tiny sets, mixed with random harms; a share takes some of each."""
    points = [
        (subject, name, size)
        for subject in tiny
        for name, data in subject.files.whole.items()
        for size in range(len(data))
    ]
    chance.shuffle(points)
    for _ in count():
        subject = chance.choice(large)
        yield "large sets", subject, harm.any_harm(chance, subject.files, subject.other)
        for _ in range(WANTED // LARGE):
            if points and chance.random() < (0.7 if budget.full else 0.4):
                subject, name, size = points.pop()
                yield "sets", subject, harm.cut(subject.files, name, size)
            else:
                subject = chance.choice([*small, *tiny])
                yield "sets", subject, harm.any_harm(chance, subject.files, subject.other)


def _offer(figure: Figure, bench: Bench, subject: Subject, done: Harm, mode: str) -> None:
    files = subject.files
    files.write(done.changes)
    answer = bench.client.restore(files.timestamp, **MODES[mode])
    files.undo(done.changes)
    found = bench.database.state()
    what = f"{mode} of {files.format} set {files.timestamp}, {done.text}"
    if found != _expected(answer, bench.before, subject.after[mode]):
        figure.fault(f"{what}: {answer}: the tables hold {found}, neither what they held nor the backup's rows")
    elif not _answered_well(answer, done.harmless or harm.says_the_same(files, done)):
        figure.fault(f"{what}: {answer}")
    figure.note("restored to the bit" if answer.status == 200 and found == subject.after[mode] else "refused")
    if found != bench.before:
        bench.database.execute(PUT_BACK)


def _expected(answer: Answer, before: State, after: State) -> State:
    """What the answer says the tables hold: table by table, since an append keeps what worked."""
    results = answer.data.get("restore_results", {}) if answer.status == 200 else {}
    restored = {name: results.get(name, {}).get("success") is True for name in (COLLECTION, EMBEDDING)}
    return State(
        after.collections if restored[COLLECTION] else before.collections,
        after.embeddings if restored[EMBEDDING] else before.embeddings,
    )


def _answered_well(answer: Answer, harmless: bool) -> bool:
    """Damage is called that, for the whole set or for a table; what says the same as before is no damage."""
    if answer.status == 200:
        kinds = {result.get("error_type") for result in answer.data["restore_results"].values()}
        return kinds <= {None, *REFUSALS} and (harmless or kinds != {None})
    return answer.status == 422 and answer.error_type in REFUSALS and not harmless
