"""A set with a manifest restores only if every byte is the one that was backed up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import TABLES


class Vouched:
    """A set with a manifest, and the files it consists of."""

    def __init__(self, directory: Path, timestamp: str) -> None:
        self.body = {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": timestamp}
        self.collection, self.embedding = (directory / f"{table}_{timestamp}.csv" for table in TABLES)
        self.manifest = directory / f"vector_backup_{timestamp}.json"

    def change_manifest(self, change: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(self.manifest.read_bytes())
        change(document)
        self.manifest.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


@pytest.fixture
def back_up(client: Client, database: TestDatabase, output_dir: Path) -> Callable[[], Vouched]:
    """Back up what the tables hold."""

    def run() -> Vouched:
        return Vouched(output_dir / "vector_bak", client.backup().get_json()["data"]["backup_timestamp"])

    return run


@pytest.fixture
def vouched(back_up: Callable[[], Vouched], database: TestDatabase, fill: Any) -> Vouched:
    """The backup of some rows that have changed since."""
    fill(database)
    made = back_up()
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed since'")
    return made


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def cut_last_record(path: Path) -> None:
    path.write_bytes(path.read_bytes().rstrip(b"\n").rpartition(b"\n")[0] + b"\n")


DAMAGE: dict[str, Callable[[Vouched], object]] = {
    "a bit of the header": lambda found: flip(found.embedding, 0),
    "a bit in the middle": lambda found: flip(found.embedding, found.embedding.stat().st_size // 2),
    "the last bit": lambda found: flip(found.embedding, -1),
    "a bit of the collections": lambda found: flip(found.collection, -2),
    "a record less": lambda found: cut_last_record(found.embedding),
    "a byte more": lambda found: found.embedding.write_bytes(found.embedding.read_bytes() + b"\n"),
    "no byte": lambda found: found.embedding.write_bytes(b""),
    "the header alone": lambda found: found.embedding.write_bytes(found.embedding.read_bytes().split(b"\n")[0] + b"\n"),
    "a page": lambda found: found.embedding.write_bytes(b"<html><body>404</body></html>"),
    "the other table's file": lambda found: found.embedding.write_bytes(found.collection.read_bytes()),
    "an empty manifest": lambda found: found.manifest.write_bytes(b""),
    "a manifest cut short": lambda found: found.manifest.write_bytes(found.manifest.read_bytes()[:-40]),
    "a manifest that is a page": lambda found: found.manifest.write_bytes(b"<html></html>"),
    "a manifest without a table": lambda found: found.change_manifest(lambda m: m["tables"].pop(TABLES[1])),
    "a manifest of another time": lambda found: found.change_manifest(lambda m: m.update(timestamp="20200101_000000")),
    "a manifest that promises less": lambda found: found.change_manifest(
        lambda m: m["tables"][TABLES[1]].update(rows=0, blocks=[], bytes=0)
    ),
    "a manifest with SQL": lambda found: found.change_manifest(
        lambda m: m["tables"][TABLES[1]]["indexes"].append({"sql": "DROP TABLE langchain_pg_embedding"})
    ),
    "a manifest with an unknown kind of index": lambda found: found.change_manifest(
        lambda m: m["tables"][TABLES[1]]["indexes"][0].update(method="x); DROP TABLE langchain_pg_embedding; --")
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_noticed_and_the_rows_stay(
    client: Client, database: TestDatabase, bits: Any, vouched: Vouched, damage: Callable[[Vouched], object]
) -> None:
    damage(vouched)
    before = bits(database)
    response = client.restore(**vouched.body, truncate_before_restore=True)
    assert failure(response) == (422, "INVALID_BACKUP")
    assert response.get_json()["data"]["rolled_back"] is True
    assert bits(database) == before


@pytest.mark.parametrize("damage", ["a bit in the middle", "a record less", "an empty manifest", "a page"])
def test_damaged_embeddings_are_not_added_either(
    client: Client, database: TestDatabase, bits: Any, vouched: Vouched, damage: str
) -> None:
    DAMAGE[damage](vouched)
    database.execute("TRUNCATE langchain_pg_embedding")
    assert failure(client.restore(**vouched.body, tables=[TABLES[1]])) == (422, "INVALID_BACKUP")
    assert bits(database, TABLES[1]) == []


def test_the_damaged_block_is_named(client: Client, vouched: Vouched) -> None:
    flip(vouched.embedding, -3)
    data = client.restore(**vouched.body, truncate_before_restore=True).get_json()["data"]
    assert data["rolled_back"] is True
    assert data["details"]["file"] == vouched.embedding.name
    assert "校验和" in data["details"]["reason"]


def test_a_file_of_another_backup_is_noticed_though_it_has_the_same_size(
    client: Client, database: TestDatabase, bits: Any, fill: Any, back_up: Callable[[], Vouched]
) -> None:
    fill(database)
    first = back_up()
    database.execute("UPDATE langchain_pg_embedding SET id = reverse(id)")
    second = back_up()
    assert first.embedding.stat().st_size == second.embedding.stat().st_size
    first.embedding.write_bytes(second.embedding.read_bytes())
    before = bits(database)
    response = client.restore(**first.body, truncate_before_restore=True)
    assert failure(response) == (422, "INVALID_BACKUP")
    assert bits(database) == before


def test_a_damaged_table_does_not_keep_the_other_from_being_added(
    client: Client, database: TestDatabase, bits: Any, vouched: Vouched
) -> None:
    collections = bits(database, TABLES[0])
    flip(vouched.embedding, -3)
    database.execute("TRUNCATE langchain_pg_embedding, langchain_pg_collection")
    data = client.restore(**vouched.body).get_json()["data"]
    assert data["errors"] == ["langchain_pg_embedding表恢复失败"]
    assert (bits(database, TABLES[0]), bits(database, TABLES[1])) == (collections, [])


def test_a_set_without_its_manifest_restores_with_a_warning(client: Client, vouched: Vouched) -> None:
    assert client.restore(**vouched.body, truncate_before_restore=True).get_json()["data"]["warnings"] == []
    vouched.manifest.unlink()
    (warning,) = client.restore(**vouched.body, truncate_before_restore=True).get_json()["data"]["warnings"]
    assert "没有清单" in warning


def test_a_file_that_is_swapped_while_the_restore_waits_is_noticed(
    client: Client, database: TestDatabase, bits: Any, vouched: Vouched, background: Any, wait_for_lock: Any
) -> None:
    before = bits(database)
    locker = database.connect()
    locker.cursor().execute("LOCK TABLE langchain_pg_embedding IN ACCESS SHARE MODE")
    running = background(lambda: client.twin().restore(**vouched.body, truncate_before_restore=True))
    wait_for_lock(database)
    other = vouched.embedding.with_name("other")
    other.write_bytes(vouched.embedding.read_bytes())
    other.replace(vouched.embedding)
    locker.rollback()
    response = running.result()
    assert failure(response) == (422, "INVALID_BACKUP")
    assert bits(database) == before
