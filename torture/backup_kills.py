"""kill -9 of the service while it backs up: what is listed afterwards restores whole, and no row is lost.

Some of the backups empty the embedding table: its rows must then be in the table or in a listed set, never in neither.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from torture import rows, sets
from torture.budget import Budget
from torture.call import Call, Moments
from torture.client import Answer, Client
from torture.figure import Figure
from torture.postgres import Database, State
from torture.rows import Batch
from torture.service import Service
from torture.world import World

WANTED = 300
ROWS, DIMENSIONS = 3000, 64
BACKEND_SECONDS = 15
BESIDE_EVERY = 10
SIGHTS = (".claim", "collection", "embedding", ".json")
"""A file whose name holds this appears: the moments around the publishing are too short to be met by chance."""

SIGHT_SECONDS = 0.5


@dataclass
class Scene:
    """The service that is killed, and another one with the same directory that isn't."""

    service: Service
    beside: Service
    database: Database
    directory: Path
    figure: Figure
    chance: random.Random
    moments: Moments
    whole: State


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "kill -9 of the service in backups",
        "a half set listed, a row lost, or a leftover not swept",
        {"kills": budget.scaled(WANTED)},
    )
    chance = world.chance("backup kills")
    with (
        world.output("backup-kills") as output,
        world.server().database("backup_kills") as database,
        world.service(database, output) as service,
        world.service(database, output) as beside,
    ):
        rows.fill(database, Batch("saved", ROWS, DIMENSIONS), world.seed)
        scene = Scene(
            service, beside, database, output / "vector_bak", figure, chance, Moments(chance), database.state()
        )
        for file_format in sets.SUFFIXES:
            _learn(scene, file_format)
        while budget.allows(figure, "kills"):
            _kill(scene)
    return figure


def _learn(scene: Scene, file_format: str) -> None:
    client = Client(scene.service.port)
    answer = client.backup(format=file_format)
    scene.moments.learn(file_format, answer.seconds)
    sets.remove(scene.directory, answer.data["backup_timestamp"])


def _kill(scene: Scene) -> None:
    """One trial: kill in the middle of a backup, start again, look at what is listed."""
    file_format, truncate = scene.chance.choice(tuple(sets.SUFFIXES)), scene.chance.random() < 0.35
    client = Client(scene.service.port)
    call = Call(lambda: client.backup(format=file_format, truncate_vector_tables=truncate))
    moment = _wait(scene, file_format)
    in_time = call.under_way
    scene.service.kill()
    answer = call.answer()
    listed_at_once = Client(scene.beside.port).listed()
    scene.figure.did("kills", in_time)
    what = f"{file_format} backup{' that truncates' if truncate else ''} killed at {moment}"
    if not scene.database.quiet(BACKEND_SECONDS):
        scene.figure.fault(f"{what}: a backend or an advisory lock is left after {BACKEND_SECONDS} s")
    beside = scene.figure.done["kills"] % BESIDE_EVERY == 0 and scene.database.state() == scene.whole
    with _backing_up(scene) if beside else nullcontext():
        scene.service.start()
    _look(scene, what, answer, listed_at_once)


def _wait(scene: Scene, file_format: str) -> str:
    """Wait for a moment in the backup, by the clock or by what appears in the directory; says which."""
    if scene.chance.random() < 0.5:
        scene.moments.wait(file_format)
        return "a random moment"
    sight = scene.chance.choice(SIGHTS)
    hidden = scene.chance.random() < 0.3
    deadline = time.monotonic() + SIGHT_SECONDS
    known = set(scene.directory.iterdir())
    while time.monotonic() < deadline:
        new = [path.name for path in set(scene.directory.iterdir()) - known]
        if any(sight in name and (hidden or not name.startswith(".") or sight == ".claim") for name in new):
            break
    time.sleep(scene.chance.choice((0, 0, 0.001, 0.003, 0.01, 0.03)))
    return f"the sight of {'.' if hidden else ''}*{sight}*"


def _look(scene: Scene, what: str, answer: Answer | None, listed_at_once: set[str]) -> None:
    """All that is listed must restore the rows, and the rows that aren't in the table must be listed."""
    figure, client = scene.figure, Client(scene.service.port)
    listed = client.listed()
    found = scene.database.state()
    emptied = replace(scene.whole, embeddings=found.embeddings) if found.embeddings[0] == 0 else None
    if found != scene.whole and not (found == emptied and listed):
        figure.fault(f"{what}: the tables hold {found}, and {len(listed)} sets are listed")
    if half := listed_at_once - listed:
        figure.fault(f"{what}: before the next start {sorted(half)} were listed, and then swept")
    if answer and answer.status == 200 and answer.data["backup_timestamp"] not in listed:
        figure.fault(f"{what}: it answered {answer} and is not listed")
    figure.note("sets listed", len(listed))
    figure.note("tables emptied", found == emptied)
    for timestamp in listed:
        _expect_whole(scene, client, timestamp, what)
    if left := sets.leftovers(scene.directory, listed):
        figure.fault(f"{what}: leftovers after the start: {left}")
    for path in scene.directory.iterdir():
        path.unlink()


def _expect_whole(scene: Scene, client: Client, timestamp: str, what: str) -> None:
    verified = client.verify(timestamp)
    answer = client.replace(timestamp)
    found = scene.database.state()
    if verified.status != 200 or answer.status != 200 or found != scene.whole:
        scene.figure.fault(f"{what}: set {timestamp} is listed; verify {verified}; restore {answer}: {found}")


@contextmanager
def _backing_up(scene: Scene) -> Iterator[None]:
    """Meanwhile the other service backs up: the start of the first must not sweep what isn't a leftover."""
    going = True

    def back_up_while_going() -> Answer:
        client = Client(scene.beside.port)
        answer = client.backup()
        while going and answer.status == 200:
            answer = client.backup(format="csv")
        return answer

    call = Call(back_up_while_going)
    yield
    going = False
    answer = call.answer()
    scene.figure.note("starts beside a backup")
    if answer is None or answer.status != 200:
        scene.figure.fault(f"a backup of another service while this one started: {answer}")
