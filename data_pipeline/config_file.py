"""The configuration file, vector-backup.toml: settings by the names of the environment, which wins over it.

A list stands for a text separated by commas, a table for a JSON object. What is wrong raises ValueError, its text one
clear line that names the file.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VARIABLE = "VECTOR_BACKUP_CONFIG"
NAME = "vector-backup.toml"
BUCKETS = "AWS_"
"""How variables begin that the client of buckets reads by itself."""

SYSTEMS = frozenset({"XDG_DATA_HOME", "LOCALAPPDATA"})
"""Variables of the system, no settings."""


@dataclass(frozen=True)
class ConfigFile:
    """The settings of a file. path: None where there is none."""

    path: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def under(self, environ: Mapping[str, str]) -> dict[str, str]:
        """An environment with the file's values where a variable is missing or empty."""
        return {**self.values, **{name: value for name, value in environ.items() if value or name not in self.values}}


class _Asked(dict[str, str]):
    """An empty environment that knows what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default


def names(load: Callable[[Mapping[str, str]], object]) -> frozenset[str]:
    """Every variable that is asked for where settings are loaded from an environment."""
    asked = _Asked()
    load(asked)
    return frozenset(asked.names) - SYSTEMS


def environment(known: Set[str]) -> Mapping[str, str]:
    """That of this process over its file. Keys of buckets are put where their client looks for them."""
    found = find(os.environ, known)
    env = found.under(os.environ)
    os.environ.update({name: env[name] for name in found.values if name.startswith(BUCKETS)})
    return env


def find(environ: Mapping[str, str], known: Set[str]) -> ConfigFile:
    """The file that VECTOR_BACKUP_CONFIG names, or the one in the working directory. known: the names it may have."""
    named = environ.get(VARIABLE)
    path = Path(named or NAME).absolute()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named:
            raise ValueError(f"{VARIABLE} names no file: {named}") from None
        return ConfigFile()
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"{path} can't be read") from None
    try:
        return ConfigFile(path, {name: _text(name, value, known) for name, value in _parsed(text).items()})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Not its text, which may quote a password; where it is, is at the end: (at line 3, column 7).
        raise ValueError(f"no TOML {str(error)[str(error).rfind('(') :]}") from None


def _text(name: str, value: Any, known: Set[str]) -> str:
    if name not in known and not name.startswith(BUCKETS):
        near = get_close_matches(name.upper(), known, n=1)
        raise ValueError(f"there is no setting {name}{f'; is {near[0]} meant?' if near else ''}")
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list) and all(isinstance(one, str) and "," not in one for one in value):
        return ",".join(value)
    if isinstance(value, dict):
        return _json(name, value)
    raise ValueError(f"{name} must be a text, a whole number, a list of texts or a table")


def _json(name: str, value: dict[str, Any]) -> str:
    try:
        return json.dumps(value)
    except TypeError:  # a date
        raise ValueError(f"{name} must hold texts") from None
