"""What has a known cause is answered as that: which table, row, privilege or setting it is, and what helps."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import NEW_TABLES, TestDatabase
from tests.integration.conftest import Client
from tests.support.names import COLLECTION, DOCS, EMBEDDING

NOTES = "33333333-3333-4333-8333-333333333333"
REPLACE = {"truncate_before_restore": True}
SYNC = {"strategy": "sync"}
ROW = f'a,{DOCS},"[1,2,3]",first,{{}}\n'
HEADER = "id,collection_id,embedding,document,cmetadata\n"


def answered(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


def failed(response: Any) -> dict[str, Any]:
    data = response.get_json()["data"]
    return {**data.get("details", {}), "kind": (response.status_code, data["error_type"]), "text": data["response"]}


def named(answer: dict[str, Any]) -> dict[str, str]:
    return {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}


# Tables that are not there


def test_tables_that_are_missing_are_told_with_the_place_and_what_is_there_instead(
    make_client: Callable[..., Client], empty_database: TestDatabase, small_set: dict[str, str]
) -> None:
    client = make_client(DATABASE_URL=empty_database.url)
    empty_database.execute(
        "CREATE SCHEMA kb; CREATE TABLE kb.articles (id int, embedding vector(3)); CREATE TABLE plain (id int);"
        "INSERT INTO kb.articles SELECT n, '[1,2,3]' FROM generate_series(1, 900) n; ANALYZE kb.articles"
    )
    compare = json.dumps(small_set)
    for response in (
        client.backup(),
        client.backup(truncate_vector_tables=True),
        client.restore(**small_set),
        client.restore(**small_set, **REPLACE),
        client.post(f"{PREFIX}/compare", data=compare),
    ):
        found = failed(response)
        assert found["kind"] == (409, "SCHEMA_MISMATCH")
        assert (found["tables"], found["schema"]) == ([COLLECTION, EMBEDDING], "public")
        assert found["database"] == empty_database.dbname
        assert found["present"] == [{"table": "kb.articles", "rows": 900}]
        for word in (COLLECTION, EMBEDDING, "public", empty_database.dbname, "kb.articles"):
            assert word in found["text"]
    (problem, *_) = answered(client.restore(**small_set, dry_run=True))["problems"]
    assert problem["details"]["present"] == [{"table": "kb.articles", "rows": 900}]


def test_a_schema_that_is_not_there_is_named(
    make_client: Callable[..., Client], database: TestDatabase, small_set: dict[str, str]
) -> None:
    targets = {"typo": {"url": database.url, "schema": "pubilc"}}
    client = make_client(DATABASE_URL=database.url, TARGETS=json.dumps(targets))
    for response in (client.backup(pg_conn="typo"), client.restore(**small_set, pg_conn="typo")):
        found = failed(response)
        assert found["kind"] == (409, "SCHEMA_MISMATCH")
        assert "schema pubilc 不存在" in found["text"]
        assert response.get_json()["data"]["target"]["schema"] == "pubilc"


# Privileges


def test_a_schema_that_may_not_be_used_is_named(
    make_client: Callable[..., Client], database: TestDatabase, role: Any
) -> None:
    database.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    role.may("ALL")
    found = failed(make_client(DATABASE_URL=role.url).backup())
    assert found["kind"] == (403, "PERMISSION_DENIED")
    assert (found["schema"], found["privileges"]) == ("public", ["USAGE"])


def test_a_table_that_may_not_be_read_is_named(make_client: Callable[..., Client], role: Any) -> None:
    role.may("SELECT", COLLECTION)
    found = failed(make_client(DATABASE_URL=role.url).backup())
    assert (found["kind"], found["table"], found["privileges"]) == ((403, "PERMISSION_DENIED"), EMBEDDING, ["SELECT"])


@pytest.mark.parametrize(
    "body", [SYNC, {"on_conflict": "skip"}, {"collection_suffix": "2"}, {"dry_run": True}], ids=str
)
def test_a_role_that_may_make_no_temporary_table_is_told_so(
    make_client: Callable[..., Client],
    database: TestDatabase,
    role: Any,
    small_set: dict[str, str],
    body: dict[str, Any],
) -> None:
    role.may("ALL")
    database.execute(f"REVOKE TEMPORARY ON DATABASE {database.dbname} FROM PUBLIC")
    response = make_client(DATABASE_URL=role.url).restore(**small_set, **body)
    if "dry_run" in body:
        problems = answered(response)["problems"]
        assert problems[0]["error_type"] == "PERMISSION_DENIED"
        assert "TEMPORARY" in problems[0]["error"]
        return
    found = failed(response)
    assert found["kind"] == (403, "PERMISSION_DENIED")
    assert "TEMPORARY" in found["text"]


def test_a_role_that_may_make_no_table_or_extension_is_told_which(
    make_client: Callable[..., Client], empty_database: TestDatabase, role: Any, small_set: dict[str, str]
) -> None:
    url = f"{role.url.rpartition('/')[0]}/{empty_database.dbname}"
    client = make_client(DATABASE_URL=url)
    empty_database.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    found = failed(client.restore(**small_set, create_tables=True))
    assert (found["kind"], found["schema"], found["privileges"]) == ((403, "PERMISSION_DENIED"), "public", ["CREATE"])
    empty_database.execute("DROP EXTENSION vector; GRANT CREATE ON SCHEMA public TO PUBLIC")
    found = failed(client.restore(**small_set, create_tables=True))
    assert found["kind"] == (403, "PERMISSION_DENIED")
    assert "vector" in found["text"]
    assert empty_database.fetch("SELECT count(*) FROM pg_class WHERE relname LIKE 'langchain%'") == [(0,)]
    empty_database.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC")


def test_an_owner_without_create_on_the_schema_is_not_told_to_be_no_owner(
    make_client: Callable[..., Client], database: TestDatabase, role: Any, small_set: dict[str, str]
) -> None:
    for table in (COLLECTION, EMBEDDING):
        database.execute(f"ALTER TABLE {table} OWNER TO {role.name}")
    database.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    client = make_client(DATABASE_URL=role.url)
    for body in (REPLACE, {**REPLACE, "dry_run": True}):
        warnings = answered(client.restore(**small_set, **body))["warnings"]
        (kept,) = [warning for warning in warnings if "CREATE" in warning]
        assert "public" in kept
        assert "所有者" not in kept


# Rows


NAMELESS = f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n{NOTES},,{{}}\n"
TWICE = f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n{NOTES},docs,{{}}\n"


@pytest.mark.parametrize("body", [{"atomic": True}, REPLACE, SYNC], ids=str)
def test_a_collection_name_that_is_there_twice_is_named(
    client: Client, database: TestDatabase, backups: Any, bits: Any, body: dict[str, Any]
) -> None:
    before = bits(database)
    found = failed(client.restore(**backups.write(TWICE.encode(), f"{HEADER}{ROW}".encode()), **body))
    assert found["kind"] == (409, "DUPLICATE_ROWS")
    assert "docs" in found["text"]
    assert COLLECTION in found["text"]
    assert bits(database) == before


@pytest.mark.parametrize("body", [{"atomic": True}, REPLACE], ids=str)
def test_a_collection_without_a_name_is_told_with_its_line(client: Client, backups: Any, body: dict[str, Any]) -> None:
    found = failed(client.restore(**backups.write(NAMELESS.encode(), f"{HEADER}{ROW}".encode()), **body))
    assert found["kind"] == (422, "INVALID_BACKUP")
    assert found["line"] == 3
    assert "name" in found["text"]
    assert COLLECTION in found["text"]


NUL = r'"{""a"": ""x\u0000y"", ""b"": ""\\u0000""}"'
WITH_NUL = f'{HEADER}{ROW}b,{DOCS},"[4,5,6]",second,{NUL}\n'
COLLECTIONS = f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode()
MODES: list[dict[str, Any]] = [{}, REPLACE, SYNC, {"on_conflict": "skip"}, {"collection_suffix": "2"}]


@pytest.mark.parametrize("body", MODES, ids=str)
def test_json_with_a_nul_is_named_and_stripped_on_request(
    client: Client, database: TestDatabase, backups: Any, bits: Any, body: dict[str, Any]
) -> None:
    nul_set = backups.write(COLLECTIONS, WITH_NUL.encode())
    before = bits(database)
    atomic = {"atomic": True} if body == {} else {}
    found = failed(client.restore(**nul_set, **body, **atomic))
    assert found["kind"] == (422, "INVALID_BACKUP")
    assert (found["line"], found["column"]) == (3, "cmetadata")
    assert "strip_nul" in found["text"]
    assert bits(database) == before
    (problem, *_) = answered(client.restore(**nul_set, **body, dry_run=True))["problems"]
    assert problem["details"]["line"] == 3
    for more in ({"dry_run": True}, {}):
        done = answered(client.restore(**nul_set, **body, **more, strip_nul=True))
        assert not done.get("problems")
        (counted,) = [warning for warning in done["warnings"] if "U+0000" in warning]
        assert f"{EMBEDDING}: 已从 1 行" in counted
    stored = database.fetch(f"SELECT cmetadata::text FROM {EMBEDDING} WHERE document = 'second'")
    assert stored == [(r'{"a": "xy", "b": "\\u0000"}',)]


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_json_of_old_tables_is_stripped_on_its_way_into_the_new_ones(
    client: Client, old_database: TestDatabase, database: TestDatabase, file_format: str
) -> None:
    old_database.execute(
        f"INSERT INTO {COLLECTION} (uuid, name) VALUES (%s, 'docs');"
        f"INSERT INTO {EMBEDDING} (uuid, collection_id, embedding, document, cmetadata) VALUES"
        " (gen_random_uuid(), %s, '[1,2]', 'first', '{}'), (gen_random_uuid(), %s, '[1,2]', 'second', %s)",
        (DOCS, DOCS, DOCS, r'{"a": "\u0000", "b": "\\u0000"}'),
    )
    saved = named(answered(client.backup(pg_conn=old_database.url, format=file_format)))
    found = failed(client.restore(**saved, **REPLACE))
    assert (found["kind"], found["column"]) == ((422, "INVALID_BACKUP"), "cmetadata")
    assert found["line"] == (3 if file_format == "csv" else 2)
    done = answered(client.restore(**saved, **REPLACE, strip_nul=True))
    assert any(f"{EMBEDDING}: 已从 1 行" in warning for warning in done["warnings"])
    stored = database.fetch(f"SELECT cmetadata::text FROM {EMBEDDING} WHERE document = 'second'")
    assert stored == [(r'{"a": "", "b": "\\u0000"}',)]
    restored = answered(client.restore(**saved, **REPLACE, pg_conn=old_database.url))  # json keeps it
    assert not any("U+0000" in warning for warning in restored["warnings"])


@pytest.fixture
def ascii_database(pg_server: Any, database: TestDatabase) -> Any:
    """A database of the encoding SQL_ASCII, with LangChain's tables."""
    name = f"{database.dbname}_ascii"
    with closing(database.connect()) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        found = TestDatabase(pg_server, name)
        found.execute(f"CREATE EXTENSION vector; {NEW_TABLES}")
        yield found
        found.close()
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


