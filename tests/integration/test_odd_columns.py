"""Columns whose values the server has a say in: identity, defaults, generated ones, and unique ones beside the key."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import COLLECTION, DOCS, EMBEDDING

EMPTY = "22222222-2222-4222-8222-222222222222"
MODES: list[dict[str, Any]] = [
    {"truncate_before_restore": True},
    {"truncate_before_restore": True, "collections": ["docs"]},
    {"strategy": "sync"},
    {"strategy": "sync", "collections": ["docs"]},
    {"on_conflict": "skip"},
    {"on_conflict": "update"},
    {"collection_suffix": "_copy"},
]
ADDED = {
    "default": "ADD added text NOT NULL DEFAULT 'as made'",
    "identity": "ADD added bigint GENERATED ALWAYS AS IDENTITY",
    "generated": "ADD added text GENERATED ALWAYS AS (coalesce(document, '') || '!') STORED NOT NULL",
    "expression": "ADD added uuid NOT NULL DEFAULT gen_random_uuid()",
    "key": "DROP CONSTRAINT langchain_pg_embedding_pkey, ADD UNIQUE (id), ADD added bigserial PRIMARY KEY",
}
DAMAGE = """
DELETE FROM langchain_pg_embedding WHERE id = 'plain';
UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = 'no text';
"""


@pytest.fixture(params=["csv", "binary"])
def file_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def backup(client: Client, file_format: str = "csv") -> dict[str, Any]:
    done = client.backup(format=file_format).get_json()["data"]
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def planned_and_run(client: Client, body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The answer of a restore that succeeds as its dry run said, with as many rows."""
    plan = client.restore(**body, **fields, dry_run=True)
    assert plan.get_json()["data"]["problems"] == [], plan.text
    run = client.restore(**body, **fields)
    assert run.status_code == 200, run.text
    data: dict[str, Any] = run.get_json()["data"]
    assert written(data) == written(plan.get_json()["data"])
    return data


