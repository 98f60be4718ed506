"""Backups whose blocks are frames of zstd: all that is done with a backup is done with these as they are."""

import copy
import json
import subprocess
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
import zstandard
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from data_pipeline.formats.compression import compress
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.places import Place
from tests.signed import signed
from tests.support.answers import data_of, failure
from tests.support.names import COLLECTION, DOCS, EMBEDDING

REPLACE = {"truncate_before_restore": True}
FORMATS = {"csv": "csv", "binary": "pgcopy"}
WAYS: list[dict[str, Any]] = [
    REPLACE,
    {"strategy": "sync"},
    {"strategy": "swap"},
    {"on_conflict": "update"},
    {"truncate_before_restore": True, "collections": ["docs"]},
]

Change = Callable[[bytes, dict[str, Any]], bytes]
"""From a block's stored bytes to others; what the manifest says of it may be changed beside them."""


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase, place: Place) -> Client:
    return make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=place.url, LOAD_WORKERS="1")


@pytest.fixture
def back_up(client: Client, database: TestDatabase, fill: Any) -> Callable[..., dict[str, Any]]:
    """Fill the tables and back them up, compressed; the answer."""
    fill(database)
    return lambda **body: data_of(client.backup(compression="zstd", **body))


def body_of(answer: dict[str, Any]) -> dict[str, str]:
    return {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}


def path_of(answer: dict[str, Any], more: str = "") -> str:
    return f"{PREFIX}/backups/global/{answer['backup_timestamp']}{more}"


def manifest_name(answer: dict[str, Any]) -> str:
    return f"vector_backup_{answer['backup_timestamp']}.json"


