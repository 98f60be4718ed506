"""Probes in a backup, and the search_check of the restores from it."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.sets import manifest as manifests
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import DOCS

NOTES = "33333333-3333-4333-8333-333333333333"
HNSW = "CREATE INDEX nearest ON langchain_pg_embedding USING hnsw ((embedding::vector(8)) vector_cosine_ops)"
WARNED = "检索核对"


def fill(database: TestDatabase, rows: int = 200) -> None:
    """Two collections of random vectors of 8 dimensions, the smaller one of three rows; the same every time."""
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'docs'), (%s, 'notes')", (DOCS, NOTES))
    database.execute(
        "SELECT setseed(0.5);"
        "INSERT INTO langchain_pg_embedding (id, collection_id, embedding)"
        " SELECT 'n' || n, CASE WHEN n <= 3 THEN %s ELSE %s END::uuid,"
        "  ARRAY(SELECT random() - 0.5 + n * 0 FROM generate_series(1, 8))::real[]::vector"
        " FROM generate_series(1, %s) n",
        (NOTES, DOCS, rows),
    )


def backup(client: Client, **body: Any) -> dict[str, Any]:
    response = client.backup(**body)
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


def named(done: dict[str, Any]) -> dict[str, str]:
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def restore(client: Client, done: dict[str, Any], **body: Any) -> dict[str, Any]:
    response = client.restore(**named(done), **body)
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


def manifest(backups: Any, done: dict[str, Any]) -> dict[str, Any]:
    path = backups.directory() / f"vector_backup_{done['backup_timestamp']}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def cosine(one: list[float], other: list[float]) -> float:
    return 1 - sum(a * b for a, b in zip(one, other, strict=True)) / math.dist(one, [0] * 8) / math.dist(other, [0] * 8)


def warned(answer: dict[str, Any]) -> list[str]:
    return [text for text in answer["warnings"] if text.startswith(WARNED)]


def test_a_backup_remembers_rows_with_their_nearest_neighbours(
    client: Client, database: TestDatabase, backups: Any
) -> None:
    fill(database)
    done = backup(client, probes=20)
    vectors = {
        key: (place, json.loads(text))
        for key, place, text in database.fetch("SELECT id, collection_id, embedding::text FROM langchain_pg_embedding")
    }
    probes = manifest(backups, done)["probes"]
    assert done["probes"] == {"count": 20, "distance": "cosine", "recall": None}
    assert len({probe["id"] for probe in probes["rows"]}) == 20
    assert sum(probe["collection"] == NOTES for probe in probes["rows"]) == 3
    for probe in probes["rows"]:
        place, vector = vectors[probe["id"]]
        assert (probe["collection"], json.loads(probe["embedding"])) == (place, vector)
        others = {key: v for key, (where, v) in vectors.items() if where == place and key != probe["id"]}
        nearest = sorted(others, key=lambda key: cosine(vector, others[key]))[:10]
        assert [one["id"] for one in probe["neighbours"]] == nearest
        assert [one["distance"] for one in probe["neighbours"]] == pytest.approx(
            [cosine(vector, others[key]) for key in nearest], abs=1e-6
        )


@pytest.mark.parametrize("body", [{"truncate_before_restore": True}, {"strategy": "sync"}, {}], ids=str)
@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_after_a_restore_every_search_finds_the_same(
    client: Client, database: TestDatabase, body: dict[str, Any], file_format: str
) -> None:
    fill(database)
    database.execute(HNSW)
    done = backup(client, probes=10, format=file_format)
    # LangChain's search asks the index for the nearest of all collections: it hardly finds those of a small one.
    assert done["probes"]["recall"] > 0.6
    database.execute("TRUNCATE langchain_pg_embedding, langchain_pg_collection")
    answer = restore(client, done, **body)
    check = answer["search_check"]
    assert (check["performed"], check["distance"], check["probes"]) == (True, "cosine", 10)
    assert check["exact_matches"] == 10
    assert (check["recall_at_backup"], check["recall"] > 0.6) == (done["probes"]["recall"], True)
    assert warned(answer) == []


@pytest.mark.parametrize(
    ("operator_class", "distance"),
    [("vector_l2_ops", "l2"), ("vector_ip_ops", "inner_product"), ("vector_l1_ops", "l1"), ("halfvec_l2_ops", "l2")],
)
def test_searches_go_by_the_distance_of_the_index_there_is(
    client: Client, database: TestDatabase, operator_class: str, distance: str
) -> None:
    fill(database)
    kind = operator_class.partition("_")[0]
    database.execute(
        f"CREATE INDEX ON langchain_pg_embedding USING hnsw ((embedding::{kind}(8)) {operator_class})"
        f" WHERE collection_id = '{DOCS}'"
    )
    done = backup(client, probes=8)
    assert (done["probes"]["distance"], done["probes"]["recall"] > 0.8) == (distance, True)
    check = restore(client, done, truncate_before_restore=True)["search_check"]
    assert (check["exact_matches"], check["recall"] > 0.8) == (8, True)


def test_an_index_that_finds_less_is_warned_of(
    client: Client, database: TestDatabase, second_database: TestDatabase, make_client: Callable[..., Client]
) -> None:
    fill(database, 2000)
    database.execute(HNSW)
    done = backup(client, probes=20)
    fill(second_database, 2000)
    second_database.execute(
        "CREATE INDEX ON langchain_pg_embedding USING ivfflat ((embedding::vector(8)) vector_cosine_ops)"
        " WITH (lists = 500)"
    )
    answer = restore(make_client(DATABASE_URL=second_database.url), done, truncate_before_restore=True)
    check = answer["search_check"]
    assert check["exact_matches"] == 20
    assert check["recall"] < check["recall_at_backup"] - 0.05
    assert len(warned(answer)) == 1
    assert f"{check['recall']:.2f}" in warned(answer)[0]


def test_an_index_that_is_no_more_is_warned_of(client: Client, database: TestDatabase) -> None:
    fill(database)
    database.execute(HNSW)
    done = backup(client, probes=5)
    database.execute("DROP INDEX nearest")
    answer = restore(client, done, truncate_before_restore=True)
    assert answer["search_check"]["recall"] is None
    assert len(warned(answer)) == 1


def test_rows_that_somebody_added_are_found_and_warned_of_only_where_none_should_be(
    client: Client, database: TestDatabase, backups: Any
) -> None:
    fill(database)
    done = backup(client, probes=10)
    database.execute("UPDATE langchain_pg_embedding SET id = 'my ' || id")
    answer = restore(client, done, tables=["langchain_pg_embedding"])
    assert answer["search_check"]["exact_matches"] < 10
    assert warned(answer) == []
    document = manifest(backups, done)
    for probe in document["probes"]["rows"]:  # as a search that found another row
        probe["neighbours"][0] |= {"id": "elsewhere", "distance": 0.0}
    rewrite(backups, done, document)
    assert warned(restore(client, done, truncate_before_restore=True)) == ["检索核对: 精确最近邻与备份时不同"]


def test_equally_near_rows_may_come_in_any_order(client: Client, database: TestDatabase, backups: Any) -> None:
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'docs')", (DOCS,))
    database.execute(
        "INSERT INTO langchain_pg_embedding"
        " SELECT 'n' || n, %s::uuid, CASE WHEN n < 30 THEN '[1,2]' ELSE '[2,1]' END::vector"
        " FROM generate_series(1, 40) n",
        (DOCS,),
    )
    done = backup(client, probes=40)
    document = manifest(backups, done)
    for probe in document["probes"]["rows"]:  # as a server of another mind would have chosen
        own = range(1, 30) if probe["embedding"] == "[1,2]" else range(30, 41)
        others = [f"n{number}" for number in reversed(own) if f"n{number}" != probe["id"]]
        for neighbour, other in zip(probe["neighbours"], others, strict=False):
            neighbour["id"] = other
    rewrite(backups, done, document)
    assert restore(client, done, truncate_before_restore=True)["search_check"]["exact_matches"] == 40


def test_rows_with_nothing_to_find_are_no_probes(client: Client, database: TestDatabase) -> None:
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'docs'), (%s, 'alone')", (DOCS, NOTES))
    database.execute(
        "INSERT INTO langchain_pg_embedding (id, collection_id, embedding) VALUES ('a', %(d)s, '[1,2]'),"
        " ('b', %(d)s, '[2,1]'), ('zero', %(d)s, '[0,0]'), ('none', %(d)s, NULL), ('long', %(d)s, '[1,2,3]'),"
        " ('alone', %(n)s, '[1,2]'), ('lost', NULL, '[1,2]')",
        {"d": DOCS, "n": NOTES},
    )
    done = backup(client, probes=100)
    assert done["probes"]["count"] == 2
    assert restore(client, done, truncate_before_restore=True)["search_check"]["exact_matches"] == 2


def test_a_collection_made_anew_under_its_name_is_searched_in_its_place(
    client: Client, old_database: TestDatabase, make_client: Callable[..., Client]
) -> None:
    client = make_client(DATABASE_URL=old_database.url)
    old_database.execute("INSERT INTO langchain_pg_collection (uuid, name) VALUES (%s, 'docs')", (DOCS,))
    old_database.execute(
        "INSERT INTO langchain_pg_embedding (uuid, collection_id, embedding)"
        " SELECT gen_random_uuid(), %s::uuid, '[1,2]' FROM generate_series(1, 15)",
        (DOCS,),
    )
    done = backup(client, probes=5)
    check = restore(client, done, truncate_before_restore=True)["search_check"]
    assert (check["probes"], check["exact_matches"]) == (5, 5)


@pytest.mark.parametrize("suffix", [" copy", "-100%s'"])
def test_copies_are_searched_under_their_new_names(client: Client, database: TestDatabase, suffix: str) -> None:
    fill(database)
    done = backup(client, probes=10)
    answer = restore(client, done, collection_suffix=suffix)
    assert (answer["search_check"]["probes"], answer["search_check"]["exact_matches"]) == (10, 10)
    assert warned(answer) == []


def test_old_copies_are_searched_under_their_new_uuids(
    old_database: TestDatabase, make_client: Callable[..., Client]
) -> None:
    client = make_client(DATABASE_URL=old_database.url)
    old_database.execute("INSERT INTO langchain_pg_collection (uuid, name) VALUES (%s, 'docs')", (DOCS,))
    old_database.execute(
        "INSERT INTO langchain_pg_embedding (uuid, collection_id, embedding)"
        " SELECT gen_random_uuid(), %s::uuid, ARRAY[n, 1]::vector FROM generate_series(1, 15) n",
        (DOCS,),
    )
    check = restore(client, backup(client, probes=5), collection_suffix=" copy")["search_check"]
    assert (check["probes"], check["exact_matches"]) == (5, 5)


def test_only_the_chosen_collections_are_searched(client: Client, database: TestDatabase) -> None:
    fill(database)
    done = backup(client, probes=10)
    answer = restore(client, done, collections=["notes"], truncate_before_restore=True)
    assert (answer["search_check"]["probes"], answer["search_check"]["exact_matches"]) == (3, 3)
    done = backup(client, probes=10, collections=["notes"])
    assert done["probes"]["count"] == 3


def test_a_merge_is_searched_in_the_collection_of_the_same_name(client: Client, database: TestDatabase) -> None:
    fill(database)
    done = backup(client, probes=10)
    database.execute("TRUNCATE langchain_pg_embedding, langchain_pg_collection")
    database.execute("INSERT INTO langchain_pg_collection VALUES (gen_random_uuid(), 'docs')")
    answer = restore(client, done, on_conflict="update")
    assert (answer["search_check"]["probes"], answer["search_check"]["exact_matches"]) == (10, 10)


def test_a_check_that_fails_undoes_nothing(client: Client, database: TestDatabase, bits: Any, backups: Any) -> None:
    fill(database)
    done = backup(client, probes=5)
    before = bits(database)
    document = manifest(backups, done)
    document["probes"]["rows"][2]["embedding"] = "[1e,2]"  # the server refuses it
    rewrite(backups, done, document)
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'n7'")
    answer = restore(client, done, truncate_before_restore=True)
    assert answer["restore_performed"] is True
    assert answer["search_check"]["probes"] == 2
    assert answer["warnings"] == ["检索核对未能完成,恢复本身不受影响"]
    assert bits(database) == before


def test_without_probes_or_embeddings_nothing_is_checked(client: Client, database: TestDatabase) -> None:
    fill(database)
    plain, done = backup(client), backup(client, probes=5)
    assert "probes" not in plain
    assert "search_check" not in restore(client, plain, truncate_before_restore=True)
    database.execute("TRUNCATE langchain_pg_embedding, langchain_pg_collection")
    assert "search_check" not in restore(client, done, tables=["langchain_pg_collection"])


def test_a_manifest_shows_how_many_probes_it_has(client: Client, database: TestDatabase) -> None:
    fill(database)
    done = backup(client, probes=5, truncate_vector_tables=True)
    shown = client.get(f"/api/v0/data_pipeline/vector/backups/global/{done['backup_timestamp']}").get_json()["data"]
    assert shown["manifest"]["probes"] == {"distance": "cosine", "recall": None, "rows": 5}


@pytest.mark.parametrize("probes", [-1, 101, "20", True, 1.5, [20]])
def test_a_number_of_probes_that_cannot_be_is_refused(client: Client, probes: Any) -> None:
    response = client.backup(probes=probes)
    assert (response.status_code, response.get_json()["data"]["details"]) == (400, {"field": "probes"})


def rewrite(backups: Any, done: dict[str, Any], document: dict[str, Any]) -> None:
    """Put a changed manifest in place of the one that was written, with its checksum."""
    del document["sha256"], document["format_version"]
    path = backups.directory() / f"vector_backup_{done['backup_timestamp']}.json"
    path.write_bytes(manifests.dump(document))
