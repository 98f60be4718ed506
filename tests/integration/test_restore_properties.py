"""What a restore leaves, for random tables and random backups: names swapped, collections made anew, rows moved.

HYPOTHESIS_PROFILE=thorough tries many more of them.
"""

import json
from itertools import product
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from common.errors import InvalidParams
from data_pipeline.api import PREFIX
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.modes import registry
from data_pipeline.operations.restore.modes.append_where import AppendWhere
from data_pipeline.operations.restore.modes.mode import Mode
from data_pipeline.operations.restore.modes.replace_where import ReplaceWhere
from tests.conftest import TestDatabase
from tests.integration.conftest import Client

UUIDS = [f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "1234"]
NAMES = ["docs", "notes", "笔记", "it's"]
TABLES = ["langchain_pg_collection", "langchain_pg_embedding"]
TEXTS = st.sampled_from(["", "a", "b"])
HARMLESS = """
CREATE OR REPLACE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$
"""
within_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class State(NamedTuple):
    """Collections by uuid: name and metadata. Embeddings by id: collection and document."""

    collections: dict[Any, tuple[str, str]]
    embeddings: dict[str, tuple[Any, str]]

    def uuids(self, names: list[str]) -> set[Any]:
        return {uuid for uuid, (name, _) in self.collections.items() if name in names}

    def within(self, uuids: set[Any]) -> "State":
        """These collections only."""
        return State(
            {uuid: row for uuid, row in self.collections.items() if uuid in uuids},
            {id_: row for id_, row in self.embeddings.items() if row[0] in uuids},
        )

    def without(self, uuids: set[Any]) -> "State":
        return State(
            {uuid: row for uuid, row in self.collections.items() if uuid not in uuids},
            {id_: row for id_, row in self.embeddings.items() if row[0] not in uuids},
        )

    def plus(self, other: "State") -> "State":
        return State(self.collections | other.collections, self.embeddings | other.embeddings)

    def by_name(self) -> "State":
        """The same where uuids don't matter."""
        names = {None: None, **{uuid: name for uuid, (name, _) in self.collections.items()}}
        return State(
            {name: (name, text) for name, text in self.collections.values()},
            {id_: (names[owner], document) for id_, (owner, document) in self.embeddings.items()},
        )


@st.composite
def states(draw: Any) -> State:
    uuids = draw(st.lists(st.sampled_from(UUIDS), unique=True, max_size=3))
    names = draw(st.permutations(NAMES))
    collections = {uuid: (name, draw(TEXTS)) for uuid, name in zip(uuids, names, strict=False)}
    owners = st.sampled_from([*uuids, None])
    ids = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=5))
    return State(collections, {id_: (draw(owners), draw(TEXTS)) for id_ in ids})


