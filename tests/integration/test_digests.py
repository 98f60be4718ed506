"""Rows told apart by digests: each is the server's own, and a restore answers as it does where all rows are staged."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg2.errors import UniqueViolation

from data_pipeline.api import PREFIX
from data_pipeline.formats import record_digest, types
from data_pipeline.formats.types.column_type import BadValue, Declined
from data_pipeline.operations.restore.modes.mode import Mode
from data_pipeline.operations.restore.modes.replace import Replace
from data_pipeline.operations.restore.modes.replace_chosen import ReplaceChosen
from data_pipeline.operations.restore.modes.swap import Swap
from data_pipeline.operations.restore.modes.sync import Sync
from data_pipeline.postgres.comparing.left_out import Leaving
from data_pipeline.postgres.digests import look, narrowing
from data_pipeline.postgres.digests.narrowing import Narrowing
from data_pipeline.sets.manifest import checksummed
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_column_types import ARRAYS, SCALARS, TEXTS, VALUES, Server, listed, quoted
from tests.integration.test_restore_properties import REQUESTS, State, World, states
from tests.support.answers import data_of
from tests.support.names import EMBEDDING

within_fixtures = settings(
    max_examples=max(10, settings().max_examples),  # among fewer there may be none in which digests are of use
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MEASURED = ("duration", "expected", "timestamp", "readers_blocked_seconds", "writers_blocked_seconds", "index_results")
"""What no two restores have in common."""

DIGEST = """
SELECT pg_catalog.sha256(pg_catalog.record_send(ROW(t.given::"{type}", NULL::int4, t.place)))
FROM unnest(%s::text[]) WITH ORDINALITY t (given, place) ORDER BY t.place
"""


@pytest.fixture
def server(request: pytest.FixtureRequest, untouched_database: TestDatabase) -> Iterator[Server]:
    with closing(untouched_database.connect()) as connection:
        yield Server(connection, request.getfixturevalue("name"))


def expect_own_digests(server: Server, name: str, texts: list[str]) -> int:
    """Of what the server prints for the texts; returns how many were looked at."""
    codec = types.find(name, server.element_oid or None)
    assert codec is not None
    server.cursor.execute("SELECT oid::bigint FROM pg_type WHERE typname = %s", (name,))
    ((oid,),) = server.cursor.fetchall()
    printed = [text for text, _ in server.read(texts) if text is not None]
    server.cursor.execute(DIGEST.format(type=name), (printed,))
    looked = 0
    for place, (text, (theirs,)) in enumerate(zip(printed, server.cursor.fetchall(), strict=True), start=1):
        try:
            (value,) = codec.encode([text.encode()])
        except (Declined, BadValue):
            continue
        fields = (len(value).to_bytes(4, "big") + value, b"\xff" * 4, (8).to_bytes(4, "big") + place.to_bytes(8, "big"))
        ours = record_digest.of_tuples(b"\0\3" + b"".join(fields), (oid, 23, 20))
        assert ours == bytes(theirs), (name, text)
        looked += 1
    return looked


@pytest.mark.parametrize("name", SCALARS)
def test_a_digest_is_the_servers_own(server: Server, name: str) -> None:
    assert expect_own_digests(server, name, VALUES[name]) == len(VALUES[name])

    @given(st.lists(st.from_regex(TEXTS[name], fullmatch=True), min_size=1, max_size=12))
    def compare(texts: list[str]) -> None:
        expect_own_digests(server, name, texts)

    compare()


@pytest.mark.parametrize("name", ARRAYS)
def test_a_digest_of_arrays_is_the_servers_own(server: Server, name: str) -> None:
    members = [*map(quoted, VALUES[name[1:]]), "NULL"]
    texts = ["{}", listed(members), f"[-1:0]={listed(members[:1] * 2)}"]
    assert expect_own_digests(server, name, texts) == len(texts)


class Ways:
    """Restores are made with digests, of however few rows, or without; and it is counted how often they were of use."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.narrowed = 0
        self._patch = patch
        for of, name in ((Narrowing, "settle"), (Leaving, "load")):
            patch.setattr(of, name, self._counted(getattr(of, name)))

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            found = function(*arguments)
            self.narrowed += bool(found)
            return found

        return counted

    def both(self, make: Callable[[], Any]) -> tuple[Any, Any]:
        self._patch.setattr(narrowing, "LEAST_BYTES", 1 << 62)
        without = make()
        self._patch.setattr(narrowing, "LEAST_BYTES", 0)
        self._patch.setattr(look, "LEAST_SAME", 0)
        return without, make()


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ways]:
    """None of a test in which no table was narrowed shows anything."""
    yield (made := Ways(monkeypatch))
    assert made.narrowed


