"""Which programs are run, of those that are there; the files that imports need."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import VersionMismatch
from data_pipeline.stores.pg_database import temp_files, tools
from data_pipeline.stores.pg_database.contents import Contents
from data_pipeline.stores.pg_database.tools import Tools

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Programs that say which version they are."""

    def make(directory: str, version: str) -> Path:
        place = tmp_path / directory
        place.mkdir(exist_ok=True)
        for name in ("pg_dump", "pg_restore"):
            program = place / name
            program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n", encoding="utf-8")
            program.chmod(0o755)
        return place

    return make


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let PATH be these directories, with nothing beside them."""
    monkeypatch.setattr(tools, "FOLDERS", {})

    def be(*directories: Path) -> None:
        monkeypatch.setenv("PATH", ":".join(map(str, directories)))

    return be


def archive(server: str, dumped_by: str) -> Contents:
    return Contents((1, 16), 4, "db", server, dumped_by, [], 0)


def test_the_servers_own_version_comes_first_then_the_source(install: Install, path: Callable[..., None]) -> None:
    path(install("a", "17.2"), install("b", "16.4 (Debian 16.4-1)"), install("c", "16.1"))
    found = Tools(install("given", "18.0")).for_dump(16, "16.9")
    assert (found.version, found.source) == ("16.4", "PATH")
    assert Tools(install("other", "16.0")).for_dump(16, "16.9").source == "PG_BIN"


def test_a_dump_is_upward_by_as_little_as_there_is(install: Install, path: Callable[..., None]) -> None:
    path(install("a", "18.1"), install("b", "17.2"), install("c", "15.1"))
    assert Tools(None).for_dump(16, "16.9").version == "17.2"


def test_an_older_pg_dump_is_none(install: Install, path: Callable[..., None]) -> None:
    path(install("a", "15.1"))
    with pytest.raises(VersionMismatch) as caught:
        Tools(None).for_dump(16, "16.9")
    assert "16.9" in caught.value.response
    assert caught.value.data["details"]["found"] == [{"name": "pg_dump", "version": "15.1", "source": "PATH"}]


@pytest.mark.parametrize(
    ("server", "dumped_by", "into", "chosen"),
    [
        ("16.1", "16.1", 18, "18.1"),
        ("16.1", "16.1", 16, "16.4"),
        ("16.1", "18.1", 18, "18.1"),
        ("12.1", "16.0", 15, "16.4"),  # newer than the server, but it says nothing that this one doesn't know
        ("18.1", "18.1", 16, None),  # downward
        ("16.1", "18.1", 16, None),  # its pg_restore makes a setting that 16 doesn't have
        ("18.1", "19.0", 19, None),
    ],
)
def test_an_archive_is_read_by_one_that_its_server_understands(
    install: Install, path: Callable[..., None], server: str, dumped_by: str, into: int, chosen: str | None
) -> None:
    path(install("a", "18.1"), install("b", "16.4"))
    if chosen is None:
        with pytest.raises(VersionMismatch):
            Tools(None).for_restore(archive(server, dumped_by), into, f"{into}.0")
        return
    assert Tools(None).for_restore(archive(server, dumped_by), into, f"{into}.0").version == chosen


def test_what_is_no_program_is_passed_over(tmp_path: Path, path: Callable[..., None]) -> None:
    (tmp_path / "pg_dump").write_text("not a program", encoding="utf-8")
    (tmp_path / "pg_dump").chmod(0o755)
    path()
    with pytest.raises(VersionMismatch):
        Tools(tmp_path).for_dump(16, "16.9")


def test_files_of_killed_imports_are_swept_when_they_are_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temp_files.tempfile, "tempdir", str(tmp_path))
    with temp_files.temp_file("import") as (kept, _):
        old = tmp_path / "database_import_20250101_000000_0123456789ab.dump"
        others = tmp_path / "database_mine.dump"
        for path in (old, others):
            path.touch()
            os.utime(path, (0, 0))
        assert temp_files.sweep() == [old.name]
        assert kept.exists()
    assert [*tmp_path.iterdir()] == [others]
