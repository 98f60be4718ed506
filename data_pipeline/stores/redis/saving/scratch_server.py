"""A redis-server of our own, on a Unix socket in a directory that only we can enter: gone when the work is over."""

import os
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from common import scratch_directory
from common.errors import DatabaseError, ServiceError, StoreUnsupported
from common.messages import say
from data_pipeline.postgres.progress import Progress
from data_pipeline.stores.redis.link.wire import Wire, connect
from data_pipeline.stores.target import StoreTarget

PROGRAMS = ("redis-server", "valkey-server")
START_SECONDS = 20.0
POLL_SECONDS = 0.02

# Nothing in it has to survive, nothing may be evicted, and its files keep their names in the list of processes.
SETTINGS = (
    ("port", "0"),
    ("save", ""),
    ("appendonly", "no"),
    ("maxmemory", "0"),
    ("repl-diskless-load", "on-empty-db"),
    ("set-proc-title", "no"),
    ("daemonize", "no"),
)


@dataclass(frozen=True)
class Scratch:
    """A running server."""

    socket: Path
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def target(self) -> StoreTarget:
        """Where it is."""
        return StoreTarget("scratch", "redis", "redis", str(self.socket), source="drill")

    def connect(self) -> Wire:
        return connect(self.target, START_SECONDS)

    def said(self, *words: str) -> bool:
        """Whether its log has one of them."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return any(word in text for word in words)


def program(configured: Path | None) -> Path:
    """The server's program. Raises StoreUnsupported where there is none."""
    if configured is not None:
        if os.access(configured, os.X_OK) and configured.is_file():
            return configured
        raise StoreUnsupported(say("redis_server_bin_missing"), can_retry=False, details={"reason": "REDIS_SERVER_BIN"})
    for name in PROGRAMS:
        if found := shutil.which(name):
            return Path(found)
    raise StoreUnsupported(say("redis_server_missing"), can_retry=False, details={"reason": "no server"})


def replica_of(target: StoreTarget) -> list[tuple[str, ...]]:
    """The settings that make a server the replica of a target's."""
    settings: list[tuple[str, ...]] = [("replicaof", target.host, str(target.port or 6379))]
    if target.user:
        settings.append(("masteruser", target.user))
    if target.password:
        settings.append(("masterauth", target.password))
    if target.scheme == "rediss":
        paths = ssl.get_default_verify_paths()
        settings += [("tls-replication", "yes"), ("tls-auth-clients", "no")]
        if paths.cafile:
            settings.append(("tls-ca-cert-file", paths.cafile))
        elif paths.capath:
            settings.append(("tls-ca-cert-dir", paths.capath))
    return settings


@contextmanager
def server(
    directory: Path, configured: Path | None, databases: int, more: Sequence[tuple[str, ...]], progress: Progress
) -> Iterator[Scratch]:
    """A server that takes connections, with so many databases. Raises StoreUnsupported, DatabaseError, Cancelled."""
    binary = program(configured)
    with _home(directory) as home, _short(home / "redis") as place:
        place.mkdir(mode=0o700)
        settings: list[tuple[str, ...]] = [
            *SETTINGS,
            ("databases", str(databases)),
            ("dir", str(place)),
            ("logfile", str(place / "log")),
        ]
        settings += [("unixsocket", str(place / "socket")), *more]
        configuration = place / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("".join(map(_line, settings)), encoding="utf-8")
        process = subprocess.Popen(
            [binary, configuration], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            started = Scratch(place / "socket", place / "log", process)
            _wait(started, progress)
            configuration.unlink()  # it may hold the source's password
            yield started
        finally:
            process.kill()
            process.wait()


@contextmanager
def _home(directory: Path) -> Iterator[Path]:
    try:
        scratch_directory.sweep(directory)
        own = scratch_directory.own(directory)
        home = own.__enter__()
    except OSError:
        raise DatabaseError(say("redis_scratch_failed"), can_retry=True, details={"cause": "SCRATCH"}) from None
    try:
        yield home
    finally:
        own.__exit__(None, None, None)


@contextmanager
def _short(place: Path) -> Iterator[Path]:
    """A path whose socket has an address: at most 104 bytes."""
    if len(os.fsencode(place / "socket")) < 104:
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="redis-") as link:
        (Path(link) / "home").symlink_to(place.parent)
        yield Path(link) / "home" / place.name


def _line(setting: tuple[str, ...]) -> str:
    name, *values = setting
    return " ".join([name, *map(_quoted, values)]) + "\n"


def _quoted(value: str) -> str:
    """As the server reads it: every byte that isn't plain by its number."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/:@ "
    return '"' + "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in value.encode()) + '"'


def _wait(started: Scratch, progress: Progress) -> None:
    deadline = time.monotonic() + START_SECONDS
    while started.process.poll() is None and time.monotonic() < deadline:
        progress.expect_wanted()
        with suppress(ServiceError):
            wire = started.connect()
            wire.close()
            return
        time.sleep(POLL_SECONDS)
    raise DatabaseError(say("redis_scratch_failed"), can_retry=True, details={"cause": "SCRATCH"})
