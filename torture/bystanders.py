"""Tables beside ours and triggers on ours, at random: a restore changes none of their rows, and says what is true."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torture import rows, sets
from torture.budget import Budget
from torture.client import Answer, Client
from torture.figure import Figure
from torture.postgres import Database, State
from torture.rows import Batch
from torture.world import World

TRIALS, ROWS = 100, 60
KIND = "restores beside other tables"
MODES: Sequence[dict[str, Any]] = (
    *({"truncate_before_restore": True}, {"strategy": "sync"}, {"strategy": "sync"}),
    *({"on_conflict": "update"}, {"on_conflict": "skip"}, {"strategy": "sync", "triggers": "disable"}),
)
ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")
DEFERRALS = ("", "DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED")
REFUSALS = ("DEPENDENT_ROWS", "TRIGGER_CHANGED_ROWS")
KEPT = """
CREATE SCHEMA kept;
CREATE TABLE kept.collection AS SELECT * FROM langchain_pg_collection;
CREATE TABLE kept.embedding AS SELECT * FROM langchain_pg_embedding;
CREATE TABLE audit (n bigserial PRIMARY KEY, what text);
CREATE SCHEMA neighbours;
"""
PUT_BACK = """
DROP SCHEMA neighbours CASCADE; CREATE SCHEMA neighbours; DROP FUNCTION IF EXISTS meddle() CASCADE;
TRUNCATE audit, langchain_pg_collection, langchain_pg_embedding; INSERT INTO audit (what) VALUES ('old');
INSERT INTO langchain_pg_collection SELECT * FROM kept.collection;
INSERT INTO langchain_pg_embedding SELECT * FROM kept.embedding;
"""
# Which of the backup's rows are gone, changed or new; random() is seeded.
DRIFT = """
SELECT setseed({seed});
DELETE FROM langchain_pg_embedding WHERE random() < 0.1;
UPDATE langchain_pg_embedding SET document = 'changed' WHERE random() < 0.1;
UPDATE langchain_pg_collection SET name = name || ' renamed' WHERE random() < 0.2;
INSERT INTO langchain_pg_embedding (id, collection_id) SELECT 'more ' || n, uuid
FROM langchain_pg_collection, generate_series(1, 2) n WHERE random() < 0.3 ON CONFLICT DO NOTHING;
"""
REFERRED = {
    "langchain_pg_embedding (id)": "varchar",
    "langchain_pg_collection (uuid)": "uuid",
    "langchain_pg_collection (name)": "varchar",
}
MEDDLING = (
    *("NEW.document := 'meddled'; RETURN NEW", "RETURN NULL", "RETURN NEW"),
    "INSERT INTO audit (what) VALUES ('new'); RETURN NEW",
    "UPDATE audit SET what = 'changed'; RETURN NEW",
    "DELETE FROM audit; RETURN NEW",
    "DELETE FROM langchain_pg_embedding WHERE id LIKE 'more%'; RETURN NEW",
)
MISSING = """
SELECT (SELECT count(*) FROM (SELECT * FROM kept.embedding EXCEPT SELECT * FROM langchain_pg_embedding) gone)
"""


@dataclass
class Scene:
    """One trial's tables and triggers, as SQL that makes them."""

    mode: dict[str, Any]
    statements: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    meddles: bool = False

    def __str__(self) -> str:
        return f"{self.mode} beside {self.statements}"


def run(world: World, budget: Budget) -> Figure:
    wanted = {KIND: budget.scaled(TRIALS, least=20)}
    figure = Figure("restores beside other tables and under triggers", "a row of others changed, or a lie", wanted)
    chance = world.chance("bystanders")
    with (
        world.output("bystanders") as output,
        world.server().database("bystanders") as database,
        world.service(database, output) as service,
    ):
        rows.fill(database, Batch("kept", ROWS, 4, calm=True), world.seed)
        client = Client(service.port)
        timestamp = sets.take(client, output, "binary").timestamp
        database.execute(KEPT)
        golden = database.state()
        while budget.allows(figure, KIND):
            _attempt(figure, database, client, timestamp, golden, _scene(database, chance))
            figure.did(KIND)
    return figure


