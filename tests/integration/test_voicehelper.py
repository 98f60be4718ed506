"""`python -m examples.voicehelper` damages an assistant's stores and brings all of them back; it leaves nothing."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.service import Unexpected
from examples.voicehelper import __main__ as story
from examples.voicehelper.graph import Graph
from examples.voicehelper.tables import NAMES, SCHEMA

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """The directory for temporary files; a short path, so that a socket fits into it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)  # root's PostgreSQL runs as another user
        yield Path(name)


@pytest.mark.parametrize(
    "roles",
    [("postgres", "cache"), pytest.param((), marks=pytest.mark.slow)],
    ids=["what starts soon", "all"],
)
def test_every_store_is_damaged_and_comes_back(scratch: Path, roles: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.voicehelper", *roles],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    expected = [kind.store for kind in story.KINDS if kind.is_there() and (not roles or kind.role in roles)]
    assert [line for line in done.stdout.splitlines() if line.endswith(": the same")] == [
        f"   {store}: the same" for store in expected
    ]
    assert list(scratch.iterdir()) == []


def test_a_store_that_is_missing_is_left_out_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Graph, "is_there", lambda: False)
    assert Graph not in map(type, story.chosen(()))
    assert "Neo4j is left out, it is not here: Java 17 and Maven, then make neo4j" in capsys.readouterr().out
    with pytest.raises(Unexpected, match="there is no queue, but postgres, cache"):
        story.chosen(("cache", "queue"))


def test_the_assistant_has_nine_tables() -> None:
    text = SCHEMA.read_text(encoding="utf-8")
    made = [line.split()[2] for line in text.splitlines() if line.startswith("CREATE TABLE") and line.endswith("(")]
    assert (sorted(made), len(made)) == (sorted(NAMES), 9)
