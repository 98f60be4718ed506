"""Backup sets as resources: looked at, verified to the byte, removed; and what a restore may ask of a set."""

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import COLLECTION, DOCS, EMBEDDING, TABLES

STAMP = "20250722_010318"
ROOT = "./data_pipeline/training_data"
REPLACE = {"truncate_before_restore": True}
FORMATS = {"csv": "csv", "binary": "pgcopy"}


def path_of(timestamp: str, location: str = "global") -> str:
    return f"{PREFIX}/backups/{location}/{timestamp}"


class Set:
    """A backup set with a manifest, and its files."""

    def __init__(self, answer: dict[str, Any], root: Path, location: str) -> None:
        self.body = {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}
        self.path = path_of(self.timestamp, location)
        directory = root / location / "vector_bak" if location != "global" else root / "vector_bak"
        self.files = {name: directory / answer["tables_backed_up"][name]["backup_file"] for name in TABLES}
        self.manifest = directory / f"vector_backup_{self.timestamp}.json"

    @property
    def timestamp(self) -> str:
        return str(self.body["timestamp"])

    @property
    def everything(self) -> list[Path]:
        return [*self.files.values(), self.manifest]


@pytest.fixture
def back_up(client: Client, database: TestDatabase, fill: Any, output_dir: Path) -> Callable[..., Set]:
    """Fill the tables once, and back them up."""
    fill(database)

    def run(location: str = "global", **body: str) -> Set:
        if location != "global":
            (output_dir / location).mkdir(exist_ok=True)
            body["task_id"] = location
        return Set(client.backup(**body).get_json()["data"], output_dir, location)

    return run


