"""Graphs of a real Neo4j out and back, over HTTP."""

import json
import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import neo4j
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pytz import timezone

from data_pipeline.api import BASE, PREFIX
from data_pipeline.postgres.progress import SILENT
from data_pipeline.storage import location
from data_pipeline.stores import target_url
from data_pipeline.stores.neo4j import lock, restoring, writing
from data_pipeline.stores.neo4j.lock import Lock
from data_pipeline.stores.neo4j.schema import quoted
from data_pipeline.stores.neo4j.store import STORE
from tests.conftest import TestDatabase
from tests.integration.neo4j_store.conftest import Graph, clear
from tests.integration.test_command_line import CommandLine
from tests.support.answers import data_of, failure
from tools.neo4j_server import PASSWORD

SCHEMA = (
    "CREATE CONSTRAINT entity_id FOR (e:Entity) REQUIRE e.id IS UNIQUE",
    "CREATE CONSTRAINT tie FOR ()-[r:RELATED_TO]-() REQUIRE r.id IS UNIQUE",
    "CREATE INDEX pair FOR (n:Entity) ON (n.type, n.name)",
    "CREATE TEXT INDEX words FOR (n:Document) ON (n.title)",
    "CREATE POINT INDEX places FOR (n:Entity) ON (n.place)",
    "CREATE FULLTEXT INDEX search FOR (n:Entity|Document) ON EACH [n.name, n.title]"
    " OPTIONS {indexConfig: {`fulltext.analyzer`: 'english'}}",
    "CREATE VECTOR INDEX near FOR (n:Document) ON (n.embedding)"
    " OPTIONS {indexConfig: {`vector.dimensions`: 3, `vector.similarity_function`: 'cosine'}}",
)
GRAPH = """
CREATE (a:Entity {id: 'a', name: '人工智能', type: '概念', at: datetime('2024-03-01T12:00:00.123456789+08:00'),
  zoned: datetime('2020-10-25T02:30:00+01:00[Europe/Berlin]'), local: localdatetime('2015-07-21T21:40:32.142'),
  day: date('2020-02-29'), hour: time('12:31:14.645876123+01:00'), clock: localtime('23:59:59.999999999'),
  after: duration('P1Y2M3DT4H5M6.007S'), place: point({x: 1.5, y: -0.0}), high: point({longitude: 1, latitude: 2,
  height: 3}), n: 9223372036854775807, f: 1.0, ok: true, days: [date('2020-01-01'), date('2020-01-02')], none: []})
CREATE (b:Entity:Important {id: 'b', weights: [0.1, -0.0, 1e308]})
CREATE (d:Document {id: 'd', title: 'AI `report`', embedding: [0.1, 0.2, 0.3]})
CREATE ()
CREATE (a)-[:RELATED_TO {id: 1, weight: 0.8}]->(b)
CREATE (a)-[:RELATED_TO {id: 2, weight: 0.8}]->(b)
CREATE (b)-[:`odd ``type`]->(b)
CREATE (d)-[:CONTAINS {at: datetime('1970-01-01T00:00:00Z')}]->(a)
SET a.raw = $raw, a.nan = $nan
"""


def fill(session: neo4j.Session) -> None:
    for statement in SCHEMA:
        session.run(statement).consume()
    session.run("CALL db.awaitIndexes(60)").consume()
    session.run(GRAPH, raw=b"\x00\xff", nan=float("nan")).consume()


def content(session: neo4j.Session) -> Any:
    """Everything of a graph but its ids, read by the server itself: what two are compared by."""
    nodes = session.run("MATCH (n) RETURN labels(n), properties(n)").values()
    ties = session.run("MATCH (a)-[r]->(b) RETURN type(r), properties(r), properties(a), properties(b)").values()
    schema = session.run(
        "SHOW INDEXES YIELD name, type, labelsOrTypes, properties, options"
        " RETURN name, type, labelsOrTypes, properties, options"
    ).values()
    constraints = session.run("SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties").values()
    return [sorted(map(_text, rows)) for rows in (nodes, ties, schema, constraints)]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return str(sorted((name, _text(one)) for name, one in value.items()))
    if type(value) is list:
        return str([_text(one) for one in value])
    return f"{type(value).__name__} {value!r}"


@pytest.mark.parametrize("mode", ["empty", "replace"])
def test_a_graph_comes_back_as_it_was(graph: Graph, session: neo4j.Session, mode: str) -> None:
    fill(session)
    before = content(session)
    named = graph.backup()
    assert graph.compare(named)["identical"]
    if mode == "empty":
        clear(session)
    else:
        session.run("MATCH (n:Document) DETACH DELETE n").consume()
        session.run("CREATE (:Entity {id: 'newer'})").consume()
        told = graph.restore(named, mode=mode, dry_run=True)
        assert (told["live"]["nodes"], told["graph"]["nodes"], told["problems"]) == (4, 4, [])
        assert not graph.compare(named)["identical"]
    done = graph.restore(named, mode=mode)
    assert content(session) == before
    assert not done["batches"]
    assert bool(done["created"]) == (mode == "empty")
    assert graph.compare(named)["identical"]


