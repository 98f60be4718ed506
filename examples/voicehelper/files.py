"""Files in a bucket: what people uploaded."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib import util
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from examples.voicehelper import content
from examples.voicehelper.member import LOOPBACK, Member, Process, answers, free_port, on_path
from tools import s3_server
from tools.s3_server import KEY

BUCKET = "voicehelper"
KEY_ID, SECRET = KEY["AWS_ACCESS_KEY_ID"], KEY["AWS_SECRET_ACCESS_KEY"]


class Files(Member):
    """A bucket of a compiled S3 server (`make s3-server`), of moto, or of a MinIO on PATH."""

    role, store = "files", "S3"
    needs = "make s3-server, or pip install 'moto[server]'; and pip install -r requirements-objects.txt"

    def __init__(self) -> None:
        self._cleanup = ExitStack()
        self._port = 0

    @classmethod
    def is_there(cls) -> bool:
        return _start_of() is not None and util.find_spec("boto3") is not None

    def start(self, home: Path) -> str:
        start = _start_of()
        assert start is not None
        self._port = start(home, self._cleanup)
        self._client().create_bucket(Bucket=BUCKET)
        return f"s3+http://{KEY_ID}:{SECRET}@{LOOPBACK}:{self._port}/{BUCKET}"

    def fill(self) -> str:
        client = self._client()
        documents = content.documents()
        for one in documents:
            client.put_object(
                Bucket=BUCKET,
                Key=one.key,
                Body=one.text.encode(),
                ContentType="text/plain; charset=utf-8",
                Metadata={"owner": str(one.owner)},
                Tagging=urlencode({"kind": "upload"}),
            )
        client.put_object(Bucket=BUCKET, Key="audio/greeting.wav", Body=bytes(range(256)) * 64, ContentType="audio/wav")
        return f"{len(documents) + 1} files with their types, metadata and tags"

    def state(self) -> dict[str, Any]:
        client = self._client()
        found = {}
        for key in self._keys(client):
            answer = client.get_object(Bucket=BUCKET, Key=key)
            tags = client.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
            found[key] = (answer["Body"].read(), answer["ContentType"], answer["Metadata"], tags)
        return found

    def damage(self) -> str:
        client = self._client()
        first, second, *_ = self._keys(client)
        client.delete_object(Bucket=BUCKET, Key=first)
        client.put_object(Bucket=BUCKET, Key=second, Body=b"oops")
        client.put_object(Bucket=BUCKET, Key="documents/unwanted.txt", Body=b"")
        return "a file deleted, one overwritten, one added"

    def stop(self) -> None:
        self._cleanup.close()

    def _keys(self, client: Any) -> list[str]:
        return sorted(one["Key"] for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", []))

    def _client(self) -> Any:
        return s3_server.client(self._port)


def _start_of() -> Callable[[Path, ExitStack], int] | None:
    """What starts the server that this machine has; it returns the port."""
    if s3_server.find():
        return _compiled
    if util.find_spec("moto") and util.find_spec("flask_cors"):
        return _moto
    return _minio if on_path("minio") else None


def _compiled(home: Path, cleanup: ExitStack) -> int:
    return cleanup.enter_context(s3_server.running(home)).port


def _moto(home: Path, cleanup: ExitStack) -> int:
    port = free_port()
    return _process([sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)], home, cleanup, port)


def _minio(home: Path, cleanup: ExitStack) -> int:
    """Its first user is given by its environment, which a child inherits."""
    port = free_port()
    user = ["env", f"MINIO_ROOT_USER={KEY_ID}", f"MINIO_ROOT_PASSWORD={SECRET}"]
    command = [*user, "minio", "server", str(home / "data"), "--address", f"{LOOPBACK}:{port}"]
    return _process(command, home, cleanup, port)


def _process(command: list[str], home: Path, cleanup: ExitStack, port: int) -> int:
    process = Process(command, home)
    cleanup.callback(process.stop)
    process.wait_until(lambda: answers(port))
    return port
