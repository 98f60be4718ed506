"""Tables that no library's layout names: chosen by name or by their vectors, backed up, damaged and restored."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of

SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.makers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, tenant int);
CREATE TABLE shop.items (
  id bigserial PRIMARY KEY, maker bigint NOT NULL REFERENCES shop.makers, title varchar(80) NOT NULL,
  price numeric(10,2), embedding vector(3), tags text[] DEFAULT '{}', tenant int, code text UNIQUE);
CREATE INDEX items_by_embedding ON shop.items USING hnsw (embedding vector_l2_ops);
CREATE TABLE notes (body text, embedding vector(2));
INSERT INTO shop.makers (name, tenant) SELECT 'maker ' || n, n FROM generate_series(1, 3) n;
INSERT INTO shop.items (maker, title, price, embedding, tenant, code)
SELECT n % 3 + 1, '商品 ' || n, n * 1.10, ARRAY[n, -n, 0.5]::vector, n % 3 + 1, 'c' || n FROM generate_series(1, 60) n;
INSERT INTO notes SELECT 'note ' || n % 2, '[1,2]' FROM generate_series(1, 4) n;
"""
ROWS = {
    "makers": "SELECT m::text FROM shop.makers m ORDER BY id",
    "items": "SELECT i::text FROM shop.items i ORDER BY id",
    "notes": "SELECT n::text FROM notes n ORDER BY body",
}
OTHERS = "SELECT i::text FROM shop.items i WHERE tenant <> 2 ORDER BY id"
HOW: list[dict[str, Any]] = [{"truncate_before_restore": True}, {"strategy": "sync"}, {"on_conflict": "update"}]


@pytest.fixture
def shop(database: TestDatabase) -> TestDatabase:
    database.execute(SHOP)
    return database


def rows(database: TestDatabase) -> dict[str, Any]:
    return {name: database.fetch(query) for name, query in ROWS.items()}


def back_up(client: Client, **body: Any) -> dict[str, str]:
    """The body that restores it."""
    done = data_of(client.backup(layout="tables", **body))
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def damage(database: TestDatabase) -> None:
    database.execute("UPDATE shop.items SET title = 'lost', embedding = NULL WHERE id % 7 = 0")
    database.execute("DELETE FROM shop.items WHERE id % 5 = 0")


@pytest.mark.parametrize("file_format", ["csv", "binary"])
@pytest.mark.parametrize("how", [*HOW, {"strategy": "swap"}])
def test_damaged_tables_come_back(client: Client, shop: TestDatabase, file_format: str, how: dict[str, Any]) -> None:
    before = rows(shop)
    named = back_up(client, tables=["shop.items"], with_references=True, format=file_format)
    damage(shop)
    done = data_of(client.restore(**named, **how))
    assert list(done["restore_results"]) == ["shop.makers", "shop.items"]
    assert done["warnings"] == []
    assert rows(shop) == before
    rehearsed = data_of(client.restore(**named, **how, dry_run=True))
    assert rehearsed["problems"] == []


def test_every_table_with_a_vector(client: Client, shop: TestDatabase) -> None:
    before = rows(shop)
    named = back_up(client, tables="vector")
    shop.execute("DELETE FROM notes; DELETE FROM shop.items")
    data_of(client.restore(**named, tables=["notes"], layout="tables", truncate_before_restore=True))
    assert rows(shop)["notes"] == before["notes"]
    data_of(client.restore(**named, tables=["items"], layout="tables"))
    assert rows(shop) == before


def test_rows_without_a_key_are_replaced_and_never_compared(client: Client, shop: TestDatabase) -> None:
    before = rows(shop)
    named = back_up(client, tables=["public.notes"])
    shop.execute("INSERT INTO notes VALUES ('more', '[0,0]')")
    refused = data_of(client.restore(**named, strategy="sync"), 409)
    assert (refused["error_type"], refused["details"]["table"]) == ("SCHEMA_MISMATCH", "public.notes")
    assert data_of(client.restore(**named, truncate_before_restore=True, dry_run=True))["problems"] == []
    data_of(client.restore(**named, truncate_before_restore=True))
    assert rows(shop) == before