def written(answer: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {
        name: {key: value for key, value in result.items() if key.startswith("rows_")}
        for name, result in answer["restore_results"].items()
    }


def refused(client: Client, body: dict[str, Any], status: int, **fields: Any) -> dict[str, Any]:
    """The failure of a restore that fails as its dry run said."""
    plan = client.restore(**body, **fields, dry_run=True).get_json()["data"]
    run = client.restore(**body, **fields)
    assert run.status_code == status, run.text
    found: dict[str, Any] = run.get_json()["data"]
    assert [(one["error_type"], one["details"]) for one in plan["problems"]] == [
        (found["error_type"], found["details"])
    ]
    return found


@pytest.mark.parametrize("fields", MODES, ids=str)
def test_identity_columns_come_back_in_every_mode(
    client: Client, database: TestDatabase, fill: Any, bits: Any, file_format: str, fields: dict[str, Any]
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ADD n bigint GENERATED ALWAYS AS IDENTITY (START 100)")
    fill(database)
    before, body = bits(database), backup(client, file_format)
    database.execute(DAMAGE)
    done = planned_and_run(client, body, **fields)
    if fields.get("on_conflict") == "skip":
        assert database.fetch("SELECT n FROM langchain_pg_embedding WHERE id = 'plain'") == [(100,)]
    elif "collection_suffix" in fields:
        assert done["restore_results"][EMBEDDING]["rows_restored"] == 5
        numbers = database.fetch("SELECT n FROM langchain_pg_embedding WHERE id LIKE '%\\_copy' ORDER BY n")
        assert numbers == [(number,) for number in range(106, 111)]
    else:
        assert bits(database) == before


def test_a_row_with_another_identity_is_made_equal_and_keeps_what_the_backup_lacks(
    client: Client, database: TestDatabase, fill: Any, bits: Any
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ADD n bigint GENERATED ALWAYS AS IDENTITY")
    fill(database)
    before, body = database.fetch("SELECT id, n FROM langchain_pg_embedding ORDER BY 1"), backup(client)
    database.execute("ALTER TABLE langchain_pg_embedding ADD note text")
    for row in ("plain", "no text"):
        database.execute("UPDATE langchain_pg_embedding SET n = DEFAULT, note = 'mine' WHERE id = %s", (row,))
    done = planned_and_run(client, body, strategy="sync")
    assert done["restore_results"][EMBEDDING]["rows_updated"] == 2
    assert database.fetch("SELECT id, n FROM langchain_pg_embedding ORDER BY 1") == before
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding WHERE note = 'mine'") == [(2,)]


def test_a_row_with_another_identity_that_others_refer_to_is_refused(
    client: Client, database: TestDatabase, fill: Any, bits: Any
) -> None:
    database.execute("ALTER TABLE langchain_pg_collection ADD n bigint GENERATED ALWAYS AS IDENTITY")
    fill(database)
    body = backup(client)
    database.execute("UPDATE langchain_pg_collection SET n = DEFAULT WHERE name = 'docs'")
    changed = bits(database)
    found = refused(client, body, 409, strategy="sync")
    assert found["error_type"] == "SCHEMA_MISMATCH"
    assert found["details"] == {"table": COLLECTION, "columns": ["n"], "rows": 1}
    assert bits(database) == changed


def test_a_row_that_must_be_deleted_to_be_updated_needs_the_privilege(
    client: Client, database: TestDatabase, fill: Any, role: Any, make_client: Callable[..., Client]
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ADD n bigint GENERATED ALWAYS AS IDENTITY")
    fill(database)
    body = backup(client)
    database.execute("UPDATE langchain_pg_embedding SET n = DEFAULT WHERE id = 'plain'")
    role.may("SELECT, INSERT, UPDATE")
    limited = make_client(DATABASE_URL=role.url)
    found = refused(limited, body, 403, on_conflict="update")
    assert found["details"] == {"table": EMBEDDING, "privileges": ["DELETE"]}
    role.may("DELETE")
    planned_and_run(limited, body, on_conflict="update")


@pytest.mark.parametrize("fields", MODES, ids=str)
@pytest.mark.parametrize("column", ADDED)
def test_a_column_added_since_gets_its_value_from_the_server(
    client: Client, database: TestDatabase, fill: Any, column: str, fields: dict[str, Any]
) -> None:
    fill(database)
    body = backup(client)
    database.execute(f"ALTER TABLE langchain_pg_embedding {ADDED[column]}")
    database.execute(DAMAGE)
    planned_and_run(client, body, **fields)
    copied = "collection_suffix" in fields
    rows = database.fetch("SELECT count(*), count(added), count(DISTINCT added) FROM langchain_pg_embedding")[0]
    assert rows[:2] == ((10, 10) if copied else (6, 6))
    assert rows[2] == (1 if column == "default" else rows[2])
    if column == "generated":
        wrong = "SELECT id FROM langchain_pg_embedding WHERE added <> coalesce(document, '') || '!'"
        assert database.fetch(wrong) == []


@pytest.mark.parametrize("column", ADDED)
def test_rows_are_appended_to_a_table_with_a_column_added_since(
    client: Client, database: TestDatabase, fill: Any, column: str
) -> None:
    fill(database)
    body = backup(client)
    database.execute("TRUNCATE langchain_pg_embedding")
    database.execute(f"ALTER TABLE langchain_pg_embedding {ADDED[column]}")
    planned_and_run(client, body, tables=[EMBEDDING])
    assert database.fetch("SELECT count(added) FROM langchain_pg_embedding") == [(6,)]


def test_virtual_columns_are_left_to_the_server(client: Client, database: TestDatabase, fill: Any) -> None:
    if database.connect().server_version < 180000:
        pytest.skip("PostgreSQL has virtual columns since 18")
    fill(database)
    body = backup(client)
    database.execute(
        "ALTER TABLE langchain_pg_embedding ADD added text GENERATED ALWAYS AS (id || '!') VIRTUAL NOT NULL"
    )
    for fields in MODES:
        database.execute("DELETE FROM langchain_pg_embedding WHERE id LIKE '%\\_copy'")
        database.execute(DAMAGE)
        planned_and_run(client, body, **fields)


def test_an_updated_row_keeps_what_the_backup_lacks(client: Client, database: TestDatabase, fill: Any) -> None:
    fill(database)
    body = backup(client)
    database.execute("ALTER TABLE langchain_pg_embedding ADD added text NOT NULL DEFAULT 'as made'")
    database.execute("UPDATE langchain_pg_embedding SET added = 'mine'")
    database.execute(DAMAGE)
    done = planned_and_run(client, body, strategy="sync")
    assert done["restore_results"][EMBEDDING]["rows_unchanged"] == 4
    found = database.fetch("SELECT added, count(*) FROM langchain_pg_embedding GROUP BY 1 ORDER BY 1")
    assert found == [("as made", 1), ("mine", 5)]


@pytest.mark.parametrize("fields", MODES, ids=str)
def test_a_column_that_must_have_a_value_and_has_none_is_named(
    client: Client, database: TestDatabase, fill: Any, bits: Any, fields: dict[str, Any]
) -> None:
    fill(database)
    body = backup(client)
    database.execute("ALTER TABLE langchain_pg_embedding ADD added text NOT NULL DEFAULT ''")
    database.execute("ALTER TABLE langchain_pg_embedding ALTER added DROP DEFAULT")
    before = bits(database)
    found = refused(client, body, 409, **fields)
    assert found["details"] == {"table": EMBEDDING, "columns": ["added"]}
    assert bits(database) == before


@pytest.mark.parametrize("fields", [{"strategy": "sync"}, {"on_conflict": "update"}], ids=str)
@pytest.mark.parametrize("type_", ["int", "text", "uuid", "date"])
def test_rows_that_swapped_unique_values_get_them_back(
    client: Client, database: TestDatabase, fill: Any, bits: Any, type_: str, fields: dict[str, Any]
) -> None:
    values = {
        "int": ("1", "2", "3"),
        "text": ("a", "b", "c"),
        "uuid": (DOCS, EMPTY, DOCS.replace("1", "9")),
        "date": ("2026-01-01", "2026-01-02", "2026-01-03"),
    }[type_]
    fill(database)
    database.execute(f"ALTER TABLE langchain_pg_embedding ADD u {type_} UNIQUE")
    places = ("plain", "no text", "empty text")

    def give(*given: str | None) -> None:
        for place in places:
            database.execute("UPDATE langchain_pg_embedding SET u = NULL WHERE id = %s", (place,))
        for place, value in zip(places, given, strict=True):
            database.execute("UPDATE langchain_pg_embedding SET u = %s WHERE id = %s", (value, place))

    give(*values)
    before, body = bits(database), backup(client)
    first, second, third = values
    for given in [(second, first, third), (second, third, first), (second, None, third), (None, first, second)]:
        give(*given)
        planned_and_run(client, body, **fields)
        assert bits(database) == before, given


@pytest.mark.parametrize("fields", [{"strategy": "sync"}, {"on_conflict": "update"}], ids=str)
@pytest.mark.parametrize("type_", ["text NOT NULL", "uuid NOT NULL", "int"])
def test_collections_that_swapped_unique_values_keep_their_embeddings(
    client: Client, database: TestDatabase, fill: Any, bits: Any, type_: str, fields: dict[str, Any]
) -> None:
    one, other = {"text": ("a", "b"), "uuid": (DOCS, EMPTY), "int": ("1", "2")}[type_.split()[0]]
    default = f"DEFAULT '{one}'" if "NOT NULL" in type_ else ""
    database.execute(f"ALTER TABLE langchain_pg_collection ADD slug {type_} {default}")
    fill(database)
    database.execute("UPDATE langchain_pg_collection SET slug = %s", (one,))
    database.execute("UPDATE langchain_pg_collection SET slug = %s WHERE uuid = %s", (other, EMPTY))
    database.execute("ALTER TABLE langchain_pg_collection ADD CONSTRAINT slugs UNIQUE (slug) DEFERRABLE")
    before, body = bits(database), backup(client)
    database.execute("ALTER TABLE langchain_pg_collection DROP CONSTRAINT slugs")
    swapped = "CASE slug WHEN %s THEN %s ELSE %s END"
    database.execute(f"UPDATE langchain_pg_collection SET slug = ({swapped})::{type_.split()[0]}", (one, other, one))
    database.execute("ALTER TABLE langchain_pg_collection ADD CONSTRAINT slugs UNIQUE (slug)")
    places = database.fetch("SELECT ctid::text FROM langchain_pg_embedding ORDER BY 1")
    planned_and_run(client, body, **fields)
    assert bits(database) == before
    assert database.fetch("SELECT ctid::text FROM langchain_pg_embedding ORDER BY 1") == places


NUMBERED = {
    "identity": "ADD n int GENERATED ALWAYS AS IDENTITY UNIQUE",
    "by default": "ADD n int GENERATED BY DEFAULT AS IDENTITY UNIQUE",
    "serial": "ADD n bigserial",
    "falling": "ADD n bigint GENERATED ALWAYS AS IDENTITY (INCREMENT -1) UNIQUE",
    "in steps": "ADD n bigint GENERATED ALWAYS AS IDENTITY (START 3 INCREMENT 10) UNIQUE",
}
NEXT = "INSERT INTO langchain_pg_embedding (id) VALUES ('next') RETURNING n"


@pytest.mark.parametrize("kind", NUMBERED)
@pytest.mark.parametrize("fields", [*MODES, {"tables": [EMBEDDING]}], ids=str)
def test_the_next_insert_follows_the_restored_rows(
    client: Client, database: TestDatabase, fill: Any, kind: str, fields: dict[str, Any]
) -> None:
    database.execute(f"ALTER TABLE langchain_pg_embedding {NUMBERED[kind]}")
    fill(database)
    body, values = backup(client), [n for (n,) in database.fetch("SELECT n FROM langchain_pg_embedding")]
    (sequence,) = database.fetch("SELECT pg_get_serial_sequence('langchain_pg_embedding', 'n')")[0]
    if "collection_suffix" not in fields:
        database.execute("TRUNCATE langchain_pg_embedding RESTART IDENTITY")
    done = planned_and_run(client, body, **fields)
    assert bool([one for one in done.get("warnings", []) if sequence in one]) is ("collection_suffix" not in fields)
    step = values[1] - values[0]
    latest = database.fetch("SELECT n FROM langchain_pg_embedding ORDER BY n * %s DESC LIMIT 1", (step,))[0][0]
    if not (kind == "serial" and "collection_suffix" in fields):
        assert database.fetch(NEXT) == [(latest + step,)]


def test_a_sequence_is_never_set_back(client: Client, database: TestDatabase, fill: Any) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ADD n bigint GENERATED ALWAYS AS IDENTITY")
    fill(database)
    body = backup(client)
    database.execute("ALTER TABLE langchain_pg_embedding ALTER n RESTART 1000")
    done = planned_and_run(client, body, truncate_before_restore=True)
    assert "warnings" not in done or not [one for one in done["warnings"] if "_n_seq" in one]
    assert database.fetch(NEXT) == [(1000,)]


def test_a_dry_run_and_a_failed_restore_set_no_sequence(client: Client, database: TestDatabase, fill: Any) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ADD n bigint GENERATED ALWAYS AS IDENTITY")
    fill(database)
    body = backup(client)
    database.execute("TRUNCATE langchain_pg_embedding RESTART IDENTITY")
    before = database.fetch("SELECT last_value, is_called FROM langchain_pg_embedding_n_seq")
    client.restore(**body, truncate_before_restore=True, dry_run=True)
    database.execute("ALTER TABLE langchain_pg_embedding ADD CHECK (id <> 'plain')")
    assert client.restore(**body, truncate_before_restore=True).status_code != 200
    assert database.fetch("SELECT last_value, is_called FROM langchain_pg_embedding_n_seq") == before


def test_values_that_no_sequence_reaches_are_no_reason_to_fail(
    client: Client, database: TestDatabase, fill: Any
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ADD n bigint GENERATED BY DEFAULT AS IDENTITY (MAXVALUE 9)")
    fill(database)
    database.execute("UPDATE langchain_pg_embedding SET n = 9223372036854775807 WHERE id = 'plain'")
    body = backup(client)
    planned_and_run(client, body, truncate_before_restore=True)


def test_a_sequence_that_the_role_may_not_set_is_named(
    client: Client, database: TestDatabase, fill: Any, role: Any, make_client: Callable[..., Client]
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ADD n bigserial")
    fill(database)
    body = backup(client)
    database.execute("TRUNCATE langchain_pg_embedding RESTART IDENTITY")
    role.may("SELECT, INSERT, UPDATE")
    limited = make_client(DATABASE_URL=role.url)
    warnings = planned_and_run(limited, body, on_conflict="skip")["warnings"]
    assert [one for one in warnings if "public.langchain_pg_embedding_n_seq" in one]
    database.execute(f"GRANT SELECT, UPDATE ON SEQUENCE langchain_pg_embedding_n_seq TO {role.name}")
    planned_and_run(limited, body, on_conflict="skip")
    assert database.fetch(NEXT) == [(7,)]
