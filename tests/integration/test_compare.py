"""POST /compare: what differs between a backup and the live tables, or between two backups."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import DOCS

NEW = "33333333-3333-4333-8333-333333333333"
SAME = {"only_in_backup": 0, "only_in_other": 0, "different": 0}
KINDS = (*SAME, "same")


def compare(client: Client, backup: dict[str, str], other: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    response = client.post(f"{PREFIX}/compare", data=json.dumps({**backup, "with": other, **more}))
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


def refused(client: Client, **body: Any) -> tuple[int, str, str]:
    response = client.post(f"{PREFIX}/compare", data=json.dumps(body))
    data = response.get_json()["data"]
    return response.status_code, data["error_type"], data["response"]


def backup(client: Client, **body: Any) -> dict[str, str]:
    """Make a backup; returns the body that names it."""
    done = client.backup(**body).get_json()["data"]
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def entry(answer: dict[str, Any], name: str | None) -> dict[str, Any]:
    (found,) = [one for one in answer["collections"] if one["name"] == name]
    return dict(found)


def counts(answer: dict[str, Any], name: str | None) -> tuple[int, ...]:
    """Only in the backup, only in the other one, different, the same."""
    return tuple(entry(answer, name)[kind] for kind in KINDS)


@pytest.fixture(params=["csv", "binary"])
def saved(client: Client, database: TestDatabase, fill: Any, request: Any) -> dict[str, str]:
    """A filled database and its backup."""
    fill(database)
    return backup(client, format=request.param)


def test_a_backup_is_identical_to_the_tables_it_was_taken_from(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any
) -> None:
    before = bits(database)
    answer = compare(client, saved)
    assert answer["identical"] is True
    assert [one["name"] for one in answer["collections"]] == ["docs", "空集合", None]
    assert counts(answer, "docs") == (0, 0, 0, 5)
    assert counts(answer, None) == (0, 0, 0, 1)
    assert counts(answer, "空集合") == (0, 0, 0, 0)
    assert entry(answer, "docs")["collection"] == {"kind": "same", "columns": []}
    assert (answer["with"], answer["warnings"], answer["backup_info"]["timestamp"]) == (None, [], saved["timestamp"])
    assert bits(database) == before


def test_rows_are_counted_and_named_by_collection(
    client: Client, database: TestDatabase, saved: dict[str, str]
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = 'no text'")
    database.execute("INSERT INTO langchain_pg_embedding VALUES ('extra', %s, '[9,9,9]', '', NULL)", (DOCS,))
    answer = compare(client, saved)
    assert answer["identical"] is False
    assert counts(answer, "docs") == (1, 1, 1, 3)
    assert entry(answer, "docs")["samples"] == {
        "only_in_backup": ["plain"],
        "only_in_other": ["extra"],
        "different": ["no text"],
    }
    assert counts(answer, None) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("UPDATE langchain_pg_embedding SET embedding = '[0,0,1e-45]' WHERE id = 'empty text'", "docs"),
        ("UPDATE langchain_pg_embedding SET cmetadata = jsonb_set(cmetadata, '{n}', '1.0') WHERE id = 'plain'", "docs"),
        ("UPDATE langchain_pg_embedding SET document = '' WHERE id = 'no text'", "docs"),
        ("UPDATE langchain_pg_embedding SET embedding = '[1,2]' WHERE id = ' spaces '", None),
    ],
    ids=["minus zero", "1 and 1.0", "NULL and nothing", "other dimensions"],
)
def test_a_difference_that_equality_does_not_see_is_seen(
    client: Client, database: TestDatabase, saved: dict[str, str], change: str, name: str | None
) -> None:
    database.execute(change)
    answer = compare(client, saved)
    assert entry(answer, name)["different"] == 1
    assert sum(one["different"] for one in answer["collections"]) == 1


def test_a_collection_made_anew_holds_the_same_rows_and_is_another(
    client: Client, database: TestDatabase, saved: dict[str, str]
) -> None:
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'new', %s)", (NEW, '{"b": 1, "a" : [1.0,  2]}'))
    database.execute("UPDATE langchain_pg_embedding SET collection_id = %s WHERE collection_id = %s", (NEW, DOCS))
    database.execute("DELETE FROM langchain_pg_collection WHERE uuid = %s", (DOCS,))
    database.execute("UPDATE langchain_pg_collection SET name = 'docs' WHERE uuid = %s", (NEW,))
    answer = compare(client, saved)
    assert counts(answer, "docs") == (0, 0, 0, 5)
    assert entry(answer, "docs")["collection"] == {"kind": "different", "columns": ["uuid"]}
    assert answer["identical"] is False


def test_what_only_the_metadata_of_a_collection_changed_in_is_seen(
    client: Client, database: TestDatabase, saved: dict[str, str]
) -> None:
    database.execute("UPDATE langchain_pg_collection SET cmetadata = '{\"b\":1,\"a\":[1.0,2]}' WHERE name = 'docs'")
    answer = compare(client, saved)
    assert entry(answer, "docs")["collection"] == {"kind": "different", "columns": ["cmetadata"]}
    assert answer["identical"] is False


def test_a_row_that_moved_to_another_collection_is_missing_here_and_more_there(
    client: Client, database: TestDatabase, saved: dict[str, str]
) -> None:
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'later', NULL)", (NEW,))
    database.execute("UPDATE langchain_pg_embedding SET collection_id = %s WHERE id = 'plain'", (NEW,))
    answer = compare(client, saved)
    assert counts(answer, "docs") == (1, 0, 0, 4)
    assert counts(answer, "later") == (0, 1, 0, 0)
    assert entry(answer, "later")["collection"]["kind"] == "only_in_other"


def test_only_the_chosen_collections_are_told_of(client: Client, database: TestDatabase, saved: dict[str, str]) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    answer = compare(client, saved, collections=["空集合"])
    assert [one["name"] for one in answer["collections"]] == ["空集合"]
    assert answer["identical"] is True
    assert compare(client, saved, collections=["docs", "空集合"])["identical"] is False


def test_a_backup_of_some_collections_is_compared_with_these(
    client: Client, database: TestDatabase, saved: dict[str, str]
) -> None:
    partial = backup(client, collections=["docs"])
    for answer in (compare(client, partial), compare(client, partial, saved), compare(client, saved, partial)):
        assert answer["identical"] is True
        assert [one["name"] for one in answer["collections"]] == ["docs"]


def test_an_unknown_collection_is_refused_with_the_names_there_are(client: Client, saved: dict[str, str]) -> None:
    body = {**saved, "collections": ["docs", "nobody"]}
    response = client.post(f"{PREFIX}/compare", data=json.dumps(body))
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (404, "RESOURCE_NOT_FOUND")
    assert response.get_json()["data"]["details"] == {
        "unknown": ["nobody"],
        "collections": ["docs", "空集合"],
    }


def test_two_backups_are_compared_without_the_live_tables(
    client: Client,
    database: TestDatabase,
    saved: dict[str, str],
    make_client: Callable[..., Client],
    empty_database: TestDatabase,
) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id = 'no text'")
    later = backup(client, format="binary")
    elsewhere = make_client(DATABASE_URL=empty_database.url)
    answer = compare(elsewhere, saved, later)
    assert counts(answer, "docs") == (1, 0, 1, 3)
    assert answer["with"]["timestamp"] == later["timestamp"]
    assert compare(elsewhere, later, later)["identical"] is True
    assert compare(elsewhere, later, saved)["identical"] is False
    assert counts(compare(elsewhere, later, saved), "docs") == (0, 1, 1, 3)
    assert empty_database.fetch("SELECT count(*) FROM pg_class WHERE relname LIKE '%langchain%'") == [(0,)]


def test_a_file_of_another_exporter_is_compared_by_what_it_means(
    client: Client, database: TestDatabase, small_set: dict[str, str], backups: Any
) -> None:
    client.restore(**small_set)
    answer = compare(client, small_set)
    assert answer["identical"] is True
    assert len(answer["warnings"]) == 1
    vouched = backup(client)
    assert compare(client, vouched, small_set)["identical"] is True
    assert compare(client, small_set, vouched)["identical"] is True


def test_no_more_than_twenty_ids_are_shown(client: Client, database: TestDatabase, small_set: dict[str, str]) -> None:
    client.restore(**small_set)
    database.execute(
        "INSERT INTO langchain_pg_embedding SELECT 'n' || to_char(n, 'FM00'), %s, '[1]' FROM generate_series(1, 30) n",
        (DOCS,),
    )
    found = entry(compare(client, small_set), "docs")
    assert found["only_in_other"] == 30
    assert found["samples"]["only_in_other"] == [f"n{number:02}" for number in range(1, 21)]


def test_a_column_that_only_the_live_table_has_is_named(
    client: Client, database: TestDatabase, saved: dict[str, str]
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ADD note text DEFAULT 'x'")
    answer = compare(client, saved)
    assert answer["identical"] is True
    assert "langchain_pg_embedding.note" in answer["warnings"][0]


def test_ids_in_an_order_of_their_own_are_paired_all_the_same(
    client: Client, database: TestDatabase, saved: dict[str, str]
) -> None:
    database.execute('ALTER TABLE langchain_pg_embedding ALTER id TYPE varchar COLLATE "C"')
    assert compare(client, saved)["identical"] is True


def test_old_tables_are_compared_by_their_uuid(make_client: Callable[..., Client], old_database: TestDatabase) -> None:
    client = make_client(DATABASE_URL=old_database.url)
    old_database.execute(
        "INSERT INTO langchain_pg_collection VALUES ('twin', NULL, %s), ('twin', NULL, %s)", (DOCS, NEW)
    )
    old_database.execute("INSERT INTO langchain_pg_embedding (uuid, collection_id) VALUES (%s, %s)", (NEW, DOCS))
    saved = backup(client)
    assert compare(client, saved)["identical"] is True
    old_database.execute("UPDATE langchain_pg_embedding SET custom_id = 'x'")
    assert entry(compare(client, saved), "twin")["samples"]["different"] == [NEW]


def test_other_columns_cannot_be_compared(
    client: Client, saved: dict[str, str], make_client: Callable[..., Client], old_database: TestDatabase
) -> None:
    assert refused(make_client(DATABASE_URL=old_database.url), **saved)[:2] == (409, "SCHEMA_MISMATCH")


def test_a_damaged_file_is_told_by_name_and_line(client: Client, saved: dict[str, str], backups: Any) -> None:
    (path,) = backups.directory().glob("langchain_pg_embedding_*")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    status, kind, text = refused(client, **saved)
    assert (status, kind) == (422, "INVALID_BACKUP")
    assert path.name in text


def test_ids_that_stand_twice_cannot_be_compared(client: Client, database: TestDatabase, backups: Any) -> None:
    rows = f'a,{DOCS},"[1,2,3]",x,\na,{DOCS},"[1,2,3]",y,\n'.encode()
    body = backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,\n".encode(), b"id,collection_id,embedding,document,cmetadata\n" + rows
    )
    assert refused(client, **body)[:2] == (409, "DUPLICATE_ROWS")


def test_bad_requests_are_refused(client: Client, saved: dict[str, str]) -> None:
    assert refused(client)[1] == "MISSING_REQUIRED_PARAMS"
    assert refused(client, **saved, **{"with": {"timestamp": "20250722_010318"}})[2].endswith("with.backup_path")
    assert refused(client, **saved, other=saved)[2] == "无效的参数 other: 不支持的参数"
    assert refused(client, **saved, **{"with": "live"})[:2] == (400, "INVALID_PARAMS")
    assert refused(client, **saved, collections=[])[:2] == (400, "INVALID_PARAMS")
    assert refused(client, **saved, collections=["a", "a"])[:2] == (400, "INVALID_PARAMS")
    assert refused(client, **saved, **{"with": {**saved, "timestamp": "20250722_999999"}})[0] == 404
    assert refused(client, backup_path="../x", timestamp=saved["timestamp"])[0] == 400


def test_nobody_is_blocked(
    client: Client, database: TestDatabase, saved: dict[str, str], background: Callable[..., Any]
) -> None:
    with closing(database.connect()) as writer, writer.cursor() as cursor:
        cursor.execute("LOCK TABLE langchain_pg_embedding, langchain_pg_collection IN EXCLUSIVE MODE")
        cursor.execute("DELETE FROM langchain_pg_embedding")
        assert background(lambda: compare(client.twin(), saved)).result()["identical"] is True
        writer.commit()
    assert counts(compare(client, saved), "docs") == (5, 0, 0, 0)


def test_what_is_written_meanwhile_is_not_seen(
    client: Client,
    database: TestDatabase,
    saved: dict[str, str],
    background: Callable[..., Any],
    wait_for_lock: Callable[..., Any],
) -> None:
    """The comparison is held up as it makes its first temporary table, after its first look at the live ones."""
    database.execute(
        "CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock(42); END $$;"
        "CREATE EVENT TRIGGER wait ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION wait()"
    )
    with closing(database.connect()) as gate, gate.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(42)")
        comparing = background(lambda: compare(client.twin(), saved))
        wait_for_lock(database)
        database.execute("DELETE FROM langchain_pg_embedding")
        gate.rollback()
        assert comparing.result()["identical"] is True


NAMES = st.sampled_from(["one", "two", "三"])
ROWS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(
        st.none() | NAMES, st.none() | st.sampled_from(["[0]", "[-0]", "[1,2]"]), st.sampled_from(["", "x", None])
    ),
)
STATE = st.tuples(st.dictionaries(NAMES, st.sampled_from("12"), min_size=1), ROWS)


def put(database: TestDatabase, state: tuple[dict[str, str], dict[str, Any]]) -> dict[str | None, dict[str, Any]]:
    """Make the tables hold a state; returns the rows by collection, as a model of it."""
    collections, rows = state
    ids = {
        name: f"{number}{number * 7}-1111-4111-8111-{version * 12}"
        for name, version in collections.items()
        for number in [str(["one", "two", "三"].index(name) + 1)]
    }
    model: dict[str | None, dict[str, Any]] = {name: {} for name in ids}
    database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    for name, uuid in ids.items():
        database.execute("INSERT INTO langchain_pg_collection VALUES (%s, %s, NULL)", (uuid, name))
    for key, (name, *values) in rows.items():
        place = name if name in ids else None
        database.execute(
            "INSERT INTO langchain_pg_embedding VALUES (%s, %s, %s, %s, NULL)", (key, ids.get(place or ""), *values)
        )
        model.setdefault(place, {})[key] = values
    return model


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=STATE, after=STATE)
def test_any_two_states_are_compared_as_a_model_has_it(
    client: Client, database: TestDatabase, before: Any, after: Any
) -> None:
    old = put(database, before)
    saved = backup(client)
    new = put(database, after)
    answers = [compare(client, saved), compare(client, saved, backup(client, format="binary"))]
    for answer in answers:
        assert {one["name"] for one in answer["collections"]} == old.keys() | new.keys()
        for one in answer["collections"]:
            here, there = old.get(one["name"], {}), new.get(one["name"], {})
            both = here.keys() & there.keys()
            expected = {
                "only_in_backup": sorted(here.keys() - there.keys()),
                "only_in_other": sorted(there.keys() - here.keys()),
                "different": sorted(key for key in both if here[key] != there[key]),
            }
            assert one["samples"] == expected
            assert one["same"] == len(both) - one["different"]
        assert answer["identical"] is (before[0] == after[0] and old == new)


OLD_ROWS = f"""
INSERT INTO langchain_pg_collection VALUES ('docs', '{{"a" : 1}}', '{DOCS}');
INSERT INTO langchain_pg_embedding VALUES
  ('{DOCS}', '[1,2,3]', 'first', '{{"n": 1, "n": 2}}', 'mine', gen_random_uuid()),
  ('{DOCS}', '[-0,2,3]', '', 'null', NULL, '{NEW}'), (NULL, NULL, NULL, NULL, 'twice', gen_random_uuid()),
  ('{DOCS}', '[4,5,6]', 'x', '{{}}', 'twice', gen_random_uuid());