def answer(response: Any) -> Any:
    """An answer without what is measured."""
    return response.status_code, _without(response.get_json()["data"])


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(one) for key, one in value.items() if key not in MEASURED}
    return [_without(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def world(client: Client, database: TestDatabase) -> World:
    return World(client, database)


@pytest.mark.parametrize("mode", [Sync, Replace, ReplaceChosen, Swap], ids=lambda mode: mode.__name__)
@within_fixtures
@given(live=states(), backup=states(), file_format=st.sampled_from(["csv", "binary"]), data=st.data())
def test_collections_end_and_are_told_of_alike(
    client: Client, world: World, ways: Ways, mode: type[Mode], live: State, backup: State, file_format: str, data: Any
) -> None:
    fields = data.draw(st.sampled_from(REQUESTS[mode]))
    if "collections" in fields:
        names = sorted({name for name, _ in backup.collections.values()} | {"nowhere"})
        fields = {**fields, "collections": data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1))}
    if data.draw(st.booleans()):  # much is the same
        kept = {id_: row for id_, row in backup.embeddings.items() if data.draw(st.booleans())}
        live = State(backup.collections, {"b": (None, "other"), **kept})
    world.put(backup)
    done = data_of(client.backup(format=file_format))
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"], **fields}

    def make() -> Any:
        world.put(live)
        plan = answer(client.restore(**body, dry_run=True))
        return plan, answer(client.restore(**body)) if mode is Sync else None, world.bits()

    without, with_digests = ways.both(make)
    client.delete(f"{PREFIX}/backups/global/{body['timestamp']}")
    assert with_digests == without


def compared(client: Client, body: dict[str, Any]) -> Any:
    return answer(client.post(f"{PREFIX}/compare", data=json.dumps(body)))


@within_fixtures
@given(live=states(), backup=states(), file_format=st.sampled_from(["csv", "binary"]), data=st.data())
def test_collections_are_compared_alike(
    client: Client, world: World, ways: Ways, live: State, backup: State, file_format: str, data: Any
) -> None:
    """Owners among them that have another name by now, or the same name under another uuid."""
    if data.draw(st.booleans()):
        kept = {id_: row for id_, row in backup.embeddings.items() if data.draw(st.booleans())}
        names = data.draw(st.permutations([name for name, _ in backup.collections.values()]))
        pairs = zip(backup.collections.items(), names, strict=True)
        live = State({uuid: (name, text) for (uuid, (_, text)), name in pairs}, {"b": (None, "other"), **kept})
    world.put(backup)
    done = data_of(client.backup(format=file_format))
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    world.put(live)
    without, with_digests = ways.both(partial(compared, client, body))
    client.delete(f"{PREFIX}/backups/global/{body['timestamp']}")
    assert without[0] == 200
    assert with_digests == without


