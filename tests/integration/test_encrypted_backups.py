"""Encrypted backups: with the key, everything goes on as with any other; without it, nothing is told of their rows."""

import base64
import copy
import itertools
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from data_pipeline.encryption.keyring import Keyring
from data_pipeline.sets import vouching
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.places import DirectoryPlace, Place
from tests.signed import signed
from tests.support.answers import data_of, failure
from tests.support.names import COLLECTION, DOCS, EMBEDDING

REPLACE = {"truncate_before_restore": True}
KINDS = [("csv", "none", "csv.enc"), ("binary", "zstd", "pgcopy.zst.enc")]
WAYS: list[dict[str, Any]] = [REPLACE, {"strategy": "sync"}, {"strategy": "swap"}, {"on_conflict": "update"}]
KEY, NEW_KEY = (base64.b64encode(bytes([n]) * 32).decode() for n in (7, 8))
PASSPHRASE = "correct horse battery staple"

Change = Callable[[], None]


@pytest.fixture
def with_keys(make_client: Callable[..., Client], database: TestDatabase, place: Place) -> Callable[..., Client]:
    """A service that has these keys, on the same place and database."""

    def make(*keys: str, **more: str) -> Client:
        env = {"DATABASE_URL": database.url, "OUTPUT_DIRECTORY": place.url, "LOAD_WORKERS": "1"}
        client = make_client(**env, BACKUP_ENCRYPTION_KEY=",".join(keys), **more)
        client.application.config["NEVER_SHOWN"] += [*keys, PASSPHRASE]
        return client

    return make


@pytest.fixture
def client(with_keys: Callable[..., Client]) -> Client:
    return with_keys(KEY)


@pytest.fixture
def made(client: Client, database: TestDatabase, fill: Any) -> dict[str, Any]:
    """An encrypted backup of filled tables."""
    fill(database)
    return data_of(client.backup(compression="zstd", probes=2))


def body_of(answer: dict[str, Any]) -> dict[str, str]:
    return {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}


def path_of(answer: dict[str, Any], more: str = "") -> str:
    return f"{PREFIX}/backups/global/{answer['backup_timestamp']}{more}"


def manifest_name(answer: dict[str, Any]) -> str:
    return f"vector_backup_{answer['backup_timestamp']}.json"


