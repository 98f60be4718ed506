"""What the environment says about how the blocks of backups are stored."""

from collections.abc import Mapping
from dataclasses import dataclass

from data_pipeline.formats.compression import DEFAULT_LEVEL, LEAST_LEVEL, MOST_LEVEL


@dataclass(frozen=True)
class PackingSettings:
    """compression_level: of zstd, where a backup asks for it."""

    compression_level: int


def read(env: Mapping[str, str]) -> PackingSettings:
    """The settings of an environment. Raises ValueError, its text one clear line."""
    level = env.get("COMPRESSION_LEVEL") or str(DEFAULT_LEVEL)
    if not (level.isascii() and level.isdigit() and LEAST_LEVEL <= int(level) <= MOST_LEVEL):
        raise ValueError(f"COMPRESSION_LEVEL must be a whole number from {LEAST_LEVEL} to {MOST_LEVEL}")
    return PackingSettings(int(level))