@pytest.mark.parametrize("how", HOW)
def test_chosen_rows_come_back_and_others_stay(client: Client, shop: TestDatabase, how: dict[str, Any]) -> None:
    before = rows(shop)
    named = back_up(client, tables=["shop.items"])
    damage(shop)
    others = shop.fetch(OTHERS)
    chosen = {"where": {"column": "tenant", "in": [2]}}
    rehearsed = data_of(client.restore(**named, **how, **chosen, dry_run=True))
    done = data_of(client.restore(**named, **how, **chosen, backup_before_restore=True))
    counted = ("rows_inserted", "rows_updated")
    for key in counted:
        assert done["restore_results"]["shop.items"][key] == rehearsed["restore_results"]["shop.items"][key] > 0
    assert shop.fetch(OTHERS) == others
    everything = "SELECT i::text FROM shop.items i WHERE tenant = 2 ORDER BY id"
    assert shop.fetch(everything) == [row for row in before["items"] if row in shop.fetch(everything)]
    after = rows(shop)
    data_of(client.restore(**done["undo"]))
    assert rows(shop) != after
    assert shop.fetch(OTHERS) == others


def test_a_set_of_chosen_rows_replaces_only_these(client: Client, shop: TestDatabase) -> None:
    before = rows(shop)
    named = back_up(client, tables=["shop.items"], where={"column": "tenant", "in": ["1", "2"]})
    shop.execute("DELETE FROM shop.items WHERE tenant <> 3")
    done = data_of(client.restore(**named, strategy="sync"))
    assert "该备份集只含所选的行,其他行保持不变" in done["warnings"]
    assert not any("collection" in text for text in done["warnings"])
    assert rows(shop) == before
    shop.execute("DELETE FROM shop.items WHERE tenant = 1")
    done = data_of(client.restore(**named, where={"column": "tenant", "in": [1]}))
    assert done["warnings"] == []
    assert done["restore_results"]["shop.items"]["rows_restored"] == 20
    assert rows(shop) == before


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({"column": "nothing", "in": [1]}, "nothing"),
        ({"column": "embedding", "in": ["[1,2,3]"]}, "vector"),
        ({"column": "tenant", "in": ["1); DROP TABLE notes; --"]}, "int4"),
        ({"column": "tenant", "in": []}, "where"),
        ({"column": "tenant", "in": [None]}, "where"),
    ],
)
def test_what_rows_cant_be_chosen_by(client: Client, shop: TestDatabase, where: dict[str, Any], text: str) -> None:
    before = rows(shop)
    refused = data_of(client.backup(layout="tables", tables=["shop.items"], where=where), 400)
    assert refused["error_type"] == "INVALID_PARAMS"
    assert text in refused["response"]
    assert rows(shop) == before


def test_tables_come_back_under_other_names(client: Client, shop: TestDatabase) -> None:
    before = rows(shop)
    named = back_up(client, tables=["shop.items", "shop.makers"])
    renamed = {"rename": {"shop.items": "shop.items_old", "shop.makers": "public.makers_old"}, "create_tables": True}
    done = data_of(client.restore(**named, **renamed))
    assert done["created"]["tables"] == ["shop.makers", "shop.items"]
    assert shop.fetch("SELECT i::text FROM shop.items_old i ORDER BY id") == before["items"]
    assert rows(shop) == before
    shop.execute("UPDATE shop.items_old SET title = 'changed' WHERE id < 9")
    changed = shop.fetch("SELECT i::text FROM shop.items_old i ORDER BY id")
    back = {"rename": renamed["rename"], "strategy": "sync", "backup_before_restore": True}
    done = data_of(client.restore(**named, **back))
    assert done["restore_results"]["shop.items"]["rows_updated"] == 8
    assert shop.fetch("SELECT i::text FROM shop.items_old i ORDER BY id") == before["items"]
    data_of(client.restore(**done["undo"]))
    assert shop.fetch("SELECT i::text FROM shop.items_old i ORDER BY id") == changed
    assert rows(shop) == before


def test_rows_are_merged_by_another_unique_key(client: Client, shop: TestDatabase) -> None:
    named = back_up(client, tables=["shop.items"])
    shop.execute("UPDATE shop.items SET title = 'lost', id = id + 1000 WHERE id <= 10")
    how = {"on_conflict": "update", "conflict_key": ["code"]}
    done = data_of(client.restore(**named, **how))
    assert done["restore_results"]["shop.items"]["rows_updated"] == 10
    assert shop.fetch("SELECT count(*) FROM shop.items WHERE title = 'lost'") == [(0,)]
    refused = data_of(client.restore(**named, on_conflict="skip", conflict_key=["title"]), 409)
    assert refused["error_type"] == "SCHEMA_MISMATCH"
    assert data_of(client.restore(**named, conflict_key=["code"]), 400)["error_type"] == "INVALID_PARAMS"


