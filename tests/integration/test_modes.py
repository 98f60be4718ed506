"""Modes as classes: what each says it needs is what it needs, and a new one is a class, and nothing else."""

from collections.abc import Sequence
from typing import Any

import pytest

from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes import registry
from data_pipeline.operations.restore.modes.mode import Clash, Mode, needs
from data_pipeline.operations.restore.stager import Incoming
from data_pipeline.postgres.writing import references, sync
from data_pipeline.postgres.writing.conflicts import Meeting
from data_pipeline.postgres.writing.references import Going
from data_pipeline.postgres.writing.sync import Counts
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of

COLLECTION, EMBEDDING = "langchain_pg_collection", "langchain_pg_embedding"
PRIVILEGES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"})
REQUESTS: list[dict[str, Any]] = [
    {"atomic": True},
    {"truncate_before_restore": True},
    {"truncate_before_restore": True, "collections": ["docs"]},
    {"strategy": "sync"},
    {"strategy": "sync", "collections": ["docs"]},
    {"on_conflict": "skip"},
    {"on_conflict": "update"},
    {"on_conflict": "update", "collections": ["docs"]},
    {"collection_suffix": "_copy"},
]


class Prune(Mode):
    """Live rows that the backup doesn't have go; no other row is written."""

    strategy = "prune"
    clashes = (Clash("strategy", "truncate_before_restore", "prune keeps rows"),)
    privileges = needs("UPDATE", "DELETE")
    meeting = Meeting(incoming="FALSE")
    compares = True
    removes = True

    @classmethod
    def serves(cls, request: RestoreOptions) -> bool:
        return request.strategy == cls.strategy

    def going(self, incoming: Incoming) -> Sequence[Going]:
        return [references.equalled(one) for one in incoming.staged.values()]

    def write(self, incoming: Incoming) -> None:
        deleted = {name: sync.delete(self.cursor, incoming.staged[name]) for name in reversed(self.tables)}
        self.record({name: Counts(deleted=rows) for name, rows in deleted.items()})
        self.context.finish()

    def tell(self, name: str, counts: Counts) -> None:
        self.report.synced(name, Counts(deleted=counts.deleted))


@pytest.fixture
def prune(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MODES", (*registry.MODES, Prune))


def test_a_new_mode_is_planned_and_run(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, prune: None
) -> None:
    whole = bits(database)
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('extra'), ('more')")
    before = bits(database)
    plan = data_of(client.restore(**saved, strategy="prune", dry_run=True))
    assert (plan["would_succeed"], bits(database)) == (True, before)
    done = data_of(client.restore(**saved, strategy="prune", backup_before_restore=True))
    for answer in (plan, done):
        deleted = {name: result["rows_deleted"] for name, result in answer["restore_results"].items()}
        assert deleted == {COLLECTION: 0, EMBEDDING: 2}
    assert bits(database) == whole
    data_of(client.restore(**done["undo"]))
    assert bits(database) == before


def test_a_new_mode_keeps_the_rows_of_others_and_has_its_clashes(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any, prune: None
) -> None:
    refused = data_of(client.restore(**saved, strategy="prune", truncate_before_restore=True), 400)
    assert refused["details"]["fields"] == ["strategy", "truncate_before_restore"]
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('extra')")
    database.execute("CREATE TABLE pages (row varchar REFERENCES langchain_pg_embedding ON DELETE CASCADE)")
    database.execute("INSERT INTO pages VALUES ('extra')")
    before = bits(database)
    (problem,) = data_of(client.restore(**saved, strategy="prune", dry_run=True))["problems"]
    done = data_of(client.restore(**saved, strategy="prune"), 409)
    assert problem["error_type"] == done["error_type"] == "DEPENDENT_ROWS"
    assert bits(database) == before


def test_without_the_mode_its_strategy_is_unknown(client: Client, saved: dict[str, Any]) -> None:
    assert data_of(client.restore(**saved, strategy="prune"), 400)["details"]["field"] == "strategy"


@pytest.mark.parametrize("first", [{}, {"backup_before_restore": True}], ids=["", "backup first"])
@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_a_dry_run_says_whether_the_role_may(
    client: Client,
    database: TestDatabase,
    saved: dict[str, Any],
    role: Any,
    make_client: Any,
    fields: dict[str, Any],
    first: dict[str, Any],
) -> None:
    """With what the mode names, with more, and with all privileges but one."""
    limited, fields = make_client(DATABASE_URL=role.url), {**fields, **first}
    named = registry.of(RestoreRequest.read({**saved, **fields})).privileges
    granted = [named, named | {"UPDATE"}, named | {"DELETE"}, *(PRIVILEGES - {one} for one in PRIVILEGES - {"SELECT"})]
    for privileges in granted:
        database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
        database.execute(f"REVOKE ALL ON {COLLECTION}, {EMBEDDING} FROM {role.name}")
        role.may(", ".join(privileges))
        plan = data_of(limited.restore(**saved, **fields, dry_run=True))
        run = limited.restore(**saved, **fields)
        assert plan["would_succeed"] is (run.status_code == 200), (privileges, plan["problems"], run.text)
        assert {one["error_type"] for one in plan["problems"]} <= {"PERMISSION_DENIED"}
    assert run.status_code in (200, 403)


@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_a_mode_names_no_privilege_that_it_does_not_need(
    client: Client, database: TestDatabase, saved: dict[str, Any], role: Any, make_client: Any, fields: dict[str, Any]
) -> None:
    limited = make_client(DATABASE_URL=role.url)
    for lacking in registry.of(RestoreRequest.read({**saved, **fields})).privileges:
        database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
        database.execute(f"REVOKE ALL ON {COLLECTION}, {EMBEDDING} FROM {role.name}")
        role.may(", ".join(PRIVILEGES - {lacking}))
        refused = data_of(limited.restore(**saved, **fields), 403)
        assert refused["error_type"] == "PERMISSION_DENIED", lacking
