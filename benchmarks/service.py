"""The service as a user meets it: a process of its own, `python unified_api.py`, spoken to over HTTP."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks import object_store
from benchmarks.object_store import ObjectStore
from benchmarks.sizes import PROJECT

BASE = "/api/v0/data_pipeline"
PREFIX = f"{BASE}/vector"
LOCATION = "./data_pipeline/training_data/vector_bak"
DISK, BUCKET = "local", "bucket"
"""The service's storages: its output directory, and a bucket of an S3 server on this machine."""

START_SECONDS = 60
# All that the service gets of our environment: no setting of the developer's own, so it runs with its defaults.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class ServiceFailed(RuntimeError):
    """The service didn't start, or answered with a failure."""


@dataclass(frozen=True)
class Service:
    """A running service; `output` is its output directory."""

    process: "subprocess.Popen[bytes]"
    port: int
    output: Path
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def directory(self) -> Path:
        """Where its backups of the whole system are."""
        return self.output / "vector_bak"

    def backup(self, kind: str, storage: str = DISK) -> str:
        """Back up both tables; the timestamp of the set. kind: csv, binary or csv.zst. Raises ServiceFailed."""
        file_format, _, packed = kind.partition(".")
        compression = {"compression": "zstd"} if packed else {}
        answer = self._json("POST", "/backup", {"format": file_format, "storages": [storage], **compression})
        return str(answer["backup_timestamp"])

    def size(self, timestamp: str) -> int:
        """Bytes of a set's files, its manifest left out."""
        return sum(path.stat().st_size for path in self.directory.glob(f"langchain_*_{timestamp}.*"))

    def replace(self, timestamp: str, storage: str = DISK) -> dict[str, Any]:
        """Truncate and restore both tables, all or nothing. Raises ServiceFailed."""
        path = LOCATION if storage == DISK else f"{storage}:{LOCATION}"
        return self.restore(timestamp, backup_path=path, truncate_before_restore=True)

    def sync(self, timestamp: str) -> dict[str, Any]:
        """Write only what differs. Raises ServiceFailed."""
        return self.restore(timestamp, strategy="sync")

    def swap(self, timestamp: str) -> dict[str, Any]:
        """Put new tables in the place of both. Raises ServiceFailed."""
        return self.restore(timestamp, strategy="swap")

    def listing(self) -> bytes:
        """The answer of the list, unparsed: parsing it is the client's time. Raises ServiceFailed."""
        return self._call("GET", "/restore/list", None)

    def remove(self, timestamp: str) -> None:
        """Delete a set's files."""
        for path in self.directory.glob(f"*_{timestamp}.*"):
            path.unlink()

    def delete(self, timestamp: str, storage: str) -> None:
        """Have the service itself remove a set. Raises ServiceFailed."""
        self._call("DELETE", f"/backups/global/{timestamp}?storage={storage}", None)

    def restore(self, timestamp: str, **options: Any) -> dict[str, Any]:
        """Restore a set in any way; the answer. Raises ServiceFailed."""
        return self._json("POST", "/restore", {"backup_path": LOCATION, "timestamp": timestamp, **options})

    def backup_database(self) -> dict[str, Any]:
        """The whole database as a set; the answer. Raises ServiceFailed."""
        return self._whole("backup", {})

    def restore_database(self, made: dict[str, Any]) -> dict[str, Any]:
        """Such a set, in place of what is there. Raises ServiceFailed."""
        named = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
        return self._whole("restore", {"set": named, "mode": "clean"})

    def _whole(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._call("POST", f"/databases/{action}", json.dumps(body), BASE)
        data: dict[str, Any] = json.loads(answer)["data"]
        return data

    def _json(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self._call(method, path, json.dumps(body)))["data"]
        if data["errors"]:
            raise ServiceFailed(f"{path}: {data['errors']}")
        return data

    def _call(self, method: str, path: str, body: str | None, prefix: str = PREFIX) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request(method, prefix + path, body)
            response = connection.getresponse()
            answer = response.read()
        except OSError as error:
            raise ServiceFailed(f"{path}: {error}; {_last_words(self.process, self.log)}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ServiceFailed(f"{path}: {response.status} {answer.decode()}")
        return answer


@contextmanager
def running(
    data_dir: Path, work: Path, store: ObjectStore | None = None, project: Path = PROJECT, targets: str = ""
) -> Iterator[Service]:
    """A service on the embedded server of `data_dir`, its log and its disk below `work`; stopped at the end.

    project: the checkout whose service it is. targets: its TARGETS.
    """
    output = work / "training_data"
    (output / "vector_bak").mkdir(parents=True)
    log, port = work / "service.log", _free_port()
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "unified_api.py"],
            cwd=project,
            env=_environment(port, data_dir, output, store) | ({"TARGETS": targets} if targets else {}),
            stdin=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        _wait_until_serving(process, port, log)
        yield Service(process, port, output, log)
    finally:
        process.terminate()
        process.wait()


def _environment(port: int, data_dir: Path, output: Path, store: ObjectStore | None) -> dict[str, str]:
    ours = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {
        **ours,
        "PORT": str(port),
        "EMBEDDED_DATA_DIR": str(data_dir),
        "OUTPUT_DIRECTORY": str(output),
        **({"STORAGES": json.dumps({BUCKET: store.url}), **object_store.KEY} if store else {}),
    }


def _wait_until_serving(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise ServiceFailed(f"it did not start; {_last_words(process, log)}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _last_words(process: "subprocess.Popen[bytes]", log: Path) -> str:
    return f"exit status {process.poll()}, the end of its log: {log.read_text(encoding='utf-8')[-500:]}"
