"""What the service answers and writes is what was recorded: see answers.json, openapi.json and texts.json.

Where a change of it is meant, record anew and review the files' diff like code:

    RECORD=1 .venv/bin/python -m pytest tests/integration/recorded

Times, durations, ids, ports and versions stand as names (`<time>`), so that two recordings of one version are equal.
"""

import difflib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.recorded import refusing, restoring, serving, texts
from tests.integration.recorded.recorder import Recorder, World
from tests.integration.recorded.shape import compact, fold
from tests.live_server import PROJECT

HERE = Path(__file__).parent
SCENES: tuple[Callable[[World], Recorder], ...] = (
    *(restoring.every_mode, restoring.made_sets, restoring.places, restoring.other_tables),
    *(refusing.requests, refusing.damage, refusing.databases),
    *(serving.operations, serving.tokens, serving.transfers, serving.jobs),
)
DOCS, EMPTY = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
NOTES, ORPHAN = ("33333333-3333-4333-8333-333333333333", "99999999-9999-4999-8999-999999999999")
TWIN = "44444444-4444-4444-8444-444444444444"


@pytest.fixture
def world(
    make_client: Any,
    database: TestDatabase,
    second_database: TestDatabase,
    empty_database: TestDatabase,
    old_database: TestDatabase,
    jobs_database: TestDatabase,
    output_dir: Path,
    history_url: str,
    fill: Any,
) -> Callable[[str], World]:
    """What a scene may use; its directory is its own, the rows are those of the beginning."""
    databases = {
        "main": database,
        "second": second_database,
        "empty": empty_database,
        "old": old_database,
        "jobs": jobs_database,
    }
    known = {one.url: f"url of {name}" for name, one in databases.items()}
    known |= {one.dbname: f"database {name}" for name, one in databases.items()}
    known[history_url.rpartition("/")[2]] = "database history"
    known |= {f"{database.server.host}:{database.server.port}": "server"}

    def make(scene: str) -> World:
        directory = output_dir / scene / "training_data"
        (directory / "vector_bak").mkdir(parents=True)
        kept = frozenset({DOCS, EMPTY, NOTES, ORPHAN, TWIN})
        made = World(make_client, databases, directory, known, kept, fill, lambda: str(database.url))
        made.refill()
        return made

    return make


@pytest.fixture
def recording(world: Callable[[str], World]) -> dict[str, Any]:
    """What all scenes show."""
    return {scene.__name__: json.loads(json.dumps(scene(world(scene.__name__)).kept)) for scene in SCENES}


def test_answers_and_files_are_those_recorded(recording: dict[str, Any]) -> None:
    folded = fold(recording)
    _expect_same(_titled(_kept("answers.json", folded)), _titled(folded))
    found = texts.shown(texts.of_code(PROJECT), recording)
    _expect_same(_kept("texts.json", found), found)


def test_the_description_is_the_one_recorded(described: Any, make_client: Any) -> None:
    client = make_client(DATABASE_URL="postgresql://user@127.0.0.1:1/db")
    found = _short(client.application.api_doc)
    found["info"]["version"] = "<version>"
    folded = fold(found)
    _expect_same(_kept("openapi.json", folded), folded)


def _kept(name: str, found: Any) -> Any:
    path = HERE / name
    if os.environ.get("RECORD"):
        path.write_text(f"{compact(found)}\n", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def _titled(recording: dict[str, Any]) -> dict[str, Any]:
    return {f"{scene} / {title}": shown for scene, each in recording.items() for title, shown in each.items()}


def _short(value: Any) -> Any:
    """With examples, which stand in files of their own, by their hash."""
    if isinstance(value, list):
        return [_short(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: hashlib.sha256(json.dumps(each, sort_keys=True).encode()).hexdigest()[:12]
        if key in ("example", "examples")
        else _short(each)
        for key, each in value.items()
    }


def _expect_same(kept: dict[str, Any], found: dict[str, Any]) -> None:
    """Show what differs, a request at a time."""
    different = []
    for title in [*kept, *(title for title in found if title not in kept)]:
        if kept.get(title) != found.get(title):
            before, now = (json.dumps(one.get(title), ensure_ascii=False, indent=1) for one in (kept, found))
            lines = difflib.unified_diff(before.splitlines(), now.splitlines(), "recorded", "now", lineterm="", n=2)
            different.append("\n".join([f"== {title}", *lines]))
    if different:
        pytest.fail("\n\n".join([*different, f"{len(different)} differ; see this module's docstring"]), pytrace=False)