def flip(path: Path, place: int) -> int:
    """Change one bit of a file; how many bytes it has."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    return path.write_bytes(data)


# Looking at a set


@pytest.mark.parametrize("location", ["global", "task_20250721_213627", "manual_1"])
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_set_shows_what_its_manifest_says(
    client: Client, database: TestDatabase, back_up: Callable[..., Set], location: str, file_format: str
) -> None:
    made = back_up(location, format=file_format)
    data = client.get(made.path).get_json()["data"]
    assert data["backup_info"]["backup_path"] == made.body["backup_path"]
    assert data["backup_info"]["timestamp"] == made.timestamp
    assert (data["format"], data["has_manifest"]) == (file_format, True)
    for name, file in made.files.items():
        assert data["files"][name]["file"] == file.name
        assert data["files"][name]["file_bytes"] == data["manifest"]["tables"][name]["bytes"] == file.stat().st_size
    manifest = data["manifest"]
    assert (manifest["database"], manifest["timestamp"]) == (database.dbname, made.timestamp)
    assert {name: table["rows"] for name, table in manifest["tables"].items()} == {COLLECTION: 2, EMBEDDING: 6}
    assert [(one["name"], one["rows"], one["dimensions"]) for one in manifest["collections"]] == [
        ("docs", 5, [3]),
        ("空集合", 0, []),
    ]
    assert {index["method"] for index in manifest["tables"][EMBEDDING]["indexes"]} == {"btree", "gin"}


def test_a_set_of_any_size_shows_its_blocks_as_a_number(client: Client, back_up: Callable[..., Set]) -> None:
    data = client.get(back_up().path).get_json()["data"]
    assert [table["blocks"] for table in data["manifest"]["tables"].values()] == [1, 1]


def test_a_set_that_nothing_vouches_for_is_shown_without_a_manifest(client: Client, small_set: dict[str, str]) -> None:
    data = client.get(path_of(STAMP)).get_json()["data"]
    assert (data["has_manifest"], data["manifest"], data["format"]) == (False, None, "csv")
    assert [file["file_size"] for file in data["files"].values()] == ["65 B", "163 B"]


def test_a_set_whose_files_are_not_those_of_the_manifest_is_not_shown(
    client: Client, back_up: Callable[..., Set]
) -> None:
    made = back_up()
    made.files[EMBEDDING].write_bytes(made.files[EMBEDDING].read_bytes()[:-1])
    response = client.get(made.path)
    assert failure(response) == (422, "INVALID_BACKUP")
    assert response.get_json()["data"]["details"]["file"] == made.files[EMBEDDING].name


NOWHERE = {
    "a time without a set": path_of("20200101_000000"),
    "a time that is none": path_of("20250722_999999"),
    "a task without backups": path_of(STAMP, "task_1"),
    "no task at all": path_of(STAMP, "vector_bak"),
}
NO_NAMES = {
    "a timestamp of letters": path_of("yesterday"),
    "a timestamp and more": path_of(f"{STAMP}.csv"),
    "a timestamp with a line break": path_of(f"{STAMP}%0A"),
    "a timestamp in other digits": path_of("٢٠٢٥٠٧٢٢_٠١٠٣١٨"),
    "a directory above": path_of(STAMP, ".."),
    "an encoded directory above": path_of(STAMP, "%2e%2e"),
    "a doubly encoded directory above": path_of(STAMP, "%252e%252e%252f"),
    "a backslash": path_of(STAMP, "..%5Cx"),
    "a NUL": path_of(STAMP, "task_1%00"),
    "a name that is too long": path_of(STAMP, "x" * 5000),
}
METHODS = [("GET", ""), ("POST", "/verify"), ("DELETE", "")]


@pytest.mark.parametrize(("method", "more"), METHODS)
def test_a_set_that_is_not_there_is_not_found(
    client: Client, small_set: dict[str, str], output_dir: Path, method: str, more: str
) -> None:
    (output_dir / "task_1").mkdir()
    for path in NOWHERE.values():
        assert failure(client.open(path + more, method=method)) == (404, "RESOURCE_NOT_FOUND"), path


@pytest.mark.parametrize(("method", "more"), METHODS)
def test_what_is_no_name_of_a_set_is_refused(
    client: Client, small_set: dict[str, str], output_dir: Path, method: str, more: str
) -> None:
    before = sorted(output_dir.rglob("*"))
    for path in NO_NAMES.values():
        assert failure(client.open(path + more, method=method)) == (400, "INVALID_PARAMS"), path
    assert failure(client.open(path_of(STAMP, "..%2fvector_bak") + more, method=method))[0] in (400, 404)
    assert sorted(output_dir.rglob("*")) == before


# Verifying


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_whole_set_is_verified_without_a_database(
    make_client: Callable[..., Client], back_up: Callable[..., Set], file_format: str
) -> None:
    made = back_up(format=file_format)
    away = make_client(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nowhere")
    response = away.post(f"{made.path}/verify")
    data = response.get_json()["data"]
    assert (response.status_code, data["response"], data["verified"]) == (200, "备份集校验通过", True)
    for name, rows in zip(TABLES, (2, 6), strict=True):
        file = made.files[name]
        assert data["tables"][name] == {"file": file.name, "rows": rows, "file_bytes": file.stat().st_size}


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_bit_in_whichever_block_is_found(
    client: Client, database: TestDatabase, back_up: Callable[..., Set], file_format: str
) -> None:
    for number in range(5):
        document = str(number) * (1 << 20)
        database.execute(f"INSERT INTO {EMBEDDING} VALUES (%s, %s, '[1,2,3]', %s)", (f"big {number}", DOCS, document))
    made = back_up(format=file_format)
    embedding = made.files[EMBEDDING]
    blocks = json.loads(made.manifest.read_bytes())["tables"][EMBEDDING]["blocks"]
    assert len(blocks) >= 3
    for block in blocks:
        for place in (block["offset"], block["offset"] + block["bytes"] // 2, block["offset"] + block["bytes"] - 1):
            flip(embedding, place)
            response = client.post(f"{made.path}/verify")
            assert failure(response) == (422, "INVALID_BACKUP"), place
            assert response.get_json()["data"]["details"]["file"] == embedding.name
            flip(embedding, place)
    assert client.post(f"{made.path}/verify").status_code == 200


DAMAGE: dict[str, Callable[[Set], tuple[int, Path]]] = {
    "a bit of the collections": lambda made: (flip(made.files[COLLECTION], -2), made.files[COLLECTION]),
    "a bit of the manifest": lambda made: (flip(made.manifest, 40), made.manifest),
    "a byte less": lambda made: (made.files[EMBEDDING].write_bytes(b"x"), made.files[EMBEDDING]),
    "an empty manifest": lambda made: (made.manifest.write_bytes(b""), made.manifest),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_any_damage_is_found_and_the_file_named(
    client: Client, back_up: Callable[..., Set], damage: Callable[[Set], tuple[int, Path]]
) -> None:
    made = back_up()
    _, file = damage(made)
    response = client.post(f"{made.path}/verify")
    assert failure(response) == (422, "INVALID_BACKUP")
    assert response.get_json()["data"]["details"]["file"] == file.name


def test_a_csv_that_nothing_vouches_for_is_read_but_not_called_verified(
    client: Client, small_set: dict[str, str]
) -> None:
    data = client.post(f"{path_of(STAMP)}/verify").get_json()["data"]
    assert data["verified"] is False
    assert "没有清单文件" in data["response"]
    assert {name: table["rows"] for name, table in data["tables"].items()} == {COLLECTION: 1, EMBEDDING: 2}


def test_a_csv_that_nothing_vouches_for_and_that_does_not_parse_is_named_by_line(client: Client, backups: Any) -> None:
    backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode(),
        f'id,collection_id,embedding,document,cmetadata\na,{DOCS},"[1,2,x]",first,{{}}\n'.encode(),
    )
    response = client.post(f"{path_of(STAMP)}/verify")
    assert failure(response) == (422, "INVALID_BACKUP")
    details = response.get_json()["data"]["details"]
    assert (details["file"], details["line"], details["column"]) == (f"{EMBEDDING}_{STAMP}.csv", 2, "embedding")


def test_a_binary_set_without_its_manifest_is_invalid(client: Client, back_up: Callable[..., Set]) -> None:
    made = back_up(format="binary")
    made.manifest.unlink()
    assert failure(client.post(f"{made.path}/verify")) == (422, "INVALID_BACKUP")


# Removing


@pytest.mark.parametrize("location", ["global", "task_20250721_213627"])
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_removed_set_is_gone_with_all_its_files_and_no_other(
    client: Client, back_up: Callable[..., Set], location: str, file_format: str
) -> None:
    kept, made = back_up(location), back_up(location, format=file_format)
    data = client.delete(made.path).get_json()["data"]
    assert sorted(data["removed"]) == sorted(file.name for file in made.everything)
    assert data["backup_info"]["timestamp"] == made.timestamp
    assert not any(file.exists() for file in made.everything)
    (listed,) = client.list().get_json()["data"]["backup_locations"]
    assert [found["timestamp"] for found in listed["backups"]] == [kept.timestamp]
    assert client.post(f"{kept.path}/verify").get_json()["data"]["verified"] is True
    assert failure(client.delete(made.path)) == (404, "RESOURCE_NOT_FOUND")
    assert failure(client.restore(**made.body)) == (404, "RESOURCE_NOT_FOUND")


def test_a_set_that_is_damaged_or_half_gone_can_be_removed(client: Client, back_up: Callable[..., Set]) -> None:
    damaged, half = back_up(), back_up()
    damaged.manifest.write_bytes(b"")
    half.files[EMBEDDING].unlink()
    for made in (damaged, half):
        assert client.delete(made.path).status_code == 200
        assert not any(file.exists() for file in made.everything)


@pytest.mark.parametrize("query", ["?dry_run=true", "?task_id=task_1", "?="])
def test_a_removal_that_asks_for_something_else_as_well_removes_nothing(
    client: Client, back_up: Callable[..., Set], query: str
) -> None:
    made = back_up()
    assert failure(client.delete(f"{made.path}{query}")) == (400, "INVALID_PARAMS")
    assert all(file.exists() for file in made.everything)


@pytest.fixture
def waiting(client: Client, database: TestDatabase, background: Any, wait_for_lock: Any) -> Callable[..., Any]:
    """Start a restore that waits for a table until the returned function is called, which gives its answer."""

    def start(body: dict[str, Any]) -> Callable[[], Any]:
        reader = database.connect()
        reader.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS SHARE MODE")
        running = background(lambda: client.twin().restore(**body, **REPLACE))
        wait_for_lock(database)

        def finish() -> Any:
            reader.rollback()
            return running.result()

        return finish

    return start


@pytest.mark.parametrize("tables", [None, [EMBEDDING]], ids=["both tables", "one table"])
def test_a_set_that_a_restore_reads_is_not_removed(
    client: Client,
    database: TestDatabase,
    bits: Any,
    back_up: Callable[..., Set],
    waiting: Any,
    tables: list[str] | None,
) -> None:
    made, other = back_up(), back_up()
    before = bits(database)
    database.execute(f"DELETE FROM {EMBEDDING} WHERE id = 'plain'")
    finish = waiting({**made.body, **({"tables": tables} if tables else {})})
    response = client.delete(made.path)
    assert failure(response) == (409, "OPERATION_IN_PROGRESS")
    assert response.get_json()["data"]["can_retry"] is True
    assert all(file.exists() for file in made.everything)
    assert client.delete(other.path).status_code == 200
    assert finish().status_code == 200
    assert bits(database) == before
    assert client.delete(made.path).status_code == 200


def test_several_may_read_a_set_at_a_time(
    client: Client, back_up: Callable[..., Set], waiting: Any, second_database: TestDatabase
) -> None:
    made = back_up()
    finish = waiting(made.body)
    assert client.post(f"{made.path}/verify").get_json()["data"]["verified"] is True
    assert client.restore(**made.body, **REPLACE, pg_conn=second_database.url).status_code == 200
    assert finish().status_code == 200


def test_a_set_that_another_process_reads_is_not_removed(
    client: Client, database: TestDatabase, back_up: Callable[..., Set], waiting: Any, start_server: Any
) -> None:
    made = back_up()
    connection = http.client.HTTPConnection(start_server(DATABASE_URL=database.url).address, timeout=30)

    def remove() -> tuple[int, Any]:
        connection.request("DELETE", made.path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())["data"].get("error_type")

    finish = waiting(made.body)
    assert remove() == (409, "OPERATION_IN_PROGRESS")
    assert finish().status_code == 200
    assert remove() == (200, None)
    connection.close()


def test_a_link_is_not_followed_to_a_set_elsewhere(
    client: Client, back_up: Callable[..., Set], output_dir: Path, tmp_path: Path
) -> None:
    made = back_up("task_1")
    (output_dir / "task_1").rename(tmp_path / "elsewhere")
    (output_dir / "task_1").symlink_to(tmp_path / "elsewhere")
    for method, more in METHODS:
        assert client.open(made.path + more, method=method).status_code in (404, 422)
    assert (tmp_path / "elsewhere" / "vector_bak" / made.manifest.name).exists()


# What a restore may ask of a set and of a database


@pytest.mark.parametrize("mode", [REPLACE, {}, {"strategy": "sync"}], ids=["replace", "append", "sync"])
def test_a_set_that_nothing_vouches_for_can_be_refused(
    client: Client, database: TestDatabase, bits: Any, back_up: Callable[..., Set], mode: dict[str, Any]
) -> None:
    made = back_up()
    manifest = made.manifest.read_bytes()
    made.manifest.unlink()
    database.execute(f"DELETE FROM {EMBEDDING}")
    before = bits(database)
    response = client.restore(**made.body, **mode, require_manifest=True)
    assert failure(response) == (422, "INVALID_BACKUP")
    assert bits(database) == before
    made.manifest.write_bytes(manifest)
    assert client.restore(**made.body, **REPLACE, require_manifest=True).status_code == 200
    assert bits(database) != before


@pytest.mark.parametrize("mode", [REPLACE, {}, {"strategy": "sync"}], ids=["replace", "append", "sync"])
def test_a_database_of_another_name_than_expected_is_refused(
    client: Client, database: TestDatabase, bits: Any, back_up: Callable[..., Set], mode: dict[str, Any]
) -> None:
    made = back_up()
    database.execute(f"TRUNCATE {EMBEDDING}, {COLLECTION}")
    for name in ("another", database.dbname.upper(), f"{database.dbname} "):
        response = client.restore(**made.body, **mode, expect_database=name)
        assert failure(response) == (409, "SCHEMA_MISMATCH")
        assert response.get_json()["data"]["details"]["database"] == database.dbname
    assert bits(database) == []
    assert client.restore(**made.body, **mode, expect_database=database.dbname).status_code == 200
    assert len(bits(database)) == 8


@pytest.mark.parametrize(("method", "suffix"), [("DELETE", ""), ("POST", "/verify")])
def test_fields_where_none_are_taken_are_refused(
    client: Client, output_dir: Path, small_set: dict[str, str], method: str, suffix: str
) -> None:
    url = f"{PREFIX}/backups/global/{small_set['timestamp']}"
    assert client.open(url + suffix, method=method, data='{"dry_run": true}').status_code == 400
    assert client.open(f"{url}?dry_run=true").status_code == 400
    assert len(list((output_dir / "vector_bak").glob("*.csv"))) == 2
