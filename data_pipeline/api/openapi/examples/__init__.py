"""Requests and their answers, as the API's description shows them; a test sends each of them to a real service.

`<operation>.json` and `<operation>.<part>.json` are lists of examples of one operation; failures.json has the data of
failures that are the same everywhere.
"""

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent
MOMENT = "2025-07-22T10:30:45+08:00"


@dataclass(frozen=True)
class Example:
    """A request, by the values of its path and its query and by its body, and the whole answer.

    scene: what has to be so before, for this answer to come.
    """

    name: str
    summary: str
    status: int
    answer: Any
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    scene: str = "usual"


@functools.cache
def of(operation: str) -> tuple[Example, ...]:
    """The examples of one operation, by its operationId."""
    paths = sorted(DIRECTORY.glob(f"{operation}.*json"), key=lambda path: (path.stem != operation, path.name))
    return tuple(Example(**one) for path in paths for one in _read(path))


@functools.cache
def failures() -> dict[str, Any]:
    """What failures say that are the same wherever they come from, by error_type."""
    found: dict[str, Any] = _read(DIRECTORY / "failures.json")
    return found


def failure(kind: str) -> dict[str, Any]:
    """The data of one of them, without what all failures have."""
    found: dict[str, Any] = failures()[kind]
    return found


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