TABLE = """
CREATE DOMAIN small AS int4 CHECK (VALUE < 100);
CREATE TABLE things (
  gone int, "place" int8, v vector(3), id varchar(20) COLLATE "C", n numeric(10,2), name text UNIQUE, tags text[],
  twice int GENERATED ALWAYS AS (length(name) * 2) STORED, j jsonb, raw json, at timestamptz(3), c char(4),
  PRIMARY KEY (id, "place"));
ALTER TABLE things DROP COLUMN gone;
ALTER TABLE things ADD COLUMN late bit(3);
"""
ROWS = [
    (0, "[1,-0,1e-45]", "a", "1.10", "one", '{"",NULL,"x,y"}', '{"b": 1.0, "a": null}', '{"b" : 1}', "ab", "101"),
    (1, "[1,2,3]", "a", "NaN", "two", "{}", "1.0", "null", "", "000"),
    (0, None, "b", None, None, None, None, None, None, None),
    (0, "[1,2,3]", "中", "-0.01", "three", "[0:1]={a,b}", '"x"', "[1,  2]", "abcd", "111"),
    (7, "[3,2,1]", "e", "99999999.99", "four", "{NULL}", "[]", "{}", "x ", None),
]
INSERTED = """
INSERT INTO things ("place", v, id, n, name, tags, j, raw, c, late, at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '2024-02-29 23:59:59.123+00')
"""
DRIFTS = [
    "DELETE FROM things WHERE id = 'a'",
    "UPDATE things SET name = CASE name WHEN 'one' THEN 'two' ELSE 'one' END WHERE name IN ('one', 'two') AND id = '-'",
    "UPDATE things SET name = 'moved' WHERE name = 'one'",
    "UPDATE things SET name = 'one' WHERE id = 'e'",
    "UPDATE things SET v = '[1,0,1e-45]' WHERE name = 'one'",
    "UPDATE things SET j = '1' WHERE name = 'two'",
    "UPDATE things SET raw = '{\"b\": 1}' WHERE n = 1.10",
    "UPDATE things SET n = NULL, tags = '{}' WHERE id = '中'",
    "UPDATE things SET \"place\" = 8 WHERE id = 'e'",
    "UPDATE things SET id = 'new' WHERE id = 'b'",
    "INSERT INTO things (\"place\", id, name) VALUES (1, 'extra', 'more')",
    "UPDATE things SET c = 'z', late = '010' WHERE name = 'three'",
]
REQUESTED: list[dict[str, Any]] = [
    {"strategy": "sync"},
    {"truncate_before_restore": True},
    {"strategy": "swap"},
    {"truncate_before_restore": True, "where": {"column": "id", "values": ["a", "e"]}},
]


@within_fixtures
@given(
    drifts=st.lists(st.sampled_from(DRIFTS), unique=True, max_size=4),
    fields=st.sampled_from(REQUESTED),
    file_format=st.sampled_from(["csv", "binary"]),
)
def test_any_tables_end_and_are_told_of_alike(
    client: Client, database: TestDatabase, ways: Ways, drifts: list[str], fields: dict[str, Any], file_format: str
) -> None:
    def fill() -> None:
        database.execute("DROP TABLE IF EXISTS things; DROP DOMAIN IF EXISTS small;" + TABLE)
        for row in ROWS:
            database.execute(INSERTED, row)

    fill()
    done = data_of(client.backup(layout="tables", tables=["public.things"], format=file_format))
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    body = {**named, **fields}

    def make() -> Any:
        fill()
        for drift in drifts:
            with suppress(UniqueViolation):  # a name that is taken after another drift
                database.execute(drift)
        differences = compared(client, {**named, **({"where": fields["where"]} if "where" in fields else {})})
        plan = answer(client.restore(**body, dry_run=True))
        run = answer(client.restore(**body)) if fields != {"strategy": "swap"} else None
        return differences, plan, run, database.fetch("SELECT encode(record_send(t), 'hex') FROM things t ORDER BY 1")

    without, with_digests = ways.both(make)
    client.delete(f"{PREFIX}/backups/global/{body['timestamp']}")
    assert with_digests == without


