"""What the environment says about backups of Redis."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LEAST_SECONDS, MOST_SECONDS = 1, 3600


@dataclass(frozen=True)
class RedisSettings:
    """program: the redis-server that snapshots and drills start; None: that of PATH. pause_seconds: how long writers of
    a server may wait for a backup."""

    program: Path | None
    pause_seconds: int


def read(env: Mapping[str, str]) -> RedisSettings:
    """The settings of an environment. Raises ValueError, its text one clear line."""
    seconds = env.get("REDIS_PAUSE_SECONDS") or "60"
    if not (seconds.isascii() and seconds.isdigit() and LEAST_SECONDS <= int(seconds) <= MOST_SECONDS):
        raise ValueError(f"REDIS_PAUSE_SECONDS must be a whole number from {LEAST_SECONDS} to {MOST_SECONDS}")
    program = env.get("REDIS_SERVER_BIN")
    return RedisSettings(Path(program) if program else None, int(seconds))