LATIN1 = "convert_from('\\x636166e9', 'SQL_ASCII')"  # café
PLACES = {
    "name": (COLLECTION, DOCS, f"UPDATE {COLLECTION} SET name = {LATIN1}"),
    "document": (EMBEDDING, "row 7", f"UPDATE {EMBEDDING} SET document = {LATIN1} WHERE id = 'row 7'"),
    "id": (EMBEDDING, "caf\ufffd", f"UPDATE {EMBEDDING} SET id = {LATIN1} WHERE id = 'row 7'"),
    "cmetadata": (EMBEDDING, "row 7", f"UPDATE {EMBEDDING} SET cmetadata = to_jsonb({LATIN1}) WHERE id = 'row 7'"),
}


@pytest.mark.parametrize("file_format", ["csv", "binary"])
@pytest.mark.parametrize("column", PLACES)
def test_text_of_another_encoding_is_named_by_its_row(
    make_client: Callable[..., Client], ascii_database: TestDatabase, column: str, file_format: str
) -> None:
    ascii_database.execute(
        f"INSERT INTO {COLLECTION} VALUES (%s, 'docs', NULL);"
        f"INSERT INTO {EMBEDDING} SELECT 'row ' || n, %s::uuid, '[1,2,3]', E'\\xc3\\xa9', NULL"
        " FROM generate_series(1, 900) n",
        (DOCS, DOCS),
    )
    client = make_client(DATABASE_URL=ascii_database.url)
    saved = answered(client.backup(format=file_format))
    assert saved["tables_backed_up"][EMBEDDING]["row_count"] == 900
    table, key, damage = PLACES[column]
    ascii_database.execute(damage)
    for body in ({}, {"truncate_vector_tables": True}):
        found = failed(client.backup(format=file_format, **body))
        assert found["kind"] == (422, "INVALID_BACKUP")
        assert (found["table"], found["column"], found["key"]) == (table, column, key)
    assert ascii_database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(900,)]
    answered(client.restore(**named(saved), **REPLACE))


