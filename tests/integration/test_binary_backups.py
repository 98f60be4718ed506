"""Backups in PostgreSQL's binary COPY format, and tables with columns that have no binary encoder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import EMBEDDING

REPLACE = {"truncate_before_restore": True}


@pytest.fixture
def saved(client: Client, database: TestDatabase, fill: Any) -> dict[str, str]:
    """A filled database backed up in binary; the body that restores it."""
    fill(database)
    return back_up(client, "binary")


def back_up(client: Client, file_format: str) -> dict[str, str]:
    done = client.backup(format=file_format).get_json()["data"]
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def failure(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json()["data"].get("error_type", "")


def embedding_file(output_dir: Path, saved: dict[str, str]) -> Path:
    return output_dir / "vector_bak" / f"{EMBEDDING}_{saved['timestamp']}.pgcopy"


def test_a_binary_backup_is_listed_and_restored_to_the_bit(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any
) -> None:
    before = bits(database)
    (listed,) = client.list().get_json()["data"]["backup_locations"][0]["backups"]
    assert listed["format"] == "binary"
    assert listed["embedding_file"].endswith(".pgcopy")
    database.execute("DELETE FROM langchain_pg_collection")
    response = client.restore(**saved, **REPLACE)
    assert response.get_json()["data"]["restore_results"][EMBEDDING]["rows_restored"] == 6
    assert response.get_json()["data"]["warnings"] == []
    assert bits(database) == before


def test_without_its_manifest_a_binary_backup_is_refused(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any, output_dir: Path
) -> None:
    before = bits(database)
    (output_dir / "vector_bak" / f"vector_backup_{saved['timestamp']}.json").unlink()
    assert failure(client.restore(**saved, **REPLACE)) == (422, "INVALID_BACKUP")
    assert bits(database) == before


def test_cut_anywhere_a_binary_backup_is_refused(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any, output_dir: Path
) -> None:
    before = bits(database)
    file = embedding_file(output_dir, saved)
    whole = file.read_bytes()
    for end in (0, 5, 19, len(whole) // 2, len(whole) - 2, len(whole) - 1):
        file.write_bytes(whole[:end])
        assert failure(client.restore(**saved, **REPLACE)) == (422, "INVALID_BACKUP")
    assert bits(database) == before


def test_an_orphan_in_a_binary_backup_is_named_by_its_record(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any
) -> None:
    database.execute("DELETE FROM langchain_pg_collection WHERE name = 'docs'")
    before = bits(database)
    response = client.restore(**saved, tables=[EMBEDDING], **REPLACE)
    assert failure(response) == (422, "ORPHAN_ROWS")
    details = response.get_json()["data"]["details"]
    assert (details["line"], details["column"]) == (1, "collection_id")
    assert bits(database) == before


def test_binary_values_are_not_given_to_a_column_of_another_type(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any
) -> None:
    database.execute(
        "ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_collection_id_fkey,"
        " ALTER collection_id TYPE text"
    )
    before = bits(database)
    assert failure(client.restore(**saved, **REPLACE)) == (409, "SCHEMA_MISMATCH")
    assert bits(database) == before


@pytest.mark.parametrize("more", ["", ", ADD words tsvector DEFAULT 'a:1 b:2'"])
@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_columns_of_other_types_come_back_too(
    client: Client, database: TestDatabase, fill: Any, bits: Any, file_format: str, more: str
) -> None:
    """A type that nothing is known of sends the whole table as text."""
    fill(database)
    database.execute(
        "ALTER TABLE langchain_pg_embedding ADD seen timestamptz, ADD tags text[], ADD price numeric, ADD half halfvec,"
        f' ADD few sparsevec, ADD many vector[], ADD mask bit(3), ADD "odd, ""name""" int DEFAULT 7{more};'
        "UPDATE langchain_pg_embedding SET seen = '2026-01-02 03:04:05.678901+08', price = 1.10, half = '[1,2.5]',"
        " tags = ARRAY['a,b', NULL, '\"q\"', E'line\\nend', '{}', ''], few = '{1:2,7:-3}/9', mask = '101',"
        ' many = \'{{"[1,2]","[3,-0]"}}\''
    )
    before = bits(database)
    saved = back_up(client, file_format)
    database.execute("DELETE FROM langchain_pg_embedding")
    data = client.restore(**saved, **REPLACE).get_json()["data"]
    assert bits(database) == before
    assert any("文本方式" in warning for warning in data["warnings"]) is (file_format == "csv" and more != "")


def test_an_index_is_built_serially_where_memory_is_too_small_for_parallel(
    make_client: Callable[..., Client], database: TestDatabase, fill: Any, bits: Any
) -> None:
    """More memory than there is: a parallel build takes it all at once, a serial one only as it needs it."""
    fill(database)
    database.execute("CREATE INDEX h ON langchain_pg_embedding USING hnsw ((embedding::vector(3)) vector_l2_ops)")
    before = bits(database)
    client = make_client(DATABASE_URL=database.url, INDEX_MEMORY="1500GB")
    data = client.restore(**back_up(client, "csv"), **REPLACE).get_json()["data"]
    assert data["index_results"]["h"]["parallel"] is False
    assert bits(database) == before