class World:
    """A database and the service in front of it."""

    def __init__(self, client: Client, database: TestDatabase) -> None:
        self._client = client
        self._connection = database.connect()

    def put(self, state: State) -> None:
        """Make the tables hold exactly this."""
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(TABLES)}")
            for uuid, (name, text) in state.collections.items():
                cursor.execute(
                    "INSERT INTO langchain_pg_collection VALUES (%s, %s, %s)", (uuid, name, json.dumps(text))
                )
            for id_, (owner, document) in state.embeddings.items():
                row = (id_, owner, "[1,-0]", document, json.dumps({"of": document}))
                cursor.execute("INSERT INTO langchain_pg_embedding VALUES (%s, %s, %s, %s, %s)", row)

    def state(self) -> State:
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute("SELECT uuid::text, name, cmetadata#>>'{}' FROM langchain_pg_collection")
            collections = {uuid: (name, text) for uuid, name, text in cursor.fetchall()}
            cursor.execute("SELECT id, collection_id::text, document FROM langchain_pg_embedding")
            return State(collections, {id_: (owner, document) for id_, owner, document in cursor.fetchall()})

    def bits(self) -> list[str]:
        each = [f"SELECT encode(record_send(t), 'hex') FROM {name} t" for name in TABLES]
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute(f"{' UNION ALL '.join(each)} ORDER BY 1")
            return [bits for (bits,) in cursor.fetchall()]

    def restored(self, backup: State, live: State, **more: Any) -> Any:
        """The response to restoring a backup of one state over the other."""
        body = self._backed_up(backup)
        self.put(live)
        response = self._client.restore(**body, **more)
        assert response.status_code in (200, 404, 409, 422), response.text
        self._client.delete(f"{PREFIX}/backups/global/{body['timestamp']}")
        return response

    def planned_and_run(self, backup: State, live: State, **more: Any) -> tuple[dict[str, Any], Any]:
        """The answer of a dry run, which changes nothing, and the response to the restore after it."""
        body = self._backed_up(backup)
        self.put(live)
        before = self.bits()
        plan = self._client.restore(**body, **more, dry_run=True)
        assert (plan.status_code, self.bits()) == (200, before), plan.text
        run = self._client.restore(**body, **more)
        self._client.delete(f"{PREFIX}/backups/global/{body['timestamp']}")
        return plan.get_json()["data"], run

    def _backed_up(self, state: State) -> dict[str, Any]:
        self.put(state)
        done = self._client.backup(format="binary").get_json()["data"]
        return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}

    def let_triggers_fire(self, enabled: bool) -> None:
        """One on each table, that changes nothing."""
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute(HARMLESS)
            for name in TABLES:
                cursor.execute(f"DROP TRIGGER IF EXISTS harmless ON {name}")
                if enabled:
                    firing = f"BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION harmless()"
                    cursor.execute(f"CREATE TRIGGER harmless {firing}")

    def restore(self, body: dict[str, Any]) -> None:
        response = self._client.restore(**body)
        assert response.status_code == 200, response.text
        self._client.delete(f"{PREFIX}/backups/global/{body['timestamp']}")


@pytest.fixture
def world(client: Client, database: TestDatabase) -> World:
    return World(client, database)


EQUAL_MODES = st.sampled_from([{"truncate_before_restore": True}, {"strategy": "sync"}])


@within_fixtures
@given(live=states(), backup=states(), mode=EQUAL_MODES)
def test_replace_and_sync_end_in_the_backup(world: World, live: State, backup: State, mode: dict[str, Any]) -> None:
    assert world.restored(backup, live, **mode).status_code == 200
    assert world.state() == backup


@within_fixtures
@given(live=states(), backup=states(), mode=EQUAL_MODES, data=st.data())
def test_chosen_collections_end_in_the_backup_and_the_others_as_they_were(
    world: World, live: State, backup: State, mode: dict[str, Any], data: Any
) -> None:
    assume(backup.collections)
    names = data.draw(
        st.lists(st.sampled_from([name for name, _ in backup.collections.values()]), unique=True, min_size=1)
    )
    wanted, replaced = backup.within(backup.uuids(names)), live.uuids(names)
    others = live.without(replaced)
    clash = wanted.collections.keys() & others.collections.keys() or wanted.embeddings.keys() & others.embeddings.keys()
    response = world.restored(backup, live, collections=names, **mode)
    assert response.status_code == (409 if clash else 200), response.text
    assert world.state() == (live if clash else others.plus(wanted))


def merged(live: State, backup: State, update: bool) -> State:
    """The union; of what both have the backup's row, or the live one. The same name is the same collection."""
    uuids = {name: uuid for uuid, (name, _) in live.collections.items()}
    same = {uuid: uuids[name] for uuid, (name, _) in backup.collections.items() if name in uuids}
    for uuid in backup.collections.keys() - same.keys():
        same[uuid] = ("another", uuid) if uuid in same.values() else uuid
    collections = {same[uuid]: row for uuid, row in backup.collections.items()}
    embeddings = {id_: (same.get(owner), text) for id_, (owner, text) in backup.embeddings.items()}
    theirs = State(collections, embeddings)
    return live.plus(theirs) if update else theirs.plus(live)


@within_fixtures
@given(live=states(), backup=states(), update=st.booleans())
def test_a_merge_ends_in_the_union(world: World, live: State, backup: State, update: bool) -> None:
    response = world.restored(backup, live, on_conflict="update" if update else "skip")
    assert response.status_code == 200
    expected = merged(live, backup, update).by_name()
    assert world.state().by_name() == expected
    for name, rows, before in zip(TABLES, backup, live, strict=True):
        counts = response.get_json()["data"]["restore_results"][name]
        assert counts["rows_inserted"] + counts["rows_updated"] + counts["rows_skipped"] == len(rows)
        after = world.state().collections if name == TABLES[0] else world.state().embeddings
        assert counts["rows_inserted"] == len(after) - len(before)


