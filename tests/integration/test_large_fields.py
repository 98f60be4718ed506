"""Large values go out and come back; one beyond the limit is named, and nothing is removed for its sake."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from data_pipeline.sets.tables.table_source import BLOCK_BYTES
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import DOCS, EMBEDDING

REPLACE = {"truncate_before_restore": True}
FILL = """
INSERT INTO langchain_pg_collection VALUES (%(docs)s, 'docs', NULL);
INSERT INTO langchain_pg_embedding VALUES ('small', %(docs)s, '[1,2]', 'text', '{}');
INSERT INTO langchain_pg_embedding VALUES
    ('big', %(docs)s, '[3,4]', repeat(E'一段 "文本",\n', %(repeats)s),
     jsonb_build_object('t', repeat('"é"', %(repeats)s)))
"""
MODES = {
    "replace": REPLACE,
    "sync": {"strategy": "sync"},
    "update": {"on_conflict": "update"},
    "suffix": {"collection_suffix": "_2"},
}
FORMATS = ["csv", "binary"]
SEVERAL_BLOCKS = 3 * BLOCK_BYTES + (1 << 20)
"""Bytes of a document: a row begins in one block and ends blocks later."""


@pytest.fixture
def large(make_client: Callable[..., Client], database: TestDatabase) -> Callable[[int, int], Any]:
    """A client with so many MB as its limit, and a row whose document has about so many bytes."""

    def make(limit: int, size: int) -> Any:
        database.execute(FILL, {"docs": DOCS, "repeats": size // 18})
        return make_client(DATABASE_URL=database.url, LOAD_WORKERS="2", LARGEST_FIELD_MB=str(limit))

    return make


def named(answer: Any) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    data = answer.get_json()["data"]
    return {"backup_path": data["backup_directory"], "timestamp": data["backup_timestamp"]}


def hashes(database: TestDatabase) -> list[tuple[Any, ...]]:
    return database.fetch(
        "SELECT id, md5(document), md5(cmetadata::text), embedding::text FROM langchain_pg_embedding ORDER BY 1"
    )


@pytest.mark.parametrize("megabytes", [18, pytest.param(72, marks=pytest.mark.slow)])
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_large_document_comes_back_after_the_table_was_emptied(
    large: Any, database: TestDatabase, file_format: str, megabytes: int
) -> None:
    client = large(256, 1000)
    database.execute(
        "UPDATE langchain_pg_embedding SET document = repeat('x', %s) WHERE id = 'big'", (megabytes << 20,)
    )
    before = hashes(database)
    body = named(client.backup(truncate_vector_tables=True, format=file_format))
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]
    assert client.restore(**body, **REPLACE).status_code == 200
    assert hashes(database) == before


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_large_row_comes_back_in_every_mode(
    large: Any, database: TestDatabase, file_format: str, mode: dict[str, Any]
) -> None:
    client = large(64, SEVERAL_BLOCKS)
    before = hashes(database)
    body = named(client.backup(format=file_format))
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = 'big'")
    assert client.restore(**body, **mode).status_code == 200
    if "collection_suffix" in mode:
        found = database.fetch("SELECT md5(document) FROM langchain_pg_embedding WHERE length(document) > 100")
        assert found == [(dict(row[:2] for row in before)["big"],)]
    else:
        assert hashes(database) == before


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_large_row_is_verified_compared_and_uploaded(
    large: Any, database: TestDatabase, output_dir: Path, file_format: str
) -> None:
    client = large(64, SEVERAL_BLOCKS)
    body = named(client.backup(format=file_format))
    assert client.post(f"{PREFIX}/backups/global/{body['timestamp']}/verify").status_code == 200
    assert client.post(f"{PREFIX}/compare", json=body).get_json()["data"]["identical"]
    archive = FlaskClient.open(client, f"{PREFIX}/backups/global/{body['timestamp']}/download")
    (output_dir / "task_1").mkdir()
    uploaded = client.post(
        f"{PREFIX}/backups/upload?task_id=task_1", data=archive.data, content_type="application/x-tar"
    )
    assert uploaded.status_code == 200, uploaded.text
    assert uploaded.get_json()["data"]["verified"]


def test_a_large_row_of_a_file_that_nothing_vouches_for_is_restored(
    large: Any, database: TestDatabase, output_dir: Path
) -> None:
    client = large(64, SEVERAL_BLOCKS)
    before = hashes(database)
    body = named(client.backup())
    (output_dir / "vector_bak" / f"vector_backup_{body['timestamp']}.json").unlink()
    assert client.restore(**body, **REPLACE).status_code == 200
    assert hashes(database) == before


@pytest.mark.parametrize("truncate", [False, True])
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_backup_of_a_larger_value_names_table_and_key_and_leaves_nothing(
    large: Any, database: TestDatabase, output_dir: Path, file_format: str, truncate: bool
) -> None:
    client = large(1, 2 << 20)
    before = hashes(database)
    response = client.backup(format=file_format, truncate_vector_tables=truncate)
    details = response.get_json()["data"]["details"]
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (422, "INVALID_BACKUP")
    assert (details["table"], details["key"], details["column"]) == (EMBEDDING, "big", "document")
    size = database.fetch("SELECT octet_length(document) FROM langchain_pg_embedding WHERE id = 'big'")
    assert [(details["bytes"],)] == size
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 0
    assert [path.name for path in (output_dir / "vector_bak").iterdir()] == ["vector_backup_log.txt"]
    assert hashes(database) == before


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_key_of_an_old_table_is_named_too(
    make_client: Callable[..., Client], old_database: TestDatabase, file_format: str
) -> None:
    old_database.execute(
        "INSERT INTO langchain_pg_embedding VALUES (NULL, '[1]', 'x', json_build_object('t', repeat('\"', 1 << 20)),"
        " NULL, %s)",
        (DOCS,),
    )
    client = make_client(DATABASE_URL=old_database.url, LARGEST_FIELD_MB="1")
    details = client.backup(format=file_format).get_json()["data"]["details"]
    assert (details["table"], details["key"], details["column"]) == (EMBEDDING, DOCS, "cmetadata")


@pytest.mark.parametrize("file_format", FORMATS)
def test_quotes_that_csv_doubles_do_not_count(large: Any, database: TestDatabase, file_format: str) -> None:
    client = large(1, 1000)
    database.execute("UPDATE langchain_pg_embedding SET document = repeat('\"', 1 << 20) WHERE id = 'big'")
    before = hashes(database)
    body = named(client.backup(format=file_format, truncate_vector_tables=True))
    assert client.restore(**body, **REPLACE).status_code == 200
    assert hashes(database) == before


def test_a_restore_that_could_not_be_undone_changes_nothing(
    large: Any, database: TestDatabase, small_set: dict[str, str]
) -> None:
    client = large(1, 2 << 20)
    before = hashes(database)
    response = client.restore(**small_set, **REPLACE, backup_before_restore=True)
    details = response.get_json()["data"]["details"]
    assert (response.status_code, details["table"], details["key"]) == (422, EMBEDDING, "big")
    assert hashes(database) == before
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("vouched", [True, False])
def test_a_set_with_a_value_beyond_the_limit_is_refused_with_its_line(
    large: Any,
    make_client: Callable[..., Client],
    database: TestDatabase,
    output_dir: Path,
    file_format: str,
    vouched: bool,
) -> None:
    body = named(large(64, 2 << 20).backup(format=file_format))
    if not vouched:
        if file_format == "binary":
            return  # without its manifest such a file is no backup at all
        (output_dir / "vector_bak" / f"vector_backup_{body['timestamp']}.json").unlink()
    before = hashes(database)
    response = make_client(DATABASE_URL=database.url, LARGEST_FIELD_MB="1").restore(**body, **REPLACE)
    details = response.get_json()["data"]["details"]
    assert (response.status_code, details["column"], details["reason"]) == (422, "document", "字段超过 1 MB")
    assert details["line"] == (3 if file_format == "csv" else 2)
    assert hashes(database) == before
