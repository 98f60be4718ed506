"""A bucket of an S3 server on this machine, a process of its own. It shares the cores with the service that uses it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.store import S3Store

from data_pipeline.storage.s3.bucket import PART_BYTES, PARTS_UNDER_WAY
from tools import s3_server
from tools.s3_server import KEY

BUCKET = "backups"


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
def running(work: Path) -> Iterator[ObjectStore | None]:
    """A server with its objects below `work`, stopped at the end; None where none has been built."""
    if s3_server.find() is None:
        yield None
        return
    with s3_server.running(work / "s3") as server:
        server.make_bucket(BUCKET)
        yield ObjectStore(server.port)