"""


@pytest.fixture(params=["csv", "binary", "csv of Python"])
def old_set(client: Client, old_database: TestDatabase, output_dir: Any, request: Any) -> dict[str, str]:
    """Rows of LangChain's old tables; the body that names their backup."""
    old_database.execute(OLD_ROWS)
    saved = backup(client, pg_conn=old_database.url, format="binary" if request.param == "binary" else "csv")
    if request.param == "csv of Python":
        (output_dir / "vector_bak" / f"vector_backup_{saved['timestamp']}.json").unlink()
        for path in output_dir.rglob(f"*_{saved['timestamp']}.csv"):
            rows = (
                path.read_bytes().replace(b'"{""a"" : 1}"', b"{'a': 1}").replace(b'"{""n"": 1, ""n"": 2}"', b"{'n': 2}")
            )
            path.write_bytes(rows.replace(b",null,", b",None,").replace(b',"",', b",,"))
    return saved


def test_a_set_of_the_old_schema_is_compared_as_it_would_be_restored(
    client: Client, database: TestDatabase, old_set: dict[str, str]
) -> None:
    restored = client.restore(**old_set, truncate_before_restore=True).get_json()["data"]
    for other in (None, backup(client), backup(client, format="binary")):
        answer = compare(client, old_set, other)
        assert answer["identical"] is True, answer
        assert (counts(answer, "docs"), counts(answer, None)) == ((0, 0, 0, 3), (0, 0, 0, 1))
        converted = [text for text in restored["warnings"] if "langchain_pg_embedding" in text]
        assert [f"{old_set['timestamp']}: {text}" for text in converted] == [
            text for text in answer["warnings"] if "langchain_pg_embedding" in text
        ]
        if other:
            assert compare(client, other, old_set)["identical"] is True
    database.execute("UPDATE langchain_pg_embedding SET cmetadata = '{\"n\": 1}' WHERE id = 'mine'")
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = %s", (NEW,))
    answer = compare(client, old_set)
    assert counts(answer, "docs") == (1, 0, 1, 1)
    assert entry(answer, "docs")["samples"] == {"only_in_backup": [NEW], "only_in_other": [], "different": ["mine"]}


def test_sets_of_the_old_schema_are_compared_with_old_tables_and_with_each_other(
    client: Client, old_database: TestDatabase, old_set: dict[str, str]
) -> None:
    vouched = backup(client, pg_conn=old_database.url)
    old_database.execute("DELETE FROM langchain_pg_embedding WHERE custom_id = 'mine'")
    later = backup(client, pg_conn=old_database.url)
    assert compare(client, vouched, later)["identical"] is False
    assert counts(compare(client, vouched, pg_conn=old_database.url), "docs") == (1, 0, 0, 2)
    assert counts(compare(client, vouched, later), "docs") == (1, 0, 0, 2)
    assert compare(client, old_set, old_set)["identical"] is True


def test_a_set_of_the_old_schema_with_more_columns_is_not_compared_with_a_new_one(
    client: Client, database: TestDatabase, old_database: TestDatabase
) -> None:
    old_database.execute(f"{OLD_ROWS} ALTER TABLE langchain_pg_embedding ADD lang text")
    old, new = backup(client, pg_conn=old_database.url), backup(client)
    for body in ({**old, "with": new}, {**new, "with": old}, old):
        status, kind, text = refused(client, **body)
        assert (status, kind) == (409, "SCHEMA_MISMATCH")
        assert "lang" in text
