"""Columns that hold less than they did when the backup was made: refused with both types, or loaded and counted."""

import json
from itertools import product
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from data_pipeline.formats.types.narrowing import loses
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of
from tests.support.names import COLLECTION, DOCS, EMBEDDING

MODES: list[dict[str, Any]] = [
    {},
    {"truncate_before_restore": True},
    {"truncate_before_restore": True, "collections": ["docs"]},
    {"strategy": "sync"},
    {"on_conflict": "skip"},
    {"on_conflict": "update"},
    {"collection_suffix": " old"},
]
# Two rows that a halfvec holds, and one that it rounds.
ROWS = f"""
INSERT INTO {COLLECTION} VALUES ('{DOCS}', 'docs', NULL);
INSERT INTO {EMBEDDING} VALUES ('even', '{DOCS}', '[1,2,0.5]', 'one', NULL), ('null', '{DOCS}', NULL, 'two', NULL),
  ('odd', '{DOCS}', '[1,2,0.1]', 'three', NULL)
"""
HALF = f"ALTER TABLE {EMBEDDING} ALTER embedding TYPE halfvec(3)"


@pytest.fixture(params=["csv", "binary"])
def file_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


BOTH_FORMATS = pytest.mark.parametrize("file_format", ["csv", pytest.param("binary", marks=pytest.mark.slow)])
"""Where every kind of column is tried."""


