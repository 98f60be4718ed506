"""A tree of many backup sets, and the least anybody must do to list it."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from data_pipeline.sets import manifest
from data_pipeline.storage.naming import manifest_name

SETS_OF_A_TASK = 50
FIRST = datetime(2025, 1, 1)


def multiply(output: Path, timestamp: str, sets: int) -> None:
    """Let the global set `timestamp` be there `sets` times: half of the copies global, half of them in tasks.

    Every copy has its own manifest, as whole and as true as the original's.
    """
    original = output / "vector_bak"
    facts = json.loads((original / manifest_name(timestamp)).read_bytes())
    del facts["sha256"]
    data = {name: (original / fact["file"]).read_bytes() for name, fact in facts["tables"].items()}
    for number in range(sets - 1):
        directory = _directory(output, number, sets // 2)
        _write(directory, f"{FIRST + timedelta(seconds=number):%Y%m%d_%H%M%S}", facts, data)


def walk(directory: Path) -> int:
    """Status of every file below a directory; how many there are."""
    found = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found += walk(Path(entry.path))
            else:
                entry.stat(follow_symlinks=False)
                found += 1
    return found


def _directory(output: Path, number: int, in_global: int) -> Path:
    if number < in_global:
        return output / "vector_bak"
    directory = output / f"task_{(number - in_global) // SETS_OF_A_TASK:04}" / "vector_bak"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _write(directory: Path, timestamp: str, facts: dict[str, Any], data: dict[str, bytes]) -> None:
    tables = {
        name: {**fact, "file": fact["file"].replace(facts["timestamp"], timestamp)}
        for name, fact in facts["tables"].items()
    }
    for name, fact in tables.items():
        (directory / fact["file"]).write_bytes(data[name])
    document = manifest.dump({**facts, "timestamp": timestamp, "tables": tables})
    (directory / manifest_name(timestamp)).write_bytes(document)