def test_a_set_is_listed_and_verified(graph: Graph, session: neo4j.Session) -> None:
    fill(session)
    named = graph.backup()
    (location,) = data_of(graph.client.list(layout="neo4j"))["backup_locations"]
    assert [one["timestamp"] for one in location["backups"]] == [named["timestamp"]]
    assert data_of(graph.client.post(f"{PREFIX}/backups/global/{named['timestamp']}/verify"))["verified"]
    tried = data_of(graph.client.post(f"{BASE}/targets/graph/test", data="{}"))
    assert tried["seen"]["server_version"].startswith("5.")


def test_a_comparison_at_the_command_line(
    graph: Graph, session: neo4j.Session, database: TestDatabase, output_dir: Path, tmp_path: Path
) -> None:
    fill(session)
    named = graph.backup()
    env = {
        "DATABASE_URL": database.url,
        "OUTPUT_DIRECTORY": str(output_dir),
        "TARGETS": json.dumps({"graph": graph.server.url}),
    }
    run = CommandLine(env, PASSWORD, tmp_path)
    try:
        arguments = ("neo4j", "compare", named["backup_path"], named["timestamp"], "graph")
        assert run(*arguments).status == 0
        session.run("CREATE (:Newer)").consume()
        compared = run(*arguments)
        assert (compared.status, ":Newer" in compared.out) == (3, True)
    finally:
        run.close()


def test_a_merge_goes_by_keys(graph: Graph, session: neo4j.Session) -> None:
    session.run("CREATE (a:Entity {id: 1, name: 'old'})-[:R {id: 1, w: 1}]->(b:Entity {id: 2})").consume()
    named = graph.backup()
    session.run("MATCH (a:Entity {id: 1}) SET a.name = 'new', a.more = true").consume()
    session.run("MATCH (b:Entity {id: 2}) DETACH DELETE b").consume()
    session.run("CREATE (:Entity {id: 3})").consume()
    assert failure(graph.post("restore", set=named, target="graph", mode="merge")) == (400, "INVALID_PARAMS")
    wrong = graph.post("restore", set=named, target="graph", mode="merge", merge_keys={"Other": "id"})
    assert failure(wrong) == (409, "SCHEMA_MISMATCH")
    for _ in range(2):
        graph.restore(named, mode="merge", merge_keys={"Entity": "id", "R": "id"})
        found = session.run("MATCH (n:Entity) RETURN n.id, n.name, n.more ORDER BY n.id").values()
        assert found == [[1, "old", True], [2, None, None], [3, None, None]]
        assert session.run("MATCH (:Entity {id: 1})-[r:R]->(:Entity {id: 2}) RETURN r.w").values() == [[1]]


def test_a_database_that_is_not_empty_stays_as_it_is(graph: Graph, session: neo4j.Session) -> None:
    fill(session)
    named = graph.backup()
    before = content(session)
    assert failure(graph.post("restore", set=named, target="graph")) == (409, "SCHEMA_MISMATCH")
    assert content(session) == before


def test_a_constraint_that_refuses_the_graph_leaves_the_old_one(graph: Graph, session: neo4j.Session) -> None:
    session.run("CREATE (:Entity {id: 1}), (:Entity {id: 1})").consume()
    named = graph.backup()
    clear(session)
    session.run(SCHEMA[0]).consume()
    session.run("CREATE (:Entity {id: 7})").consume()
    before = content(session)
    assert failure(graph.post("restore", set=named, target="graph", mode="replace")) == (409, "DUPLICATE_ROWS")
    assert content(session) == before


def test_a_server_that_is_down_and_a_wrong_password_are_told_apart(graph: Graph) -> None:
    down = graph.post("backup", target="down")
    wrong = graph.post("backup", target="wrong")
    assert [failure(down), failure(wrong)] == [(500, "DATABASE_ERROR")] * 2
    assert [one.get_json()["data"]["can_retry"] for one in (down, wrong)] == [True, False]


def test_a_flipped_byte_is_found_before_a_node_is_touched(
    graph: Graph, session: neo4j.Session, files: Callable[[dict[str, Any]], list[Path]]
) -> None:
    fill(session)
    named = graph.backup()
    session.run("CREATE (:Newer)").consume()
    before, chance = content(session), random.Random(3)
    for path in files(named):
        good = path.read_bytes()
        for place in chance.sample(range(len(good)), 6):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1 << chance.randrange(8)]) + good[place + 1 :])
            answer = graph.post("restore", set=named, target="graph", mode="replace")
            assert failure(answer) == (422, "INVALID_BACKUP")
        path.write_bytes(good)
    assert content(session) == before


