"""MIGRATION_COMMAND: the application's own migrations, run after an import that worked."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, cast
from urllib.parse import quote, urlencode

from common.errors import InternalError
from common.messages import Message, say
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.target import Target

SECONDS = 600
TICK = 0.2
LONGEST_LINE = 2000
HIDDEN = "***"

OURS = frozenset({"API_TOKEN", "API_READ_TOKEN", "SECRET_KEY", "TARGETS", "JOBS_DATABASE_URL", "STORAGES"})
"""Of the environment: what a migration has no use for, and could print."""


def run(
    command: Sequence[str], target: Target, progress: Progress, tell: Callable[[Message], None], seconds: int = SECONDS
) -> None:
    """Run it, if there is one, for the database of the import; its output is told line by line.

    Raises InternalError, whose data says that the data is imported; Cancelled.
    """
    if not command:
        return
    tell(say("migration_began"))
    try:
        process = subprocess.Popen(
            [*command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if name not in OURS} | {"DATABASE_URL": url(target)},
            start_new_session=True,
        )
    except OSError:
        raise _failed(say("migration_not_started"), -1) from None
    hearing = threading.Thread(target=_hear, args=(process, target, tell), name="migration", daemon=True)
    hearing.start()
    try:
        _await(process, progress, seconds)
    finally:
        _end(process)
        hearing.join()
    if process.returncode:
        raise _failed(say("migration_failed", code=process.returncode), process.returncode)
    tell(say("migration_done"))


def url(target: Target) -> str:
    """The database as postgresql://user:password@host:port/dbname."""
    password = f":{quote(target.password, safe='')}" if target.password else ""
    host = quote(target.host, safe="") if target.host.startswith("/") else target.host
    options = f"?{urlencode(target.extra)}" if target.extra else ""
    host = f"[{host}]" if ":" in host else host
    return f"postgresql://{quote(target.user, safe='')}{password}@{host}:{target.port}/{quote(target.dbname)}{options}"


def _await(process: "subprocess.Popen[bytes]", progress: Progress, seconds: int) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        progress.expect_wanted()
        if time.monotonic() > deadline:
            raise _failed(say("migration_timed_out", seconds=seconds), -1)
        with suppress(subprocess.TimeoutExpired):
            process.wait(TICK)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """With everything that it has started and that still has its output open."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _hear(process: "subprocess.Popen[bytes]", target: Target, tell: Callable[[Message], None]) -> None:
    secrets = [secret for secret in (target.password, quote(target.password or "", safe="")) if secret]
    with cast("IO[bytes]", process.stdout) as output:
        for raw in iter(lambda: output.readline(LONGEST_LINE), b""):
            line = raw.decode("utf-8", "replace").rstrip()
            for secret in secrets:
                line = line.replace(secret, HIDDEN)
            if line:
                tell(say("migration_line", line=line))


def _failed(text: Message, code: int) -> InternalError:
    return InternalError(text, can_retry=False, restored=True, exit_code=code)
