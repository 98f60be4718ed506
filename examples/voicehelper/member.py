"""What the story asks of a store."""

import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from examples.service import Unexpected

START_SECONDS = 180
LOOPBACK = "127.0.0.1"


class Member(ABC):
    """A store of the assistant. role, store: as the stack calls it, and its product. needs: what to install where the
    server isn't on this machine."""

    role: str
    store: str
    needs: str

    @classmethod
    @abstractmethod
    def is_there(cls) -> bool:
        """Whether this machine has a server and a client."""

    @abstractmethod
    def start(self, home: Path) -> str:
        """Start a server in an empty directory; its URL, as TARGETS has it."""

    @abstractmethod
    def fill(self) -> str:
        """Put the assistant's data in; what they are, for people."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that it holds, by name."""

    @abstractmethod
    def damage(self) -> str:
        """Do what happens on a bad day; what that was."""

    @abstractmethod
    def stop(self) -> None:
        """End the server. Does nothing to one that never started."""


class Process:
    """A server's process, with its output in a log."""

    def __init__(self, command: Sequence[str | Path], home: Path) -> None:
        self._log = home / "server.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Raises Unexpected for a server that ends, or never gets ready."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Unexpected(f"a server did not start: {self._log.read_text(errors='replace')[-300:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((LOOPBACK, port)) == 0


def on_path(*names: str) -> Path | None:
    """The first of these programs that there is."""
    found = next(filter(None, map(shutil.which, names)), None)
    return Path(found) if found else None
