"""What a restore would refuse is known before a row goes; what can't come back into its own tables is told."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.sets import manifest
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import DOCS, EMBEDDING

LOST = "99999999-9999-4999-8999-999999999999"
KEY = "langchain_pg_embedding_collection_id_fkey"
REPLACE = {"truncate_before_restore": True}
ADD_KEY = f"""
ALTER TABLE langchain_pg_embedding DROP CONSTRAINT {KEY};
INSERT INTO langchain_pg_embedding VALUES ('orphan', '{LOST}', '[1,2,3]', 'x', NULL);
ALTER TABLE langchain_pg_embedding ADD CONSTRAINT {KEY} FOREIGN KEY (collection_id)
    REFERENCES langchain_pg_collection (uuid) ON DELETE CASCADE
"""
OBSTACLES = {
    "key not valid": (f"{ADD_KEY} NOT VALID", KEY),
    "key not enforced": (f"{ADD_KEY} NOT ENFORCED", KEY),
    "check not valid": (
        "ALTER TABLE langchain_pg_embedding ADD CONSTRAINT has_text CHECK (document <> '') NOT VALID",
        "has_text",
    ),
    "not null not valid": (
        "ALTER TABLE langchain_pg_embedding ADD CONSTRAINT has_metadata NOT NULL cmetadata NOT VALID",
        "has_metadata",
    ),
    "key to a third table": (
        "CREATE TABLE sources (name varchar PRIMARY KEY);"
        " ALTER TABLE langchain_pg_collection ADD CONSTRAINT from_source FOREIGN KEY (name) REFERENCES sources"
        " NOT VALID",
        "from_source",
    ),
}
TWIN = f"INSERT INTO langchain_pg_embedding VALUES ('twin', '{DOCS}', '[1,2,3]', '一段普通的文本', '{{}}')"
NOT_VALID = "UPDATE pg_index SET indisunique = true, indisvalid = false WHERE indexrelid = 'left_over'::regclass"
NOT_READY = "UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'left_over'::regclass"
INDEX = "CREATE INDEX left_over ON langchain_pg_embedding"
OBSTACLES |= {
    "unique index not valid": (f"{TWIN}; {INDEX} (document); {NOT_VALID}", "left_over"),
    "unique index over an expression of some rows": (
        f"{TWIN}; {INDEX} (upper(document) COLLATE \"C\", collection_id) WHERE id <> 'x'; {NOT_VALID}",
        "left_over",
    ),
    "unique index that takes NULL for a value": (
        f"INSERT INTO langchain_pg_embedding (id) VALUES ('twin'); CREATE UNIQUE INDEX one ON langchain_pg_embedding"
        f" (document) NULLS NOT DISTINCT WHERE id = 'twin'; {INDEX} (document); {NOT_VALID};"
        " UPDATE pg_index SET indnullsnotdistinct = true WHERE indexrelid = 'left_over'::regclass",
        "left_over",
    ),
    "index whose expression fails": (
        "UPDATE langchain_pg_embedding SET document = 'x' WHERE document = '';"
        f" {INDEX} ((1 / length(document))); {NOT_READY};"
        " UPDATE langchain_pg_embedding SET document = '' WHERE document = 'x';"
        " UPDATE pg_index SET indisready = true WHERE indexrelid = 'left_over'::regclass",
        "left_over",
    ),
}
HARMLESS = {
    "all keep to it": "ALTER TABLE langchain_pg_embedding ADD CHECK (id <> '{%%}') NOT VALID",
    "a check that is not enforced": "ALTER TABLE langchain_pg_embedding ADD CHECK (document <> '') NOT ENFORCED",
    "a key to a third table that is not enforced": (
        "CREATE TABLE sources (name varchar PRIMARY KEY);"
        " ALTER TABLE langchain_pg_collection ADD FOREIGN KEY (name) REFERENCES sources NOT ENFORCED"
    ),
    "an invalid unique index without duplicates": (
        f"INSERT INTO langchain_pg_embedding (id) VALUES ('twin'); {INDEX} (document); {NOT_VALID}"
    ),
    "an invalid unique index that takes no row": f"{TWIN}; {INDEX} (document); {NOT_VALID}; {NOT_READY}",
    "an invalid index whose expression works": f"{INDEX} ((1 / (length(document) + 1))); {NOT_VALID};"
    " UPDATE pg_index SET indisunique = false WHERE indexrelid = 'left_over'::regclass",
}
OWN_FUNCTION = """
CREATE TABLE called (n int);
CREATE FUNCTION look(varchar) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO called VALUES (1); RETURN true; END $$;
ALTER TABLE langchain_pg_embedding ADD CONSTRAINT looked CHECK (look(document)) NOT VALID
"""


@pytest.fixture
def filled(database: TestDatabase, fill: Any) -> Any:
    """Two collections, and rows without a document, one of them empty."""
    fill(database)
    return database


def prepare(database: TestDatabase, statements: str) -> None:
    new = "NOT ENFORCED" in statements or "NOT NULL" in statements
    needed = 180000 if new else 150000 if "NOT DISTINCT" in statements else 0
    if database.fetch("SELECT current_setting('server_version_num')::int < %s", (needed,)) == [(True,)]:
        pytest.skip("a later PostgreSQL brought these")
    database.execute(statements.replace("%%", "%"))


def expect_refused(response: Any, reason: str) -> None:
    data = response.get_json()["data"]
    assert (response.status_code, data["error_type"]) == (422, "INVALID_BACKUP")
    assert reason in data["details"]["reason"]


@pytest.mark.parametrize(("statements", "name"), OBSTACLES.values(), ids=OBSTACLES)
def test_a_backup_says_what_keeps_it_from_coming_back(client: Client, filled: Any, statements: str, name: str) -> None:
    prepare(filled, statements)
    data = client.backup().get_json()["data"]
    assert len(data["warnings"]) == 1
    assert name in data["warnings"][0]
    body = {"backup_path": data["backup_directory"], "timestamp": data["backup_timestamp"]}
    assert client.restore(**body, **REPLACE).status_code in (409, 422)
    shown = client.get(f"/api/v0/data_pipeline/vector/backups/global/{data['backup_timestamp']}").get_json()["data"]
    assert shown["manifest"]["obstacles"] == data["warnings"]


@pytest.mark.parametrize(("statements", "name"), OBSTACLES.values(), ids=OBSTACLES)
def test_no_row_goes_when_it_could_not_come_back(
    client: Client, filled: Any, small_set: dict[str, str], bits: Any, statements: str, name: str
) -> None:
    prepare(filled, statements)
    before = bits(filled)
    expect_refused(client.backup(truncate_vector_tables=True), name)
    expect_refused(client.restore(**small_set, **REPLACE, backup_before_restore=True), name)
    assert bits(filled) == before
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 1


@pytest.mark.parametrize("statements", HARMLESS.values(), ids=HARMLESS)
def test_a_constraint_that_lets_all_rows_in_is_no_obstacle(
    client: Client, filled: Any, bits: Any, statements: str
) -> None:
    prepare(filled, statements)
    before = bits(filled)
    data = client.backup(truncate_vector_tables=True).get_json()["data"]
    assert (data["warnings"], data["truncate_performed"]) == ([], True)
    body = {"backup_path": data["backup_directory"], "timestamp": data["backup_timestamp"]}
    assert client.restore(**body, **REPLACE).status_code == 200
    assert bits(filled) == before


def test_a_function_of_the_tables_owner_is_not_called_by_a_backup(client: Client, filled: Any) -> None:
    filled.execute(OWN_FUNCTION)
    data = client.backup().get_json()["data"]
    assert "looked" in data["warnings"][0]
    assert filled.fetch("SELECT * FROM called") == []


def test_an_obstacle_in_another_collection_is_none(client: Client, filled: Any) -> None:
    filled.execute("INSERT INTO langchain_pg_embedding VALUES ('other', %s, '[1]', 'x', NULL)", (DOCS,))
    filled.execute("ALTER TABLE langchain_pg_embedding ADD CONSTRAINT has_text CHECK (document <> '') NOT VALID")
    assert client.backup(collections=["空集合"]).get_json()["data"]["warnings"] == []
    assert len(client.backup(collections=["docs"]).get_json()["data"]["warnings"]) == 1


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_an_orphan_behind_a_valid_key_is_found_before_rows_go(
    client: Client, filled: Any, bits: Any, file_format: str
) -> None:
    """A session with replication's privileges may add one."""
    filled.execute(
        "SET session_replication_role = replica;"
        f" INSERT INTO langchain_pg_embedding VALUES ('orphan', '{LOST}', '[1,2,3]', 'x', NULL)"
    )
    before = bits(filled)
    response = client.backup(format=file_format, truncate_vector_tables=True)
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (422, "ORPHAN_ROWS")
    assert bits(filled) == before
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 0