def backup(client: Client, file_format: str = "csv", **fields: Any) -> dict[str, Any]:
    done = data_of(client.backup(format=file_format, **fields))
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def compare(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    return data_of(client.post(f"{PREFIX}/compare", data=json.dumps(body)))


def refused(client: Client, body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The failure of a restore that fails as its dry run says."""
    problems = data_of(client.restore(**body, **fields, dry_run=True))["problems"]
    found = data_of(client.restore(**body, **fields), 409)
    assert found["error_type"] == "SCHEMA_MISMATCH"
    assert [(one["error"], one["details"]) for one in problems] == [(found["response"], found["details"])]
    return found


def done(client: Client, body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What a restore that allows losses says of the embeddings, as its dry run did."""
    answers = [data_of(client.restore(**body, **fields, **more, allow_lossy=True)) for more in ({"dry_run": True}, {})]
    assert answers[0]["problems"] == []
    told = [
        (answer["restore_results"][EMBEDDING]["rows_lossy"], [one for one in answer["warnings"] if "窄" in one])
        for answer in answers
    ]
    assert told[0] == told[1]
    result: dict[str, Any] = {**answers[1]["restore_results"][EMBEDDING], "narrowed": told[1][1]}
    return result


@pytest.mark.parametrize("fields", MODES, ids=str)
def test_vectors_go_into_a_halfvec_only_where_losses_are_allowed(
    client: Client, database: TestDatabase, bits: Any, file_format: str, fields: dict[str, Any]
) -> None:
    database.execute(ROWS)
    saved = backup(client, file_format)
    database.execute(f"DELETE FROM {EMBEDDING} WHERE id = 'odd' OR %s", (not fields,))
    database.execute(f"DELETE FROM {COLLECTION} WHERE %s", (not fields,))
    database.execute(HALF)
    before = bits(database)
    found = refused(client, saved, **fields)
    types = {"embedding": {"backup": "vector", "live": "halfvec(3)"}}
    expected = {"table": EMBEDDING, "columns": ["embedding"], "types": types, "option": "allow_lossy"}
    assert found["details"] == expected
    for word in (EMBEDDING, "embedding", "vector", "halfvec(3)", '"allow_lossy": true'):
        assert word in found["response"]
    assert bits(database) == before
    result = done(client, saved, **fields)
    assert result["rows_lossy"] == 1
    (warning,) = result["narrowed"]
    assert (EMBEDDING in warning, "1 行" in warning, "embedding" in warning) == (True, True, True)
    stored = f"SELECT embedding::text FROM {EMBEDDING} WHERE id LIKE 'odd%'"
    assert database.fetch(stored) == [("[1,2,0.099975586]",)]
    again = data_of(client.restore(**saved, strategy="sync", allow_lossy=True))["restore_results"][EMBEDDING]
    missing = 1 if "collection_suffix" in fields else 0
    assert (again["rows_inserted"], again["rows_updated"], again["rows_unchanged"]) == (missing, 0, 3 - missing)


CHANGES = {
    "float8 to float4": ("float8", "float4", ("0.5", "0.1"), ["0.5", "0.1"], 1),
    "timestamptz to date": (
        "timestamptz",
        "date",
        ("2025-01-02 00:00:00+00", "2025-01-02 10:00:00+00"),
        ["2025-01-02", "2025-01-02"],
        1,
    ),
    "timestamp to whole seconds": (
        "timestamp",
        "timestamp(0)",
        ("2025-01-02 10:00:00", "2025-01-02 10:00:00.75"),
        ["2025-01-02 10:00:00", "2025-01-02 10:00:01"],
        1,
    ),
    "numeric to two decimals": ("numeric", "numeric(10,2)", ("1.25", "1.005"), ["1.25", "1.01"], 1),
    "numeric to integer": ("numeric(8,2)", "int4", ("3.00", "3.50"), ["3", "4"], 1),
    "varchar to a shorter one": ("varchar(20)", "varchar(3)", ("abc", "abcdef"), ["abc", "abc"], 1),
    "char to a shorter one": ("char(20)", "char(3)", ("abc", "abcdef"), ["abc", "abc"], 1),
    "text to char": ("text", "char(9)", ("abc", "abc  "), ["abc", "abc"], 1),
    "text to uuid": (
        "text",
        "uuid",
        ("aaaaaaaa-0000-4000-8000-000000000001", "AAAAAAAA-0000-4000-8000-000000000002"),
        ["aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"],
        1,
    ),
    "bigint to float8": ("int8", "float8", ("4", "9007199254740993"), ["4", "9.007199254740992e+15"], 1),
    "array of float8 to float4": ("float8[]", "float4[]", ("{0.5}", "{0.1,NULL}"), ["{0.5}", "{0.1,NULL}"], 1),
}


@pytest.fixture
def change_column(client: Client, database: TestDatabase) -> Any:
    """A backup of two rows with a column of one type, which then has another one, and no rows."""

    def change(old: str, new: str, values: tuple[str, str], file_format: str) -> dict[str, Any]:
        database.execute(f"INSERT INTO {COLLECTION} VALUES (%s, 'docs', NULL)", (DOCS,))
        database.execute(f"ALTER TABLE {EMBEDDING} ADD more {old}")
        for number, value in enumerate(values):
            database.execute(f"INSERT INTO {EMBEDDING} (id, more) VALUES (%s, %s)", (str(number), value))
        saved = backup(client, file_format)
        database.execute(f"DELETE FROM {EMBEDDING}; ALTER TABLE {EMBEDDING} DROP more, ADD more {new}")
        return saved

    return change


@BOTH_FORMATS
@pytest.mark.parametrize(("old", "new", "values", "stored", "lossy"), CHANGES.values(), ids=CHANGES)
def test_narrower_columns_of_each_kind_are_refused_then_counted_and_compare_as_different(
    client: Client,
    database: TestDatabase,
    change_column: Any,
    file_format: str,
    old: str,
    new: str,
    values: tuple[str, str],
    stored: list[str],
    lossy: int,
) -> None:
    saved = change_column(old, new, values, file_format)
    assert refused(client, saved, strategy="sync")["details"]["columns"] == ["more"]
    assert database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(0,)]
    assert done(client, saved, strategy="sync")["rows_lossy"] == lossy
    assert database.fetch(f"SELECT more::text FROM {EMBEDDING} ORDER BY id") == [(value,) for value in stored]
    answer = compare(client, saved)
    assert answer["identical"] is False


WIDER = {
    "float4 to float8": ("float4", "float8", ("0.1", "NaN")),
    "halfvec to vector": ("halfvec(2)", "vector(2)", ("[1,0.1]", "[0,-0]")),
    "int4 to int8": ("int4", "int8", ("1", "-7")),
    "varchar to text": ("varchar(5)", "text", ("a", "b  ")),
    "date to timestamp": ("date", "timestamp", ("2025-01-02", "infinity")),
    "numeric to a wider one": ("numeric(6,2)", "numeric(9,2)", ("1.25", "-0.01")),
    "uuid to text": ("uuid", "text", ("aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002")),
}


@BOTH_FORMATS
@pytest.mark.parametrize(("old", "new", "values"), WIDER.values(), ids=WIDER)
def test_wider_columns_take_a_backup_of_either_format_as_it_is(
    client: Client,
    database: TestDatabase,
    change_column: Any,
    file_format: str,
    old: str,
    new: str,
    values: tuple[str, str],
) -> None:
    saved = change_column(old, new, values, file_format)
    for more in ({"dry_run": True}, {}):
        answer = data_of(client.restore(**saved, **more, strategy="sync"))
        assert answer.get("problems", []) == []
        assert "rows_lossy" not in answer["restore_results"][EMBEDDING]
    assert compare(client, saved)["identical"] is True
    assert database.fetch(f"SELECT more::{old} = %s::{old} FROM {EMBEDDING} WHERE id = '0'", (values[0],)) == [(True,)]


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [("numeric", "numeric(4,2)", ("1", "12345")), ("float8", "float4", ("1", "1e300")), ("text", "date", ("x", "y"))],
)
def test_a_value_that_the_column_has_no_room_for_is_told_with_its_column(
    client: Client,
    database: TestDatabase,
    change_column: Any,
    file_format: str,
    old: str,
    new: str,
    values: tuple[str, str],
) -> None:
    saved = change_column(old, new, values, file_format)
    (problem,) = data_of(client.restore(**saved, allow_lossy=True, dry_run=True, strategy="sync"))["problems"]
    found = data_of(client.restore(**saved, allow_lossy=True, strategy="sync"), 422)
    assert (found["error_type"], found["details"]["column"]) == ("INVALID_BACKUP", "more")
    assert problem["details"] == found["details"]
    assert new in found["response"]
    assert database.fetch(f"SELECT count(*) FROM {EMBEDDING}") == [(0,)]