def _scene(database: Database, chance: random.Random) -> Scene:
    """Put the tables back, make neighbours of them, and let them drift."""
    scene = Scene(chance.choice(MODES))
    seed = chance.random()
    for number in range(chance.choice((0, 1, 1, 2))):
        _refer(scene, chance, f"neighbours.t{number}")
    if chance.random() < 0.5:
        scene.meddles = True
        events = chance.choice(("INSERT", "UPDATE", "INSERT OR UPDATE"))
        scene.statements.append(
            f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {chance.choice(MEDDLING)}; END $$;"
            f"CREATE TRIGGER meddle BEFORE {events} ON langchain_pg_embedding"
            " FOR EACH ROW EXECUTE FUNCTION meddle()"
        )
    database.execute(PUT_BACK)
    database.execute(DRIFT.format(seed=seed))
    for statement in scene.statements:
        database.execute(statement)
    return scene


def _refer(scene: Scene, chance: random.Random, table: str) -> None:
    """A table that refers to some rows of ours, the older or the newer ones."""
    target, kind = chance.choice(list(REFERRED.items()))
    name, column = target.rstrip(")").split(" (")
    partitioned = chance.random() < 0.3
    order = chance.choice(("", " DESC"))
    scene.tables.append(table)
    scene.statements.append(
        f"CREATE TABLE {table} (n int, k {kind}){' PARTITION BY RANGE (n)' if partitioned else ''};"
        + (f"CREATE TABLE {table}_all PARTITION OF {table} DEFAULT;" if partitioned else "")
        + f"INSERT INTO {table} SELECT 1, {column} FROM {name} ORDER BY {column}{order} LIMIT {chance.randint(0, 2)};"
        f"ALTER TABLE {table} ADD FOREIGN KEY (k) REFERENCES {target} ON DELETE {chance.choice(ACTIONS)}"
        f" ON UPDATE {chance.choice(ACTIONS)} {chance.choice(DEFERRALS)}"
    )


def _attempt(figure: Figure, database: Database, client: Client, timestamp: str, golden: State, scene: Scene) -> None:
    before, others = database.state(), _others(database, scene)
    rehearsed = client.restore(timestamp, **scene.mode, dry_run=True)
    restored = client.restore(timestamp, **scene.mode, backup_before_restore=True)
    figure.note("done" if restored.status == 200 else str(restored.error_type))
    if reason := _untrue(database, rehearsed, restored, before, golden, scene):
        figure.fault(f"{scene}: {restored}: {reason}")
    if restored.status == 200:
        undone = client.post("/restore", restored.data["undo"])
        found = database.state()
        if found != before if undone.status == 200 else undone.error_type not in REFUSALS:
            figure.fault(f"{scene}: undo {undone}: the tables hold {found}, not {before}")
    if _others(database, scene) != others:
        figure.fault(f"{scene}: {restored}: rows of other tables have changed")


def _untrue(
    database: Database, rehearsed: Answer, restored: Answer, before: State, golden: State, scene: Scene
) -> str | None:
    """Why the answers aren't true, None if they are."""
    foreseen, done = rehearsed.data.get("would_succeed"), restored.status == 200
    if rehearsed.status != 200 or (foreseen is not done and (done or not scene.meddles)):
        return f"the rehearsal said {rehearsed.data.get('problems')}"
    found = database.state()
    if not done:
        known = restored.status == 409 and restored.error_type in REFUSALS
        return None if known and found == before else f"the tables hold {found}, not {before}"
    if "on_conflict" not in scene.mode:
        return None if found == golden else f"the tables hold {found}, not {golden}"
    ((missing,),) = database.fetch(MISSING)
    kept = scene.mode["on_conflict"] == "skip"
    return None if kept or missing == 0 else f"{missing} of the backup's rows are not there"


def _others(database: Database, scene: Scene) -> list[Any]:
    """All rows of the neighbours, and those that the audit table had."""
    each = [*scene.tables, "(SELECT * FROM audit WHERE what <> 'new')"]
    return [
        database.fetch(f"SELECT coalesce(string_agg(t::text, ',' ORDER BY t::text), '') FROM {one} t") for one in each
    ]