def test_a_file_that_could_not_be_read_again_is_found_before_rows_go(client: Client, filled: Any, bits: Any) -> None:
    """A column whose name has a line break: the header of its CSV takes two lines."""
    filled.execute('ALTER TABLE langchain_pg_embedding ADD COLUMN "two\nlines" text')
    before = bits(filled)
    response = client.backup(truncate_vector_tables=True)
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (422, "INVALID_BACKUP")
    assert bits(filled) == before
    assert client.list().get_json()["data"]["summary"]["total_backup_sets"] == 0


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_text_that_is_no_utf8_is_found_before_rows_go(
    pg_server: Any, database: TestDatabase, make_client: Callable[..., Client], file_format: str
) -> None:
    """A database with the encoding SQL_ASCII keeps any bytes it is given."""
    name = f"{database.dbname}_ascii"
    maintenance = database.connect()
    maintenance.autocommit = True
    cursor = maintenance.cursor()
    cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    ascii_database = type(database)(pg_server, name)
    try:
        ascii_database.execute(
            "CREATE EXTENSION vector;"
            "CREATE TABLE langchain_pg_collection (uuid uuid PRIMARY KEY, name varchar, cmetadata json);"
            "CREATE TABLE langchain_pg_embedding (id varchar PRIMARY KEY, collection_id uuid, embedding vector,"
            " document varchar, cmetadata jsonb)"
        )
        ascii_database.execute(
            "SET client_encoding = SQL_ASCII;"
            " INSERT INTO langchain_pg_embedding VALUES ('a', NULL, '[1]', E'\\xff', NULL)"
        )
        response = make_client(DATABASE_URL=ascii_database.url).backup(truncate_vector_tables=True, format=file_format)
        assert (response.status_code, response.get_json()["data"]["error_type"]) == (422, "INVALID_BACKUP")
        assert ascii_database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(1,)]
    finally:
        ascii_database.close()
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_duplicates_under_a_damaged_index_are_found_before_rows_go(
    client: Client, filled: Any, small_set: dict[str, str], bits: Any
) -> None:
    """It is valid as far as the server knows; a replace builds it again."""
    filled.execute(
        f"{TWIN}; {INDEX} (document); UPDATE pg_index SET indisunique = true WHERE indexrelid = 'left_over'::regclass"
    )
    before = bits(filled)
    data = client.backup().get_json()["data"]
    assert data["warnings"] == []
    body = {"backup_path": data["backup_directory"], "timestamp": data["backup_timestamp"]}
    assert client.restore(**body, **REPLACE).status_code == 409
    expect_refused(client.backup(truncate_vector_tables=True), "left_over")
    expect_refused(client.restore(**small_set, **REPLACE, backup_before_restore=True), "left_over")
    assert bits(filled) == before


