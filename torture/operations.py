"""Every operation of the service, disturbed from outside; afterwards its answer must be true of the tables."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torture import rows, sets
from torture.call import Call, Moments
from torture.client import Answer, Client
from torture.figure import Figure
from torture.postgres import Database, State
from torture.rows import Batch
from torture.world import World

ROWS, DIMENSIONS = 1000, 64
BACKEND_SECONDS = 15
RESTORES: dict[str, dict[str, Any]] = {
    "replace": {"truncate_before_restore": True},
    "sync": {"strategy": "sync"},
    "append": {},
    "atomic append": {"atomic": True},
}
BACKUPS: dict[str, dict[str, Any]] = {
    "csv backup": {"format": "csv"},
    "binary backup": {"format": "binary"},
    "backup that truncates": {"format": "binary", "truncate_vector_tables": True},
}
KINDS = (*RESTORES, *BACKUPS)
LIKELY = (40, 15, 10, 10, 8, 7, 10)

Disturb = Callable[[Call], object]


@dataclass
class Stage:
    """A database in one of two states, each with a set that restores it; `both` is one appended to the other."""

    database: Database
    client: Client
    directory: Path
    figure: Figure
    chance: random.Random
    moments: Moments
    golden: dict[str, State]
    both: State
    now: str

    @property
    def state(self) -> State:
        return self.golden[self.now]

    @property
    def other(self) -> str:
        return next(timestamp for timestamp in self.golden if timestamp != self.now)


def prepare(world: World, name: str, database: Database, client: Client, output: Path, figure: Figure) -> Stage:
    """Fill the tables twice and back up each time; the tables hold the newer state."""
    golden = {}
    for file_format in sets.SUFFIXES:
        database.truncate()
        rows.fill(database, Batch(file_format, ROWS, DIMENSIONS, calm=True), world.seed)
        golden[sets.take(client, output, file_format).timestamp] = database.state()
    chance = world.chance(name)
    now = max(golden)
    _expect_done(client.restore(min(golden)))
    stage = Stage(
        database, client, output / "vector_bak", figure, chance, Moments(chance), golden, database.state(), now
    )
    _put_back(stage)
    return stage


def any_kind(stage: Stage) -> str:
    return stage.chance.choices(KINDS, LIKELY)[0]


def attempt(stage: Stage, kind: str, disturb: Disturb) -> str:
    """Start an operation, disturb it, and hold its answer against what the tables and the directory hold.

    Returns what the answer says: "done", "rolled back", "outcome unknown" or "no answer".
    """
    before = stage.state
    after, request = _restore(stage, kind) if kind in RESTORES else _backup(stage, kind)
    call = Call(request)
    done = disturb(call)
    answer = call.answer()
    what = f"{kind}{f', {done}' if done is not None else ''}: answer {answer}"
    if not stage.database.quiet(BACKEND_SECONDS):
        stage.figure.fault(f"{what}: a backend or an advisory lock is left after {BACKEND_SECONDS} s")
    found = stage.database.state()
    if reason := _untrue(answer, found, before, after):
        stage.figure.fault(f"{what}: {reason}")
    stage.figure.note(_outcome(answer))
    if answer is not None and answer.status == 200:
        stage.moments.learn(kind, answer.seconds)
    _look_at_sets(stage, what, answer, before)
    _settle(stage, found)
    return _outcome(answer)


def _restore(stage: Stage, kind: str) -> tuple[State, Callable[[], Answer]]:
    target = stage.other
    after = stage.both if "append" in kind else stage.golden[target]
    return after, lambda: stage.client.restore(target, **RESTORES[kind])


def _backup(stage: Stage, kind: str) -> tuple[State, Callable[[], Answer]]:
    body = BACKUPS[kind]
    (empty,) = stage.database.fetch("SELECT 0::bigint, md5('')")
    after = replace(stage.state, embeddings=empty) if body.get("truncate_vector_tables") else stage.state
    return after, lambda: stage.client.backup(**body)


def _untrue(answer: Answer | None, found: State, before: State, after: State) -> str | None:
    """Why the answer isn't true, None if it is."""
    if answer is None:
        return "the service did not answer"
    if answer.status == 200:
        return None if found == after and not answer.data["errors"] else f"the tables hold {found}, not {after}"
    if answer.data.get("outcome") == "unknown":
        return None if found in (before, after) else f"the tables hold {found}, a mixture"
    if found != before:
        return f"the tables hold {found}, not {before} as before"
    return None if answer.is_lost_connection else "not the answer for a lost connection"


def _outcome(answer: Answer | None) -> str:
    if answer is None:
        return "no answer"
    if answer.status == 200:
        return "done"
    return "outcome unknown" if answer.data.get("outcome") == "unknown" else "rolled back"


def _look_at_sets(stage: Stage, what: str, answer: Answer | None, state: State) -> None:
    """A set that was listed must restore what the tables held; what isn't listed must have left nothing."""
    listed = stage.client.listed()
    if answer is not None and answer.status == 200 and answer.data.get("backup_timestamp", max(listed)) not in listed:
        stage.figure.fault(f"{what}: the set is not listed")
    if left := sets.leftovers(stage.directory, listed):
        stage.figure.fault(f"{what}: leftovers {left}")
    for timestamp in listed - stage.golden.keys():
        verified, restored = stage.client.verify(timestamp), stage.client.replace(timestamp)
        if verified.status != 200 or restored.status != 200 or stage.database.state() != state:
            stage.figure.fault(f"{what}: set {timestamp} is listed; verify {verified}; restore {restored}")
        sets.remove(stage.directory, timestamp)


def _settle(stage: Stage, found: State) -> None:
    """Bring the tables back into one of the two states."""
    for timestamp, state in stage.golden.items():
        if state == found == stage.database.state():
            stage.now = timestamp
            return
    _put_back(stage)


def _put_back(stage: Stage) -> None:
    answer = stage.client.replace(stage.now)
    stage.moments.learn("replace", answer.seconds)
    if answer.status != 200 or stage.database.state() != stage.state:
        stage.figure.fault(f"an undisturbed restore afterwards: {answer}")
        stage.database.truncate()


def _expect_done(answer: Answer) -> None:
    if answer.status != 200 or answer.data["errors"]:
        raise AssertionError(f"an undisturbed operation failed: {answer}")