def document_of(place: Place, answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(place.read(manifest_name(answer)))
    return found


def files_of(answer: dict[str, Any]) -> list[str]:
    return [table["backup_file"] for table in answer["tables_backed_up"].values()]


@pytest.mark.parametrize(("file_format", "compression", "suffix"), KINDS)
def test_it_comes_back_to_the_bit_in_every_way(
    client: Client,
    database: TestDatabase,
    place: Place,
    fill: Any,
    bits: Any,
    file_format: str,
    compression: str,
    suffix: str,
) -> None:
    fill(database)
    made, before = data_of(client.backup(format=file_format, compression=compression, probes=2)), bits(database)
    assert all(name.endswith(f".{suffix}") for name in files_of(made))
    (listed,) = data_of(client.list())["backup_locations"][0]["backups"]
    assert (listed["state"], listed["rows"], len(listed["encryption_key"])) == ("vouched", 6, 16)
    assert data_of(client.get(path_of(made)))["encrypted"] is True
    assert data_of(client.post(path_of(made, "/verify")))["verified"] is True
    for way in WAYS:
        database.execute(f"UPDATE {EMBEDDING} SET document = 'changed' WHERE collection_id = '{DOCS}'")
        assert data_of(client.restore(**body_of(made), **way, dry_run=True))["would_succeed"] is True
        data_of(client.restore(**body_of(made), **way, require_manifest=True, backup_before_restore=True))
        assert bits(database) == before
    assert data_of(client.post(f"{PREFIX}/compare", json=body_of(made)))["identical"] is True
    assert all(name.endswith((".enc", ".json", ".txt")) for name in place.names())


def test_nothing_of_the_rows_is_in_any_file(made: dict[str, Any], place: Place) -> None:
    document = document_of(place, made)
    assert set(document) == {"format_version", "encryption", "manifest", "sha256"}
    assert set(document["encryption"]) == {"cipher", "set", "timestamp", "layout", "files", "key"}
    assert document["encryption"]["files"] == {name: len(place.read(name)) for name in files_of(made)}
    for name in (*files_of(made), manifest_name(made)):
        stored = place.read(name)
        assert not [word for word in (b"docs", DOCS.encode(), b"cmetadata", b'embedding":') if word in stored]


def test_without_the_key_it_is_listed_and_removed_and_nothing_else(
    with_keys: Callable[..., Client], made: dict[str, Any], place: Place, database: TestDatabase, bits: Any
) -> None:
    before = bits(database)
    for without in (with_keys(), with_keys(NEW_KEY), with_keys(BACKUP_ENCRYPTION_PASSPHRASE=PASSPHRASE)):
        (listed,) = data_of(without.list())["backup_locations"][0]["backups"]
        assert (listed["state"], listed["rows"], listed["database"]) == ("locked", None, None)
        assert listed["encryption_key"] == document_of(place, made)["encryption"]["key"]["id"]
        for answer in (
            without.restore(**body_of(made), **REPLACE),
            without.restore(**body_of(made), strategy="sync", dry_run=True),
            without.get(path_of(made)),
            without.post(path_of(made, "/verify")),
            without.post(f"{PREFIX}/compare", json=body_of(made)),
        ):
            assert failure(answer) == (409, "ENCRYPTION_KEY_MISSING")
            assert listed["encryption_key"] in answer.get_json()["data"]["response"]
        assert bits(database) == before
    english = with_keys().get(path_of(made), headers={"Accept-Language": "en"})
    assert "add it to BACKUP_ENCRYPTION_KEY; if that key is lost, so is the backup" in english.text
    assert len(data_of(with_keys().delete(path_of(made)))["removed"]) == 3


def test_a_passphrase_will_do(
    with_keys: Callable[..., Client], database: TestDatabase, place: Place, fill: Any, bits: Any
) -> None:
    fill(database)
    one = with_keys(BACKUP_ENCRYPTION_PASSPHRASE=PASSPHRASE)
    made, before = data_of(one.backup()), bits(database)
    kdf = document_of(place, made)["encryption"]["key"]["kdf"]
    assert (kdf["name"], kdf["n"], kdf["r"], kdf["p"]) == ("scrypt", 1 << 15, 8, 1)
    other = with_keys(BACKUP_ENCRYPTION_PASSPHRASE=f"another passphrase, {PASSPHRASE}")
    database.execute(f"DELETE FROM {EMBEDDING}")
    data_of(other.restore(**body_of(made), **REPLACE))
    assert bits(database) == before
    wrong = with_keys(BACKUP_ENCRYPTION_PASSPHRASE="another passphrase")
    assert "没有它的口令" in wrong.restore(**body_of(made), **REPLACE).get_json()["data"]["response"]
    assert "请设置" in with_keys().restore(**body_of(made), **REPLACE).get_json()["data"]["response"]


def test_a_set_from_before_there_was_a_key_keeps_restoring(
    with_keys: Callable[..., Client], database: TestDatabase, fill: Any, bits: Any
) -> None:
    fill(database)
    plain, before = data_of(with_keys().backup(compression="zstd")), bits(database)
    client = with_keys(KEY)
    database.execute(f"DELETE FROM {EMBEDDING}")
    assert data_of(client.restore(**body_of(plain), **REPLACE))["warnings"] == []
    assert bits(database) == before
    assert "encryption_key" not in data_of(client.list())["backup_locations"][0]["backups"][0]


def test_any_tables_are_encrypted_and_their_names_are_told(client: Client, database: TestDatabase) -> None:
    database.execute(
        "CREATE TABLE things (id int PRIMARY KEY, note text); INSERT INTO things VALUES (1, 'a'), (2, NULL)"
    )
    made = data_of(client.backup(layout="tables", tables=["public.things"], format="binary"))
    assert files_of(made) == [f"public.things_{made['backup_timestamp']}.pgcopy.enc"]
    database.execute("DELETE FROM things")
    data_of(client.restore(**body_of(made), layout="tables", **REPLACE))
    assert database.fetch("SELECT * FROM things ORDER BY 1") == [(1, "a"), (2, None)]
    (one,) = data_of(client.list(layout="tables"))["backup_locations"][0]["backups"]
    assert (one["layout"], one["tables"][0]["name"], one["state"]) == ("tables", "public.things", "vouched")
    data_of(client.delete(path_of(made)))


def test_a_file_of_many_blocks_goes_through_the_workers(client: Client, database: TestDatabase, bits: Any) -> None:
    database.execute(
        f"INSERT INTO {EMBEDDING} (id, embedding, document)"
        " SELECT n::text, array_fill(n::float4, ARRAY[512])::vector, repeat(md5(n::text), 20)"
        " FROM generate_series(1, 9000) n"
    )
    before, made = bits(database), data_of(client.backup())
    data_of(client.restore(**body_of(made), **REPLACE))
    assert bits(database) == before


def test_it_is_downloaded_and_uploaded_as_it_is(
    client: Client, with_keys: Callable[..., Client], database: TestDatabase, made: dict[str, Any], bits: Any
) -> None:
    before = bits(database)
    tar = FlaskClient(client.application).get(path_of(made, "/download"), buffered=True).data
    data_of(client.delete(path_of(made)))
    upload = {"data": tar, "content_type": "application/x-tar"}
    refused = with_keys(NEW_KEY).post(f"{PREFIX}/backups/upload", **upload)
    assert failure(refused) == (409, "ENCRYPTION_KEY_MISSING")
    assert data_of(client.post(f"{PREFIX}/backups/upload", **upload))["verified"] is True
    database.execute(f"DELETE FROM {EMBEDDING}")
    data_of(client.restore(**body_of(made), **REPLACE))
    assert bits(database) == before


def test_it_is_copied_to_another_storage(
    with_keys: Callable[..., Client], database: TestDatabase, tmp_path: Path, fill: Any, bits: Any
) -> None:
    fill(database)
    client = with_keys(KEY, STORAGES=json.dumps({"archive": str(tmp_path / "archive")}))
    made, before = data_of(client.backup(storages=["local", "archive"])), bits(database)
    assert made["storages"]["archive"] == {"success": True}
    database.execute(f"DELETE FROM {EMBEDDING}")
    there = {"backup_path": f"archive:{made['backup_directory']}", "timestamp": made["backup_timestamp"]}
    data_of(client.restore(**there, **REPLACE, require_manifest=True))
    assert bits(database) == before


# Damage


class Damage:
    """Two encrypted sets in a directory, and what can be done to their files. It is undone by mend()."""

    def __init__(self, place: Place, answers: list[dict[str, Any]], chance: random.Random) -> None:
        self.place, self.answers, self.chance = place, answers, chance
        names = [name for answer in answers for name in (*files_of(answer), manifest_name(answer))]
        self.whole = {name: place.read(name) for name in names}
        self.one, self.other = answers
        name, stamp = manifest_name(self.one), self.one["backup_timestamp"]
        told = vouching.read(self.whole[name], name, stamp, Keyring([base64.b64decode(KEY)])).manifest
        blocks = told.file_facts[EMBEDDING].blocks
        assert len(blocks) > 2
        self.starts = [block.offset for block in blocks] + [len(self.whole[files_of(self.one)[1]])]

    def mend(self) -> None:
        for name, data in self.whole.items():
            self.place.write(name, data)

    def file(self) -> str:
        return self.chance.choice(files_of(self.one))

    def resigned(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Another manifest file, its checksum as it should be."""
        document = copy.deepcopy(json.loads(self.whole[manifest_name(self.one)]))
        change(document)
        self.place.write(manifest_name(self.one), signed(document))

    def flip(self) -> None:
        name = self.chance.choice([*files_of(self.one), manifest_name(self.one)])
        data = bytearray(self.whole[name])
        data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(8)
        self.place.write(name, bytes(data))

    def cut(self) -> None:
        name = self.file()
        self.place.write(name, self.whole[name][: self.chance.randrange(len(self.whole[name]))])

    def swap_blocks(self) -> None:
        """Two blocks of a file change places, which are as long as each other where there are such."""
        name = files_of(self.one)[1]
        data, starts = self.whole[name], self.starts
        first, second = self.chance.sample(range(len(starts) - 1), 2)
        pieces = [data[start:end] for start, end in itertools.pairwise(starts)]
        pieces[first], pieces[second] = pieces[second], pieces[first]
        self.place.write(name, b"".join(pieces))

    def swap_files(self) -> None:
        first, second = files_of(self.one)
        self.place.write(first, self.whole[second])
        self.place.write(second, self.whole[first])

    def swap_sets(self) -> None:
        place = self.chance.randrange(2)
        self.place.write(files_of(self.one)[place], self.whole[files_of(self.other)[place]])

    def other_header(self) -> None:
        key = self.chance.choice(["set", "timestamp", "layout", "files", "key"])
        theirs = json.loads(self.whole[manifest_name(self.other)])["encryption"]
        self.resigned(
            lambda document: document["encryption"].update({key: theirs[key] if key != "layout" else "tables"})
        )

    def other_headers(self) -> None:
        theirs = json.loads(self.whole[manifest_name(self.other)])["encryption"]
        kept = self.chance.choice([{}, {"timestamp": self.one["backup_timestamp"]}])
        self.resigned(lambda document: document.update(encryption={**theirs, **kept}))

    def other_manifest(self) -> None:
        theirs = json.loads(self.whole[manifest_name(self.other)])
        self.resigned(lambda document: document.update(manifest=theirs["manifest"]))

    def whole_other_set(self) -> None:
        """Under this one's name, time and all."""
        for ours, theirs in zip(files_of(self.one), files_of(self.other), strict=True):
            self.place.write(ours, self.whole[theirs])
        theirs = json.loads(self.whole[manifest_name(self.other)])
        theirs["encryption"]["timestamp"] = self.one["backup_timestamp"]
        theirs["encryption"]["files"] = {name: len(self.place.read(name)) for name in files_of(self.one)}
        self.place.write(manifest_name(self.one), signed(theirs))

    def cut_manifest(self) -> None:
        def cut(document: dict[str, Any]) -> None:
            sealed = base64.b64decode(document["manifest"])
            document["manifest"] = base64.b64encode(sealed[: self.chance.randrange(len(sealed))]).decode()

        self.resigned(cut)

    def flip_inside(self) -> None:
        """A bit of what is sealed, or of the wrapped key, the checksum being right."""

        def flip(document: dict[str, Any]) -> None:
            wrapped = document["encryption"]["key"]
            if self.chance.random() < 0.3:
                data = bytearray(bytes.fromhex(wrapped["sealed"]))
                data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(8)
                wrapped["sealed"] = data.hex()
            else:
                data = bytearray(base64.b64decode(document["manifest"]))
                data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(8)
                document["manifest"] = base64.b64encode(data).decode()

        self.resigned(flip)

    def plain_manifest(self) -> None:
        """One that vouches for the stored bytes, as anybody can write it."""
        facts = {
            "format_version": 1,
            "timestamp": self.one["backup_timestamp"],
            **dict.fromkeys(("created_at", "tool_version", "server_version", "pgvector_version", "database"), "x"),
            "collections": [],
            "tables": {},
        }
        for name, file in zip((COLLECTION, EMBEDDING), files_of(self.one), strict=True):
            size = len(self.whole[file])
            facts["tables"] |= {
                name: {
                    "file": file,
                    "format": "csv",
                    "bytes": size,
                    "rows": 0,
                    "columns": [{"name": "uuid", "type": "uuid", "modifier": -1, "not_null": True}],
                    "blocks": [{"offset": 0, "bytes": size, "rows": 0, "sha256": "0" * 64}],
                    "indexes": [],
                    "foreign_keys": [],
                }
            }
        self.place.write(manifest_name(self.one), signed(facts))


WAYS_TO_HARM = (
    *("flip", "cut", "swap_blocks", "swap_files", "swap_sets", "other_header", "other_headers", "other_manifest"),
    *("whole_other_set", "cut_manifest", "flip_inside", "plain_manifest"),
)


@pytest.mark.parametrize("place", ["directory"], indirect=True)
@pytest.mark.parametrize("trials", [len(WAYS_TO_HARM), pytest.param(200, marks=pytest.mark.slow)])
def test_whatever_is_done_to_an_encrypted_set_is_found_and_nothing_is_restored(
    client: Client, database: TestDatabase, place: DirectoryPlace, fill: Any, bits: Any, trials: int
) -> None:
    fill(database)
    database.execute(
        f"INSERT INTO {EMBEDDING} (id, collection_id, embedding, document)"
        f" SELECT n::text, '{DOCS}', array_fill(n::float4, ARRAY[1024])::vector, repeat(md5(n::text), 100)"
        " FROM generate_series(1, 1500) n"
    )
    answers = [data_of(client.backup()) for _ in range(2)]
    database.execute(f"UPDATE {EMBEDDING} SET document = 'newer than the backups' WHERE id = '1'")
    before = bits(database)
    damage = Damage(place, answers, random.Random(int(os.environ.get("SEED", "22"))))
    for trial in range(trials):
        how = WAYS_TO_HARM[trial % len(WAYS_TO_HARM)]
        getattr(damage, how)()
        way = WAYS[trial % 2]
        for answer in (client.restore(**body_of(answers[0]), **way), client.post(path_of(answers[0], "/verify"))):
            assert failure(answer) in ((422, "INVALID_BACKUP"), (409, "ENCRYPTION_KEY_MISSING")), how
        assert bits(database) == before, how
        (listed,) = [
            one
            for one in data_of(client.list())["backup_locations"][0]["backups"]
            if one["timestamp"] == answers[0]["backup_timestamp"]
        ]
        assert listed["state"] != "verified", how
        damage.mend()
    for answered in answers:
        assert data_of(client.post(path_of(answered, "/verify")))["verified"] is True
