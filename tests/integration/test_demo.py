"""`python -m examples.demo` tells its story to the end, or says why not, and leaves nothing behind either way."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

PROJECT = Path(__file__).resolve().parents[2]
SHIPPED = Path("data_pipeline") / "training_data" / "vector_bak"


@pytest.fixture
def scratch() -> Iterator[Path]:
    """The directory for the demo's temporary files; a short path, so that a socket fits into it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)  # root's PostgreSQL runs as another user
        yield Path(name)


def start(scratch: Path, checkout: Path = PROJECT) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "examples.demo"],
        cwd=checkout,
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def nothing_is_left(scratch: Path) -> bool:
    """No file, and no process that was told to work in there."""
    return not list(scratch.iterdir()) and not any(_works_in(process, scratch) for process in psutil.process_iter())


def _works_in(process: psutil.Process, scratch: Path) -> bool:
    try:
        told = [*process.cmdline(), process.environ().get("EMBEDDED_DATA_DIR", "")]
    except psutil.Error:
        return False
    return any(argument.startswith(str(scratch)) for argument in told)


def test_the_demo_brings_every_row_back_and_leaves_nothing_behind(scratch: Path) -> None:
    shipped = {path.name: path.read_bytes() for path in (PROJECT / SHIPPED).iterdir()}
    demo = start(scratch)
    story, errors = demo.communicate(timeout=120)
    assert (demo.returncode, errors) == (0, "")
    moved = find_spec("milvus_lite") is not None
    assert story.count("curl http://127.0.0.1:") == 1
    assert story.count("curl -X POST http://127.0.0.1:") == (8 if moved else 4)
    assert ("198 rows are the same, 0 missing, 0 changed, 0 extra" in story) == moved
    assert ("pip install -r requirements-milvus.txt" in story) != moved
    assert "198 rows came back, equal to the bit" in story
    assert "2 rows are the same, 114 missing, 86 changed, 1 extra" in story
    assert "202 rows are the same, 0 missing, 0 changed, 0 extra" in story
    assert nothing_is_left(scratch)
    assert {path.name: path.read_bytes() for path in (PROJECT / SHIPPED).iterdir()} == shipped


def test_the_demo_fails_with_one_line_when_the_shipped_backup_is_damaged(scratch: Path, tmp_path: Path) -> None:
    shutil.copy(PROJECT / "app_config.py", tmp_path)
    shutil.copy(PROJECT / "unified_api.py", tmp_path)
    for package in ("common", "data_pipeline", "examples"):
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (file,) = (tmp_path / SHIPPED).glob("langchain_pg_embedding_*.csv")
    file.write_bytes(file.read_bytes().replace(b"customers", b"customens", 1))
    demo = start(scratch, tmp_path)
    _, errors = demo.communicate(timeout=120)
    assert demo.returncode == 1
    assert errors.startswith("\ndemo: FAILED: langchain_pg_embedding: 数据导入失败: ")
    assert errors.count("\n") == 2
    assert nothing_is_left(scratch)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_an_interrupted_demo_leaves_nothing_behind(scratch: Path) -> None:
    demo = start(scratch)
    assert demo.stdout
    for line in demo.stdout:
        if "Damage" in line:
            demo.send_signal(signal.SIGINT)
    assert demo.communicate(timeout=120)[1] == "\ndemo: interrupted\n"
    assert demo.returncode == 1
    assert nothing_is_left(scratch)


def test_the_shipped_backup_holds_the_sentences_it_is_made_from() -> None:
    lines = (PROJECT / "tools" / "sample.jsonl").read_text(encoding="utf-8").splitlines()
    sentences = {sentence["id"]: (sentence["document"], sentence["metadata"]) for sentence in map(json.loads, lines)}
    timestamp = json.loads((PROJECT / "examples" / "questions.json").read_text(encoding="utf-8"))["timestamp"]
    file = PROJECT / SHIPPED / f"langchain_pg_embedding_{timestamp}.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["id"]: (row["document"], json.loads(row["cmetadata"])) for row in rows} == sentences
    assert {len(json.loads(row["embedding"])) for row in rows} == {384}