# Tables of other libraries


def test_langchaingos_tables_have_no_custom_id_and_their_uuid_becomes_the_id(
    client: Client, database: TestDatabase, backups: Any
) -> None:
    one, two = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
    langchaingo = backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode(),
        f'uuid,collection_id,embedding,document,cmetadata\n{one},{DOCS},"[1,2]",first,{{}}\n'
        f'{two},{DOCS},"[3,4]",second,\n'.encode(),
    )
    for body in ({"dry_run": True}, REPLACE, SYNC, {"on_conflict": "update"}, {"collections": ["docs"], **REPLACE}):
        done = answered(client.restore(**langchaingo, **body))
        assert not done.get("problems")
        assert f"{EMBEDDING}: 2 行没有唯一的 custom_id,以 uuid 作为 id" in done["warnings"]
    assert database.fetch(f"SELECT id, document FROM {EMBEDDING} ORDER BY 1") == [(one, "first"), (two, "second")]


def test_copies_of_tables_whose_ids_are_uuids_have_derived_ones(
    make_client: Callable[..., Client], empty_database: TestDatabase
) -> None:
    empty_database.execute(NEW_TABLES.replace("id varchar PRIMARY KEY", "id uuid PRIMARY KEY"))
    empty_database.execute(
        f"INSERT INTO {COLLECTION} VALUES (%s, 'docs', NULL);"
        f"INSERT INTO {EMBEDDING} SELECT gen_random_uuid(), %s::uuid, ARRAY[n, 1, 2]::real[]::vector, n::text, NULL"
        " FROM generate_series(1, 20) n",
        (DOCS, DOCS),
    )
    client = make_client(DATABASE_URL=empty_database.url)
    saved = named(answered(client.backup(probes=3)))
    rehearsed = answered(client.restore(**saved, collection_suffix=" old", dry_run=True))
    assert rehearsed["problems"] == []
    done = answered(client.restore(**saved, collection_suffix=" old"))
    assert done["search_check"]["exact_matches"] == 3
    found = empty_database.fetch(
        f"SELECT c.name, count(*), count(DISTINCT e.id) FROM {EMBEDDING} e JOIN {COLLECTION} c"
        " ON c.uuid = e.collection_id GROUP BY 1 ORDER BY 1"
    )
    assert found == [("docs", 20, 20), ("docs old", 20, 20)]
    assert empty_database.fetch(f"SELECT count(DISTINCT id) FROM {EMBEDDING}") == [(40,)]
    assert failed(client.restore(**saved, collection_suffix=" old"))["kind"] == (409, "DUPLICATE_ROWS")


