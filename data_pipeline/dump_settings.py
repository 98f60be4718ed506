"""What the environment says about dumps of whole databases."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DumpSettings:
    """programs: where pg_dump and pg_restore are looked for first. log_tables: those whose rows may be left out, with
    or without their schema. migration: what is run after an import; no shell reads it."""

    programs: Path | None
    log_tables: tuple[str, ...]
    migration: tuple[str, ...]


def read(env: Mapping[str, str]) -> DumpSettings:
    """The settings of an environment. Raises ValueError, its text one clear line."""
    return DumpSettings(
        programs=Path(env["PG_BIN"]) if env.get("PG_BIN") else None,
        log_tables=_names(env.get("LOG_TABLES") or "message_request"),
        migration=_command("MIGRATION_COMMAND", env.get("MIGRATION_COMMAND") or ""),
    )


def _names(text: str) -> tuple[str, ...]:
    """A list separated by commas, whose names keep their case."""
    return tuple(part for part in map(str.strip, text.split(",")) if part)


def _command(name: str, text: str) -> tuple[str, ...]:
    """Words as a shell would split them; there is none, so nothing else of it is understood."""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        raise ValueError(f"{name} must be a command and its arguments, each quote closed") from None