def test_a_comparison_is_in_the_type_of_the_backup(client: Client, database: TestDatabase, file_format: str) -> None:
    database.execute(ROWS)
    saved = backup(client, file_format)
    database.execute(HALF)
    (entry,) = compare(client, saved)["collections"]
    assert (entry["different"], entry["same"], entry["samples"]["different"]) == (1, 2, ["odd"])
    database.execute(f"DELETE FROM {EMBEDDING} WHERE id = 'odd'")
    rounded = backup(client, file_format)
    assert compare(client, rounded)["identical"] is True


def test_only_the_rows_of_chosen_collections_are_counted(
    client: Client, database: TestDatabase, file_format: str
) -> None:
    other = "33333333-3333-4333-8333-333333333333"
    database.execute(ROWS)
    database.execute(
        f"INSERT INTO {COLLECTION} VALUES (%s, 'notes', NULL);"
        f"INSERT INTO {EMBEDDING} SELECT n::text, %s::uuid, '[0.1,0,0]' FROM generate_series(1, 9) n",
        (other, other),
    )
    saved = backup(client, file_format)
    database.execute(HALF)
    result = done(client, saved, truncate_before_restore=True, collections=["docs"])
    assert (result["rows_restored"], result["rows_lossy"]) == (3, 1)


def test_old_tables_go_into_new_ones_with_narrower_vectors(
    client: Client, old_database: TestDatabase, database: TestDatabase, file_format: str
) -> None:
    old_database.execute(
        f"INSERT INTO {COLLECTION} (uuid, name) VALUES (%s, 'docs');"
        f"INSERT INTO {EMBEDDING} (uuid, custom_id, collection_id, embedding, cmetadata) VALUES"
        " (gen_random_uuid(), 'even', %s, '[1,2,0.5]', '{}'), (gen_random_uuid(), 'odd', %s, '[1,2,0.1]', '{}')",
        (DOCS, DOCS, DOCS),
    )
    saved = backup(client, file_format, pg_conn=old_database.url)
    database.execute(HALF)
    assert refused(client, saved, truncate_before_restore=True)["details"]["columns"] == ["embedding"]
    assert done(client, saved, truncate_before_restore=True)["rows_lossy"] == 1
    assert database.fetch(f"SELECT id FROM {EMBEDDING} ORDER BY 1") == [("even",), ("odd",)]
    (entry,) = compare(client, saved)["collections"]
    assert (entry["different"], entry["same"]) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "lossy", "rows"),
    [
        ({"truncate_before_restore": True}, 9, 9),
        ({"strategy": "sync"}, 9, 9),
        ({"on_conflict": "update"}, 9, 9),
        ({"strategy": "sync", "where": {"column": "tenant", "in": [2]}}, 3, 8),
        ({"truncate_before_restore": True, "where": {"column": "tenant", "in": [1]}}, 3, 7),
    ],
    ids=str,
)
def test_any_tables_may_be_narrower(
    client: Client, database: TestDatabase, file_format: str, fields: dict[str, Any], lossy: int, rows: int
) -> None:
    database.execute(
        "CREATE TABLE things (id int PRIMARY KEY, tenant int, score float8);"
        "INSERT INTO things SELECT n, n % 3, n + 0.1 FROM generate_series(1, 9) n"
    )
    saved = backup(client, file_format, layout="tables", tables=["things"])
    database.execute("ALTER TABLE things ALTER score TYPE float4; DELETE FROM things WHERE id > 7")
    assert refused(client, saved, **fields)["details"]["types"] == {"score": {"backup": "float8", "live": "float4"}}
    for more in ({"dry_run": True}, {}):
        answer = data_of(client.restore(**saved, **fields, **more, allow_lossy=True))
        assert answer.get("problems", []) == []
        assert [one["rows_lossy"] for one in answer["restore_results"].values()] == [lossy]
    assert database.fetch("SELECT count(*) FROM things WHERE score = (id + 0.1)::float4") == [(rows,)]