# Others


def test_a_published_table_without_a_key_is_named(client: Client, database: TestDatabase, fill: Any, bits: Any) -> None:
    fill(database)
    saved = named(answered(client.backup()))
    database.execute(
        f"ALTER TABLE {EMBEDDING} DROP CONSTRAINT {EMBEDDING}_pkey; CREATE PUBLICATION everything FOR TABLE {EMBEDDING}"
    )
    database.execute(f"UPDATE {COLLECTION} SET cmetadata = NULL; INSERT INTO {EMBEDDING} (id) VALUES ('more')")
    before = bits(database)
    found = failed(client.restore(**saved, **SYNC))
    assert (found["kind"], found["table"]) == ((409, "SCHEMA_MISMATCH"), EMBEDDING)
    assert "REPLICA IDENTITY" in found["text"]
    assert bits(database) == before


def test_a_column_whose_type_cannot_be_made_is_named(
    make_client: Callable[..., Client], database: TestDatabase, empty_database: TestDatabase, fill: Any
) -> None:
    fill(database)
    database.execute(f"CREATE TYPE mood AS (a int); ALTER TABLE {EMBEDDING} ADD feeling mood")
    client = make_client(DATABASE_URL=database.url)
    saved = named(answered(client.backup()))
    found = failed(client.restore(**saved, create_tables=True, pg_conn=empty_database.url))
    assert (found["kind"], found["table"], found["column"]) == ((409, "SCHEMA_MISMATCH"), EMBEDDING, "feeling")
    assert "mood" in found["type"]
    assert "feeling" in found["text"]


KINDS = {
    "semicolons": (HEADER.replace(",", ";").encode(), "分号"),
    "tabs": (HEADER.replace(",", "\t").encode(), "制表符"),
    "UTF-16": (HEADER.encode("utf-16"), "UTF-16"),
    "gzip": (b"\x1f\x8b\x08" + bytes(20), "gzip"),
    "a page": (b"<!doctype html>\n<title>Sign in</title>\n", "HTML"),
}


@pytest.mark.parametrize(("content", "word"), KINDS.values(), ids=KINDS)
def test_a_file_that_is_something_else_is_told_as_that(client: Client, backups: Any, content: bytes, word: str) -> None:
    found = failed(client.restore(**backups.write(COLLECTIONS, content), **REPLACE))
    assert (found["kind"], found["line"]) == ((422, "INVALID_BACKUP"), 1)
    assert word in found["text"]
