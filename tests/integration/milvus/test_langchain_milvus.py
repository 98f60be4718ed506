"""LangChain's Milvus class reads what came from its PGVector, and PGVector what came from Milvus."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.milvus.conftest import MISSING, Service, named
from tools.milvus_server import LOOPBACK, MilvusServer

DIMENSIONS = 8


@pytest.fixture(autouse=True)
def langchain() -> None:
    if find_spec("langchain_milvus") is None:
        if os.environ.get("LIBRARY_TESTS") == "required":
            pytest.fail(MISSING)
        pytest.skip(MISSING)


class Embedding(Embeddings):
    """The same vector for the same text."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [((hash_of(text) >> (4 * place)) % 16) / 7 + 0.1 for place in range(DIMENSIONS)]


def hash_of(text: str) -> int:
    return sum((place + 1) * byte * 2654435761 for place, byte in enumerate(text.encode()))


@pytest.fixture
def pgvector(database: TestDatabase) -> Iterator[Any]:
    from langchain_postgres import PGVector

    url = database.url.replace("postgresql://", "postgresql+psycopg://", 1)
    store = PGVector(Embedding(), connection=url, collection_name="docs")
    yield store
    if store._engine is not None:
        store._engine.dispose()


def milvus_store(milvus: MilvusServer) -> Any:
    from langchain_milvus import Milvus

    uri = f"http://{LOOPBACK}:{milvus.port}"
    return Milvus(
        Embedding(), collection_name="docs", connection_args={"uri": uri}, enable_dynamic_field=True, auto_id=False
    )


def found(store: Any, text: str) -> list[tuple[str, Any, Any]]:
    hits = store.similarity_search(text, k=4)
    return sorted((hit.page_content, hit.metadata.get("n"), hit.metadata.get("tags")) for hit in hits)


@pytest.mark.filterwarnings("ignore")
def test_langchains_classes_read_what_the_other_has_written(
    service: Service, pymilvus: Any, milvus: MilvusServer, pgvector: Any, database: TestDatabase
) -> None:
    texts = [f"第 {n} 段: refund" for n in range(30)]
    metadatas = [{"n": n, "tags": ["a", str(n)]} for n in range(30)]
    pgvector.add_texts(texts, metadatas, ids=[f"id {n}" for n in range(30)])
    before = found(pgvector, texts[7])
    made = service.client.post(f"{PREFIX}/backup", data="{}").get_json()["data"]
    service.restore(named(made))
    store = milvus_store(milvus)
    assert found(store, texts[7]) == before
    store.add_texts(["one more"], [{"n": 99, "tags": []}], ids=["new"])
    back = service.backup()
    database.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    service.done("restore", set=back, target="main", into={"layout": "langchain"})
    assert found(pgvector, texts[7]) == before
    assert ("one more", 99, []) in found(pgvector, "one more")
