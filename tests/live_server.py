"""The service as a process of its own."""

import atexit
import os
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]

# Importing everything takes the better part of a second, and the tests start the service a hundred times: a process
# that has done so, and nothing else, forks them.
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["unified_api"])

Launch = Callable[[Path, dict[str, str], tuple[str, ...]], Any]
"""Starts the service, given its log file, its whole environment and the arguments; returns what a Popen is like."""


def fresh(log_file: Path, env: dict[str, str], arguments: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    """`python unified_api.py …` as its users start it."""
    with open(log_file, "wb") as log:
        command = [sys.executable, "unified_api.py", *arguments]
        return subprocess.Popen(command, cwd=PROJECT, env=env, stdout=log, stderr=log)


class Forked(ForkServerProcess):
    """The same in a process that has all imports behind it, with the methods of a subprocess.Popen.

    within: what it runs in.
    """

    def __init__(
        self,
        log_file: Path,
        env: dict[str, str],
        arguments: tuple[str, ...],
        within: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        super().__init__(target=_run, args=(log_file, env, arguments, within))
        log_file.touch()
        self.start()

    @property
    def returncode(self) -> int | None:
        return self.exitcode

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.join(timeout)
        if self.exitcode is None:
            raise TimeoutError("the service is still running")
        return self.exitcode

    def send_signal(self, number: int) -> None:
        if self.exitcode is None and self.pid:
            os.kill(self.pid, number)


def run_command(arguments: tuple[str, ...], env: dict[str, str], stdin: str, out: str, err: str) -> None:
    """`python unified_api.py …` in a process that FORKS has made, with these files as its standard streams."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOCTTY
    for descriptor, opened in enumerate(
        (os.open(stdin, os.O_RDONLY | os.O_NOCTTY), os.open(out, flags), os.open(err, flags))
    ):
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # multiprocessing has put another file there
    _become(env, arguments)
    try:
        runpy.run_path("unified_api.py", run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out


def _become(env: dict[str, str], arguments: tuple[str, ...]) -> None:
    """What a process that is started anew is by itself."""
    os.chdir(PROJECT)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = ["unified_api.py", *arguments]


def _run(
    log_file: Path, env: dict[str, str], arguments: tuple[str, ...], within: Callable[[], AbstractContextManager[None]]
) -> None:
    with open(log_file, "wb") as log:
        for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(log.fileno(), descriptor)
    _become(env, arguments)
    try:
        with within():
            runpy.run_path("unified_api.py", run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out


class LiveServer:
    """The service on a free port."""

    def __init__(self, log_file: Path, env: dict[str, str], *arguments: str, launch: Launch = Forked) -> None:
        self._log_file = log_file
        self.process = launch(log_file, {**os.environ, "HOST": "127.0.0.1", "PORT": "0", **env}, arguments)

    @property
    def log(self) -> str:
        return self._log_file.read_text(encoding="utf-8")

    @property
    def address(self) -> str:
        """host:port, once it serves."""
        return self._said(r'"url": "http://([^"]+)"')[1]

    def wait_for_jobs(self) -> None:
        """Until it takes jobs."""
        self._said(r'"event": "ready for jobs"')

    def await_log(self, pattern: str) -> None:
        """Until something stands in the log."""
        self._said(pattern)

    def _said(self, pattern: str) -> "re.Match[str]":
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(pattern, self.log):
                return found
            time.sleep(0.02)
        raise AssertionError(f"the service did not start: {self.log}")

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)
