"""The files that fuzzing finds: good sets, sets with every kind of bad row, links and FIFOs, and what lies outside."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from torture.canaries import Canaries
from torture.client import LOCATION, ROOT

COLLECTION = "11111111-1111-4111-8111-111111111111"
HEADERS = ("uuid,name,cmetadata", "id,collection_id,embedding,document,cmetadata")
TASKS = ("task_1", "manual_2")
LINKED = "20240202_00000{}"
# {} is the secret text of a row. Each is the last of three rows, behind good ones.
BAD_ROWS = (
    '{},x,"[1,2]",{},{{}}',
    "{},%s,[{}],{},{{}}",
    '{},%s,"[1,NaN]",{},{{}}',
    '{},%s,"[1,2,3",{},{{}}',
    '{},%s,"{{1,2}}",{},{{}}',
    '{},%s,"[1,2]",{},{{{}',
    '{},%s,"[1,2]",{},"{{""{}"": ""\\u0000""}}"',
    '{},22222222-2222-4222-8222-222222222222,"[1,2]",{},{{}}',
    '{},%s,"[1,2]",{},{{}},one too many',
    '{},%s,"[1,2]","{},{{}}',
    'good 0,%s,"[1,2]",{},{{}}',
    ',%s,"[1,2]",{},{{}}',
    '{}\ud800,%s,"[1,2]",{},{{}}',
    '{},%s,"[1,2]",forbidden {},{{}}',
)


def wild_stamp(number: int) -> str:
    return f"20240101_{number:06}"


def plant(output: Path, canaries: Canaries) -> None:
    """Put everything back in its place; backups that were made meanwhile go, if they have not gone by themselves."""
    for name in ("", *TASKS):
        directory = output / name / "vector_bak"
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.iterdir():
            path.unlink(missing_ok=True) if not path.is_dir() or path.is_symlink() else shutil.rmtree(path)
    for number, row in enumerate((None, *BAD_ROWS)):
        _write(output / "vector_bak", wild_stamp(number), row, canaries.row)
    _write(output / TASKS[0] / "vector_bak", wild_stamp(0), None, canaries.row)


def plant_outside(home: Path, output: Path, canaries: Canaries) -> list[Path]:
    """Sets that no request may reach: beside the root, and where a path would end that escapes from it."""
    evil = [
        Path(f"{output}_evil"),
        home / "data_pipeline" / "training_data_evil",
        home / "data_pipeline" / "training_data",
        home / "evil",
    ]
    for directory in evil:
        (directory / "vector_bak").mkdir(parents=True)
        for number in range(3):
            _write(directory / "vector_bak", wild_stamp(number), None, canaries.escaped)
            _write(directory / "vector_bak", LINKED.format(number), None, canaries.escaped)
    return evil


def link(output: Path, outside: Path) -> tuple[str, ...]:
    """Links and other files that are none, in the root; each as path/timestamp of a restore."""
    inside = output / "vector_bak"
    names = [f"langchain_pg_{table}_{{}}.csv" for table in ("collection", "embedding")]
    for name in names:
        (inside / name.format(LINKED.format(0))).symlink_to(outside / "vector_bak" / name.format(LINKED.format(0)))
        os.mkfifo(inside / name.format(LINKED.format(1)))
        (inside / name.format(LINKED.format(2))).mkdir()
        (inside / name.format(LINKED.format(3))).symlink_to("/dev/zero")
    for task in ("task_link", "task_half"):
        shutil.rmtree(output / task, ignore_errors=True) if not (output / task).is_symlink() else (
            output / task
        ).unlink()
    (output / "task_link").symlink_to(outside)
    (output / "task_half").mkdir()
    (output / "task_half" / "vector_bak").symlink_to(outside / "vector_bak")
    places = [f"{LOCATION}/{LINKED.format(number)}" for number in range(4)]
    return (*places, f"{ROOT}/task_link/vector_bak/{wild_stamp(0)}", f"{ROOT}/task_half/vector_bak/{wild_stamp(0)}")


def fingerprint(directories: list[Path], home: Path) -> str:
    """What is in the directories outside, and which names are in the home directory."""
    digest = hashlib.sha256()
    for path in _files(directories):
        status = path.stat()
        digest.update(f"{path} {status.st_mtime_ns} {status.st_mode}".encode())
        digest.update(path.read_bytes())
    digest.update(repr(sorted(path.name for path in home.iterdir())).encode())
    return digest.hexdigest()


def _files(directories: list[Path]) -> Iterator[Path]:
    for directory in directories:
        yield from sorted(path for path in directory.rglob("*") if path.is_file())


def _write(directory: Path, timestamp: str, bad: str | None, text: str) -> None:
    rows = [f'good {number},{COLLECTION},"[1,2]",{text},{{}}' for number in range(2)]
    if bad is not None:
        rows.append(bad.replace("%s", COLLECTION).format(*[text] * 9))
    tables = {"collection": [f"{COLLECTION},docs,{{}}"], "embedding": rows}
    for (name, lines), header in zip(tables.items(), HEADERS, strict=True):
        path = directory / f"langchain_pg_{name}_{timestamp}.csv"
        path.write_bytes("\n".join([header, *lines, ""]).encode("utf-8", "surrogatepass"))
