"""Tables that can't be backed up or restored: refused by name, before anything is touched."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.signed import signed
from tests.support.answers import data_of, failure

KB = "CREATE TABLE kb (id int PRIMARY KEY, v vector(2)); INSERT INTO kb VALUES (1, '[1,2]'), (2, NULL)"
KEYLESS = "CREATE TABLE loose (body text, v vector(2)); INSERT INTO loose VALUES ('a', '[1,2]'), ('a', '[1,2]')"
CYCLE = """
CREATE TABLE heads (id int PRIMARY KEY, limb int NOT NULL, v vector(2));
CREATE TABLE limbs (id int PRIMARY KEY, head int NOT NULL REFERENCES heads);
INSERT INTO heads VALUES (1, 1, '[1,2]'); INSERT INTO limbs VALUES (1, 1);
ALTER TABLE heads ADD CONSTRAINT limb_of FOREIGN KEY (limb) REFERENCES limbs;
"""


def back_up(client: Client, *tables: str, **more: Any) -> dict[str, str]:
    done = data_of(client.backup(layout="tables", tables=list(tables), **more))
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def test_a_foreign_table_is_refused_by_name(client: Client, database: TestDatabase) -> None:
    database.execute(
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;"
        "CREATE FOREIGN TABLE far (embedding vector(3)) SERVER nowhere"
    )
    refused = data_of(client.backup(layout="tables", tables=["far"]), 409)
    assert (refused["error_type"], refused["details"]["table"]) == ("SCHEMA_MISMATCH", "public.far")


def test_what_a_role_may_not_use_or_read_is_named(
    make_client: Any, client: Client, database: TestDatabase, role: Any
) -> None:
    database.execute(
        f"{KB}; CREATE SCHEMA hidden; CREATE TABLE hidden.one (n int); GRANT SELECT ON hidden.one TO {role.name}"
    )
    as_role = make_client(DATABASE_URL=role.url)
    for table, privilege in (("hidden.one", "USAGE"), ("public.kb", "SELECT")):
        refused = data_of(as_role.backup(layout="tables", tables=[table]), 403)
        assert refused["error_type"] == "PERMISSION_DENIED"
        assert refused["details"]["table"] == table
        assert refused["details"]["privileges"] == [privilege]
    named = back_up(client, "kb")
    database.execute("UPDATE kb SET v = NULL")
    assert data_of(as_role.restore(**named, strategy="sync"), 403)["error_type"] == "PERMISSION_DENIED"
    assert database.fetch("SELECT count(v) FROM kb") == [(0,)]


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_a_type_that_has_vanished_is_named_with_its_column(
    client: Client, database: TestDatabase, file_format: str
) -> None:
    database.execute(
        "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE kb (id int PRIMARY KEY, m mood, v vector(2))"
    )
    database.execute("INSERT INTO kb VALUES (1, 'glad', '[1,2]')")
    named = back_up(client, "kb", format=file_format)
    database.execute("DROP TABLE kb; DROP TYPE mood; CREATE TABLE beside (n int)")
    refused = data_of(client.restore(**named, create_tables=True), 409)
    assert refused["error_type"] == "SCHEMA_MISMATCH"
    assert (refused["details"]["table"], refused["details"]["column"]) == ("public.kb", "m")
    assert "mood" in refused["details"]["type"]
    (problem, *_) = data_of(client.restore(**named, create_tables=True, dry_run=True))["problems"]
    assert problem["details"] == refused["details"]
    assert database.fetch("SELECT to_regclass('kb')") == [(None,)]


def test_names_that_differ_in_one_sign_have_files_of_their_own(client: Client, database: TestDatabase) -> None:
    names = [
        "a.b",
        "A.b",
        "a%2Eb",
        "a b",
        "a%20b",
        "é",
        "e\u0301",
        "A",
        "a",
        "%41",
        "表",
        "%E8%A1%A8",
    ]
    places = [f'"{name}"."{name}"' for name in names] + ['"a"."b.c"', '"a.b"."d"']
    for n, place in enumerate(places):
        schema = place.partition('"."')[0] + '"'
        database.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {place} (id int PRIMARY KEY)")
        database.execute(f"INSERT INTO {place} VALUES ({n})")
    tables = [place[1:-1].replace('"."', ".") for place in places]
    done = data_of(client.backup(layout="tables", tables=tables))
    files = [one["backup_file"].lower() for one in done["tables_backed_up"].values()]
    assert len(set(files)) == len(files) == len(tables)
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    for place in places:
        database.execute(f"DROP TABLE {place}")
    data_of(client.restore(**named, create_tables=True))
    assert [database.fetch(f"SELECT id FROM {place}") for place in places] == [[(n,)] for n in range(len(places))]


@pytest.mark.parametrize(
    ("schema", "table"),
    [
        ("pg_catalog", "pg_class"),
        ("information_schema", "sql_features"),
        ("pg_toast", "kb"),
        ("vector_jobs", "jobs"),
        ("vector_jobs", "new"),
    ],
)
@pytest.mark.parametrize(
    "how", [{}, {"create_tables": True}, {"strategy": "sync"}, {"truncate_before_restore": True}, {"strategy": "swap"}]
)
def test_a_manifest_that_names_the_server_s_tables_or_our_own_is_refused(
    client: Client, database: TestDatabase, output_dir: Path, schema: str, table: str, how: dict[str, Any]
) -> None:
    database.execute(
        f"{KB}; CREATE SCHEMA vector_jobs; CREATE TABLE vector_jobs.jobs (id int PRIMARY KEY, v vector(2))"
    )
    named = back_up(client, "kb")
    path = output_dir / "vector_bak" / f"vector_backup_{named['timestamp']}.json"
    document = json.loads(path.read_bytes())
    fact = document["tables"].pop("public.kb")
    fact["file"] = f"{schema}.{table}_{named['timestamp']}.csv"
    document |= {"tables": {f"{schema}.{table}": {**fact, "schema": schema}}, "load_order": [f"{schema}.{table}"]}
    (output_dir / "vector_bak" / f"public.kb_{named['timestamp']}.csv").rename(path.with_name(fact["file"]))
    path.write_bytes(signed(document))
    for more in ({}, {"dry_run": True}):
        refused = data_of(client.restore(**named, **how, **more), 409)
        assert refused["error_type"] == "SCHEMA_MISMATCH"
        assert refused["details"]["table"] == f"{schema}.{table}"
    assert database.fetch("SELECT count(*) FROM vector_jobs.jobs") == [(0,)]
    assert database.fetch("SELECT to_regclass('vector_jobs.new')") == [(None,)]
    renamed = {"rename": {f"{schema}.{table}": "vector_jobs.jobs"}}
    assert failure(client.restore(**named, **renamed)) == (409, "SCHEMA_MISMATCH")


def test_rows_are_not_restored_under_the_name_of_our_own_tables(client: Client, database: TestDatabase) -> None:
    database.execute(
        f"{KB}; CREATE SCHEMA vector_jobs; CREATE TABLE vector_jobs.jobs (id int PRIMARY KEY, v vector(2))"
    )
    named = back_up(client, "kb")
    for place in ("vector_jobs.jobs", "vector_jobs.new", "pg_catalog.new"):
        refused = data_of(client.restore(**named, rename={"public.kb": place}, create_tables=True), 409)
        assert (refused["error_type"], refused["details"]["table"]) == ("SCHEMA_MISMATCH", place)
    assert database.fetch("SELECT count(*) FROM vector_jobs.jobs") == [(0,)]
    refused = data_of(client.backup(layout="tables", tables=["vector_jobs.jobs"]), 409)
    assert (refused["error_type"], refused["details"]["table"]) == ("SCHEMA_MISMATCH", "vector_jobs.jobs")


@pytest.mark.parametrize(
    ("how", "rows"),
    [
        ({}, 4),
        ({"truncate_before_restore": True}, 2),
        ({"strategy": "swap"}, 2),
        ({"strategy": "sync"}, None),
        ({"on_conflict": "update"}, None),
        ({"on_conflict": "skip"}, None),
    ],
)
def test_a_table_without_a_key_in_each_mode(
    client: Client, database: TestDatabase, how: dict[str, Any], rows: int | None
) -> None:
    database.execute(KEYLESS)
    named = back_up(client, "loose")
    if rows is None:
        refused = data_of(client.restore(**named, **how), 409)
        assert (refused["error_type"], refused["details"]["table"]) == ("SCHEMA_MISMATCH", "public.loose")
        assert database.fetch("SELECT count(*) FROM loose") == [(2,)]
    else:
        data_of(client.restore(**named, **how))
        assert database.fetch("SELECT body, v::text, count(*) FROM loose GROUP BY 1, 2") == [("a", "[1,2]", rows)]


def test_a_cycle_of_required_references_needs_the_owner(
    make_client: Any, client: Client, database: TestDatabase, role: Any
) -> None:
    database.execute(CYCLE)
    role.may("SELECT, INSERT, UPDATE, DELETE, TRUNCATE", "heads", "limbs")
    named = back_up(client, "heads", "limbs")
    database.execute("UPDATE heads SET v = NULL")
    as_role = make_client(DATABASE_URL=role.url)
    for how in ({"strategy": "sync"}, {"truncate_before_restore": True}, {"on_conflict": "update"}):
        refused = data_of(as_role.restore(**named, **how), 403)
        assert refused["error_type"] == "PERMISSION_DENIED"
        assert refused["details"].keys() == {"table", "constraint"}
        assert database.fetch("SELECT count(*), count(v) FROM heads") == [(1, 0)]
