"""Between PostgreSQL and Milvus: rows go over to the bit, in both directions, and LangChain's classes read them."""

import json
import struct
from contextlib import closing
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.milvus.conftest import Service, named
from tests.integration.milvus.rows import held, make_plain
from tests.support.names import DOCS

VECTORS = ["[-0,0,1e-45]", "[3.4028235e+38,-1.1754944e-38,0.1]", "[1.0000001,16777217,7e-46]"]


@pytest.fixture
def rows(database: TestDatabase) -> list[tuple[Any, ...]]:
    """One of LangChain's collections."""
    made = [
        (f"id {n}", DOCS, VECTORS[n % 3], f"文本 {n}", json.dumps({"n": n, "深": {"x": [1, None]}})) for n in range(60)
    ]
    with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO langchain_pg_collection (uuid, name) VALUES (%s, 'docs')", (DOCS,))
        cursor.executemany("INSERT INTO langchain_pg_embedding VALUES (%s, %s, %s, %s, %s)", made)
        cursor.execute(
            "ALTER TABLE langchain_pg_embedding ALTER embedding TYPE vector(3);"
            " CREATE INDEX ON langchain_pg_embedding USING hnsw (embedding vector_l2_ops)"
        )
    return made


def of_postgres(service: Service, **body: Any) -> dict[str, Any]:
    return named(service.client.post(f"{PREFIX}/backup", data=json.dumps(body)).get_json()["data"])


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_langchains_rows_go_to_milvus_and_back(
    service: Service, pymilvus: Any, database: TestDatabase, rows: Any, bits: Any, file_format: str
) -> None:
    before = bits(database)[1:]
    chosen = of_postgres(service, format=file_format)
    done = service.restore(chosen)
    assert done["restore_results"]["docs"]["rows"] == 60
    (first,) = pymilvus.query("docs", filter='pk == "id 0"', output_fields=["*"])
    assert struct.pack("<3f", *first["vector"]) == struct.pack("<3f", -0.0, 0.0, 1e-45)
    assert (first["text"], first["n"], first["深"]) == ("文本 0", 0, {"x": [1, None]})
    assert service.done("compare", set=chosen, target="milvus")["identical"] is True
    back = service.backup()
    assert service.done("compare", set=chosen, **{"with": back})["identical"] is True
    database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    into = {"layout": "langchain"}
    service.done("restore", set=back, target="main", into=into)
    assert len(bits(database)[1:]) == len(before) == 60
    live = service.done("compare", set=back, target="main", into=into)
    assert (live["identical"], live["warnings"]) == (True, [])
    again = of_postgres(service, format=file_format)
    assert service.done("compare", set=again, **{"with": back})["identical"] is True


def test_the_general_restore_goes_into_milvus(service: Service, pymilvus: Any, rows: Any) -> None:
    chosen = of_postgres(service)
    body = {**chosen, "into": {"layout": "milvus", "target": "milvus"}, "dry_run": True}
    told = service.client.post(f"{PREFIX}/restore", data=json.dumps(body))
    assert told.get_json()["data"]["restore_results"]["docs"]["action"] == "would_create"
    assert pymilvus.list_collections() == []
    done = service.client.post(f"{PREFIX}/restore", data=json.dumps({**body, "dry_run": False}))
    assert done.status_code == 200, done.text
    assert len(held(pymilvus, "docs")) == 60


