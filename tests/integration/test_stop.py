"""Stopping `python unified_api.py` that has the embedded server, however often it is told to."""

import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.live_server import Launch, fresh


@pytest.fixture
def launch() -> Launch:
    """As users start it: from its first line."""
    return fresh


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short path that the embedded server's own user can reach."""
    with tempfile.TemporaryDirectory(prefix="stop-") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "pgdata"


def servers_of(data_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(data_dir) in argument for argument in process.info["cmdline"] or ()):
            found.append(process)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_several_times_it_still_stops_the_embedded_server(
    start_server: Callable[..., Any], data_dir: Path, number: int
) -> None:
    server = start_server(EMBEDDED_DATA_DIR=str(data_dir), JOBS_DATABASE_URL="")
    assert server.address
    while server.process.poll() is None:
        server.process.send_signal(number)
        time.sleep(0.01)
    assert server.process.returncode == 0
    assert "Traceback" not in server.log
    assert servers_of(data_dir) == []
