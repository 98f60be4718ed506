"""GET /tables and the command: what there is to back up."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_command_line import CommandLine
from tests.integration.test_command_line import env as env
from tests.integration.test_command_line import run as run
from tests.support.answers import data_of, failure
from tests.support.names import COLLECTION, EMBEDDING

STORE = "(id uuid PRIMARY KEY, body text NOT NULL, v vector(3) NOT NULL)"
NOWHERE = "postgresql://postgres@127.0.0.1:1/app"


def listed(client: Client, **query: str) -> dict[str, Any]:
    """The tables of an answer, by their names with the schema."""
    data = data_of(client.get(f"{PREFIX}/tables", query_string=query))
    return {f"{one['schema']}.{one['name']}": one for one in data["tables"]}


def test_the_configured_database_is_listed(client: Client, database: TestDatabase) -> None:
    database.execute(
        f"CREATE TABLE kb {STORE}; CREATE TABLE split (n int, v vector(2)) PARTITION BY RANGE (n);"
        "CREATE TABLE low PARTITION OF split FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE parent (n int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);"
        "CREATE VIEW seen AS SELECT v FROM kb"
    )
    response = client.get(f"{PREFIX}/tables", headers={"Accept-Language": "en"})
    data = data_of(response)
    assert data["response"] == "7 tables found, 4 of them with vector columns"
    assert data["summary"] == {"tables": 7, "with_vectors": 4, "impossible": 1}
    assert data["target"]["dbname"] == database.dbname
    tables = {one["name"]: one for one in data["tables"]}
    assert [tables["kb"][key] for key in ("layout", "recognised_as", "vectors", "primary_key")] == [
        "pgvectorstore",
        "pgvectorstore",
        [{"column": "v", "type": "vector", "dimensions": 3}],
        ["id"],
    ]
    assert (tables[EMBEDDING]["layout"], tables[COLLECTION]["recognised_as"]) == ("langchain", "langchain")
    assert tables["split"]["partitions"] == ["public.low"]
    assert (tables["child"]["inherits"], tables["child"]["layout"]) == (["public.parent"], "tables")
    assert tables["child"]["notes"] == [
        "it has no primary or unique key: it can be replaced or appended to, not synced or merged"
    ]
    assert (tables["seen"]["can_be_backed_up"], tables["seen"]["why_not"]) == (
        False,
        "it is a view",
    )
    assert "low" not in tables


def test_a_target_is_named_and_never_written_out(
    make_client: Callable[..., Client], database: TestDatabase, second_database: TestDatabase
) -> None:
    second_database.execute(f"CREATE SCHEMA app; CREATE TABLE app.kb {STORE}")
    targets = {"staging": {"url": second_database.url, "schema": "app"}, "down": NOWHERE}
    client = make_client(DATABASE_URL=database.url, TARGETS=json.dumps(targets))
    assert "app.kb" not in listed(client)
    tables = listed(client, target="staging")
    assert tables["app.kb"]["layout"] == "pgvectorstore"
    # A backup of LangChain's tables would look for them in the schema `app`.
    assert (tables[f"public.{EMBEDDING}"]["recognised_as"], tables[f"public.{EMBEDDING}"]["layout"]) == (
        "langchain",
        "tables",
    )
    for wrong in ("production", second_database.url):
        response = client.get(f"{PREFIX}/tables", query_string={"target": wrong})
        assert failure(response) == (400, "INVALID_PARAMS")
        assert response.get_json()["data"]["response"] == "未配置该目标数据库,可用的目标: staging, down"
        assert wrong not in response.text
    assert failure(client.get(f"{PREFIX}/tables?target=")) == (400, "INVALID_PARAMS")
    assert failure(client.get(f"{PREFIX}/tables?target=down")) == (500, "DATABASE_ERROR")


def test_langchains_tables_with_partitions_go_with_any_tables(client: Client, database: TestDatabase) -> None:
    database.execute(
        f"DROP TABLE {EMBEDDING};"
        f"CREATE TABLE {EMBEDDING} (id varchar, collection_id uuid, embedding vector, document text, cmetadata jsonb,"
        "  PRIMARY KEY (id, collection_id)) PARTITION BY HASH (collection_id);"
        f"CREATE TABLE part PARTITION OF {EMBEDDING} FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
    )
    tables = listed(client)
    assert {one["layout"] for one in tables.values()} == {"tables"}
    assert {one["recognised_as"] for one in tables.values()} == {"langchain"}
    assert failure(client.backup()) == (409, "SCHEMA_MISMATCH")
    assert data_of(client.backup(layout="tables", tables=sorted(tables)))["backup_performed"]


def test_a_store_is_told_from_a_table_of_its_name_elsewhere(client: Client, database: TestDatabase) -> None:
    database.execute(f"CREATE TABLE kb {STORE}; CREATE SCHEMA other; CREATE TABLE other.kb (n int)")
    assert data_of(client.backup(layout="pgvectorstore", tables=["kb"]))["tables_backed_up"].keys() == {"public.kb"}
    assert failure(client.backup(layout="pgvectorstore", tables=["other.kb"])) == (409, "SCHEMA_MISMATCH")


def test_a_reader_may_look(make_client: Callable[..., Client], database: TestDatabase) -> None:
    client = make_client(
        DATABASE_URL=database.url, API_TOKEN="all-of-it-0123456789", API_READ_TOKEN="looking-0123456789"
    )
    assert failure(client.get(f"{PREFIX}/tables")) == (401, "UNAUTHORIZED")
    assert data_of(client.get(f"{PREFIX}/tables", headers={"Authorization": "Bearer looking-0123456789"}))


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_tells_the_same(run: CommandLine, database: TestDatabase, as_json: bool) -> None:
    database.execute(f"CREATE TABLE kb {STORE}; CREATE VIEW seen AS SELECT v FROM kb; ANALYZE kb")
    done = run("tables", *(["--json"] if as_json else []))
    assert done.status == 0
    if as_json:
        assert [one["name"] for one in done.data["tables"]] == ["kb", COLLECTION, EMBEDDING, "seen"]
        return
    lines = done.out.splitlines()
    assert lines[0].startswith("找到 4 张表,其中 3 张含向量列 (")
    assert lines[1].split() == ["table", "what", "vectors", "rows", "size", "can't", "be", "backed", "up"]
    assert lines[2].split() == ["public.kb", "pgvectorstore", "v", "vector(3)", "0", "8", "KB"]
    assert lines[5].split()[:4] == ["public.seen", "view", "v", "vector(3)"]
    assert lines[5].endswith("是视图")


def test_the_command_refuses_an_unknown_target(run: CommandLine) -> None:
    done = run("tables", "--target", "nowhere")
    assert (done.status, done.out) == (2, "")
    assert "INVALID_PARAMS" in done.err