def manifest_of(place: Place, answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(place.read(manifest_name(answer)))
    return found


def unpacked(data: bytes) -> bytes:
    """What the tool makes of a file."""
    done = subprocess.run(["zstd", "-d", "-c"], input=data, capture_output=True, check=True)
    return done.stdout


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_compressed_backup_says_so_and_the_tool_reads_it(
    client: Client, place: Place, back_up: Any, file_format: str
) -> None:
    plain = data_of(client.backup(format=file_format))
    made = back_up(format=file_format)
    for name in (COLLECTION, EMBEDDING):
        saved = made["tables_backed_up"][name]
        assert saved["backup_file"] == f"{name}_{made['backup_timestamp']}.{FORMATS[file_format]}.zst"
        stored = place.read(saved["backup_file"])
        assert unpacked(stored) == place.read(plain["tables_backed_up"][name]["backup_file"])
        assert (saved["file_bytes"], saved["raw_bytes"]) == (len(stored), len(unpacked(stored)))
        fact = manifest_of(place, made)["tables"][name]
        assert (fact["format"], fact["compression"], fact["bytes"]) == (file_format, "zstd", len(stored))
    newest, oldest = client.list().get_json()["data"]["backup_locations"][0]["backups"]
    assert (newest["format"], newest["compression"], newest["state"]) == (file_format, "zstd", "vouched")
    assert newest["embedding_file"].endswith(".zst")
    assert "compression" not in oldest
    shown = data_of(client.get(path_of(made)))
    assert shown["compression"] == shown["manifest"]["tables"][EMBEDDING]["compression"] == "zstd"
    assert shown["manifest"]["tables"][EMBEDDING]["raw_bytes"] == saved["raw_bytes"]
    found = data_of(client.list(q="zstd"))["backup_locations"][0]["backups"]
    assert [one["timestamp"] for one in found] == [made["backup_timestamp"]]


@pytest.mark.parametrize("file_format", FORMATS)
def test_it_comes_back_to_the_bit_in_every_way(
    client: Client, database: TestDatabase, bits: Any, back_up: Any, file_format: str
) -> None:
    made, before = back_up(format=file_format, probes=2), bits(database)
    assert data_of(client.post(path_of(made, "/verify")))["verified"] is True
    for way in WAYS:
        database.execute(f"UPDATE {EMBEDDING} SET document = 'changed' WHERE collection_id = '{DOCS}'")
        planned = data_of(client.restore(**body_of(made), **way, dry_run=True))
        assert planned["would_succeed"] is True
        answer = data_of(client.restore(**body_of(made), **way, require_manifest=True))
        assert answer["warnings"] == []
        assert answer["restore_results"][EMBEDDING]["source_file"].endswith(".zst")
        assert bits(database) == before
    compared = data_of(client.post(f"{PREFIX}/compare", json=body_of(made)))
    assert compared["identical"] is True


def test_it_is_the_same_as_one_that_is_not_compressed(client: Client, back_up: Any) -> None:
    plain, made = data_of(client.backup(format="binary")), back_up()
    body = {**body_of(made), "with": body_of(plain)}
    assert data_of(client.post(f"{PREFIX}/compare", json=body))["identical"] is True


def test_any_tables_are_compressed_too(client: Client, database: TestDatabase) -> None:
    database.execute(
        "CREATE TABLE things (id int PRIMARY KEY, note text); INSERT INTO things VALUES (1, 'a'), (2, NULL)"
    )
    made = data_of(client.backup(layout="tables", tables=["public.things"], compression="zstd"))
    assert made["tables_backed_up"]["public.things"]["backup_file"].endswith(".csv.zst")
    database.execute("DELETE FROM things")
    data_of(client.restore(**body_of(made), layout="tables", **REPLACE))
    assert database.fetch("SELECT * FROM things ORDER BY 1") == [(1, "a"), (2, None)]
    (one,) = data_of(client.list(layout="tables"))["backup_locations"][0]["backups"]
    assert one["compression"] == "zstd"


def test_a_file_of_many_blocks_goes_through_the_workers(
    client: Client, database: TestDatabase, place: Place, bits: Any
) -> None:
    database.execute(
        f"INSERT INTO {EMBEDDING} (id, embedding, document)"
        " SELECT n::text, array_fill(n::float4, ARRAY[512])::vector, repeat(md5(n::text), 20)"
        " FROM generate_series(1, 9000) n"
    )
    before = bits(database)
    made = data_of(client.backup(compression="zstd"))
    blocks = manifest_of(place, made)["tables"][EMBEDDING]["blocks"]
    assert len(blocks) > 4
    assert sum(block["raw_bytes"] for block in blocks) > 8 << 20  # else no worker is started
    assert sum(block["bytes"] for block in blocks) < 8 << 20
    data_of(client.restore(**body_of(made), **REPLACE))
    assert bits(database) == before


def test_it_is_downloaded_and_uploaded_as_it_is(
    client: Client, database: TestDatabase, place: Place, back_up: Any, bits: Any
) -> None:
    made, before = back_up(format="binary"), bits(database)
    tar = FlaskClient(client.application).get(path_of(made, "/download"), buffered=True).data
    removed = data_of(client.delete(path_of(made)))["removed"]
    assert [name.rpartition(".")[2] for name in removed] == ["zst", "zst", "json"]
    assert not [name for name in place.names() if made["backup_timestamp"] in name]
    taken = client.post(f"{PREFIX}/backups/upload", data=tar, content_type="application/x-tar")
    assert data_of(taken)["verified"] is True
    database.execute(f"DELETE FROM {EMBEDDING}")
    data_of(client.restore(**body_of(made), **REPLACE))
    assert bits(database) == before


def changed(place: Place, answer: dict[str, Any], change: Change) -> None:
    """Another last block of the embeddings, and a manifest that vouches for it."""
    document = manifest_of(place, answer)
    fact = document["tables"][EMBEDDING]
    data, block = place.read(fact["file"]), fact["blocks"][-1]
    stored = change(data[block["offset"] :], block)
    block.update(bytes=len(stored), sha256=sha256(stored).hexdigest())
    fact["bytes"] = block["offset"] + len(stored)
    place.write(fact["file"], data[: block["offset"]] + stored)
    place.write(manifest_name(answer), signed(document))


def bomb(stored: bytes, block: dict[str, Any]) -> bytes:
    return compress(bytes(256 << 20), 3)


def says_more(stored: bytes, block: dict[str, Any]) -> bytes:
    block["raw_bytes"] += 1
    return stored


def says_less(stored: bytes, block: dict[str, Any]) -> bytes:
    block["raw_bytes"] -= 1
    return stored


def two_frames(stored: bytes, block: dict[str, Any]) -> bytes:
    raw = zstandard.decompress(stored)
    return compress(raw[:10], 1) + compress(raw[10:], 1)


def size_unsaid(stored: bytes, block: dict[str, Any]) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(zstandard.decompress(stored))


CHANGES: dict[str, Change] = {
    "a bomb": bomb,
    "cut": lambda stored, _: stored[:-1],
    "nothing": lambda stored, _: b"",
    "not compressed": lambda stored, _: zstandard.decompress(stored),
    "a flipped bit": lambda stored, _: stored[:20] + bytes([stored[20] ^ 4]) + stored[21:],
    "more said": says_more,
    "less said": says_less,
    "a byte behind": lambda stored, _: stored + b"x",
    "twice": lambda stored, _: stored + stored,
    "two frames": two_frames,
    "size unsaid": size_unsaid,
}


@pytest.mark.parametrize("place", ["directory"], indirect=True)
def test_a_block_that_is_not_the_promised_frame_is_refused_and_nothing_changes(
    client: Client, database: TestDatabase, place: Place, back_up: Any, bits: Any
) -> None:
    for file_format in FORMATS:
        made = back_up(format=file_format)
        whole = {name: place.read(name) for name in place.names() if made["backup_timestamp"] in name}
        database.execute(f"UPDATE {EMBEDDING} SET document = 'newer than the backup'")
        before = bits(database)
        for name, change in CHANGES.items():
            changed(place, made, change)
            for answer in (
                client.restore(**body_of(made), **REPLACE),
                client.restore(**body_of(made), strategy="sync"),
                client.post(path_of(made, "/verify")),
            ):
                assert failure(answer) == (422, "INVALID_BACKUP"), name
            assert bits(database) == before
            for file, data in whole.items():
                place.write(file, data)
        data_of(client.post(path_of(made, "/verify")))


@pytest.mark.parametrize("place", ["directory"], indirect=True)
def test_a_manifest_that_contradicts_itself_is_refused(client: Client, place: Place, back_up: Any) -> None:
    made = back_up()
    whole = manifest_of(place, made)

    def refused(change: Callable[[dict[str, Any]], None]) -> None:
        document = copy.deepcopy(whole)
        change(document["tables"][EMBEDDING])
        place.write(manifest_name(made), signed(document))
        assert failure(client.restore(**body_of(made), **REPLACE)) == (422, "INVALID_BACKUP")

    refused(lambda fact: fact.pop("compression"))
    refused(lambda fact: fact.update(compression="lz4"))
    refused(lambda fact: fact["blocks"][0].pop("raw_bytes"))
    refused(lambda fact: fact["blocks"][0].update(raw_bytes=-1))
    refused(lambda fact: fact["blocks"][0].update(raw_bytes=1 << 40))


@pytest.mark.parametrize("place", ["directory"], indirect=True)
def test_without_its_manifest_it_is_refused_until_it_is_decompressed(
    client: Client, database: TestDatabase, place: Place, back_up: Any, bits: Any
) -> None:
    made, before = back_up(), bits(database)
    place.remove(manifest_name(made))
    (listed,) = client.list().get_json()["data"]["backup_locations"][0]["backups"]
    assert (listed["compression"], listed["has_manifest"]) == ("zstd", False)
    refused = client.restore(**body_of(made), **REPLACE)
    assert failure(refused) == (422, "INVALID_BACKUP")
    assert refused.get_json()["data"]["details"]["reason"] == "压缩的备份没有清单就不能恢复,请先用 zstd -d 解压"
    for name in (COLLECTION, EMBEDDING):
        file = made["tables_backed_up"][name]["backup_file"]
        place.write(file.removesuffix(".zst"), unpacked(place.read(file)))
    database.execute(f"DELETE FROM {EMBEDDING}")
    data_of(client.restore(**body_of(made), **REPLACE))
    assert bits(database) == before


@pytest.mark.parametrize("place", ["directory"], indirect=True)
def test_files_that_were_decompressed_beside_it_do_not_hide_it(client: Client, place: Place, back_up: Any) -> None:
    made = back_up()
    for name in (COLLECTION, EMBEDDING):
        file = made["tables_backed_up"][name]["backup_file"]
        place.write(file.removesuffix(".zst"), unpacked(place.read(file)))
    (listed,) = client.list().get_json()["data"]["backup_locations"][0]["backups"]
    assert (listed["compression"], listed["state"]) == ("zstd", "vouched")
    data_of(client.restore(**body_of(made), **REPLACE, require_manifest=True))


@pytest.mark.parametrize("place", ["directory"], indirect=True)
def test_the_level_is_a_setting(make_client: Callable[..., Client], database: TestDatabase, place: Place) -> None:
    database.execute(
        f"INSERT INTO {EMBEDDING} (id, document)"
        " SELECT n::text, string_agg(md5((n * k % 97)::text), ' ') FROM generate_series(1, 300) n,"
        " generate_series(1, 60) k GROUP BY n"
    )
    sizes = []
    for level in ("1", "19"):
        client = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=place.url, COMPRESSION_LEVEL=level)
        made = data_of(client.backup(compression="zstd"))
        sizes.append(made["tables_backed_up"][EMBEDDING]["file_bytes"])
    assert sizes[1] < sizes[0]
