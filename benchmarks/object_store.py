"""An S3 server on this machine: moto's, a process of its own. It shares the cores with the service that uses it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import obstore
from obstore.store import S3Store

from data_pipeline.storage.s3.bucket import PART_BYTES, PARTS_UNDER_WAY

BUCKET = "backups"
KEY = {"AWS_ACCESS_KEY_ID": "of-the-benchmark", "AWS_SECRET_ACCESS_KEY": "of-the-benchmark"}
START_SECONDS = 60
# It copies each part and each answer several times. Memory of these sizes goes back to the system and comes again each
# time, unless glibc is told to keep it: then downloads take a sixth of the time, and uploads two thirds.
ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 30),
}
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


class NoObjectStore(RuntimeError):
    """The server didn't start."""


@dataclass(frozen=True)
class ObjectStore:
    """A running server with one bucket in it."""

    port: int

    @property
    def url(self) -> str:
        """As STORAGES names it."""
        return f"s3+http://127.0.0.1:{self.port}/{BUCKET}"

    def upload(self, paths: Sequence[Path]) -> None:
        """Files as they are, in parts as the service sends them: no backup can be there before."""
        for path in paths:
            obstore.put(self._client, path.name, path, chunk_size=PART_BYTES, max_concurrency=PARTS_UNDER_WAY)

    def remove(self, paths: Sequence[Path]) -> None:
        """What upload() brought."""
        obstore.delete(self._client, [path.name for path in paths])

    @property
    def _client(self) -> S3Store:
        return S3Store(
            BUCKET,
            endpoint=f"http://127.0.0.1:{self.port}",
            access_key_id=KEY["AWS_ACCESS_KEY_ID"],
            secret_access_key=KEY["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True},
        )


@contextmanager
def running(work: Path) -> Iterator[ObjectStore]:
    """A server with its log below `work`, stopped at the end; what is stored is gone with it."""
    log = work / "s3.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **ENVIRONMENT})
    try:
        port = _port(process, log)
        _make_bucket(port)
        yield ObjectStore(port)
    finally:
        process.terminate()
        process.wait()


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if found := ADDRESS.search(log.read_text(encoding="utf-8")):
            return int(found[1])
        time.sleep(0.05)
    raise NoObjectStore(log.read_text(encoding="utf-8")[-500:])


def _make_bucket(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("PUT", f"/{BUCKET}")
    status = connection.getresponse().status
    connection.close()
    if status != 200:
        raise NoObjectStore(f"no bucket: {status}")
