"""The figures as JSON and in the tables of docs/reliability.md. `python -m torture.report` prints the last full run."""

import json
import os
import platform
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from data_pipeline.version import VERSION
from torture.figure import Figure

DOCS = Path(__file__).resolve().parents[1] / "docs"
JSON, PAGE = DOCS / "torture.json", DOCS / "reliability.md"
NAMED = re.compile(r"`torture (\w+)`")
"""How a row of the page names a figure."""

NOT_YET = "not yet"
EVERY_TIME = "every `.ci/run`"


def document(
    figures: Mapping[str, Figure], seed: str, minutes: float, earlier: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The figures of a run, each with what it ran on; those that it left out are an earlier run's."""
    run = {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "seed": seed,
        "minutes": minutes,
        "version": VERSION,
        "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
    }
    new = {name: {**figure.as_json(), "run": run} for name, figure in figures.items()}
    return {"figures": {**(earlier or {"figures": {}})["figures"], **new}}


def last() -> dict[str, Any]:
    """What full runs have found so far."""
    found: dict[str, Any] = json.loads(JSON.read_text(encoding="utf-8")) if JSON.exists() else {"figures": {}}
    return found


def save(found: Mapping[str, Any]) -> None:
    """Keep a run at full length: the JSON, and the page's tables."""
    JSON.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")


def filled(page: str, found: Mapping[str, Any]) -> str:
    """The page with the last column of its tables taken from a run, where a row names a figure."""
    return "\n".join(_filled_row(line, found["figures"]) for line in page.split("\n"))


def tables(page: str) -> str:
    """The rows of the page's tables that have to do with figures."""
    lines = page.split("\n")
    return "\n".join(line for line in lines if line.startswith("|") and NAMED.search(line))


def _filled_row(line: str, figures: Mapping[str, Any]) -> str:
    names = NAMED.findall(line)
    if not line.startswith("|") or not names:
        return line
    cells = line.strip("|").split("|")
    results = [_result(figures[name]) if name in figures else NOT_YET for name in dict.fromkeys(names)]
    return "|" + "|".join([*cells[:-1], f" {'; '.join(results)} "]) + "|"


def _result(figure: Mapping[str, Any]) -> str:
    """`10,000 sets, 300 large sets / 0`"""
    done = ", ".join(f"{count:,} {kind}" for kind, count in figure["done"].items())
    return f"{done} / {figure['faults']}"


def main() -> None:
    print(tables(filled(PAGE.read_text(encoding="utf-8"), last())))


if __name__ == "__main__":
    main()
