"""LlamaIndex is the client: nodes of its PGVectorStore come back through a backup and a restore, found as before."""

import importlib
import json
import math
import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of

MISSING = "LlamaIndex is missing: pip install -r requirements-libraries.txt"
DIMENSIONS = 8
TEXTS = [
    'He said "refund within 14 days",\nthen hung up.\r\n',
    "退款应在十四天内完成。",
    "\\N and \\. and a tab\t",
    "",
    *(f"note {number}: it's 😀, and no refund" for number in range(16)),
]
HNSW = {"hnsw_m": 8, "hnsw_ef_construction": 32, "hnsw_ef_search": 200, "hnsw_dist_method": "halfvec_cosine_ops"}
SETTINGS: dict[str, dict[str, Any]] = {
    "as it comes": {"schema_name": "public"},
    "with all it can": {
        "schema_name": "knowledge",
        "hybrid_search": True,
        "use_jsonb": True,
        "use_halfvec": True,
        "hnsw_kwargs": HNSW,
        "indexed_metadata_keys": {("tenant", "int"), ("tags", "text[]")},
    },
}
COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull, attgenerated::text, pg_get_expr(adbin, adrelid)
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
INDEXES = "SELECT pg_get_indexdef(indexrelid), indisprimary FROM pg_index WHERE indrelid = %s::regclass ORDER BY 1"
HOW: list[dict[str, Any]] = [{"truncate_before_restore": True}, {"strategy": "sync"}, {"strategy": "swap"}]


@dataclass(frozen=True)
class Library:
    """What the story calls of LlamaIndex."""

    store: Any
    schema: Any
    types: Any

    def nodes(self, numbers: range) -> list[Any]:
        """Nodes of these numbers, three documents' in turn."""
        return [self._node(number) for number in numbers]

    def _node(self, number: int) -> Any:
        metadata = {
            "tenant": number % 3,
            "tags": ["退款", f"tag {number}"],
            "nested": {"a": [1, 2.5, None]},
            "by": None,
        }
        document = self.schema.RelatedNodeInfo(node_id=f"document {number % 3}")
        return self.schema.TextNode(
            id_=f"node {number}",
            text=TEXTS[number % len(TEXTS)],
            metadata=metadata,
            embedding=vector(number),
            relationships={self.schema.NodeRelationship.SOURCE: document},
        )

    def search(self, store: Any, number: int = 3) -> list[Any]:
        """Ids, texts, metadata and scores of what each kind of search finds, nearest to the node of this number."""
        tenant = self.types.MetadataFilter(key="tenant", value=1)
        searches: list[dict[str, Any]] = [{}, {"filters": self.types.MetadataFilters(filters=[tenant])}]
        if store.hybrid_search:
            searches.append({"query_str": "days", "mode": self.types.VectorStoreQueryMode.HYBRID})
            searches.append({"query_str": "14 days", "mode": self.types.VectorStoreQueryMode.SPARSE})
        return [self._found(store, {"query_embedding": vector(number), **search}) for search in searches]

    def _found(self, store: Any, search: dict[str, Any]) -> list[tuple[Any, ...]]:
        found = store.query(self.types.VectorStoreQuery(similarity_top_k=5, **search))
        scores = zip(found.nodes, found.similarities, strict=True)
        return [(node.node_id, node.ref_doc_id, node.text, node.metadata, score) for node, score in scores]


def vector(number: int) -> list[float]:
    """A direction of its own for each number: no two nodes are equally near."""
    return [math.sin(number * 1.7 + place) for place in range(DIMENSIONS)]


@pytest.fixture(scope="module")
def library() -> Library:
    load: Callable[[str], Any] = partial(pytest.importorskip, reason=MISSING)
    if os.environ.get("LIBRARY_TESTS") == "required":
        load = importlib.import_module
    schema, types = load("llama_index.core.schema"), load("llama_index.core.vector_stores.types")
    return Library(load("llama_index.vector_stores.postgres").PGVectorStore, schema, types)


@pytest.fixture
def open_store(library: Library, empty_database: TestDatabase) -> Iterator[Callable[[str], Any]]:
    """LlamaIndex's store with these SETTINGS, whose table it makes unless it is there."""
    opened = []
    address = empty_database.url.removeprefix("postgresql")

    def open_one(settings: str) -> Any:
        store = library.store(
            f"postgresql+psycopg2{address}",
            f"postgresql+asyncpg{address}",
            table_name="kb",
            embed_dim=DIMENSIONS,
            initialization_fail_on_error=True,
            **deepcopy(SETTINGS[settings]),  # a store takes the index's parameters out of what it is given
        )
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        if store.client:
            store.client.dispose()


def facts(database: TestDatabase, table: str) -> list[Any]:
    """All rows, and how the table is made."""
    rows = database.fetch(f"SELECT t::text FROM {table} t ORDER BY id")
    return [rows, database.fetch(COLUMNS, (table,)), database.fetch(INDEXES, (table,))]


def identical(client: Client, named: dict[str, Any]) -> bool:
    return bool(data_of(client.post(f"{PREFIX}/compare", data=json.dumps(named)))["identical"])


@pytest.mark.parametrize("file_format", ["csv", "binary"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_store_comes_back_and_goes_on(
    make_client: Callable[..., Client],
    empty_database: TestDatabase,
    library: Library,
    open_store: Callable[[str], Any],
    settings: str,
    file_format: str,
) -> None:
    client = make_client(DATABASE_URL=empty_database.url)
    store = open_store(settings)
    table = f"{store.schema_name}.data_kb"
    store.add(library.nodes(range(20)))
    before, found = facts(empty_database, table), library.search(store)
    assert all(found)
    (listed,) = data_of(client.get(f"{PREFIX}/tables"))["tables"]
    assert (listed["recognised_as"], listed.get("notes")) == ("llamaindex", None)

    done = data_of(client.backup(layout="tables", tables="vector", format=file_format))
    assert list(done["tables_backed_up"]) == [table]
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}

    for how in HOW:
        store.delete("document 1")
        store.add(library.nodes(range(20, 23)))
        empty_database.execute(f"UPDATE {table} SET embedding = NULL, metadata_ = '{{}}' WHERE id % 6 = 1")
        assert not identical(client, named)
        assert data_of(client.restore(**named, **how))["warnings"] == []
        assert facts(empty_database, table) == before
        assert identical(client, named)
        assert library.search(store) == found

    empty_database.execute(f"DROP TABLE {table}")
    if store.schema_name != "public":
        empty_database.execute(f"DROP SCHEMA {store.schema_name}")
    made = data_of(client.restore(**named, create_tables=True))
    assert made["created"]["tables"] == [table]
    assert made["warnings"] == [f"序列 {table}_id_seq 已推进到 {table}.id 的最大值 20 之后"]
    assert facts(empty_database, table) == before
    assert identical(client, named)

    for one, number in ((store, 23), (open_store(settings), 24)):
        assert library.search(one) == found
        one.add(library.nodes(range(number, number + 1)))
        assert library.search(one, number)[0][0][0] == f"node {number}"
        one.delete_nodes([f"node {number}"])
    assert facts(empty_database, table) == before
