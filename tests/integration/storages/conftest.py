"""Storages as processes have them: of a directory and of a bucket, the same tests for each."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
from data_pipeline.storage import lease
from data_pipeline.storage.s3 import bucket as buckets
from tests.integration.places import CompiledS3Server, DirectoryPlace, Place
from tests.live_server import PROJECT
from tests.support.names import COLLECTION, EMBEDDING
from tools import s3_server


class Process:
    """What one process has of a storage."""

    def __init__(self, place: Place) -> None:
        engine = Engine.build(Settings.load({"OUTPUT_DIRECTORY": place.url}))
        self.catalog = engine.catalog
        self.storage = engine.storages.main
        self.location = engine.catalog.location(None)

    def listed(self) -> list[str]:
        """The timestamps of the sets that a list shows, newest first."""
        scan = self.catalog.scan(global_only=True, task_id=None)
        return [one.timestamp for listed in scan.locations for one in listed.sets]

    def draft(self, *stamps: str) -> Any:
        return self.storage.draft(self.location, iter(stamps))

    def save(self, stamp: str, manifest: bytes | None = b"{}", data: bytes = b"a\n") -> None:
        """A set of small files."""
        with self.draft(stamp) as draft:
            write(draft, data)
            draft.publish(manifest)

    def sweep(self) -> list[str]:
        return list(self.storage.sweep(self.location))


def write(draft: Any, data: bytes = b"a\n") -> None:
    """Both files of a draft's set."""
    for name in data_files(draft.timestamp):
        with draft.create(name) as file:
            file.write(data)


def data_files(stamp: str) -> list[str]:
    return [f"{COLLECTION}_{stamp}.csv", f"{EMBEDDING}_{stamp}.csv"]


def manifest_of(stamp: str) -> str:
    return f"vector_backup_{stamp}.json"


def claim_of(stamp: str) -> str:
    return f".vector_backup_{stamp}.claim"


def files_of(stamp: str) -> set[str]:
    return {*data_files(stamp), manifest_of(stamp)}


@pytest.fixture(scope="session")
def compiled_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompiledS3Server]:
    """An S3 server beside moto, where it has been built."""
    if s3_server.find() is None:
        (pytest.fail if os.environ.get("S3_TESTS") == "required" else pytest.skip)(s3_server.MISSING)
    with s3_server.running(tmp_path_factory.mktemp("s3-server")) as server:
        yield CompiledS3Server(server)


@pytest.fixture(params=["directory", "bucket", "compiled"])
def place(request: pytest.FixtureRequest, output_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Here every storage is tried, both S3 servers too."""
    if request.param == "compiled":
        server: CompiledS3Server = request.getfixturevalue("compiled_server")
        for name, value in s3_server.KEY.items():
            monkeypatch.setenv(name, value)
        return server.bucket()
    found: Place = DirectoryPlace(output_dir) if request.param == "directory" else request.getfixturevalue("bucket")
    return found


@pytest.fixture
def process(place: Place) -> Callable[[], Process]:
    """One more process that has the place for its output directory."""
    return lambda: Process(place)


@pytest.fixture
def one(process: Callable[[], Process]) -> Process:
    return process()


@pytest.fixture
def long_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let so much time pass that what a killed process left counts as such."""
    return lambda: monkeypatch.setattr(lease, "STALE", timedelta(seconds=-5))


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts at requests as ever, with hardly a pause between them."""
    pauses = {"init_backoff": timedelta(milliseconds=10), "max_backoff": timedelta(milliseconds=50), "base": 2}
    monkeypatch.setitem(buckets.RETRIES, "backoff", pauses)


@pytest.fixture
def start_script() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """A script in a process of its own, once it has said "ready"; it goes on when its standard input ends."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", script, *arguments]
        process = subprocess.Popen(command, cwd=PROJECT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
