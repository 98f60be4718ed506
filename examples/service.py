"""The real service as a process of its own, and its HTTP API as two methods."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
ANSWER_SECONDS = 60
STOP_SECONDS = 30
ADDRESS = re.compile(r"http://(127\.0\.0\.1:[0-9]+)")
# The demo's service has a database of its own and asks for no token, whatever the environment configures.
CONFIGURED = ("DATABASE_URL", "PG", "TARGETS", "STACK", "API_", "JOBS_", "BACKUP_")


class Unexpected(Exception):
    """Something is not as the demo expects it; the text is one line for whoever runs it."""


class Service:
    """The HTTP API at `host:port`. A method returns the data of the answer; an answer that isn't 200 is Unexpected.

    prefix: what every path begins with.
    """

    def __init__(self, address: str, prefix: str) -> None:
        self._address = address
        self._prefix = prefix

    def get(self, path: str) -> dict[str, Any]:
        say(f"$ curl http://{self._address}{self._prefix}{path}")
        return self._data("GET", path)

    def post(self, path: str, **fields: Any) -> dict[str, Any]:
        body = json.dumps(fields)
        say(f"$ curl -X POST http://{self._address}{self._prefix}{path} -d '{body}'")
        return self._data("POST", path, body)

    def _data(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        answer = self._answer(method, path, body)
        data: dict[str, Any] = answer["data"]
        say(f"{answer['code']} {data['response']}")
        if answer["code"] != 200:
            raise Unexpected(f"{method} {path} answered {answer['code']} {data['error_type']}: {data['response']}")
        return data

    def _answer(self, method: str, path: str, body: str | None) -> Any:
        with closing(HTTPConnection(self._address, timeout=ANSWER_SECONDS)) as connection:
            try:
                connection.request(method, self._prefix + path, body)
                return json.load(connection.getresponse())
            except (OSError, HTTPException, ValueError) as error:
                raise Unexpected(f"{method} {path} got no answer: {error or type(error).__name__}") from error


def say(text: str) -> None:
    """One line of the story, at once even into a pipe."""
    print(f"   {text}", flush=True)


@contextmanager
def running(directory: Path, prefix: str, **more: str) -> Iterator[Service]:
    """`python unified_api.py` on a free port, its database in pgdata and its backups in training_data; then stop it.

    more: further settings.
    """
    ambient = {name: value for name, value in os.environ.items() if not name.startswith(CONFIGURED)}
    settings = {
        "HOST": "127.0.0.1",
        "DATABASE_URL": "embedded",
        "PORT": "0",
        "EMBEDDED_DATA_DIR": str(directory / "pgdata"),
        "OUTPUT_DIRECTORY": str(directory / "training_data"),
        "DRILL_DIRECTORY": str(directory / "drills"),
        **more,
    }
    log = directory / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "unified_api.py"],
            cwd=PROJECT,
            env=ambient | settings | {"PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the demo, which then stops the service
        )
    try:
        yield Service(_address(process, log), prefix)
    finally:
        _stop(process)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it serves, as it says itself once it does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        said = log.read_text(encoding="utf-8", errors="replace")
        if found := ADDRESS.search(said[: said.rfind("\n") + 1]):  # whole lines only
            return found[1]
        if ended:
            (last,) = said.splitlines()[-1:] or ["it said nothing"]
            raise Unexpected(f"the service did not start: {last}")
        time.sleep(0.05)
    raise Unexpected(f"the service did not start within {START_SECONDS} seconds")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
