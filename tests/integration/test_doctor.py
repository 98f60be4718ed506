"""`doctor`: every part is tried, what doesn't work is named, and nothing is left behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.errors import DatabaseError
from data_pipeline.engine import Engine
from data_pipeline.operations.doctor.doctor import Doctor
from data_pipeline.settings import Settings
from tests.conftest import TestDatabase
from tests.integration.conftest import Role

Examine = Callable[..., dict[str, Any]]
OURS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'vector_backup_doctor%'"


@pytest.fixture
def examine(output_dir: Path) -> Examine:
    """What a doctor finds with these settings, by check."""

    def found(url: str, queue: Callable[[], object] = lambda: None, **env: str) -> dict[str, Any]:
        settings = Settings.load({"DATABASE_URL": url, "OUTPUT_DIRECTORY": str(output_dir), "LOAD_WORKERS": "0", **env})
        data = Doctor(Engine.build(settings), queue).examine().data()
        found = {one["check"] + one.get("about", "").removeprefix("local"): one for one in data["findings"]}
        assert data["healthy"] is ("failed" not in {one["state"] for one in found.values()})
        return found

    return found


def states(found: dict[str, Any]) -> dict[str, str]:
    return {name: one["state"] for name, one in found.items()}


def test_where_everything_works_the_trial_leaves_nothing_behind(
    examine: Examine, database: TestDatabase, output_dir: Path, fill: Any, bits: Any
) -> None:
    fill(database)
    before, files = bits(database), sorted(output_dir.rglob("*"))
    assert set(states(examine(database.url)).values()) == {"ok"}
    assert database.fetch(OURS) == []
    assert bits(database) == before
    assert sorted(output_dir.rglob("*")) == files


def test_a_database_without_tables_gets_a_warning_and_one_without_pgvector_no_trial(
    examine: Examine, empty_database: TestDatabase
) -> None:
    found = examine(empty_database.url)
    assert (found["tables"]["state"], found["trial"]["state"]) == ("warning", "ok")
    empty_database.execute("DROP EXTENSION vector")
    found = states(examine(empty_database.url))
    assert (found["pgvector"], found["trial"]) == ("warning", "skipped")


def test_a_role_that_may_not_create_a_schema_skips_the_trial(examine: Examine, role: Role) -> None:
    role.may("SELECT")
    found = examine(role.url)
    assert (found["database"]["state"], found["trial"]["state"]) == ("ok", "skipped")
    assert role.database.dbname in found["trial"]["text"]


def test_what_does_not_work_is_named_and_the_rest_is_still_tried(examine: Examine, tmp_path: Path) -> None:
    def queue() -> None:
        raise DatabaseError("the queue is away", can_retry=True)

    (tmp_path / "file").touch()
    found = examine(
        "postgresql://ann:pa55-word@127.0.0.1:1/docs", queue, STORAGES=f'{{"usb": "{tmp_path / "gone" / "file"}"}}'
    )
    assert found["database"]["state"] == found["queue"]["state"] == "failed"
    assert found["storage"]["state"] == "ok"
    assert "trial" not in found
    assert "pa55-word" not in str(found)


def test_a_trial_that_fails_is_told_and_cleaned_up(
    examine: Examine, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def differs(*_: Any) -> None:
        raise DatabaseError("restored otherwise", can_retry=False)

    monkeypatch.setattr("data_pipeline.operations.doctor.trial.BackupComparison.compare", differs)
    found = examine(database.url)["trial"]
    assert (found["state"], found["text"]) == ("failed", "restored otherwise")
    assert database.fetch(OURS) == []