def test_a_set_that_nothing_vouches_for_is_read_as_the_columns_are(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    database.execute(HALF)
    answer = data_of(client.restore(**small_set, truncate_before_restore=True))
    assert "rows_lossy" not in answer["restore_results"][EMBEDDING]


def test_an_undo_of_a_restore_into_narrower_columns_needs_no_permission_to_lose(
    client: Client, database: TestDatabase, bits: Any
) -> None:
    database.execute(ROWS)
    saved = backup(client)
    database.execute(HALF)
    before = bits(database)
    database.execute(f"UPDATE {EMBEDDING} SET document = 'live' WHERE id = 'even'")
    live = bits(database)
    answer = data_of(client.restore(**saved, strategy="sync", allow_lossy=True, backup_before_restore=True))
    assert bits(database) == before
    assert "allow_lossy" not in answer["undo"]
    data_of(client.restore(**answer["undo"]))
    assert bits(database) == live


KINDS = (
    *("int2", "int4", "int8", "float4", "float8", "numeric", "numeric(6,2)", "numeric(9,3)", "numeric(4,0)", "oid"),
    *("text", "varchar", "varchar(5)", "varchar(36)", "char(5)", "char(8)", "name", '"char"', "uuid", "bool", "bytea"),
    *("date", "time", "time(0)", "timetz", "timestamp", "timestamp(0)", "timestamptz", "interval", "interval(0)"),
    *("json", "jsonb", "bit(3)", "varbit", "varbit(4)", "vector", "vector(2)", "halfvec", "halfvec(2)", "sparsevec"),
    *("int4[]", "int8[]", "float4[]", "float8[]", "text[]", "varchar(5)[]"),
)
SAMPLES = [
    *("0", "-0", "1", "-32768", "16777217", "9007199254740993", "0.1", "1.50", "1.005", "NaN", "Infinity", "1e30"),
    *("3.4028235e38", "1e-45", "a", "a  ", " a", "abcdef", "abcdefghijkl", "é", "", "t", "10:00:00.75", "24:00:00"),
    *("aaaaaaaa-0000-4000-8000-00000000000A", "2025-01-02", "infinity", "10:00:00.75+02", "2025-01-02 10:00:00.75"),
    *("1 day 01:00:00.5", "2025-01-02 10:00:00.75+02", '{"b": 1, "a": 1.0}', '"x" ', "101", "10", "[1,0.1]"),
    *("[-0,65504]", "{1:0.1}/2", "{1,2}", "{0.1,NULL}", '{"a ",b}', "\\x00ff"),
]
# COPY gives a column's modifier to the type's input function; so do these calls.
CALLS = """
SELECT t.typname::text, a.atttypmod, t.typinput || CASE p.pronargs WHEN 1 THEN '($1::cstring)' ELSE format(
         '($1::cstring, %%s, %%s)', CASE t.typcategory WHEN 'A' THEN t.typelem ELSE t.oid END, a.atttypmod) END
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_proc p ON p.oid = t.typinput
WHERE a.attrelid = 'kinds'::regclass AND a.attnum > 0 ORDER BY a.attnum
"""
READ = """
CREATE FUNCTION printed(given text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
  EXECUTE format('SELECT format(''%%s'', %s)', call) INTO found USING given;
  RETURN found;
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $$
"""
# Blanks at the end are no part of a char(n).
CHANGED = """
SELECT given, taken FROM (
  SELECT DISTINCT printed(x, %(old)s) AS given, printed(printed(x, %(old)s), %(new)s) AS taken
  FROM unnest(%(samples)s::text[]) x) tried
WHERE given IS NOT NULL AND taken IS NOT NULL AND printed(
  CASE WHEN %(new)s LIKE 'bpchar%%' THEN rtrim(taken, ' ') ELSE taken END, %(old)s) IS DISTINCT FROM given
"""
SAME_BUT_NOT_AS_TEXT = {("json", "jsonb"), *product(("int2", "int4", "int8"), ("numeric(6,2)", "numeric(9,3)"))}
"""White space of json; `1` and `1.00`."""


def test_what_is_taken_for_harmless_changes_no_value_that_the_server_takes(database: TestDatabase) -> None:
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(KINDS))
    database.execute(f"CREATE TABLE kinds ({columns})")
    database.execute(READ)
    calls = dict(zip(KINDS, database.fetch(CALLS, ()), strict=True))
    kept = [(old, new) for old, new in product(KINDS, KINDS) if not loses(*calls[old][:2], *calls[new][:2])]
    tried = [*kept, ("vector", "halfvec"), ("float8", "float4"), ("timestamptz", "date"), ("text", "char(5)")]
    changed = []
    for old, new in tried:
        parameters = {"old": calls[old][2], "new": calls[new][2], "samples": SAMPLES}
        if database.fetch(CHANGED, parameters) and (old, new) not in SAME_BUT_NOT_AS_TEXT:
            changed.append((old, new))
    assert changed == tried[len(kept) :]
