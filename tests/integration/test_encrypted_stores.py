"""Encrypted sets of other stores, and of a stack: as those of tables, nothing is told of them without the key."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.api import BASE, PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.places import S3Server
from tests.integration.test_objects import Bucket
from tests.integration.whole_databases import plain_dump, voice
from tests.support.answers import data_of, failure

KEY = base64.b64encode(b"\7" * 32).decode()
MISSING, DAMAGED = (409, "ENCRYPTION_KEY_MISSING"), (422, "INVALID_BACKUP")


@pytest.fixture
def bucket(s3_server: S3Server) -> Bucket:
    found = Bucket(s3_server, s3_server.new_bucket())
    found.put({"letter.txt": (b"Dear Alice, the treasure is buried", {"ContentType": "text/plain"})})
    return found


@pytest.fixture
def service(make_client: Callable[..., Client], empty_database: TestDatabase, bucket: Bucket) -> Callable[..., Client]:
    """With this key, or without one."""

    def make(key: str) -> Client:
        env = {"DATABASE_URL": empty_database.url, "TARGETS": json.dumps({"documents": bucket.url})}
        return make_client(**env, STACKS=json.dumps({"voice": {"files": "documents"}}), BACKUP_ENCRYPTION_KEY=key)

    return make


def named(made: dict[str, Any]) -> dict[str, str]:
    return {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}


def files_of(output_dir: Path) -> list[Path]:
    """All of every set."""
    return sorted((output_dir / "vector_bak").glob("*_2*"))


def listed(client: Client, layout: str) -> dict[str, Any]:
    (place,) = data_of(client.list(layout=layout))["backup_locations"]
    (found,) = place["backups"]
    return dict(found)


@contextmanager
def flipped(path: Path, place: int) -> Iterator[None]:
    """A file of which one bit is another."""
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    yield
    path.write_bytes(whole)


def damages(files: list[Path]) -> Iterator[Any]:
    """Each file of a set with a bit flipped, at its beginning, in its middle and at its end."""
    for path in files:
        size = path.stat().st_size
        for place in (0, size // 2, size - 1):
            yield flipped(path, place)


def test_a_whole_database(service: Callable[..., Client], empty_database: TestDatabase, output_dir: Path) -> None:
    voice(empty_database)
    client, before = service(KEY), plain_dump(empty_database)
    made = data_of(client.post(f"{BASE}/databases/backup", json={}))
    path = f"{PREFIX}/backups/global/{made['backup_timestamp']}"
    files = files_of(output_dir)
    assert len(files) == 2
    assert not [
        word for word in (b"system_configs", b"example.com", b"PGDMP") for one in files if word in one.read_bytes()
    ]
    assert (listed(client, "database")["state"], listed(client, "database")["rows"]) == ("vouched", 897)
    assert data_of(client.post(f"{path}/verify"))["verified"] is True
    body = {"set": named(made), "trusted": True, "mode": "clean"}
    empty_database.execute("DELETE FROM document_chunks; UPDATE users SET name = 'changed'")
    changed = plain_dump(empty_database)
    for damage in damages(files):
        with damage:
            assert failure(client.post(f"{BASE}/databases/restore", json=body)) == DAMAGED
            assert failure(client.post(f"{path}/verify")) == DAMAGED
    data_of(client.post(f"{path}/verify"))  # what the last check found is told, too
    without = service("")
    assert listed(without, "database")["state"] == "locked"
    for answer in (without.post(f"{BASE}/databases/restore", json=body), without.post(f"{path}/verify")):
        assert failure(answer) == MISSING
    assert plain_dump(empty_database) == changed
    data_of(client.post(f"{BASE}/databases/restore", json=body))
    assert plain_dump(empty_database) == before


def test_a_stack(service: Callable[..., Client], bucket: Bucket, output_dir: Path) -> None:
    client, before = service(KEY), bucket.state()
    made = data_of(client.post(f"{BASE}/stacks/voice/backup", json={}))
    files = files_of(output_dir)
    assert len(files) >= 3
    assert not [word for word in (b"treasure", b"letter.txt") for one in files if word in one.read_bytes()]
    assert data_of(client.post(f"{BASE}/stacks/voice/verify", json={"set": named(made)}))["members"].keys() == {"files"}
    bucket.put({"letter.txt": (b"damaged", {})})
    damaged = bucket.state()
    for damage in damages(files):
        with damage:
            response = client.post(f"{BASE}/stacks/voice/restore", json={"set": named(made)})
            assert failure(response) == DAMAGED
    for action in ("restore", "verify"):
        response = service("").post(f"{BASE}/stacks/voice/{action}", json={"set": named(made)})
        assert failure(response) == MISSING
    assert bucket.state() == damaged
    data_of(client.post(f"{BASE}/stacks/voice/restore", json={"set": named(made)}))
    assert bucket.state() == before
