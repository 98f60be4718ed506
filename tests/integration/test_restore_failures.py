"""A replace that fails, at whatever step, leaves the rows and indexes that were there."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import DOCS

NOBODY = "99999999-9999-4999-8999-999999999999"
COLLECTION_FILE = "langchain_pg_collection_20250722_010318.csv"
EMBEDDING_FILE = "langchain_pg_embedding_20250722_010318.csv"
SECRET = "the-text-of-a-row"
COLLECTIONS = f"uuid,name,cmetadata\n{DOCS},{SECRET},{{}}\n".encode()
TWO_ROWS = (
    "id,collection_id,embedding,document,cmetadata\n"
    f'a,{DOCS},"[1,2,3]","two\nlines of {SECRET}",{{}}\nb,{DOCS},"[4,5,6]",{SECRET},{{}}\n'
).encode()
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
KEYS = "SELECT conname, convalidated FROM pg_constraint WHERE conrelid = 'langchain_pg_embedding'::regclass ORDER BY 1"


@pytest.fixture
def expect_rollback(client: Client, database: TestDatabase, bits: Any, fill: Any) -> Callable[..., dict[str, Any]]:
    """Fill the tables, try a replace, and see that it fails as told and changes nothing; the answer's data."""
    fill(database)

    def state() -> tuple[Any, ...]:
        return bits(database), database.fetch(INDEXES), database.fetch(KEYS)

    def check(body: dict[str, str], status: int, error_type: str) -> dict[str, Any]:
        before = state()
        response = client.restore(**body, truncate_before_restore=True)
        data: dict[str, Any] = response.get_json()["data"]
        assert (response.status_code, data["error_type"]) == (status, error_type), response.text
        assert data["rolled_back"] is True
        assert data["target"]["dbname"] == database.dbname
        assert SECRET not in response.text
        assert state() == before
        return data

    return check


def row(text: str) -> bytes:
    return text.replace("DOCS", DOCS).replace("SECRET", SECRET).encode() + b"\n"


BAD_ROWS = {
    "a field too few": (row('c,DOCS,"[1,2,3]",SECRET'), None),
    "a field too many": (row('c,DOCS,"[1,2,3]",SECRET,{},'), None),
    "an empty line": (b"\n", None),
    "a quote that is not closed": (row('c,DOCS,"[1,2,3]","SECRET,{}'), None),
    "a NUL": (row('c,DOCS,"[1,2,3]",SECRET\0,{}'), None),
    "no UTF-8": (row('c,DOCS,"[1,2,3]",SECRET,{}').replace(b"text", b"\xff"), None),
    "no uuid": (row('c,SECRET,"[1,2,3]",SECRET,{}'), "collection_id"),
    "NaN": (row('c,DOCS,"[1,NaN,3]",SECRET,{}'), "embedding"),
    "infinity": (row('c,DOCS,"[1,Infinity,3]",SECRET,{}'), "embedding"),
    "more than float4 holds": (row('c,DOCS,"[1,1e39,3]",SECRET,{}'), "embedding"),
    "an array": (row('c,DOCS,"{1,2}",SECRET,{}'), "embedding"),
    "no dimension": (row("c,DOCS,[],SECRET,{}"), "embedding"),
    "16,001 dimensions": (row(f'c,DOCS,"[{",".join("1" * 16001)}]",SECRET,{{}}'), "embedding"),
    "text for a vector": (row("c,DOCS,SECRET,SECRET,{}"), "embedding"),
    "no JSON": (row('c,DOCS,"[1,2,3]",SECRET,{SECRET}'), "cmetadata"),
    "a NUL in JSON": (row('c,DOCS,"[1,2,3]",SECRET,"{""a"": ""\\u0000""}"'), "cmetadata"),
    "half a surrogate pair in JSON": (row('c,DOCS,"[1,2,3]",SECRET,"{""a"": ""\\ud800""}"'), "cmetadata"),
    "JSON nested too deep": (row(f'c,DOCS,"[1,2,3]",SECRET,{"[" * 50000}{"]" * 50000}'), "cmetadata"),
    "no id": (row(',DOCS,"[1,2,3]",SECRET,{}'), None),
}


