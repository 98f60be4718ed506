"""A page of the documentation told: its commands are run on a checkout of its own, its answers compared."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.integration.answers import Answers, Different, documents_of
from tests.integration.pages import Block, Page, Step

PROJECT = Path(__file__).resolve().parents[2]
SHIPPED = "20261120_170444"
PORTS = (8084, 8085, 8443)
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
"""What pages listen on; here it is whatever is free."""

SECONDS = 60
BEGINNINGS = {
    "": [],
    "the service runs": [("until", "serving", "make serve")],
    "the service runs, with the shipped backup restored": [
        ("until", "ready for jobs", "DATABASE_URL=embedded make serve"),
        (
            "",
            "",
            "curl -X POST http://localhost:8084/api/v0/data_pipeline/vector/restore -d"
            ' \'{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20261120_170444"}\'',
        ),
    ],
}


class Failed(AssertionError):
    """A command of a page doesn't do what the page says."""


class Story:
    """One page's run. `directory` is where its checkout comes, `places` are URLs by those the page names."""

    def __init__(self, directory: Path, places: Mapping[str, str]) -> None:
        self._checkout = directory / "checkout"
        self._ports = {port: _free_port() for port in PORTS}
        self._places = places
        self._answers = Answers()
        self._terminals: list[subprocess.Popen[bytes]] = []
        _check_out(self._checkout)

    def tell(self, page: Page) -> None:
        """From its beginning to its end. Raises Failed, with page and line."""
        for mark, said, text in BEGINNINGS[page.begins]:
            self._command(Block(0, "sh", text, mark, said))
        for step in page.steps():
            try:
                self._step(step)
            except AssertionError as error:
                where = f"{page.path.relative_to(PROJECT)}:{step.block.line}"
                raise Failed(f"{where}\n{step.block.text}\n{error}") from None

    def __enter__(self) -> "Story":
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever still runs in the checkout, at once: its files are thrown away.

        On SIGQUIT PostgreSQL writes nothing down any more, but leaves no shared memory behind.
        """
        left = [process for process in psutil.process_iter() if _works_in(process, self._checkout)]
        for process in left:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGQUIT if process.name() == "postgres" else signal.SIGKILL)
        for terminal in self._terminals:
            terminal.wait(SECONDS)
        deadline = time.monotonic() + SECONDS
        while any(map(_lives, left)) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _step(self, step: Step) -> None:
        if step.block.mark == "file":
            (self._checkout / step.block.said).write_text(self._real(step.block.text), encoding="utf-8")
            return
        printed = self._command(step.block)
        if step.answer is None:
            _expect_success(printed)
        elif step.answer.language == "json":
            self._answers.expect_json(step.answer.text, printed)
        else:
            self._answers.expect_text(step.answer.text.strip(), printed.strip())

    def _command(self, block: Block) -> str:
        """Run it; what it printed, as the page would show it."""
        if block.mark == "until":
            return self._as_shown(self._in_a_terminal(block))
        done = subprocess.run(self._arguments(block), **self._surroundings(), capture_output=True, timeout=SECONDS)
        if done.returncode != 0:
            raise Failed(f"status {done.returncode}: {done.stderr.decode()}{done.stdout.decode()}")
        return self._as_shown(done.stdout.decode())

    def _in_a_terminal(self, block: Block) -> str:
        log = self._checkout / f".terminal-{len(self._terminals)}"
        with log.open("wb") as output:
            terminal = subprocess.Popen(
                self._arguments(block), **self._surroundings(), stdout=output, stderr=output, start_new_session=True
            )
        self._terminals.append(terminal)
        deadline = time.monotonic() + SECONDS
        while block.said not in (printed := log.read_text(encoding="utf-8")):
            if terminal.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{block.said!r} was never said: {printed}")
            time.sleep(0.02)
        return printed

    def _arguments(self, block: Block) -> list[str]:
        text = self._real(self._answers.translate(block.text))
        return [sys.executable, "-c", text] if block.language == "python" else ["bash", "-euo", "pipefail", "-c", text]

    def _surroundings(self) -> dict[str, Any]:
        own = ("MAKE", "VECTOR_BACKUP_CONFIG")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        return {
            "cwd": self._checkout,
            "env": {**environment, "PORT": str(self._ports[8084]), "PYTHONIOENCODING": "utf-8"},
            "stdin": subprocess.DEVNULL,
        }

    def _real(self, text: str) -> str:
        for shown, url in self._places.items():
            text = text.replace(shown, url)
        return re.sub(r"\b\d{4}\b", lambda found: str(self._ports.get(int(found[0]), found[0])), text)

    def _as_shown(self, text: str) -> str:
        for port, real in self._ports.items():
            text = re.sub(rf"(?<=[:= ]){real}\b", str(port), text)
        return text


def _expect_success(printed: str) -> None:
    """A command whose answer isn't shown has to work."""
    try:
        answers = documents_of(printed)
    except Different:
        return  # it printed something else
    for answer in answers:
        if isinstance(answer, dict) and answer.get("success") is False:
            raise Failed(printed)


def _check_out(checkout: Path) -> None:
    """The project as it is shipped, its packages installed, and nothing of what was done here since."""
    checkout.mkdir()
    for name in ("unified_api.py", "app_config.py", "Makefile", "pyproject.toml", *REQUIREMENTS):
        shutil.copy2(PROJECT / name, checkout)
    for package in ("common", "data_pipeline", "examples"):
        shutil.copytree(PROJECT / package, checkout / package, ignore=_not_shipped)
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(stat.S_IRWXU)
    for name in (".made", ".installed", ".installed-dev"):
        (checkout / ".venv" / name).touch()


def _not_shipped(directory: str, names: list[str]) -> list[str]:
    kept = {"training_data": ("vector_bak",), "vector_bak": tuple(name for name in names if SHIPPED in name)}
    return [name for name in names if name not in kept.get(Path(directory).name, names)]


def _works_in(process: psutil.Process, checkout: Path) -> bool:
    try:
        return process.pid != os.getpid() and checkout in (Path(process.cwd()), *Path(process.cwd()).parents)
    except psutil.Error:
        return False


def _lives(process: psutil.Process) -> bool:
    """A process whose parent is gone may be a zombie until somebody looks after it; that is dead enough."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
