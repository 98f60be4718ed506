"""The package, as pip installs it: everything that runs is in it, and nothing that it writes goes there."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

import pytest

from data_pipeline.version import VERSION

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("common", "data_pipeline")
NOT_PACKED = ("training_data", "__pycache__")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Built from a copy: what an earlier build left behind must not get in."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    names = [
        "pyproject.toml",
        "requirements.txt",
        "requirements-milvus.txt",
        "requirements-objects.txt",
        "requirements-redis.txt",
        "README.md",
        "LICENSE",
        "app_config.py",
        "unified_api.py",
        *ROOMS,
    ]
    source.mkdir()
    subprocess.run(["cp", "-r", *names, str(source)], cwd=PROJECT, check=True)
    build = "from setuptools.build_meta import build_wheel; build_wheel('..')"
    subprocess.run([sys.executable, "-W", "ignore", "-c", build], cwd=source, check=True, capture_output=True)
    (path,) = place.glob("*.whl")
    with zipfile.ZipFile(path) as found:
        found.extractall(place / "installed")
        yield found


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile) -> Path:
    return Path(str(wheel.filename)).parent / "installed"


def test_every_file_that_runs_is_in_the_wheel_and_no_other(wheel: zipfile.ZipFile) -> None:
    there = {
        str(path.relative_to(PROJECT))
        for room in ROOMS
        for path in (PROJECT / room).rglob("*")
        if path.is_file() and not set(path.parts) & set(NOT_PACKED)
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == there | {"app_config.py", "unified_api.py"}
    assert {"common/py.typed", "data_pipeline/admin/static/index.html"} <= packed


def test_what_it_says_of_itself(wheel: zipfile.ZipFile) -> None:
    about = f"vector_backup-{VERSION}.dist-info"
    fields = HeaderParser().parsestr(wheel.read(f"{about}/METADATA").decode())
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    needed = [line for line in lines if line and not line.startswith("#")]
    assert (fields["Name"], fields["Version"], fields["Requires-Python"]) == ("vector-backup", VERSION, ">=3.10")
    required = fields.get_all("Requires-Dist") or []
    assert len([line for line in required if "extra ==" not in line]) == len(needed)
    assert [line for line in required if "pymilvus" in line and 'extra == "milvus"' in line]
    assert "vector-backup = data_pipeline.__main__:main" in wheel.read(f"{about}/entry_points.txt").decode()


def test_an_installed_command_works_and_writes_nothing_beside_its_modules(installed: Path, tmp_path: Path) -> None:
    env = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_DATA_HOME": str(tmp_path),
        "COLUMNS": "200",
    }
    before = sorted(installed.rglob("*"))
    entry = "import sys; from data_pipeline.__main__ import main; sys.argv[0] = 'vector-backup'; main()"

    def told(*arguments: str) -> str:
        command = [sys.executable, "-P", "-c", entry, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True, text=True).stdout

    assert told("--version") == f"vector-backup {VERSION}\n"
    assert "vector-backup list" in told("--help")
    where = "from data_pipeline.settings import Settings; print(Settings.load().output_directory)"
    command = [sys.executable, "-P", "-c", where]
    place = subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True, text=True).stdout
    assert not Path(place.strip()).is_relative_to(installed)
    assert sorted(installed.rglob("*")) == before
