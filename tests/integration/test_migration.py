"""Backups of LangChain's old tables (uuid, custom_id, json) go into its new ones (id, jsonb), every change counted."""

from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import EMBEDDING

A, B = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
IDS = "SELECT id, document FROM langchain_pg_embedding ORDER BY document"
# uuid's last digit, collection, custom_id, cmetadata; the document is the digit.
OLD_ROWS = [
    (1, A, "own", '{"b":  1, "a": "说明"}'),
    (2, A, "shared", "{}"),
    (3, B, "shared", None),
    (4, B, None, '{"n": 1.0, "n": 2.50}'),
    (5, B, "", "[1, 2]"),
    (6, None, "in none", None),
]


def uuid_of(number: int) -> str:
    return f"cccccccc-0000-4000-8000-{number:012}"


@pytest.fixture
def old(old_database: TestDatabase) -> Any:
    old_database.execute(
        "INSERT INTO langchain_pg_collection VALUES ('docs', '{\"a\":  1}', %s), ('notes', NULL, %s)", (A, B)
    )
    for number, owner, custom_id, metadata in OLD_ROWS:
        old_database.execute(
            "INSERT INTO langchain_pg_embedding (uuid, collection_id, custom_id, cmetadata, document, embedding) "
            "VALUES (%s, %s, %s, %s, %s, '[1,2,3]')",
            (uuid_of(number), owner, custom_id, metadata, str(number)),
        )
    return old_database


@pytest.fixture(params=["csv", "binary", "without a manifest"])
def body(client: Client, old: Any, backups: Any, request: Any) -> dict[str, Any]:
    """The request that restores a backup of the old tables."""
    file_format = "binary" if request.param == "binary" else "csv"
    done = client.backup(pg_conn=old.url, format=file_format).get_json()["data"]
    if request.param == "without a manifest":
        (manifest,) = backups.directory().glob("*.json")
        manifest.unlink()
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


MODES = {
    "append": {},
    "replace": {"truncate_before_restore": True},
    "sync": {"strategy": "sync"},
    "skip": {"on_conflict": "skip"},
    "update": {"on_conflict": "update"},
}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_a_custom_id_becomes_the_id_where_it_is_the_only_one_and_else_the_uuid(
    client: Client, database: TestDatabase, body: dict[str, Any], mode: dict[str, Any]
) -> None:
    response = client.restore(**body, **mode)
    assert response.status_code == 200, response.text
    assert database.fetch(IDS) == [
        ("own", "1"),
        (uuid_of(2), "2"),
        (uuid_of(3), "3"),
        (uuid_of(4), "4"),
        (uuid_of(5), "5"),
        ("in none", "6"),
    ]
    assert database.fetch("SELECT cmetadata::text FROM langchain_pg_embedding ORDER BY document LIMIT 4") == [
        ('{"a": "说明", "b": 1}',),
        ("{}",),
        (None,),
        ('{"n": 2.50}',),
    ]
    assert database.fetch("SELECT cmetadata::text FROM langchain_pg_collection ORDER BY name") == [
        ('{"a":  1}',),
        (None,),
    ]
    warnings = response.get_json()["data"]["warnings"]
    for expected in (
        f"{EMBEDDING}: 4 行的 cmetadata 由 json 转换为 jsonb",
        f"{EMBEDDING}: 2 行以 custom_id 作为 id",
        f"{EMBEDDING}: 4 行没有唯一的 custom_id,以 uuid 作为 id",
    ):
        assert warnings.count(expected) == 1


def test_an_id_does_not_depend_on_which_collections_are_restored(
    client: Client, database: TestDatabase, body: dict[str, Any]
) -> None:
    response = client.restore(**body, collections=["notes"])
    assert response.status_code == 200, response.text
    assert database.fetch(IDS) == [(uuid_of(3), "3"), (uuid_of(4), "4"), (uuid_of(5), "5")]
    assert f"{EMBEDDING}: 2 行的 cmetadata 由 json 转换为 jsonb" in response.get_json()["data"]["warnings"]
    assert response.get_json()["data"]["restore_results"][EMBEDDING]["rows_restored"] == 3
    response = client.restore(**body, collections=["docs"], truncate_before_restore=True)
    assert response.status_code == 200, response.text
    assert database.fetch(IDS) == [
        (id_, str(number)) for number, id_ in enumerate(["own", *map(uuid_of, range(2, 6))], 1)
    ]


def test_the_old_ones_are_put_beside_the_new_ones_with_a_suffix(
    client: Client, database: TestDatabase, body: dict[str, Any]
) -> None:
    assert client.restore(**body).status_code == 200
    response = client.restore(**body, collection_suffix=" old")
    assert response.status_code == 200, response.text
    assert response.get_json()["data"]["collections"] == ["docs old", "notes old"]
    assert ("own old", "1") in database.fetch(IDS)
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(11,)]


def test_text_that_jsonb_cannot_hold_changes_nothing(
    client: Client, database: TestDatabase, old: Any, fill: Any, bits: Any
) -> None:
    old.execute("UPDATE langchain_pg_embedding SET cmetadata = '\"\\u0000\"' WHERE document = '1'")
    done = client.backup(pg_conn=old.url).get_json()["data"]
    fill(database)
    before = bits(database)
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    response = client.restore(**body, truncate_before_restore=True)
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (422, "INVALID_BACKUP")
    assert bits(database) == before


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_a_backup_of_the_new_tables_does_not_go_into_the_old_ones(
    client: Client, database: TestDatabase, old: Any, fill: Any, bits: Any, file_format: str
) -> None:
    fill(database)
    done = client.backup(format=file_format).get_json()["data"]
    before = bits(old)
    for more in ({"truncate_before_restore": True}, {"strategy": "sync"}, {"on_conflict": "skip"}, {}):
        response = client.restore(
            backup_path=done["backup_directory"], timestamp=done["backup_timestamp"], pg_conn=old.url, **more
        )
        assert (response.status_code, response.get_json()["data"]["error_type"]) == (409, "SCHEMA_MISMATCH")
        assert response.get_json()["data"]["details"] == {"table": EMBEDDING, "columns": ["id"]}
    assert bits(old) == before


def test_old_tables_among_themselves_need_no_conversion(client: Client, old: Any, bits: Any) -> None:
    done = client.backup(pg_conn=old.url).get_json()["data"]
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    before = bits(old)
    response = client.restore(**body, pg_conn=old.url, truncate_before_restore=True)
    assert response.get_json()["data"]["warnings"] == []
    assert bits(old) == before
