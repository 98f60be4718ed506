"""Where the environment says that backups are kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from data_pipeline.config import SCHEMA_TOOLS_CONFIG
from data_pipeline.data_home import home
from data_pipeline.storage import registry
from data_pipeline.storage.location import MAIN_STORAGE, STORAGE_NAME
from data_pipeline.storage.registry import Place


@dataclass(frozen=True)
class PlaceSettings:
    """The output directory, and further storages by the names requests give them."""

    output_directory: Place
    storages: Mapping[str, Place]


def read(env: Mapping[str, str]) -> PlaceSettings:
    """The places of an environment. Raises ValueError, its text one clear line."""
    return PlaceSettings(_output_directory(env), _storages(env))


def _output_directory(env: Mapping[str, str]) -> Place:
    if given := env.get("OUTPUT_DIRECTORY"):
        return _place("OUTPUT_DIRECTORY", given, Path.cwd())
    return _place("OUTPUT_DIRECTORY", SCHEMA_TOOLS_CONFIG["output_directory"], home(env))


def _storages(env: Mapping[str, str]) -> Mapping[str, Place]:
    """A storage may be named anything but what stands for the output directory, and for all of them."""
    try:
        named = dict(json.loads(env.get("STORAGES") or "{}").items())
        if not all(STORAGE_NAME.fullmatch(name) and name not in (MAIN_STORAGE, "all") for name in named):
            raise TypeError
        if not all(isinstance(place, str) for place in named.values()):
            raise TypeError
    except (ValueError, AttributeError, TypeError):
        raise ValueError('STORAGES must be a JSON object such as {"archive": "s3://bucket/prefix"}') from None
    return MappingProxyType({name: _place("STORAGES", place, Path.cwd()) for name, place in named.items()})


def _place(name: str, text: str, base: Path) -> Place:
    try:
        return registry.parse(text, base)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None
