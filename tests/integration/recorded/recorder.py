"""Calls the service, and keeps what it answers and what it writes."""

import hashlib
import io
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from data_pipeline.api import PREFIX
from tests.integration.recorded.shape import Names, outline

EVERY_ANSWER = {
    "Vary": "Accept-Language",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Content-Type": "application/json",
}
"""Headers of nearly every answer: only what differs from them is kept."""
NOT_KEPT = {"Content-Length", "Date", "X-Request-ID", "ETag", "Last-Modified"}
LONGEST_TEXT = 4000
ENDED = ("SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED")


@dataclass(frozen=True)
class Form:
    """Files that are sent as the parts of a form, by name."""

    files: dict[str, bytes]


@dataclass
class Recorder:
    """One scene: a client with an output directory of its own. Its answers by what was asked."""

    client: FlaskClient
    names: Names
    kept: dict[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        title: str,
        request: str,
        body: Any = None,
        client: FlaskClient | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Any:
        """Send `METHOD path` with a body: JSON, bytes or the files of a form; the data of the answer."""
        method, _, path = request.partition(" ")
        json_text = json.dumps(body, ensure_ascii=False) if isinstance(body, dict) else ""
        data = _form(body) if isinstance(body, Form) else json_text.encode() or body
        named = {"X-Request-ID": re.sub(r"[^a-z0-9]+", "-", title), **headers}
        response = (client or self.client).open(_full(path), method=method, data=data, headers=named, buffered=True)
        asked = [request, *([body] if isinstance(body, dict) else []), *([dict(headers)] if headers else [])]
        self.keep(title, {"asked": self.names.value(asked), **self._answer(response)})
        return response.get_json()["data"] if response.is_json and response.data else response.data

    def keep(self, title: str, value: Any) -> None:
        assert title not in self.kept, f"{title} is there twice"
        self.kept[title] = value

    def _answer(self, response: TestResponse) -> dict[str, Any]:
        given = {name: self.names.text(value) for name, value in response.headers.items() if name not in NOT_KEPT}
        if "Allow" in given:
            given["Allow"] = ", ".join(sorted(given["Allow"].split(", ")))  # a set, in any order
        if "Retry-After" in given:
            given["Retry-After"] = "<wait>"
        headers = {name: value for name, value in given.items() if EVERY_ANSWER.get(name) != value}
        missing = [name for name in EVERY_ANSWER if name not in given]
        answer: dict[str, Any] = {"status": response.status_code, "headers": headers, "without": missing}
        if response.is_json and response.data:
            answer |= self._unwrapped(response.get_json(), response.status_code)
        elif response.mimetype == "text/event-stream":
            answer["events"] = [self._event(line) for line in response.text.splitlines() if line]
        return {name: value for name, value in answer.items() if value or name == "status"}

    def _unwrapped(self, envelope: dict[str, Any], status: int) -> dict[str, Any]:
        """Without what is the same of all: how the envelope looks, that it has a time."""
        assert list(envelope) == ["code", "success", "message", "data"]
        assert (envelope["code"], envelope["success"]) == (status, status < 400)
        data = self.names.value(envelope["data"])
        assert data.pop("timestamp") == "<time>"
        return {"message": envelope["message"], "data": data}

    def _event(self, line: str) -> Any:
        name, _, value = line.partition(": ")
        if name != "data":
            return f"{name}: …" if name == "id" else line
        return {"data": self.names.value(json.loads(value))}

    def ended(self, job_id: str) -> dict[str, Any]:
        """A job once it has ended."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            job = dict(self.client.get(f"{PREFIX}/jobs/{job_id}").get_json()["data"])
            if job["state"] in ENDED:
                return job
            time.sleep(0.02)
        raise AssertionError(f"job {job_id} does not end")

    def files(self, title: str, directory: Path) -> None:
        """What lies in a directory: csv as it is, other files by their hash, manifests by their keys and types."""
        found = sorted((path for path in directory.rglob("*") if path.is_file()), key=lambda path: path.name)
        self.keep(title, {self.names.text(path.name): self._file(path) for path in found})

    def _file(self, path: Path) -> Any:
        if path.suffix == ".json":
            return outline(json.loads(path.read_text(encoding="utf-8")))
        if path.suffix == ".pgcopy":
            return hashlib.sha256(path.read_bytes()).hexdigest()
        return self.names.text(path.read_bytes().decode())[:LONGEST_TEXT]


@dataclass
class World:
    """What a scene may use: clients of the service, databases, and a directory of its own."""

    make_client: Callable[..., FlaskClient]
    databases: dict[str, Any]
    directory: Path
    known: dict[str, str]
    kept_ids: frozenset[str]
    fill: Callable[..., None]
    url: Callable[[], str]

    def recorder(self, **env: str) -> Recorder:
        """A recorder whose client has these settings."""
        return Recorder(self.plain_client(**env), Names(self.known, self.kept_ids))

    def plain_client(self, **env: str) -> FlaskClient:
        """A client that says nothing of what it is answered: some of it is no JSON, or is meant to be wrong."""
        defaults = {
            "DATABASE_URL": self.url(),
            "OUTPUT_DIRECTORY": str(self.directory),
            "LOAD_WORKERS": "0",
            "PG_LOCK_TIMEOUT": "60",
        }
        return FlaskClient(self.make_client(**{**defaults, **env}).application)

    def refill(self) -> None:
        """The same rows as at the beginning."""
        database = self.databases["main"]
        database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
        self.fill(database)

    def execute(self, statements: str, database: str = "main") -> None:
        with closing(self.databases[database].connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statements)

    def write(self, files: dict[str, bytes], location: str = "") -> None:
        """Files of a set, into a location that is made if it isn't there."""
        place = self.directory / location / "vector_bak"
        place.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (place / name).write_bytes(data)


def _form(form: Form) -> dict[str, Any]:
    return {name: (io.BytesIO(data), name) for name, data in form.files.items()}


def _full(path: str) -> str:
    """Paths are the API's own; those of other routes begin with two slashes."""
    return path[1:] if path.startswith("//") else PREFIX + path