@pytest.mark.parametrize(("line", "column"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_at_the_end_is_named_by_file_and_line(
    expect_rollback: Any, backups: Any, line: bytes, column: str | None
) -> None:
    data = expect_rollback(backups.write(COLLECTIONS, TWO_ROWS + line), 422, "INVALID_BACKUP")
    details = data["details"]
    assert (details["file"], details["line"], details["column"]) == (EMBEDDING_FILE, 5, column)
    assert details["reason"]
    assert EMBEDDING_FILE in data["response"]


def test_an_embedding_of_no_collection_is_named_by_file_and_line(expect_rollback: Any, backups: Any) -> None:
    body = backups.write(COLLECTIONS, TWO_ROWS + row(f'c,{NOBODY},"[1,2,3]",SECRET,{{}}'))
    data = expect_rollback(body, 422, "ORPHAN_ROWS")
    details = data["details"]
    assert (details["file"], details["line"], details["column"]) == (EMBEDDING_FILE, 5, "collection_id")


def test_an_id_that_stands_twice_is_named_by_file_and_line(expect_rollback: Any, backups: Any) -> None:
    body = backups.write(COLLECTIONS, TWO_ROWS + row('a,DOCS,"[1,2,3]",SECRET,{}'))
    data = expect_rollback(body, 409, "DUPLICATE_ROWS")
    assert (data["details"]["file"], data["details"]["line"]) == (EMBEDDING_FILE, 5)


def test_a_collection_that_stands_twice_is_named_by_file_and_line(expect_rollback: Any, backups: Any) -> None:
    """By its name, too, which is no text of a row: lists show it, and requests give it."""
    docs = f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n{NOBODY},docs,{{}}\n".encode()
    data = expect_rollback(backups.write(docs, TWO_ROWS), 409, "DUPLICATE_ROWS")
    assert "docs" in data["response"]
    assert (data["details"]["file"], data["details"]["line"]) == (COLLECTION_FILE, 3)


def with_hnsw(database: TestDatabase) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE embedding IS NULL OR id = 'no text'")
    database.execute("CREATE INDEX ON langchain_pg_embedding USING hnsw ((embedding::vector(3)) vector_l2_ops)")


def with_typed_hnsw(database: TestDatabase) -> None:
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'no text'")
    database.execute("ALTER TABLE langchain_pg_embedding ALTER embedding TYPE vector(3)")
    database.execute("CREATE INDEX ON langchain_pg_embedding USING hnsw (embedding vector_cosine_ops)")


@pytest.mark.parametrize("prepare", [with_hnsw, with_typed_hnsw])
def test_a_vector_that_no_index_takes_is_named_by_file_and_line(
    expect_rollback: Any, database: TestDatabase, backups: Any, prepare: Callable[[Any], None]
) -> None:
    prepare(database)
    body = backups.write(COLLECTIONS, TWO_ROWS + row('c,DOCS,"[1,2]",SECRET,{}'))
    details = expect_rollback(body, 422, "INVALID_BACKUP")["details"]
    assert (details["file"], details["line"], details["column"]) == (EMBEDDING_FILE, 5, "embedding")


INDEX_TROUBLE = {
    "a unique index": ("CREATE UNIQUE INDEX ON {} (document)", 'c,DOCS,"[1,2,3]",SECRET,{}', 409, "DUPLICATE_ROWS"),
    "a partial vector index": (
        "CREATE INDEX ON {} USING hnsw ((embedding::vector(3)) vector_l2_ops) WHERE id <> 'no text'",
        'c,DOCS,"[1,2]",x,{}',
        422,
        "INVALID_BACKUP",
    ),
    "an index of short texts": (
        "CREATE INDEX ON {} (document)",
        f'c,DOCS,"[1,2,3]",{"".join(map(str, range(5000)))},{{}}',
        422,
        "INVALID_BACKUP",
    ),
}


@pytest.mark.parametrize(("index", "line", "status", "error_type"), INDEX_TROUBLE.values(), ids=INDEX_TROUBLE)
def test_an_index_that_cannot_be_built_again_undoes_everything(
    expect_rollback: Any, database: TestDatabase, backups: Any, index: str, line: str, status: int, error_type: str
) -> None:
    database.execute(index.format("langchain_pg_embedding"))
    expect_rollback(backups.write(COLLECTIONS, TWO_ROWS + row(line)), status, error_type)


TRIGGERS = {
    "one that raises": (f"RAISE EXCEPTION '{SECRET}'", 422, "INVALID_BACKUP"),
    "one that swallows the row": ("RETURN NULL", 409, "TRIGGER_CHANGED_ROWS"),
    "one that adds a row": (
        "INSERT INTO langchain_pg_collection VALUES (gen_random_uuid(), 'more'); RETURN NEW",
        409,
        "TRIGGER_CHANGED_ROWS",
    ),
}


@pytest.mark.parametrize(("action", "status", "error_type"), TRIGGERS.values(), ids=TRIGGERS)
def test_a_trigger_that_interferes_undoes_everything(
    expect_rollback: Any, database: TestDatabase, small_set: dict[str, str], action: str, status: int, error_type: str
) -> None:
    database.execute(f"CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action}; END $$")
    database.execute(
        "CREATE TRIGGER act BEFORE INSERT ON langchain_pg_embedding"
        " FOR EACH ROW WHEN (NEW.id = 'b') EXECUTE FUNCTION act()"
    )
    expect_rollback(small_set, status, error_type)


@pytest.mark.parametrize("of", ["langchain_pg_embedding", "langchain_pg_collection"])
def test_a_table_of_somebody_else_that_refers_to_ours_is_never_emptied(
    expect_rollback: Any, database: TestDatabase, small_set: dict[str, str], of: str
) -> None:
    database.execute(f"CREATE TABLE notes (note {'varchar' if 'emb' in of else 'uuid'} REFERENCES {of})")
    database.execute("INSERT INTO notes VALUES (%s)", ("plain" if "emb" in of else DOCS,))
    expect_rollback(small_set, 409, "DEPENDENT_ROWS")
    assert database.fetch("SELECT count(*) FROM notes") == [(1,)]


def test_a_constraint_of_the_table_undoes_everything(
    expect_rollback: Any, database: TestDatabase, small_set: dict[str, str]
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ADD CHECK (id <> 'b')")
    details = expect_rollback(small_set, 422, "INVALID_BACKUP")["details"]
    assert (details["file"], details["line"]) == (EMBEDDING_FILE, 3)


OTHER_COLUMNS = {
    "one less": ["DROP document"],
    "one of another name": ["RENAME cmetadata TO metadata"],
    "one more of LangChain's": ["ADD custom_id varchar"],
    "one more that must be filled": ["ADD owner integer NOT NULL DEFAULT 1", "ALTER owner DROP DEFAULT"],
}


@pytest.mark.parametrize("changes", OTHER_COLUMNS.values(), ids=OTHER_COLUMNS)
def test_tables_of_other_columns_are_a_conflict(
    expect_rollback: Any, database: TestDatabase, small_set: dict[str, str], changes: list[str]
) -> None:
    for change in changes:
        database.execute(f"ALTER TABLE langchain_pg_embedding {change}")
    assert expect_rollback(small_set, 409, "SCHEMA_MISMATCH")["details"]["table"] == "langchain_pg_embedding"


def test_a_missing_table_is_a_conflict(
    make_client: Callable[..., Client], empty_database: TestDatabase, small_set: dict[str, str]
) -> None:
    client = make_client(DATABASE_URL=empty_database.url)
    response = client.restore(**small_set, truncate_before_restore=True)
    assert (response.status_code, response.get_json()["data"]["error_type"]) == (409, "SCHEMA_MISMATCH")


def test_a_line_far_into_a_large_file_is_found(
    make_client: Callable[..., Client], database: TestDatabase, backups: Any, bits: Any, fill: Any
) -> None:
    client = make_client(DATABASE_URL=database.url, LOAD_WORKERS="2")
    fill(database)
    before = bits(database)
    rows = b"".join(row(f'e{n},DOCS,"[1,2,3]","{"x" * 9000}\n",{{}}') for n in range(1200))
    body = backups.write(COLLECTIONS, TWO_ROWS + rows + row('b,DOCS,"[1,2,3]",SECRET,{}'))
    response = client.restore(**body, truncate_before_restore=True)
    details = response.get_json()["data"]["details"]
    assert (response.status_code, details["line"]) == (409, 5 + 2 * 1200)
    body = backups.write(COLLECTIONS, TWO_ROWS + rows + row('z,DOCS,"[1,2,x]",SECRET,{}'))
    response = client.restore(**body, truncate_before_restore=True)
    details = response.get_json()["data"]["details"]
    assert (response.status_code, details["line"], details["column"]) == (422, 5 + 2 * 1200, "embedding")
    assert bits(database) == before
