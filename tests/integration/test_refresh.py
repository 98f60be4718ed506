"""A database kept fresh from another one's newest backup; never the one it was taken from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.jobs.job import Origin
from data_pipeline.operations.requests.refresh import RefreshRequest
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_command_line import CommandLine
from tests.support.answers import data_of, failure

ORIGIN = Origin("refresh", "test")


@pytest.fixture
def env(database: TestDatabase, jobs_database: TestDatabase, output_dir: Any) -> dict[str, str]:
    return {
        "DATABASE_URL": database.url,
        "JOBS_DATABASE_URL": jobs_database.url,
        "OUTPUT_DIRECTORY": str(output_dir),
    }


@pytest.fixture
def client(make_client: Callable[..., Client], env: dict[str, str]) -> Client:
    return make_client(**env)


def refresh(client: Client, target: TestDatabase, **more: Any) -> dict[str, Any]:
    """The answer of a job that does it."""
    request = RefreshRequest.read({"pg_conn": target.url, **more})
    done: dict[str, Any] = client.application.extensions["jobs"].perform(request, ORIGIN)
    return done


def test_staging_becomes_what_production_was_at_its_newest_backup(
    client: Client, database: TestDatabase, empty_database: TestDatabase, fill: Any, bits: Any
) -> None:
    fill(database)
    data_of(client.backup())
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    newest = data_of(client.backup())["backup_timestamp"]
    assert refresh(client, empty_database)["backup_info"]["timestamp"] == newest
    assert bits(empty_database) == bits(database)
    empty_database.execute("UPDATE langchain_pg_embedding SET document = 'tried out'")
    assert refresh(client, empty_database, database=database.dbname)["restore_performed"]
    assert bits(empty_database) == bits(database)


def test_what_a_restore_has_saved_first_is_not_the_newest_backup(
    client: Client, database: TestDatabase, second_database: TestDatabase, fill: Any
) -> None:
    fill(database)
    good = data_of(client.backup())
    body = {"backup_path": good["backup_directory"], "timestamp": good["backup_timestamp"]}
    database.execute("DELETE FROM langchain_pg_embedding")
    data_of(client.restore(**body, truncate_before_restore=True, backup_before_restore=True))
    data_of(client.backup(collections=["docs"]))
    assert refresh(client, second_database)["backup_info"]["timestamp"] == good["backup_timestamp"]


def test_the_source_is_refused_by_whichever_name(
    client: Client, database: TestDatabase, second_database: TestDatabase, fill: Any, bits: Any
) -> None:
    fill(database)
    made = data_of(client.backup())
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    now = bits(database)
    body = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"], "strategy": "sync"}
    for url in (database.url, database.url.replace("127.0.0.1", "localhost")):
        refused = client.restore(**body, pg_conn=url, refuse_source=True)
        assert failure(refused) == (409, "SCHEMA_MISMATCH")
        rehearsed = data_of(client.restore(**body, pg_conn=url, refuse_source=True, dry_run=True))
        assert [one["error_type"] for one in rehearsed["problems"]] == ["SCHEMA_MISMATCH"]
    assert bits(database) == now
    assert data_of(client.restore(**body, pg_conn=second_database.url, refuse_source=True))["restore_performed"]


def test_a_set_that_does_not_say_where_it_is_from_is_refused(
    client: Client, small_set: dict[str, str], second_database: TestDatabase
) -> None:
    assert failure(client.restore(**small_set, pg_conn=second_database.url, refuse_source=True)) == (
        409,
        "SCHEMA_MISMATCH",
    )
    assert second_database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]


def test_restore_latest_at_the_command_line(
    client: Client,
    env: dict[str, str],
    database: TestDatabase,
    second_database: TestDatabase,
    fill: Any,
    bits: Any,
    tmp_path: Path,
) -> None:
    run = CommandLine(env, None, tmp_path)
    try:
        nothing = run("restore", "latest")
        assert (nothing.status, "RESOURCE_NOT_FOUND" in nothing.err) == (1, True)
        fill(database)
        made = data_of(client.backup())
        done = run("restore", "latest", "--pg-conn", second_database.url, "--refuse-source", "--json")
        assert (done.status, done.data["backup_info"]["timestamp"]) == (0, made["backup_timestamp"])
        assert bits(second_database) == bits(database)
        again = run("restore", made["backup_directory"], "latest", "--strategy", "sync", "--yes", "--refuse-source")
        assert (again.status, "SCHEMA_MISMATCH" in again.err) == (1, True)
    finally:
        run.close()
