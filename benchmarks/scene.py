"""What a measurement is made on: a directory, a server and a service of its own, gone without a trace at the end."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from benchmarks import service
from benchmarks.data import Database
from benchmarks.service import Service
from data_pipeline.postgres_server import embedded
from data_pipeline.postgres_server.embedded import EmbeddedServer


@dataclass(frozen=True)
class Scene:
    """A running service, the database it serves, and a directory for what else is needed."""

    database: Database
    service: Service
    work: Path


@contextmanager
def usual() -> Iterator[Scene]:
    """A server, and a service that has no bucket."""
    with (
        directory() as work,
        embedded_server(work / "server") as server,
        service.running(work / "server", work) as running,
    ):
        yield Scene(Database(server.target), running, work)


@contextmanager
def directory() -> Iterator[Path]:
    """A directory, removed on SIGTERM too."""
    signal.signal(signal.SIGTERM, _exit_cleanly)
    work = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        yield work
    finally:
        shutil.rmtree(work)


@contextmanager
def embedded_server(home: Path) -> Iterator[EmbeddedServer]:
    """A PostgreSQL, stopped at the end."""
    server = embedded.start(home)
    try:
        yield server
    finally:
        server.stop()


def _exit_cleanly(_number: int, _frame: FrameType | None) -> None:
    sys.exit("benchmarks: stopped")
