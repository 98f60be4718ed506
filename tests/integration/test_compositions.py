"""Every pair of fields of POST /restore and of POST /backup works together, or is refused with both names."""

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.requests.request import Request
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.modes import registry
from data_pipeline.operations.restore.modes.mode import Mode
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import EMBEDDING

REQUIRED = {"backup_path", "timestamp"}
# A value of each field that asks for something.
RESTORE: dict[str, Any] = {
    "tables": [EMBEDDING],
    "pg_conn": "here",
    "truncate_before_restore": True,
    "atomic": False,
    "expect_database": "here",
    "require_manifest": True,
    "strategy": "sync",
    "collections": ["docs"],
    "collection_suffix": "_copy",
    "on_conflict": "update",
    "backup_before_restore": True,
    "create_tables": True,
    "dry_run": True,
    "triggers": "disable",
    "dialect": "copy",
    "strip_nul": True,
    "allow_lossy": True,
}
BACKUP: dict[str, Any] = {
    "task_id": "task_1",
    "pg_conn": "here",
    "db_connection": "here",
    "truncate_vector_tables": True,
    "backup_vector_tables": True,
    "collections": ["docs"],
    "probes": 5,
    "storages": ["local", "second"],
    "format": "binary",
    "compression": "zstd",
}
STRATEGIES = ("sync", "swap")
BACKUP_CLASHES = {
    frozenset(("pg_conn", "db_connection")),
    frozenset(("collections", "truncate_vector_tables")),
}

ELSEWHERE = {"refuse_source", "layout", "tables", "with_references", "where", "rename", "conflict_key", "into"}
"""The first refuses the database of these tests, from which the set is: test_refresh.py has it. The others are about
other tables than these: test_any_tables.py and test_into.py have them."""

QUEUED = {"async"}
"""A job is the same call in another thread: it goes with everything, and has tests of its own."""


def names(model: type[Request]) -> set[str]:
    """The fields by the API's names."""
    return {field.alias or name for name, field in model.model_fields.items()}


def test_no_field_is_left_out() -> None:
    assert RESTORE.keys() - {"tables"} == names(RestoreRequest) - REQUIRED - QUEUED - ELSEWHERE
    assert BACKUP.keys() == names(BackupRequest) - QUEUED - ELSEWHERE


def restore_clashes(strategy: str) -> set[frozenset[str]]:
    """The pairs that are refused where `strategy` has this value."""
    modes = [mode for mode in registry.MODES if mode.strategy in (Mode.strategy, strategy)]
    return {frozenset((clash.first, clash.second)) for mode in modes for clash in mode.clashes}


def here(fields: dict[str, Any], database: TestDatabase) -> dict[str, Any]:
    """With the database that this test has."""
    known = {"pg_conn": database.url, "db_connection": database.url, "expect_database": database.dbname}
    return {name: known.get(name, value) for name, value in fields.items()}


def expect_clash(response: Any, pair: tuple[str, str]) -> None:
    data = response.get_json()["data"]
    assert (response.status_code, data["error_type"]) == (400, "INVALID_PARAMS"), response.text
    assert all(name in data["response"] for name in pair)


@pytest.mark.parametrize("file_format", ["csv", "binary"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_pair_of_fields_of_a_restore(
    client: Client, database: TestDatabase, fill: Any, bits: Any, file_format: str, strategy: str
) -> None:
    """The collections are live, their embeddings gone: rows can be added in every way."""
    fill(database)
    done = client.backup(format=file_format).get_json()["data"]
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    fields = {**RESTORE, "strategy": strategy}
    clashes = restore_clashes(strategy)
    for pair in combinations(RESTORE, 2):
        if strategy != "sync" and "strategy" not in pair:
            continue
        database.execute("TRUNCATE langchain_pg_embedding")
        database.execute("DELETE FROM langchain_pg_collection WHERE name LIKE '%_copy'")
        before = bits(database)
        response = client.restore(**named, **here({name: fields[name] for name in pair}, database))
        if frozenset(pair) in clashes:
            expect_clash(response, pair)
            assert bits(database) == before
        else:
            assert response.status_code == 200, (pair, response.text)
            result = response.get_json()["data"]["restore_results"][EMBEDDING]
            one = "collections" in pair or "collection_suffix" in pair
            assert result["rows_restored"] == (5 if one else 6), pair


def test_every_pair_of_fields_of_a_backup(
    make_client: Callable[..., Client], database: TestDatabase, fill: Any, backups: Any, bits: Any, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    (second / "task_1").mkdir(parents=True)
    client = make_client(DATABASE_URL=database.url, STORAGES=json.dumps({"second": str(second)}))
    backups.directory("task_1")
    fill(database)
    for pair in combinations(BACKUP, 2):
        before = bits(database)
        response = client.backup(**here({name: BACKUP[name] for name in pair}, database))
        if frozenset(pair) in BACKUP_CLASHES:
            expect_clash(response, pair)
            assert bits(database) == before
            continue
        assert response.status_code == 200, (pair, response.text)
        saved = response.get_json()["data"]["tables_backed_up"][EMBEDDING]
        assert saved["row_count"] == (5 if "collections" in pair else 6), pair
        if "truncate_vector_tables" in pair:
            database.execute("DELETE FROM langchain_pg_collection")
            fill(database)
