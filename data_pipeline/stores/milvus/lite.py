"""A milvus-lite of this machine, by its data directory: started on first use, shared by all processes, ended with the
last of them.

milvus-lite locks its directory for one process. So the first process starts the server on a port of loopback and
writes the port beside the data; the others find it there. A process says that it uses the server by a lock on a file,
which the system takes back from a process that was killed.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import util
from pathlib import Path

import psutil
from fasteners import InterProcessLock, InterProcessReaderWriterLock

from common import scratch_directory
from common.errors import DatabaseError
from common.messages import say
from data_pipeline.stores.extras import needed
from data_pipeline.stores.milvus.protocol import EXTRA
from data_pipeline.stores.target import StoreTarget

LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0
PORT_FILE = "port"
PACKAGE = "milvus_lite"
BESIDE = ".server"
"""What a directory's name ends in that lies beside the data, for the log and for what the processes agree by."""

_servers: dict[tuple[int, Path], "LiteServer"] = {}
_mutex = threading.Lock()


@contextmanager
def address(target: StoreTarget) -> Iterator[str]:
    """host:port of a target, its server running if it is a local one. Raises DatabaseError, ExtraMissing."""
    if not target.is_file:
        host = f"[{target.host}]" if ":" in target.host else target.host
        yield f"{host}:{target.port}"
        return
    yield f"{LOOPBACK}:{_server(Path(target.path)).port()}"


def leave() -> None:
    """Leave every server that this process uses."""
    with _mutex:
        for server in [*_servers.values()]:
            server.leave()
        _servers.clear()


def expect_installed() -> None:
    """Raise ExtraMissing without milvus-lite."""
    if util.find_spec(PACKAGE) is None:  # imported, it would bring its indexes into this process
        needed(PACKAGE, extra=EXTRA)


def launch(data: Path, log: Path) -> "tuple[subprocess.Popen[bytes], int]":
    """A server of a data directory that takes connections, and its port. Raises DatabaseError."""
    port = _free_port()
    command = [sys.executable, "-m", PACKAGE, "server", "--host", LOOPBACK, "--port", str(port)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--data-dir", str(data)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # it outlives this process if another one uses it
        )
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise failed()
        time.sleep(0.05)
    return process, port


def failed() -> DatabaseError:
    """What is said of a server that doesn't start."""
    return DatabaseError(say("milvus_lite_failed"), can_retry=True, details={"cause": "MILVUS_LITE"})


@contextmanager
def scratch(directory: Path) -> Iterator[StoreTarget]:
    """A server for one piece of work, in a directory of its own below `directory`: both are gone when the work is over.
    What a killed process has left there is ended and removed first. Raises DatabaseError, ExtraMissing."""
    expect_installed()
    try:
        scratch_directory.sweep(directory)
        with scratch_directory.own(directory) as home:
            process, port = launch(home / "data", home / "log")
            try:
                yield StoreTarget("scratch", "milvus", "milvus+http", LOOPBACK, port, source="drill")
            finally:
                process.kill()
                process.wait()
    except OSError:
        raise failed() from None


def _server(home: Path) -> "LiteServer":
    key = os.getpid(), home
    with _mutex:
        if key not in _servers:
            expect_installed()
            _servers[key] = LiteServer(home)
        return _servers[key]


class LiteServer:
    """What a process holds of the server of a data directory."""

    def __init__(self, data: Path) -> None:
        home = data.with_name(data.name + BESIDE)
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            raise failed() from None
        self._data, self._home = data, home
        self._process = os.getpid()
        self._child: subprocess.Popen[bytes] | None = None
        """The server, if this process has started it."""
        self._turn = InterProcessLock(home / "turn.lock")
        self._use = InterProcessReaderWriterLock(home / "use.lock")
        self._use.acquire_read_lock()
        atexit.register(self.leave)

    def port(self) -> int:
        """Of the running server. Raises DatabaseError."""
        if not self._turn.acquire(timeout=START_SECONDS):
            raise failed()
        try:
            return self._running() or self._start()
        finally:
            self._turn.release()

    def leave(self) -> None:
        """Stop the server unless another process uses it. Nothing in a forked child."""
        if self._process != os.getpid():
            return
        atexit.unregister(self.leave)
        with self._turn:
            self._use.release_read_lock()
            if self._use.acquire_write_lock(blocking=False):
                try:
                    self._stop()
                finally:
                    self._use.release_write_lock()

    def _running(self) -> int | None:
        """The port of a server that answers."""
        found = self._known()
        return found[1] if found and _answers(found[1]) else None

    def _known(self) -> tuple[int, int] | None:
        with suppress(OSError, ValueError):
            pid, port = (self._home / PORT_FILE).read_text(encoding="ascii").split()
            return int(pid), int(port)
        return None

    def _start(self) -> int:
        process, port = launch(self._data, self._home / "log")
        self._child = process
        (self._home / PORT_FILE).write_text(f"{process.pid} {port}", encoding="ascii")
        return port

    def _stop(self) -> None:
        """Until it is gone: it writes to its files to the last."""
        found = self._known()
        if found and _answers(found[1]):
            with suppress(psutil.Error):
                process = psutil.Process(found[0])
                process.send_signal(signal.SIGINT)
                process.wait(START_SECONDS)
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(START_SECONDS)
        (self._home / PORT_FILE).unlink(missing_ok=True)


def _answers(port: int) -> bool:
    with socket.socket() as found:
        found.settimeout(1)
        return found.connect_ex((LOOPBACK, port)) == 0


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])