def test_an_index_by_an_operator_of_its_own_keeps_no_row_from_going(client: Client, filled: Any, bits: Any) -> None:
    """What it takes for equal only it can tell."""
    filled.execute(
        f"{TWIN.replace('普通', '不同')}; CREATE FUNCTION alike(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql"
        " RETURN $1 = $2; CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = alike);"
        "CREATE OPERATOR CLASS own FOR TYPE text USING btree AS OPERATOR 3 ===, FUNCTION 1 bttextcmp(text, text);"
        "CREATE UNIQUE INDEX left_over ON langchain_pg_embedding (document own)"
    )
    before = bits(filled)
    data = client.backup(truncate_vector_tables=True).get_json()["data"]
    assert (data["warnings"], data["truncate_performed"]) == ([], True)
    body = {"backup_path": data["backup_directory"], "timestamp": data["backup_timestamp"]}
    assert client.restore(**body, **REPLACE).status_code == 200
    assert bits(filled) == before
    filled.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'left_over'::regclass")
    assert "left_over" in client.backup().get_json()["data"]["warnings"][0]


@pytest.mark.parametrize("listed", [False, True])
def test_an_index_that_was_never_made_is_not_made_elsewhere(
    client: Client, filled: Any, empty_database: TestDatabase, bits: Any, output_dir: Any, listed: bool
) -> None:
    """Not even where a manifest, as earlier versions wrote them, lists it: the rows matter more."""
    filled.execute(f"{TWIN}; {INDEX} (document); {NOT_VALID}")
    data = client.backup().get_json()["data"]
    path = output_dir / "vector_bak" / f"vector_backup_{data['backup_timestamp']}.json"
    document = json.loads(path.read_bytes())
    facts = document["tables"][EMBEDDING]["indexes"]
    assert [fact["name"] for fact in facts] == ["ix_cmetadata_gin", "langchain_pg_embedding_pkey"]
    if listed:
        facts.append({**facts[1], "name": "left_over", "primary": False, "constraint": False, "keys": ["document"]})
        facts[-1]["operator_classes"] = ["text_ops"]
        del document["sha256"]
        path.write_bytes(manifest.dump(document))
    body = {"backup_path": data["backup_directory"], "timestamp": data["backup_timestamp"]}
    restored = client.restore(**body, create_tables=True, pg_conn=empty_database.url)
    assert restored.status_code == 200, restored.text
    warnings = restored.get_json()["data"]["warnings"]
    assert [text for text in warnings if "left_over" in text] == warnings
    assert len(warnings) == listed
    assert bits(empty_database) == bits(filled)
