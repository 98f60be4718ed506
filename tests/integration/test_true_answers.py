"""What a restore or a backup says is what there is, whatever the database or the storage did meanwhile."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.sets import verify
from data_pipeline.storage.draft import Draft
from tests.conftest import TestDatabase
from tests.integration.conftest import Client

LEAVES_ROWS_OUT = """
CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER leave_out BEFORE INSERT ON langchain_pg_embedding FOR EACH ROW
WHEN (NEW.id LIKE 'plain%%') EXECUTE FUNCTION leave_out()
"""


@pytest.fixture
def saved(client: Client, database: TestDatabase, fill: Any) -> dict[str, str]:
    fill(database)
    data = client.backup().get_json()["data"]
    return {"backup_path": data["backup_directory"], "timestamp": data["backup_timestamp"]}


@pytest.mark.parametrize("mode", [{"strategy": "sync"}, {"on_conflict": "skip"}, {"collection_suffix": " copy"}])
def test_rows_that_a_trigger_leaves_out_are_missed(
    client: Client, database: TestDatabase, bits: Any, saved: dict[str, str], mode: dict[str, str]
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute(LEAVES_ROWS_OUT)
    before = bits(database)
    response = client.restore(**saved, **mode)
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (409, "TRIGGER_CHANGED_ROWS")
    assert bits(database) == before


def test_a_table_without_a_key_that_sync_cannot_make_equal_is_not_called_equal(
    client: Client, database: TestDatabase, bits: Any, saved: dict[str, str]
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_pkey CASCADE")
    database.execute("INSERT INTO langchain_pg_embedding SELECT * FROM langchain_pg_embedding WHERE id = 'plain'")
    before = bits(database)
    assert client.restore(**saved, strategy="sync").status_code == 500
    assert bits(database) == before
    assert client.restore(**saved, truncate_before_restore=True).status_code == 200


def test_a_backup_that_is_published_is_not_called_failed(
    client: Client, database: TestDatabase, fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database)
    publish = Draft.publish

    def publish_and_lose_the_connection(draft: Draft, manifest: bytes | None) -> None:
        publish(draft, manifest)
        database.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'vector-restore'"
        )

    monkeypatch.setattr(Draft, "publish", publish_and_lose_the_connection)
    response = client.backup()
    assert response.status_code == 200
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1


def test_rows_are_removed_though_looking_at_the_backup_takes_longer_than_a_transaction_may_idle(
    make_client: Callable[..., Client], database: TestDatabase, fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database)
    expect_stored = verify.expect_stored

    def look_for_long(*arguments: Any) -> None:
        time.sleep(1.2)
        expect_stored(*arguments)

    monkeypatch.setattr(verify, "expect_stored", look_for_long)
    client = make_client(DATABASE_URL=database.url, PG_IDLE_TIMEOUT="1")
    response = client.backup(truncate_vector_tables=True)
    assert response.status_code == 200, response.text
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]
