"""A milvus-lite as a process of its own, for tests and benchmarks."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
PATIENT = {"grpc.keepalive_time_ms": 3_600_000}
"""pymilvus asks every 10 seconds whether the server is still there, which is too often for a milvus-lite that builds an
index: it hangs up."""


class MilvusServer:
    """It listens on one port, however often it is killed and started again."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.data = home / "data"
        with socket.socket() as found:
            found.bind((LOOPBACK, 0))
            self.port = int(found.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """As TARGETS has it."""
        return f"milvus+http://{LOOPBACK}:{self.port}"

    def client(self) -> Any:
        """One of pymilvus."""
        from pymilvus import MilvusClient

        return MilvusClient(f"http://{LOOPBACK}:{self.port}", grpc_options=PATIENT)

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--host", LOOPBACK, "--port", str(self.port)]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, "--data-dir", str(self.data)], stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while not self._answers():
            assert self._process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        with socket.socket() as found:
            found.settimeout(1)
            return found.connect_ex((LOOPBACK, self.port)) == 0
