"""Probes of any tables: every vector column is searched again after a restore."""

import json
from typing import Any

import pytest

from data_pipeline.sets import manifest as manifests
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of

WARNED = "检索核对"
TABLES = """
CREATE SCHEMA shop;
CREATE TABLE shop.items (
  id bigserial PRIMARY KEY, title text, tenant int, picture vector(4), "Text of it" halfvec(6));
INSERT INTO shop.items (title, tenant, picture, "Text of it")
SELECT 'item ' || n, n % 3, ARRAY[sin(n), cos(n), sin(n * 7), 1]::real[]::vector,
  ARRAY[sin(n), cos(n * 3), sin(n * 5), cos(n * 11), sin(n * 13), 0.5]::real[]::vector::halfvec
FROM generate_series(1, 200) n;
CREATE INDEX ON shop.items USING hnsw (picture vector_l2_ops);
CREATE INDEX ON shop.items USING hnsw ("Text of it" halfvec_cosine_ops);
CREATE TABLE shop.pairs (a int, b int, embedding vector(2), PRIMARY KEY (a, b));
INSERT INTO shop.pairs SELECT n, n, ARRAY[n, 1]::vector FROM generate_series(1, 5) n;
"""
PICTURE, TEXT = ("shop.items", "picture", "l2"), ("shop.items", "Text of it", "cosine")


@pytest.fixture
def shop(database: TestDatabase) -> TestDatabase:
    database.execute(TABLES)
    return database


def back_up(client: Client, **body: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Its answer, and the body that restores it."""
    done = data_of(client.backup(layout="tables", **{"tables": ["shop.items"], "probes": 20, **body}))
    return done, {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def warned(answer: dict[str, Any]) -> list[str]:
    return [text for text in answer["warnings"] if WARNED in text]


def test_searches_of_every_vector_column_are_remembered_and_repeated(
    client: Client, shop: TestDatabase, backups: Any
) -> None:
    done, named = back_up(client)
    assert (done["probes"]["count"], done["probes"]["recall"] > 0.8) == (20, True)
    assert "distance" not in done["probes"]  # the two columns differ in it
    document = json.loads((backups.directory() / f"vector_backup_{done['backup_timestamp']}.json").read_text())
    assert "probes" not in document
    remembered = document["column_probes"]
    assert [(one["table"], one["column"], one["distance"], len(one["rows"])) for one in remembered] == [
        (*PICTURE, 10),
        (*TEXT, 10),
    ]
    (asked,) = shop.fetch(
        "SELECT id::text, picture::text, (SELECT json_agg(o.id::text) FROM (SELECT id FROM shop.items"
        " WHERE id <> i.id ORDER BY picture <-> i.picture LIMIT 10) o) FROM shop.items i WHERE id = %s",
        (int(remembered[0]["rows"][0]["id"]),),
    )
    probe = remembered[0]["rows"][0]
    assert (probe["id"], probe["embedding"], [one["id"] for one in probe["neighbours"]]) == asked
    shown = data_of(client.get(f"/api/v0/data_pipeline/vector/backups/global/{done['backup_timestamp']}"))
    assert [(one["column"], one["rows"]) for one in shown["manifest"]["column_probes"]] == [
        ("picture", 10),
        ("Text of it", 10),
    ]

    shop.execute(
        "UPDATE shop.items SET picture = '[0,0,0,1]' WHERE id % 2 = 0; DELETE FROM shop.items WHERE id % 3 = 0"
    )
    answer = data_of(client.restore(**named, truncate_before_restore=True))
    check = answer["search_check"]
    assert (check["performed"], check["probes"], check["exact_matches"]) == (True, 20, 20)
    assert check["recall_at_backup"] == done["probes"]["recall"]
    assert [(one["table"], one["column"], one["distance"]) for one in check["columns"]] == [PICTURE, TEXT]
    assert [(one["probes"], one["exact_matches"], one["recall"] > 0.8) for one in check["columns"]] == [
        (10, 10, True),
        (10, 10, True),
    ]
    assert warned(answer) == []


def test_tables_under_other_names_are_searched_there(client: Client, shop: TestDatabase) -> None:
    _, named = back_up(client)
    shop.execute("UPDATE shop.items SET picture = '[0,0,0,1]'")  # the original is none of the restore's
    answer = data_of(client.restore(**named, rename={"shop.items": "public.items_old"}, create_tables=True))
    assert (answer["search_check"]["probes"], answer["search_check"]["exact_matches"]) == (20, 20)
    shop.execute("ALTER TABLE items_old DROP COLUMN picture")
    shop.execute("ALTER TABLE items_old ADD COLUMN picture vector(4)")
    answer = data_of(client.restore(**named, rename={"shop.items": "public.items_old"}, truncate_before_restore=True))
    assert [one["exact_matches"] for one in answer["search_check"]["columns"]] == [10, 10]
    (lost,) = warned(answer)  # its index went with the column
    assert lost.endswith("shop.items.picture")


def test_a_search_that_finds_other_rows_is_warned_of_by_its_column(
    client: Client, shop: TestDatabase, backups: Any
) -> None:
    done, named = back_up(client)
    path = backups.directory() / f"vector_backup_{done['backup_timestamp']}.json"
    document = json.loads(path.read_text())
    for probe in document["column_probes"][0]["rows"]:  # as a search that found another row
        probe["neighbours"][0] |= {"id": "elsewhere", "distance": 0.0}
    del document["sha256"], document["format_version"]
    path.write_bytes(manifests.dump(document))
    answer = data_of(client.restore(**named, truncate_before_restore=True))
    assert [one["exact_matches"] for one in answer["search_check"]["columns"]] == [0, 10]
    assert warned(answer) == ["检索核对: 精确最近邻与备份时不同: shop.items.picture"]


def test_of_chosen_rows_and_of_what_cant_be_searched_nothing_is_remembered(client: Client, shop: TestDatabase) -> None:
    chosen = {"column": "tenant", "in": [1]}
    done, named = back_up(client, where=chosen)
    assert "probes" not in done
    assert "备份只包含所选的行,未记录检索探针" in done["warnings"]
    assert "search_check" not in data_of(client.restore(**named, strategy="sync"))
    _, named = back_up(client)
    assert "search_check" not in data_of(client.restore(**named, where=chosen, strategy="sync"))
    done, named = back_up(client, tables=["shop.pairs"])
    assert [text for text in done["warnings"] if "shop.pairs.embedding" in text]
    assert "search_check" not in data_of(client.restore(**named, strategy="sync"))


def test_tables_of_pgvectorstore_are_searched(client: Client, database: TestDatabase) -> None:
    database.execute(
        "CREATE TABLE docs (langchain_id uuid PRIMARY KEY, content text NOT NULL, embedding vector(2) NOT NULL,"
        " langchain_metadata json);"
        "INSERT INTO docs SELECT gen_random_uuid(), 'text', ARRAY[n, 1]::vector FROM generate_series(1, 30) n"
    )
    done = data_of(client.backup(layout="pgvectorstore", probes=5))
    assert done["probes"] == {"count": 5, "distance": "cosine", "recall": None}
    database.execute("DROP TABLE docs")
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    check = data_of(client.restore(**named, create_tables=True))["search_check"]
    (column,) = check.pop("columns")
    assert (check["probes"], check["exact_matches"], check["distance"]) == (5, 5, "cosine")
    assert (column["table"], column["column"], column["exact_matches"]) == ("public.docs", "embedding", 5)
