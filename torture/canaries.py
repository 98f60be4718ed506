"""Secrets that must never be seen again: in no answer, no log, no process list; and a look at all of these."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from torture.client import Answer
from torture.world import World

PROC = Path("/proc")
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Canaries:
    """Words that stand nowhere else. `escaped` is a row that only a file outside of the backup root holds."""

    configured_password: str
    named_password: str
    ambient_password: str
    token: str
    read_token: str
    row: str
    escaped: str

    @classmethod
    def hatch(cls, world: World) -> "Canaries":
        chance = world.chance("canaries")
        return cls(*(f"canary{chance.getrandbits(64):016x}" for _ in range(7)))

    def seen(self, data: bytes) -> list[str]:
        """The names of the secrets in it."""
        return [name for name, word in vars(self).items() if word.encode() in data]

    def seen_in(self, answer: Answer) -> list[str]:
        return self.seen(answer.body) + self.seen("\n".join(f"{k}: {v}" for k, v in answer.headers.items()).encode())


@contextmanager
def watched_processes(canaries: Canaries) -> Iterator[set[str]]:
    """Look at every process's command line again and again; the set fills with what was seen there."""
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_SECONDS):
            for line in _command_lines():
                seen.update(f"{name} in {line[:60]!r}" for name in canaries.seen(line))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _command_lines() -> Iterable[bytes]:
    for process in PROC.glob("[0-9]*"):
        with suppress(OSError):
            yield (process / "cmdline").read_bytes()