MODES = st.sampled_from(
    [
        {},
        {"truncate_before_restore": True},
        {"strategy": "sync"},
        {"on_conflict": "skip"},
        {"on_conflict": "update"},
        {"collection_suffix": " copy"},
    ]
)
SELECTIONS = st.sampled_from([None, None, None, [TABLES[0]], [TABLES[1]]])


@within_fixtures
@given(live=states(), backup=states(), mode=MODES, data=st.data())
def test_undo_ends_in_the_state_before(
    world: World, live: State, backup: State, mode: dict[str, Any], data: Any
) -> None:
    tables = None if "collection_suffix" in mode else data.draw(SELECTIONS)
    named = st.lists(st.sampled_from([name for name, _ in backup.collections.values()]), unique=True, min_size=1)
    chosen = data.draw(st.none() | named) if backup.collections else None
    world.put(live)
    before = world.bits()
    response = world.restored(backup, live, **mode, tables=tables, collections=chosen, backup_before_restore=True)
    if response.status_code == 200:
        world.restore(response.get_json()["data"]["undo"])
    assert world.bits() == before


FIELDS: dict[str, list[Any]] = {
    "strategy": list(registry.strategies()),
    "truncate_before_restore": [False, True],
    "on_conflict": ["error", "skip", "update"],
    "collection_suffix": [None, " copy"],
    "atomic": [None, False, True],
    "tables": [None, [TABLES[0]], [TABLES[1]]],
    "triggers": ["fire", "disable"],
    "collections": [None, ["some"]],
}


def accepted() -> dict[type[Mode], list[dict[str, Any]]]:
    """By mode, every combination of fields that a request for it may have; whichever modes there are."""
    found: dict[type[Mode], list[dict[str, Any]]] = {mode: [] for mode in registry.MODES}
    for values in product(*FIELDS.values()):
        fields = {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
        try:
            request = RestoreRequest.read({"backup_path": "./x", "timestamp": "20260101_000000", **fields})
        except InvalidParams:
            continue
        found[registry.of(request)].append(fields)
    return found


REQUESTS = accepted()


def told(data: dict[str, Any]) -> dict[str, Any]:
    """What a plan and its run must agree in."""
    results = data["restore_results"].items()
    return {
        "rows": {name: {key: one[key] for key in one if key.startswith("rows_")} for name, one in results},
        "before": {name: one["rows_before"] for name, one in data.get("truncate_results", {}).items()},
        "collections": data.get("collections"),
        "warnings": sorted(data["warnings"]),
    }


def test_each_mode_for_these_tables_is_asked_for() -> None:
    assert {mode for mode, requests in REQUESTS.items() if not requests} == {AppendWhere, ReplaceWhere}


@pytest.mark.parametrize(
    "mode", [mode for mode, requests in REQUESTS.items() if requests], ids=lambda mode: mode.__name__
)
@within_fixtures
@given(live=states(), backup=states(), firing=st.booleans(), data=st.data())
def test_a_plan_tells_what_its_run_does(
    world: World, mode: type[Mode], live: State, backup: State, firing: bool, data: Any
) -> None:
    fields = data.draw(st.sampled_from(REQUESTS[mode]))
    if "collections" in fields:
        names = sorted({name for name, _ in backup.collections.values()} | {"nowhere"})
        fields = {**fields, "collections": data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1))}
    world.let_triggers_fire(firing)
    plan, run = world.planned_and_run(backup, live, **fields)
    done = run.get_json()["data"]
    succeeded = run.status_code == 200 and not done["errors"]
    assert plan["would_succeed"] is succeeded, (plan["problems"], run.text)
    if succeeded:
        assert told(plan) == told(done)
    else:
        kinds = {done.get("error_type"), *(one.get("error_type") for one in done.get("restore_results", {}).values())}
        assert kinds & {problem["error_type"] for problem in plan["problems"]}, (plan["problems"], run.text)