def compare(client: Client, **body: Any) -> dict[str, Any]:
    return data_of(client.post(f"{PREFIX}/compare", data=json.dumps(body)))


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_tables_are_compared_row_by_row(client: Client, shop: TestDatabase, file_format: str) -> None:
    named = back_up(client, tables=["shop.items", "shop.makers"], format=file_format)
    found = compare(client, **named)
    assert found["identical"]
    assert [(one["name"], one["same"]) for one in found["tables"]] == [
        ("shop.makers", 3),
        ("shop.items", 60),
    ]
    shop.execute("DELETE FROM shop.items WHERE id = 3; UPDATE shop.items SET embedding = '[0,-0,1]' WHERE id = 5")
    shop.execute("INSERT INTO shop.items (id, maker, title, tenant) VALUES (99, 1, 'new', 1)")
    (_, items) = compare(client, **named)["tables"]
    assert items["samples"] == {"only_in_backup": ["3"], "only_in_other": ["99"], "different": ["5"]}
    assert items["same"] == 58
    (only,) = compare(client, **named, tables=["items"], where={"column": "tenant", "in": [1]})["tables"]
    assert (only["only_in_backup"], only["only_in_other"], only["different"], only["same"]) == (1, 1, 0, 19)
    later = back_up(client, tables=["shop.items", "shop.makers"])
    (_, items) = compare(client, **named, **{"with": later})["tables"]
    assert items["samples"] == {"only_in_backup": ["3"], "only_in_other": ["99"], "different": ["5"]}
    assert compare(client, **later)["identical"]


CYCLE = """
CREATE TABLE heads (id int PRIMARY KEY, favourite int NOT NULL, embedding vector(2));
CREATE TABLE limbs (id int PRIMARY KEY, head int NOT NULL REFERENCES heads);
INSERT INTO heads SELECT n, n, ARRAY[n, n]::vector FROM generate_series(1, 5) n;
INSERT INTO limbs SELECT n, 6 - n FROM generate_series(1, 5) n;
ALTER TABLE heads ADD CONSTRAINT favourite FOREIGN KEY (favourite) REFERENCES limbs;
"""
DEFERRABLE = "SELECT conname, condeferrable FROM pg_constraint WHERE contype = 'f' AND conname ~ 'limb|fav' ORDER BY 1"


@pytest.mark.parametrize("how", [*HOW, {}])
def test_tables_that_refer_to_one_another(client: Client, database: TestDatabase, how: dict[str, Any]) -> None:
    database.execute(CYCLE)
    before = database.fetch("SELECT h.*, l.* FROM heads h JOIN limbs l ON l.id = h.id ORDER BY 1")
    keys = database.fetch(DEFERRABLE)
    named = back_up(client, tables=["heads"], with_references=True)
    database.execute("UPDATE limbs SET head = 1 WHERE head > 3" if how else "TRUNCATE heads, limbs")
    data_of(client.restore(**named, **how))
    assert database.fetch("SELECT h.*, l.* FROM heads h JOIN limbs l ON l.id = h.id ORDER BY 1") == before
    assert database.fetch(DEFERRABLE) == keys


PARTITIONED = """
CREATE TABLE logs (day date, id int, embedding vector(2), PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
CREATE TABLE logs_a PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE logs_b PARTITION OF logs DEFAULT;
INSERT INTO logs SELECT date '2026-06-01' + n, n, ARRAY[n, 1]::vector FROM generate_series(1, 60) n;
CREATE TABLE parents (id int PRIMARY KEY, embedding vector(2));
CREATE TABLE children (more text) INHERITS (parents);
INSERT INTO parents SELECT n, '[1,1]' FROM generate_series(1, 5) n;
INSERT INTO children SELECT n, '[2,2]', 'x' FROM generate_series(11, 15) n;
"""


