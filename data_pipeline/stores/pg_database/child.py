"""pg_dump or pg_restore as a child process.

Its password is in its environment, never among its arguments, which every user of the machine may read. Its backend has
a name of its own: where the child ends before its work is over, the server may notice it much later, so the backend is
ended by us.
"""

import contextlib
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, cast

from psycopg2.extensions import make_dsn

from common.errors import ServiceError
from data_pipeline.postgres.link.wire import UNACKNOWLEDGED_SECONDS, Timeouts
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import backends
from data_pipeline.stores.pg_database.tools import Tool
from data_pipeline.stores.pg_database.words import Begun, Failure, Listener

if sys.platform == "linux":
    import fcntl

PREFIX = "vector-restore child "
"""Of the names of all backends of children; the program follows, then what tells them apart."""

KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
"""Of the service's own environment: it also holds tokens and keys."""

CHUNK = 1 << 20
PIPE = 1 << 20
"""Linux gives a pipe 64 KB, which a child is done with in a fraction of the time that a block takes on our side. Only
root may ask for more than this."""


class Child:
    """A child that runs. tell: called with what it says, in a thread of its own."""

    def __init__(
        self,
        tool: Tool,
        arguments: Sequence[str],
        target: Target,
        timeouts: Timeouts,
        listener: Listener,
        *,
        settings: Sequence[str] = (),
        reads: bool = False,
        tell: Callable[[Begun | Failure], None] = lambda _: None,
    ) -> None:
        self.backend = f"{PREFIX}{tool.path.stem} {secrets.token_hex(8)}"
        self._target = target
        self._timeouts = timeouts
        self._listener = listener
        self._tell = tell
        self._process = subprocess.Popen(
            [str(tool.path), *arguments, "--no-password", f"--dbname={self._conninfo(settings)}"],
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if reads else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(target),
            bufsize=0,
        )
        _widen(self._process.stdin if reads else self._process.stdout)
        self._hearing = threading.Thread(target=self._hear, name="hear", daemon=True)
        self._hearing.start()

    @property
    def stdin(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdin)

    @property
    def stdout(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdout)

    def ended(self, seconds: float) -> bool:
        """Wait so long for its end; whether it has come. It ends with its standard error, which needs no polling."""
        self._hearing.join(seconds)
        return not self._hearing.is_alive()

    def wait(self) -> int:
        """Its exit status, once it has ended and all it said was heard."""
        status = self._process.wait()
        self._hearing.join()
        return status

    def kill(self) -> None:
        """From any thread: it ends now, and with it every wait for its pipes."""
        with suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """End it, and its backend if it didn't end well."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        status = self.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        if status != 0:
            with suppress(ServiceError):  # a server that doesn't answer has no use for its backend either
                backends.end(self._target, self._timeouts, self.backend)

    def _hear(self) -> None:
        for line in iter(cast("IO[bytes]", self._process.stderr).readline, b""):
            for said in self._listener.hear(line.decode("utf-8", "replace").rstrip("\r\n")):
                self._tell(said)

    def _conninfo(self, settings: Sequence[str]) -> str:
        parameters = {
            **self._target.parameters(),
            "application_name": self.backend,
            "connect_timeout": self._timeouts.connect,
            "tcp_user_timeout": 1000 * max(UNACKNOWLEDGED_SECONDS, 2 * self._timeouts.lock),
        }
        given = str(parameters.get("options") or "")
        parameters["options"] = " ".join([given, *(f"-c {setting}" for setting in settings)]).strip()
        del parameters["password"]
        return str(make_dsn(**parameters))


@contextmanager
def running(child: Child) -> Iterator[Child]:
    """The child, ended with the block however that ends."""
    with contextlib.closing(child):
        yield child


def _widen(pipe: IO[bytes] | None) -> None:
    """Where the system can't, or the user has too many such pipes, it stays as it is."""
    if pipe is not None and sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


def _environment(target: Target) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "LC_ALL": "C", "PGPASSWORD": target.password or ""}