MANY = """
INSERT INTO langchain_pg_embedding
SELECT n::text, NULL, '[1,2,3]', repeat('x', 100), NULL FROM generate_series(%s, %s) n
"""
PLAIN = """
INSERT INTO langchain_pg_embedding SELECT n::text, NULL, '[1,2,3]', 'text', '{}' FROM generate_series(0, 39) n
"""


@pytest.fixture(params=["none"])
def large(
    client: Client, database: TestDatabase, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> dict[str, Any]:
    """A backup of 3,000 rows; the body that restores it."""
    monkeypatch.setattr(narrowing, "LEAST_BYTES", 0)
    database.execute(MANY, (1, 3000))
    done = data_of(client.backup(format="binary", compression=request.param))
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


@pytest.mark.parametrize("large", ["none", "zstd"], indirect=True)
def test_most_rows_are_never_staged(
    client: Client, database: TestDatabase, large: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id IN ('7', '2999')")
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = '1500'")
    database.execute(MANY, (3001, 3005))
    staged: list[Any] = []
    settle = Narrowing.settle

    def noted(self: Narrowing, one: Any, rows: Any) -> Any:
        staged.append(settle(self, one, rows))
        self._session.cursor.execute(staged[-1].sql("SELECT count(*) FROM {staged}"))
        assert self._session.cursor.value() == 3
        return staged[-1]

    monkeypatch.setattr(Narrowing, "settle", noted)
    counted = data_of(client.restore(**large, strategy="sync"))["restore_results"][EMBEDDING]
    assert [one.unstaged for one in staged] == [2997]
    found = {name: counted[f"rows_{name}"] for name in ("inserted", "updated", "deleted", "unchanged")}
    assert found == {"inserted": 1, "updated": 2, "deleted": 5, "unchanged": 2997}
    assert database.fetch("SELECT count(*), count(DISTINCT document) FROM langchain_pg_embedding") == [(3000, 1)]


def test_a_table_that_is_another_one_by_now_is_staged_as_a_whole(
    client: Client, database: TestDatabase, large: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed'")
    monkeypatch.setattr(Narrowing, "settle", None)
    counted = data_of(client.restore(**large, strategy="sync"))["restore_results"][EMBEDDING]
    assert (counted["rows_updated"], counted["rows_unchanged"]) == (3000, 0)


def test_a_block_that_changed_after_it_was_digested_is_never_restored(
    client: Client, database: TestDatabase, large: dict[str, Any], output_dir: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = (output_dir / "vector_bak").glob(f"{EMBEDDING}_*.pgcopy")
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = '7'")
    before = database.fetch("SELECT id, document FROM langchain_pg_embedding ORDER BY id")
    settle = Narrowing.settle

    def damaging(self: Narrowing, one: Any, rows: Any) -> Any:
        data = path.read_bytes()
        with path.open("r+b") as file:  # the same file, of the same size
            file.seek(data.index(b"x" * 100))
            file.write(b"y")
        return settle(self, one, rows)

    monkeypatch.setattr(Narrowing, "settle", damaging)
    refused = client.restore(**large, strategy="sync")
    assert refused.status_code == 422, refused.text
    assert refused.get_json()["data"]["error_type"] == "INVALID_BACKUP"
    assert database.fetch("SELECT id, document FROM langchain_pg_embedding ORDER BY id") == before


@pytest.mark.parametrize("more", [{"strategy": "sync"}, {"truncate_before_restore": True, "dry_run": True}])
def test_a_value_that_the_server_refuses_is_named_by_its_row(
    client: Client, database: TestDatabase, large: dict[str, Any], output_dir: Any, more: dict[str, Any]
) -> None:
    """Of a row that is digested no value is looked at, and its manifest vouches for it."""
    (path,) = (output_dir / "vector_bak").glob(f"{EMBEDDING}_*.pgcopy")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"x" * 100, b"\xff" + b"x" * 99, 1))
    (manifest,) = (output_dir / "vector_bak").glob("*.json")
    fact = json.loads(manifest.read_bytes())
    for block in fact["tables"][EMBEDDING]["blocks"]:
        found = path.read_bytes()[block["offset"] : block["offset"] + block["bytes"]]
        block["sha256"] = hashlib.sha256(found).hexdigest()
    del fact["sha256"]
    manifest.write_bytes(checksummed(fact))
    before = database.fetch("SELECT id, document FROM langchain_pg_embedding ORDER BY id")
    found = client.restore(**large, **more).get_json()["data"]
    refused = found["problems"][0] if "problems" in found else found
    assert refused["error_type"] == "INVALID_BACKUP", found
    assert "UTF-8" in str(refused)
    assert "document" in str(refused)
    assert database.fetch("SELECT id, document FROM langchain_pg_embedding ORDER BY id") == before


def test_rows_that_a_trigger_may_change_are_all_looked_at(
    client: Client, database: TestDatabase, large: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute(
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE langchain_pg_embedding SET document = 'spoilt' WHERE id = '42'; RETURN NULL; END $$;"
        " UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = '7'"
    )
    trigger = (
        "CREATE TRIGGER spoils AFTER UPDATE ON langchain_pg_embedding FOR EACH ROW WHEN (NEW.id = '7')"
        " EXECUTE FUNCTION spoil()"
    )
    begin = Narrowing.begin

    def made_meanwhile(self: Narrowing, one: Any, known: Any) -> bool:
        found = begin(self, one, known)
        database.execute(trigger)
        return found

    monkeypatch.setattr(Narrowing, "begin", made_meanwhile)
    refused = client.restore(**large, strategy="sync")
    assert refused.get_json()["data"]["error_type"] == "TRIGGER_CHANGED_ROWS", refused.text
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding WHERE document = 'spoilt'") == [(0,)]


def test_a_file_that_has_a_key_twice_is_refused_as_ever(
    client: Client, backups: Any, database: TestDatabase, monkeypatch: pytest.MonkeyPatch, ways: Ways
) -> None:
    rows = [f'{n},,"[1,2,3]",text,{{}}\n' for n in range(40)]
    head = "id,collection_id,embedding,document,cmetadata\n"
    database.execute(PLAIN)

    def sync(*more: str) -> Any:
        body = backups.write(b"uuid,name,cmetadata\n", (head + "".join([*rows, *more])).encode())
        return answer(client.restore(**body, tables=[EMBEDDING], strategy="sync"))

    for twice in (rows[7], '7,,"[1,2,4]",other,{}\n'):
        without, with_digests = ways.both(partial(sync, twice))
        assert without[1]["error_type"] == "DUPLICATE_ROWS"
        assert with_digests == without
    assert sync()[1]["restore_results"][EMBEDDING]["rows_unchanged"] == 40


def test_a_unique_index_that_the_backup_does_not_fit_is_told_of_alike(
    client: Client, database: TestDatabase, ways: Ways
) -> None:
    """A row that differs would get a value that one has which is the same on both sides."""
    database.execute(PLAIN + "; UPDATE langchain_pg_embedding SET document = CASE id WHEN '8' THEN '7' ELSE id END")
    done = data_of(client.backup(format="binary"))
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    database.execute(
        "UPDATE langchain_pg_embedding SET document = id;"
        " CREATE UNIQUE INDEX documents ON langchain_pg_embedding (document)"
    )

    def restore(**fields: Any) -> Any:
        return answer(client.restore(**body, **fields))

    for fields in ({"strategy": "sync"}, {"truncate_before_restore": True}):
        without, with_digests = ways.both(partial(restore, **fields, dry_run=True))
        assert [one["error_type"] for one in without[1]["problems"]] == ["DUPLICATE_ROWS"]
        assert with_digests == without
    without, with_digests = ways.both(partial(restore, strategy="sync"))
    assert without[1]["error_type"] == "DUPLICATE_ROWS"
    assert with_digests == without
