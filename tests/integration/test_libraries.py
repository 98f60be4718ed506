"""Tables as other libraries make them: backed up, damaged or dropped, and restored to the bit."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_postgres import Column, PGEngine, PGVectorStore
from langchain_postgres.v2.hybrid_search_config import HybridSearchConfig

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_langchain import MANUAL, NOTES, HashEmbeddings
from tests.support.answers import data_of

BITS = "SELECT encode(record_send(r), 'hex') FROM {} r ORDER BY 1"
DEFINITION = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s::regclass AND a.attnum > 0 ORDER BY a.attnum
"""
INDEXES = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass ORDER BY 1"


@pytest.fixture
def engine(database: TestDatabase) -> Iterator[PGEngine]:
    made = PGEngine.from_connection_string(database.url.replace("postgresql://", "postgresql+psycopg://"))
    yield made
    asyncio.run(made.close())


def described(database: TestDatabase, table: str) -> list[list[tuple[object, ...]]]:
    """A table's rows, columns and indexes."""
    return [database.fetch(BITS.format(table)), database.fetch(DEFINITION, (table,)), database.fetch(INDEXES, (table,))]


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_a_vector_store_with_metadata_columns_and_hybrid_search(
    client: Client, database: TestDatabase, engine: PGEngine, file_format: str
) -> None:
    hybrid = HybridSearchConfig(tsv_column="content_tsv", tsv_lang="pg_catalog.english")
    columns: list[Any] = [Column("source", "TEXT"), Column("page", "INTEGER")]
    engine.init_vectorstore_table(
        "kb", 32, id_column=Column("langchain_id", "TEXT"), metadata_columns=columns, hybrid_search_config=hybrid
    )
    database.execute("CREATE INDEX kb_words ON kb USING gin (content_tsv)")
    store = PGVectorStore.create_sync(
        engine, HashEmbeddings(), "kb", metadata_columns=["source", "page"], hybrid_search_config=hybrid
    )
    store.add_documents([*MANUAL, *NOTES])
    before = described(database, "kb")
    found = store.similarity_search_with_score("refund", k=5)
    done = data_of(client.backup(layout="pgvectorstore", format=file_format))
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    database.execute(
        "DELETE FROM kb WHERE page IS NULL; UPDATE kb SET content = 'damaged', embedding = embedding + embedding"
    )
    data_of(client.restore(**named, strategy="sync"))
    assert described(database, "kb") == before
    database.execute("DROP TABLE kb")
    answer = data_of(client.restore(**named, create_tables=True))
    assert not [text for text in answer["warnings"] if "未能" in text]
    assert described(database, "kb") == before
    assert store.similarity_search_with_score("refund", k=5) == found
    store.add_documents([Document(id="new", page_content="goes on", metadata={"page": 9})])
    assert store.get_by_ids(["new"])[0].metadata["page"] == 9


SHAPES = {
    "public.data_kb": """
CREATE TABLE data_kb (id bigserial PRIMARY KEY, text varchar NOT NULL, metadata_ json, node_id varchar,
  embedding vector(3), text_search_tsv tsvector GENERATED ALWAYS AS (to_tsvector('english', text)) STORED);
CREATE INDEX kb_idx ON data_kb USING gin (text_search_tsv);
INSERT INTO data_kb (text, metadata_, node_id, embedding)
SELECT 'node ' || n, '{"b": 1,  "a": 2}', 'n' || n, ARRAY[n, -0, 0.5]::vector FROM generate_series(1, 20) n""",
    "public.embedding_vector_index_4c1d_node": """
CREATE TABLE embedding_vector_index_4c1d_node (id uuid PRIMARY KEY, text text NOT NULL, meta jsonb NOT NULL,
  embedding vector(3) NOT NULL) USING heap;
CREATE INDEX embedding_cosine_v1_idx_4c1d ON embedding_vector_index_4c1d_node USING hnsw (embedding vector_cosine_ops)
  WITH (m = 16, ef_construction = 64);
INSERT INTO embedding_vector_index_4c1d_node
SELECT gen_random_uuid(), '段 ' || n, '{"doc_id": "a"}', ARRAY[n, 1, 0.5]::vector FROM generate_series(1, 20) n""",
    "public.document_chunk": """
CREATE TABLE document_chunk (id text PRIMARY KEY, vector vector(3), collection_name text NOT NULL, text text,
  vmetadata jsonb);
CREATE INDEX idx_document_chunk_collection_name ON document_chunk (collection_name);
CREATE INDEX idx_document_chunk_vector ON document_chunk USING ivfflat (vector vector_cosine_ops) WITH (lists = 10);
INSERT INTO document_chunk SELECT 'c' || n, ARRAY[n, 1, 0.5]::vector, 'file', NULL, NULL
FROM generate_series(1, 9) n""",
    "public.testlangchainjs": """
CREATE TABLE testlangchainjs (id uuid NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY, content text, metadata jsonb,
  embedding vector);
INSERT INTO testlangchainjs (content, metadata, embedding) SELECT 'js ' || n, '{"loc": {"from": 1}}',
  ARRAY[n, 1]::vector FROM generate_series(1, 9) n""",
    "go.langchain_pg_embedding": """
CREATE SCHEMA go; CREATE TABLE go.langchain_pg_collection (name varchar, cmetadata json, "uuid" uuid NOT NULL,
  UNIQUE (name), PRIMARY KEY (uuid));
CREATE TABLE go.langchain_pg_embedding (collection_id uuid, embedding vector(3), document varchar, cmetadata json,
  "uuid" uuid NOT NULL, CONSTRAINT langchain_pg_embedding_collection_id_fkey FOREIGN KEY (collection_id)
  REFERENCES go.langchain_pg_collection (uuid) ON DELETE CASCADE, PRIMARY KEY (uuid));
CREATE INDEX langchain_pg_embedding_collection_id ON go.langchain_pg_embedding (collection_id);
INSERT INTO go.langchain_pg_collection VALUES ('docs', '{}', gen_random_uuid());
INSERT INTO go.langchain_pg_embedding
SELECT uuid, '[1,2,3]', 'go', '{"a": 1}', gen_random_uuid() FROM go.langchain_pg_collection""",
}


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_tables_of_other_libraries_are_dropped_and_made_again(
    make_client: Any, empty_database: TestDatabase, file_format: str
) -> None:
    database = empty_database
    service: Client = make_client(DATABASE_URL=database.url)
    database.execute(";".join(SHAPES.values()))
    tables = [*SHAPES, "go.langchain_pg_collection"]
    before = {table: described(database, table) for table in tables}
    done = data_of(service.backup(layout="tables", tables="vector", with_references=True, format=file_format))
    assert set(done["tables_backed_up"]) == set(tables)
    database.execute("".join(f"DROP TABLE {table} CASCADE;" for table in tables))
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    answer = data_of(service.restore(**named, create_tables=True))
    assert not [text for text in answer["warnings"] if "未能" in text]
    assert {table: described(database, table) for table in tables} == before
    database.execute("INSERT INTO data_kb (text) VALUES ('goes on')")
    assert database.fetch("SELECT max(id) FROM data_kb") == [(21,)]