@pytest.fixture
def _little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fits into one transaction; batches of two."""
    monkeypatch.setattr(restoring, "EACH_BYTES", 1 << 40)
    monkeypatch.setattr(writing, "BATCH", 2)


@pytest.mark.usefixtures("_little_memory")
def test_what_does_not_fit_into_a_transaction_goes_in_batches(graph: Graph, session: neo4j.Session) -> None:
    fill(session)
    before = content(session)
    named = graph.backup()
    assert failure(graph.post("restore", set=named, target="graph", mode="replace")) == (507, "STORAGE_FULL")
    assert content(session) == before
    clear(session)
    assert graph.restore(named)["batches"]
    assert content(session) == before


@pytest.mark.usefixtures("_little_memory")
@pytest.mark.parametrize("phase", ["loading", "finishing"])
def test_batches_of_a_killed_restore_go_or_are_finished(
    graph: Graph, session: neo4j.Session, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    fill(session)
    before = content(session)
    named = graph.backup()
    clear(session)

    class Killed(BaseException):
        """As a process ends: nothing cleans up."""

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(Lock, "withdraw", lambda *_: None)
    if phase == "loading":
        monkeypatch.setattr(writing.Writing, "expect_same", die)
    else:
        monkeypatch.setattr(Lock, "release", die)
        one = "MATCH (n:__vector_backup_restoring) WITH n LIMIT 1 REMOVE n:__vector_backup_restoring"
        monkeypatch.setattr(lock, "_drain", lambda opened, _query: opened.run(one).consume())
    with pytest.raises(Killed):
        _kill(graph, named)
    monkeypatch.undo()
    assert failure(graph.post("restore", set=named, target="graph", mode="replace")) == (409, "OPERATION_IN_PROGRESS")
    session.run("MATCH (l:__vector_backup_lock) SET l.until = 0").consume()
    told = graph.restore(named, dry_run=True)
    if phase == "loading":
        assert content(session)[:2] == [[], []]
        assert told["problems"] == []
        graph.restore(named)
    else:
        assert [one["error_type"] for one in told["problems"]] == ["SCHEMA_MISMATCH"], "it is not empty any more"
    assert content(session)[:2] == before[:2]


def _kill(graph: Graph, named: dict[str, Any]) -> None:
    """A restore that ends by BaseException, as a process that is killed."""
    with graph.engine.catalog.held(location.parse(named["backup_path"]), named["timestamp"]) as held:
        target = target_url.parse("graph", graph.server.url)
        restoring.Restoring(target, held, STORE.facts_of(held), 5.0, SILENT).run(restoring.Plan("empty"))


LETTERS = st.characters(exclude_categories=("Cc", "Cs"))
NAMES, TEXT = st.text(LETTERS, min_size=1, max_size=8), st.text(LETTERS, max_size=20)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
ZONES = [timezone(name) for name in ("UTC", "Europe/Berlin", "Asia/Shanghai")]  # zoneinfo's crash in the driver
SINGLE = st.one_of(
    *(st.booleans(), INTEGERS, st.floats(), TEXT, st.binary(max_size=20)),
    *(st.dates(), st.datetimes(), st.times()),
    st.builds(lambda at, zone: zone.localize(at), st.datetimes(datetime(1970, 1, 2)), st.sampled_from(ZONES)),
)
LISTS = st.one_of(*(st.lists(one, max_size=4) for one in (st.booleans(), INTEGERS, st.floats(), TEXT, st.dates())))
PROPERTIES = st.dictionaries(NAMES, SINGLE | LISTS, max_size=5)
NODES = st.lists(st.tuples(st.sets(NAMES, max_size=3), PROPERTIES), min_size=1, max_size=6)
TIES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), NAMES, PROPERTIES), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], phases=[Phase.generate])
@given(nodes=NODES, ties=TIES)
def test_random_graphs_come_back(graph: Graph, session: neo4j.Session, nodes: Any, ties: Any) -> None:
    session.run("MATCH (n) DETACH DELETE n").consume()
    made = []
    for labels, properties in nodes:
        create = f"CREATE (n{''.join(f':{quoted(label)}' for label in labels)}) SET n = $p RETURN elementId(n)"
        made.append(session.run(create, p=properties).single(strict=True)[0])
    for start, end, kind, properties in ties:
        tie = f"MATCH (a), (b) WHERE elementId(a) = $a AND elementId(b) = $b CREATE (a)-[r:{quoted(kind)}]->(b)"
        session.run(f"{tie} SET r = $p", a=made[start % len(made)], b=made[end % len(made)], p=properties).consume()
    before = content(session)
    named = graph.backup()
    session.run("MATCH (n) DETACH DELETE n").consume()
    graph.restore(named)
    assert content(session) == before
    assert graph.compare(named)["identical"]