@pytest.mark.parametrize("file_format", ["csv", "binary"])
@pytest.mark.parametrize("how", HOW)
def test_partitioned_and_inherited_tables(
    client: Client, database: TestDatabase, file_format: str, how: dict[str, Any]
) -> None:
    database.execute(PARTITIONED)
    everything = [
        "SELECT tableoid::regclass::text, l::text FROM logs l ORDER BY id",
        "SELECT tableoid::regclass::text, p::text FROM parents p ORDER BY id",
        "SELECT c::text FROM children c ORDER BY id",
    ]
    before = [database.fetch(query) for query in everything]
    saved = data_of(client.backup(layout="tables", tables=["logs", "parents"], format=file_format))
    assert [one["row_count"] for one in saved["tables_backed_up"].values()] == [60, 5]
    named = {"backup_path": saved["backup_directory"], "timestamp": saved["backup_timestamp"]}
    database.execute("DELETE FROM logs WHERE id % 3 = 0; UPDATE ONLY parents SET embedding = '[0,0]' WHERE id > 3")
    data_of(client.restore(**named, **how))
    assert [database.fetch(query) for query in everything] == before


@pytest.mark.parametrize(
    ("table", "status", "text"),
    [
        ("public.nothing", 409, "nothing"),
        ("seen", 409, "seen"),
        ("pg_catalog.pg_class", 409, "pg_catalog.pg_class"),
        ("logs_a", 409, "logs_a"),
    ],
)
def test_what_is_no_table_of_rows_is_refused_by_name(
    client: Client, database: TestDatabase, table: str, status: int, text: str
) -> None:
    database.execute(PARTITIONED)
    database.execute("CREATE VIEW seen AS SELECT 1 AS n")
    refused = data_of(client.backup(layout="tables", tables=[table]), status)
    assert refused["error_type"] == "SCHEMA_MISMATCH"
    assert text in refused["response"]


@pytest.mark.parametrize("name", ['quo"te', "do.t", "Capital", "表格 一", "n" * 63, "é" * 31])
def test_names_of_all_kinds(client: Client, database: TestDatabase, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    database.execute(f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} (id int PRIMARY KEY, v vector(2))")
    database.execute(f"INSERT INTO {quoted}.{quoted} VALUES (1, '[1,2]')")
    named = back_up(client, tables=[f"{name}.{name}"])
    database.execute(f"DROP SCHEMA {quoted} CASCADE")
    data_of(client.restore(**named, create_tables=True))
    assert database.fetch(f"SELECT id, v::text FROM {quoted}.{quoted}") == [(1, "[1,2]")]


def test_sets_of_any_tables_are_listed_beside_the_documented_ones(client: Client, shop: TestDatabase) -> None:
    documented = data_of(client.backup())["backup_timestamp"]
    named = back_up(client, tables=["shop.items", "shop.makers"])
    assert [one["timestamp"] for one in sets(client)] == [documented]
    assert [one["timestamp"] for one in sets(client, layout="all")] == [named["timestamp"], documented]
    (found,) = sets(client, layout="tables")
    assert (found["layout"], found["rows"], found["state"]) == ("tables", 63, "vouched")
    assert [(one["name"], one["rows"]) for one in found["tables"]] == [("shop.makers", 3), ("shop.items", 60)]
    assert [one["timestamp"] for one in sets(client, layout="all", q="shop.makers")] == [named["timestamp"]]
    assert sets(client, layout="pgvectorstore") == []


def sets(client: Client, **query: str) -> list[dict[str, Any]]:
    return [one for place in data_of(client.list(**query))["backup_locations"] for one in place["backups"]]


def test_a_set_of_any_tables_goes_out_and_comes_back(client: Client, shop: TestDatabase) -> None:
    before = rows(shop)
    named = back_up(client, tables=["shop.items"])
    place = f"{PREFIX}/backups/global/{named['timestamp']}"
    tar = FlaskClient(client.application).get(f"{place}/download", buffered=True).data
    assert data_of(client.post(f"{place}/verify"))["tables"]["shop.items"]["rows"] == 60
    removed = data_of(client.delete(place))["removed"]
    assert removed == [f"shop.items_{named['timestamp']}.csv", f"vector_backup_{named['timestamp']}.json"]
    assert sets(client, layout="all") == []
    assert (
        data_of(client.post(f"{PREFIX}/backups/upload", data=tar, content_type="application/x-tar"))["verified"] is True
    )
    shop.execute("TRUNCATE shop.items")
    data_of(client.restore(**named))
    assert rows(shop) == before
