"""Indexes and keys after a replace: the same as before, in everything PostgreSQL knows of them."""

from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client

EVERYTHING = """
SELECT c.relname, pg_get_indexdef(c.oid), obj_description(c.oid, 'pg_class'), pg_get_userbyid(c.relowner),
       c.reloptions, c.reltablespace, i.indisclustered, i.indisvalid, i.indisready, i.indisunique, i.indisprimary,
       i.indisreplident, ARRAY(SELECT attstattarget::int FROM pg_attribute WHERE attrelid = c.oid ORDER BY attnum)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid IN ('langchain_pg_collection'::regclass, 'langchain_pg_embedding'::regclass) ORDER BY 1
"""
CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint')
FROM pg_constraint WHERE conrelid IN ('langchain_pg_collection'::regclass, 'langchain_pg_embedding'::regclass)
ORDER BY 1
"""
NUMBERS = "SELECT c.relname, c.oid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid ORDER BY 1"
SETUP = """
ALTER TABLE langchain_pg_embedding ALTER embedding TYPE vector(3);
CREATE INDEX "an ""HNSW"" index" ON langchain_pg_embedding
  USING hnsw (embedding vector_cosine_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX over_a_cast ON langchain_pg_embedding USING hnsw ((embedding::halfvec(3)) halfvec_l2_ops);
CREATE INDEX lists ON langchain_pg_embedding USING ivfflat (embedding vector_l2_ops) WITH (lists = 2);
CREATE INDEX of_a_key ON langchain_pg_embedding ((cmetadata ->> 'n'), lower(document) DESC NULLS LAST);
ALTER INDEX of_a_key ALTER COLUMN 2 SET STATISTICS 321;
COMMENT ON INDEX of_a_key IS 'it''s looked for';
CREATE INDEX "some" ON langchain_pg_embedding (collection_id) INCLUDE (id) WITH (fillfactor = 50)
  WHERE document IS NOT NULL;
CLUSTER langchain_pg_embedding USING of_a_key;
ALTER TABLE langchain_pg_embedding CLUSTER ON langchain_pg_embedding_pkey;
CREATE INDEX to_sort_by ON langchain_pg_embedding (id);
ALTER TABLE langchain_pg_embedding CLUSTER ON to_sort_by;
ALTER INDEX ix_cmetadata_gin SET (fastupdate = off);
CREATE UNIQUE INDEX of_somebodys_key ON langchain_pg_embedding (id, collection_id);
ALTER TABLE langchain_pg_embedding ADD CONSTRAINT no_twin EXCLUDE USING btree (id WITH =);
CREATE INDEX names ON langchain_pg_collection USING hash (name);
COMMENT ON CONSTRAINT langchain_pg_embedding_collection_id_fkey ON langchain_pg_embedding IS 'whose';
"""


@pytest.fixture
def rows(fill: Any, database: TestDatabase) -> None:
    """Rows whose vectors all have three dimensions."""
    fill(database)
    database.execute("UPDATE langchain_pg_embedding SET embedding = '[1,2,3]'")


def replace(client: Client, small_set: dict[str, str], **more: Any) -> dict[str, Any]:
    response = client.restore(**small_set, truncate_before_restore=True, **more)
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


def test_every_index_is_the_same_afterwards(
    client: Client, database: TestDatabase, rows: None, small_set: dict[str, str]
) -> None:
    database.execute(SETUP)
    before = database.fetch(EVERYTHING), database.fetch(CONSTRAINTS)
    numbers = dict(database.fetch(NUMBERS))
    data = replace(client, small_set)
    assert (database.fetch(EVERYTHING), database.fetch(CONSTRAINTS)) == before
    rebuilt = {name for name, number in database.fetch(NUMBERS) if numbers[name] != number}
    assert rebuilt == {
        'an "HNSW" index',
        "ix_cmetadata_gin",
        "lists",
        "names",
        "of_a_key",
        "of_somebodys_key",
        "over_a_cast",
        "some",
        "to_sort_by",
    }
    assert data["index_results"].keys() == rebuilt | {"langchain_pg_embedding_collection_id_fkey"}
    assert all(result["success"] and result["duration"] >= 0 for result in data["index_results"].values())


def test_a_search_by_the_rebuilt_index_finds_the_new_rows(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    database.execute("ALTER TABLE langchain_pg_embedding ALTER embedding TYPE vector(3)")
    database.execute("CREATE INDEX ON langchain_pg_embedding USING hnsw (embedding vector_l2_ops)")
    replace(client, small_set)
    connection = database.connect()
    cursor = connection.cursor()
    cursor.execute("SET enable_seqscan = off")
    nearest = "SELECT id FROM langchain_pg_embedding ORDER BY embedding <-> '[4,5,5]' LIMIT 1"
    cursor.execute(f"EXPLAIN {nearest}")
    assert "Index Scan" in "".join(line for (line,) in cursor.fetchall()[:2])
    cursor.execute(nearest)
    assert cursor.fetchone() == ("b",)


def test_the_foreign_key_works_again(client: Client, database: TestDatabase, small_set: dict[str, str]) -> None:
    replace(client, small_set)
    database.execute("DELETE FROM langchain_pg_collection")
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]


def test_an_index_that_is_replica_identity_stays(
    client: Client, database: TestDatabase, rows: None, small_set: dict[str, str]
) -> None:
    database.execute("CREATE UNIQUE INDEX identity ON langchain_pg_embedding (id)")
    database.execute("ALTER TABLE langchain_pg_embedding REPLICA IDENTITY USING INDEX identity")
    number = dict(database.fetch(NUMBERS))["identity"]
    replace(client, small_set)
    assert database.fetch("SELECT indexrelid FROM pg_index WHERE indisreplident") == [(number,)]


def test_replacing_embeddings_alone_leaves_the_indexes_of_collections(
    client: Client, database: TestDatabase, rows: None, small_set: dict[str, str]
) -> None:
    database.execute("CREATE INDEX names ON langchain_pg_collection (name)")
    before, numbers = database.fetch(EVERYTHING), dict(database.fetch(NUMBERS))
    data = replace(client, small_set, tables=["langchain_pg_embedding"])
    assert data["index_results"].keys() == {"ix_cmetadata_gin", "langchain_pg_embedding_collection_id_fkey"}
    assert database.fetch(EVERYTHING) == before
    assert dict(database.fetch(NUMBERS))["names"] == numbers["names"]


def test_adding_rows_drops_no_index(client: Client, database: TestDatabase, small_set: dict[str, str]) -> None:
    numbers = database.fetch(NUMBERS)
    assert client.restore(**small_set).status_code == 200
    assert database.fetch(NUMBERS) == numbers


def test_tables_without_index_and_key_are_restored_too(
    client: Client, database: TestDatabase, small_set: dict[str, str]
) -> None:
    database.execute("DROP INDEX ix_cmetadata_gin")
    database.execute("ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_collection_id_fkey")
    assert replace(client, small_set)["index_results"] == {}
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(2,)]


def test_triggers_that_wait_for_the_commit_do_not_keep_indexes_from_being_rebuilt(
    client: Client, database: TestDatabase, rows: None, small_set: dict[str, str]
) -> None:
    """PostgreSQL builds no index on a table with trigger events pending."""
    database.execute(
        "CREATE TABLE seen (id varchar);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO seen VALUES (NEW.id); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER note AFTER INSERT ON langchain_pg_embedding DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION note()"
    )
    replace(client, small_set)
    assert database.fetch("SELECT id FROM seen ORDER BY id") == [("a",), ("b",)]