def test_any_table_becomes_a_collection_and_a_table_again(
    service: Service, pymilvus: Any, database: TestDatabase
) -> None:
    database.execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, v vector(2) NOT NULL, s sparsevec(9) NOT NULL, name text,"
        " ok boolean, n integer, price double precision, tags text[], counts integer[], doc jsonb);"
        " INSERT INTO items SELECT n, ARRAY[n, -0.5]::vector, '{1:0.5,7:2}/9',"
        " CASE WHEN n % 2 = 0 THEN '名' || n END, n % 2 = 0, n, n / 3.0, ARRAY['a', '中'], ARRAY[n, 2],"
        " jsonb_build_object('n', n) FROM generate_series(1, 50) n"
    )
    chosen = of_postgres(service, layout="tables", tables=["public.items"])
    assert service.restore(chosen)["restore_results"]["items"]["rows"] == 50
    (row,) = pymilvus.query("items", filter="id == 3", output_fields=["*"])
    assert (row["name"], row["n"], list(row["tags"]), list(row["counts"])) == (None, 3, ["a", "中"], [3, 2])
    back = service.backup()
    into = {"layout": "tables", "tables": {"items": "public.items_again"}}
    service.done("restore", set=back, target="main", into=into)
    different = database.fetch(
        "SELECT count(*) FROM items a FULL JOIN items_again b USING (id)"
        " WHERE row(a.v, a.name, a.ok, a.n, a.price, a.tags, a.counts, a.doc)::record"
        " IS DISTINCT FROM row(b.v, b.name, b.ok, b.n, b.price, b.tags, b.counts, b.doc)::record"
    )
    assert different == [(0,)]
    assert service.done("compare", set=back, target="main", into=into)["identical"] is True
    database.execute(
        "UPDATE items_again SET v = '[3,-0.50000006]' WHERE id = 3; DELETE FROM items_again WHERE id = 4;"
        "INSERT INTO items_again (id, v, s) VALUES (77, '[1,2]', '{}/9'); ALTER TABLE items_again ADD cost numeric"
    )
    found = service.done("compare", set=back, target="main", into=into)
    (told,) = found["collections"]
    assert (told["same"], told["different"], told["only_in_backup"], told["only_in_other"]) == (48, 1, 1, 1)
    assert told["samples"] == {"different": ["3"], "only_in_backup": ["4"], "only_in_other": ["77"]}
    assert "cost" in found["warnings"][0]
    assert service.refused("compare", set=chosen, target="main", into=into) == (400, "INVALID_PARAMS")
    assert service.refused("compare", set=back, target="milvus", into=into) == (400, "INVALID_PARAMS")


def test_documents_of_milvus_become_a_table_of_pgvectorstore(
    service: Service, pymilvus: Any, database: TestDatabase
) -> None:
    make_plain(pymilvus, "docs", 30)
    chosen = service.backup()
    told = service.done("restore", set=chosen, target="main", into={"layout": "pgvectorstore"}, dry_run=True)
    assert told["problems"] == []
    service.done("restore", set=chosen, target="main", into={"layout": "pgvectorstore"})
    found = database.fetch("SELECT langchain_id, content, embedding::text FROM docs WHERE langchain_id = '7'")
    assert found == [("7", "text 7", "[7,2,3,4,5,6,7,8]")]
    assert service.done("compare", set=chosen, target="main", into={"layout": "pgvectorstore"})["identical"] is True
    missing = {"layout": "pgvectorstore", "tables": {"docs": "public.nothing"}}
    assert service.refused("compare", set=chosen, target="main", into=missing) == (409, "SCHEMA_MISMATCH")


def test_what_has_no_counterpart_is_refused(service: Service, pymilvus: Any, database: TestDatabase) -> None:
    database.execute(
        "CREATE TABLE odd (id text PRIMARY KEY, v vector(2) NOT NULL, cost numeric);"
        "INSERT INTO odd VALUES ('a', '[1,2]', 1.5);"
        "CREATE TABLE bare (id text PRIMARY KEY, v vector(2)); INSERT INTO bare VALUES ('a', NULL);"
    )
    for table in ("odd", "bare"):
        chosen = of_postgres(service, layout="tables", tables=[f"public.{table}"])
        assert service.refused("restore", set=chosen, target="milvus") == (409, "SCHEMA_MISMATCH")
    assert pymilvus.list_collections() == []


def test_nan_is_refused_by_postgresql(service: Service, pymilvus: Any, database: TestDatabase) -> None:
    make_plain(pymilvus, "docs", 3)
    pymilvus.upsert("docs", [{"id": 1, "v": [float("nan")] * 8, "text": "x"}])
    chosen = service.backup()
    for layout in ("langchain", "pgvectorstore", "tables"):
        status, data = service.call("restore", set=chosen, target="main", into={"layout": layout})
        assert (status, data["error_type"]) == (409, "SCHEMA_MISMATCH")
        assert data["details"]["field"] == "v"
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]
