"""What stays the same of an answer from run to run: names in place of times, ids, durations and places."""

import json
import re
from collections.abc import Mapping
from typing import Any

WIDTH = 118
FOLDED = 100
MEASURED = re.compile(r"duration$|seconds$|^port$|^pid$|^(disk_)?free_bytes$")
COUNTED = ("percent", "recall")
"""The floats that are the same each time."""
TARGET = {"host", "port", "dbname", "user", "source"}
VERSIONS = re.compile(r"^(server|pgvector|tool)_version$|^version$")
PIECES = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d|Z)?)"
    r"|(?P<date>(?!2001)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"
    r"|(?<![0-9a-f])(?P<stamp>(?!2001)\d{8}_\d{6})(?!\d)"
    r"|(?<![0-9a-f])(?P<hash>[0-9a-f]{64})(?![0-9a-f])"
    r"|(?<![0-9a-f])(?P<id>[0-9a-f]{32})(?![0-9a-f])"
    r"|(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
    r"|(?P<cookie>(?<=vector_session=)[^;]+)"
    r"|(?P<until>(?<=Expires=)\w{3}, \d\d \w{3} 20[0-9: ]+GMT)"
    r"|(?P<wait>(?<=请在 )\d+(?= 秒后))"
    r"|(?P<seconds>\d+\.\d+ s\b)"
)
"""Sets of the year 2001 are the recording's own: their timestamps stay."""
NUMBERED = ("stamp", "id", "uuid")


class Names:
    """Names for what differs: known texts by what they are, ids and timestamps by the order they are met in."""

    def __init__(self, known: Mapping[str, str], kept: frozenset[str]) -> None:
        self._known = sorted(known.items(), key=lambda item: -len(item[0]))
        self._kept = kept
        self._met: dict[str, str] = {}

    def text(self, value: str) -> str:
        for found, name in self._known:
            value = value.replace(found, f"<{name}>")
        return PIECES.sub(self._named, value)

    def value(self, value: Any, key: str = "") -> Any:
        """The same of a JSON value, wherever in it."""
        if key == "progress" and not (value and value["percent"] == 100):
            return "<progress>"  # of a job that waits, runs or was cancelled: how far it is depends on the moment
        if isinstance(value, dict) and set(value) == TARGET:
            return self.text(f"{value['user']}@{value['dbname']}, {value['source']}")
        if isinstance(value, dict):
            return {self.text(name): self.value(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [self.value(each, key) for each in value]
        measured = (isinstance(value, float) and key not in COUNTED) or (
            isinstance(value, int) and MEASURED.search(key)
        )
        if measured:
            return "<number>"
        if VERSIONS.search(key) and isinstance(value, str):
            return "<version>"
        return self.text(value) if isinstance(value, str) else value

    def _named(self, piece: re.Match[str]) -> str:
        kind, found = piece.lastgroup or "", piece[0]
        if found in self._kept:
            return found
        if kind not in NUMBERED:
            return f"<{kind}>"
        if found not in self._met:
            count = sum(name.startswith(f"<{kind} ") for name in self._met.values())
            self._met[found] = f"<{kind} {count + 1}>"
        return self._met[found]


def outline(value: Any) -> Any:
    """Keys and types of a JSON value; a list is described by its first element."""
    if isinstance(value, dict):
        return {name: outline(each) for name, each in value.items()}
    if isinstance(value, list):
        return [outline(value[0])] if value else []
    return type(value).__name__


def fold(value: Any, path: tuple[str, ...] = (), seen: dict[str, str] | None = None) -> Any:
    """With what was there before by the path of the first: a change of it shows once, and the file is small."""
    seen = {} if seen is None else seen
    if not isinstance(value, dict):
        return value
    folded = {}
    for key, each in value.items():
        text, here = json.dumps(each, ensure_ascii=False), (*path, key)
        if isinstance(each, dict | list) and len(text) >= FOLDED and text in seen:
            folded[key] = f"= {seen[text]}"
        else:
            seen[text] = " / ".join(here)
            folded[key] = fold(each, here, seen)
    return folded


def compact(value: Any, depth: int = 0) -> str:
    """JSON with a line for what fits into one: a third of the size of json's own indent, and as easy to review."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + depth <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    if isinstance(value, dict):
        parts = [f"{json.dumps(name, ensure_ascii=False)}: {compact(each, depth + 1)}" for name, each in value.items()]
    else:
        parts = [compact(each, depth + 1) for each in value]
    inner = ",\n".join(" " * (depth + 1) + part for part in parts)
    first, last = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return f"{first}\n{inner}\n{' ' * depth}{last}"
