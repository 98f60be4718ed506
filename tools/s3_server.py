"""A compiled S3 server for tests and benchmarks: VersityGW, over a directory of this machine.

It honours If-None-Match and answers sooner than a server in Python. `make s3-server` builds it into .local/bin where
Go is; S3_SERVER_BIN names another program of the same kind. The service itself never needs it.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
PROGRAM = "versitygw"
BUILT = Path(__file__).resolve().parents[1] / ".local" / "bin"
KEY = {"AWS_ACCESS_KEY_ID": "key-of-the-s3-server", "AWS_SECRET_ACCESS_KEY": "secret-of-the-s3-server"}
MISSING = "no compiled S3 server; make s3-server builds one where Go is"
START_SECONDS = 60
STARTS = 5
"""Between looking for a free port and taking it another process may."""


class NoS3Server(RuntimeError):
    """The server is not there, or didn't start."""


@dataclass(frozen=True)
class S3Server:
    """A running server. A bucket is a directory of it."""

    port: int
    directory: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self, name: str) -> None:
        (self.directory / name).mkdir()


def find() -> Path | None:
    """The program, if it is there."""
    named = os.environ.get("S3_SERVER_BIN") or shutil.which(PROGRAM) or shutil.which(PROGRAM, path=str(BUILT))
    return Path(named) if named else None


def client(port: int) -> Any:
    """One of boto3, for a server on this machine whose key is KEY."""
    import boto3  # an extra of the service

    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEY["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEY["AWS_SECRET_ACCESS_KEY"],
    )


@contextmanager
def running(work: Path) -> Iterator[S3Server]:
    """A server with its objects below `work`, stopped at the end; its key is KEY. Raises NoS3Server."""
    directory, facts, log = work / "objects", work / "object-facts", work / "s3.log"
    directory.mkdir(parents=True)
    facts.mkdir()
    for _ in range(STARTS):
        port = free_port()
        with log.open("wb") as output:
            process = started(work, port, output)
        try:
            if serves(process, port):
                yield S3Server(port, directory)
                return
        finally:
            process.terminate()
            process.wait()
    raise NoS3Server(log.read_text(encoding="utf-8", errors="replace")[-500:])


def started(work: Path, port: int, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Its process, with the objects that are below `work`. Raises NoS3Server."""
    program = find()
    if program is None:
        raise NoS3Server(MISSING)
    # What it remembers of an object stands in files: not every file system of a container has extended attributes.
    where: list[str | Path] = ["--sidecar", work / "object-facts", work / "objects"]
    command: list[str | Path] = [program, "--quiet", "--port", f"127.0.0.1:{port}", "posix", *where]
    return subprocess.Popen(command, env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def main() -> int:
    """Build it, unless it is there."""
    if find():
        return 0
    if not shutil.which("go"):
        print("make s3-server: Go is needed, https://go.dev/doc/install", file=sys.stderr)
        return 1
    print(f"building {MODULE} into .local/bin; this takes some minutes", file=sys.stderr)
    return subprocess.run(["go", "install", MODULE], env={**os.environ, "GOBIN": str(BUILT)}).returncode


def _environment() -> dict[str, str]:
    """Its own account is the one key there is; nothing of ours configures it further."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("VGW_", "AWS_"))}
    return {
        **ours,
        "ROOT_ACCESS_KEY_ID": KEY["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_ACCESS_KEY": KEY["AWS_SECRET_ACCESS_KEY"],
    }


def serves(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Whether it takes connections; it ends at once where another process has taken the port."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return process.poll() is None
        time.sleep(0.02)
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
