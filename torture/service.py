"""The service as its users run it: `python unified_api.py`, a process of its own."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[1]
START_SECONDS = 60
STOP_SECONDS = 30
# All that it gets of our environment: no setting of the developer's own.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR")


class ServiceFailed(RuntimeError):
    """The service did not start."""


class Service:
    """A running service. Its working directory is `home`, so that a relative path that escapes ends there."""

    def __init__(self, home: Path, log: Path, env: dict[str, str]) -> None:
        self.log = log
        self._home = home
        self._env = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
            "HOME": str(home),
            "HOST": "127.0.0.1",
            "PORT": "0",
            **env,
        }
        self.start()

    def start(self) -> None:
        """Start it, again after it was stopped or killed; its log goes on in the same file."""
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(PROJECT / "unified_api.py")],
                cwd=self._home,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the harness, which stops it in its own time
            )
        self.port = self._wait_for_port()

    def _wait_for_port(self) -> int:
        """The port it listens on. Trying to connect instead can meet oneself, on a port that nobody has taken yet."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(psutil.Error):
                for connection in psutil.Process(self.process.pid).net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        return int(connection.laddr.port)
            time.sleep(0.01)
        self.kill()
        raise ServiceFailed(f"the service did not start: {self.last_words()}")

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def kill(self) -> None:
        """kill -9, the service alone: its children have to notice by themselves."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def children(self) -> list[psutil.Process]:
        """The processes it has started."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.Error:
            return []

    def stop(self) -> bool:
        """SIGTERM, and kill -9 where that isn't enough; whether it was."""
        if self.process.poll() is not None:
            return True
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False


def lives(process: psutil.Process) -> bool:
    """Whether a process still runs; one that nobody has waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
