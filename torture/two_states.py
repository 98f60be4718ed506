"""Tables that are in one of two states, and what brings the other: what trials of killed restores share."""

from dataclasses import dataclass
from typing import Any

from torture import rows
from torture.call import Moments
from torture.client import Answer, Client
from torture.figure import Figure
from torture.postgres import Database, State
from torture.rows import Batch
from torture.service import Service
from torture.world import World

ROWS, DIMENSIONS = 1500, 64
LONG_TEXT = 7000
"""Bytes of a document in one of the states: its file is large enough to be parsed by worker processes."""

BACKEND_SECONDS = 15
"""Until the server has noticed that its client is gone: it looks twice a second, and rolls back."""


@dataclass
class Scene:
    """Two states of the tables, each with a set that restores it, and which of them is in the tables."""

    service: Service
    database: Database
    figure: Figure
    moments: Moments
    golden: dict[str, State]
    now: str

    @property
    def other(self) -> str:
        return next(timestamp for timestamp in self.golden if timestamp != self.now)

    def look_at_tables(self, target: str, what: str, answer: Answer | None) -> None:
        """After a kill of what was to bring `target`: all old rows or all new ones, and nothing holds them."""
        if not self.database.quiet(BACKEND_SECONDS):
            self.figure.fault(f"{what} killed: a backend or an advisory lock is left after {BACKEND_SECONDS} s")
        found = self.database.state()
        if found == self.golden[target]:
            self.now = target
            self.figure.note("new rows")
        elif found == self.golden[self.now] and not (answer and answer.status == 200):
            self.figure.note("old rows")
        else:
            self.figure.fault(f"{what} of {target} killed, answer {answer}: the tables hold {found}")

    def restore_undisturbed(self, what: str, body: dict[str, Any]) -> None:
        """Bring the other state, and learn how long that takes."""
        target = self.other
        answer = Client(self.service.port).restore(target, **body)
        found = self.database.state()
        if answer.status != 200 or found != self.golden[target]:
            self.figure.fault(f"the {what} after a kill: {answer}: the tables hold {found}")
        self.now = target
        self.moments.learn(what, answer.seconds)


def made(world: World, database: Database, client: Client, count: int = ROWS) -> dict[str, State]:
    """Fill the tables twice and back up each time: timestamp -> state. The tables hold the newest one."""
    golden = {}
    for file_format, text_bytes in (("csv", LONG_TEXT), ("binary", 0)):
        database.truncate()
        rows.fill(database, Batch(file_format, count, DIMENSIONS, calm=True, text_bytes=text_bytes), world.seed)
        answer = client.backup(format=file_format)
        golden[str(answer.data["backup_timestamp"])] = database.state()
    return golden
