"""Where backups are kept in a test: a directory, or a bucket of a real S3 server, behind the same few calls."""

import re
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Protocol

import obstore
import requests
from obstore.store import S3Store

from tools import s3_server

KEY = {"AWS_ACCESS_KEY_ID": "AKIATESTOFTHEBUCKET", "AWS_SECRET_ACCESS_KEY": "s3cret-of-the-bucket"}
"""Moto takes any."""

MOTO = Path(__file__).with_name("moto_server.py")


class Place(Protocol):
    """What OUTPUT_DIRECTORY or STORAGES names, looked at from outside of the service."""

    @property
    def url(self) -> str: ...

    def names(self, location: str = "vector_bak") -> set[str]: ...

    def read(self, name: str, location: str = "vector_bak") -> bytes: ...

    def write(self, name: str, data: bytes, location: str = "vector_bak") -> None: ...

    def remove(self, name: str, location: str = "vector_bak") -> None: ...


class DirectoryPlace:
    """A directory of the test's own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def url(self) -> str:
        return str(self.root)

    def names(self, location: str = "vector_bak") -> set[str]:
        directory = self.root / location
        return {path.name for path in directory.iterdir()} if directory.exists() else set()

    def read(self, name: str, location: str = "vector_bak") -> bytes:
        return (self.root / location / name).read_bytes()

    def write(self, name: str, data: bytes, location: str = "vector_bak") -> None:
        (self.root / location).mkdir(parents=True, exist_ok=True)
        (self.root / location / name).write_bytes(data)

    def remove(self, name: str, location: str = "vector_bak") -> None:
        (self.root / location / name).unlink()


class BucketServer(Protocol):
    """An S3 server of this machine."""

    @property
    def url(self) -> str: ...

    @property
    def port(self) -> int: ...


class BucketPlace:
    """A prefix of a bucket, by way of some port."""

    def __init__(self, server: "BucketServer", bucket: str, port: int) -> None:
        self.url = f"s3+http://127.0.0.1:{port}/{bucket}/some/prefix"
        self.server, self.bucket = server, bucket
        options: Any = {"allow_http": True}
        self._store = S3Store(bucket, prefix="some/prefix", endpoint=server.url, client_options=options)

    def through(self, port: int) -> "BucketPlace":
        """The same by way of another port."""
        return BucketPlace(self.server, self.bucket, port)

    def names(self, location: str = "vector_bak") -> set[str]:
        found = obstore.list_with_delimiter(self._store, location)["objects"]
        return {meta["path"].rpartition("/")[2] for meta in found}

    def read(self, name: str, location: str = "vector_bak") -> bytes:
        return bytes(obstore.get(self._store, f"{location}/{name}").bytes())

    def write(self, name: str, data: bytes, location: str = "vector_bak") -> None:
        obstore.put(self._store, f"{location}/{name}", data)

    def remove(self, name: str, location: str = "vector_bak") -> None:
        obstore.delete(self._store, f"{location}/{name}")

    def uploads(self) -> list[str]:
        """Keys of uploads that were begun and neither ended nor aborted."""
        answer = requests.get(f"{self.server.url}/{self.bucket}?uploads", timeout=30).text
        return re.findall("<Key>([^<]*)</Key>", answer)


class S3Server:
    """moto's server, as a process."""

    def __init__(self, log_file: Path) -> None:
        with open(log_file, "wb") as log:
            self._process = subprocess.Popen([sys.executable, MOTO], stdout=log, stderr=log)
        self._log_file = log_file
        self.port = self._port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bucket(self) -> BucketPlace:
        """A new bucket for backups."""
        return BucketPlace(self, self.new_bucket(), self.port)

    def new_bucket(self) -> str:
        """The name of a new bucket."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        assert requests.put(f"{self.url}/{name}", timeout=30).status_code == 200
        return name

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _port(self) -> int:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", self._log_file.read_text(encoding="utf-8")):
                return int(found[1])
            time.sleep(0.02)
        raise AssertionError(self._log_file.read_text(encoding="utf-8"))


class CompiledS3Server:
    """Another S3 server, not by the same hands."""

    def __init__(self, server: s3_server.S3Server) -> None:
        self._server = server

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def port(self) -> int:
        return self._server.port

    def bucket(self) -> BucketPlace:
        """A new bucket."""
        name = f"backups-{uuid.uuid4().hex[:12]}"
        self._server.make_bucket(name)
        return BucketPlace(self, name, self.port)
