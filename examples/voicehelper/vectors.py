"""Milvus: the chunks of documents, found by meaning."""

import sys
from importlib import util
from pathlib import Path
from typing import Any

from examples.voicehelper import content
from examples.voicehelper.member import LOOPBACK, Member, Process, answers, free_port

COLLECTION = "documents"
CREATED_AT = 1_735_689_600_000


class Vectors(Member):
    """One collection with an HNSW index, in a milvus-lite that listens on loopback only."""

    role, store = "vectors", "Milvus"
    needs = "pip install -r requirements-milvus.txt"

    def __init__(self) -> None:
        self._process: Process | None = None
        self._port = 0

    @classmethod
    def is_there(cls) -> bool:
        return bool(util.find_spec("pymilvus") and util.find_spec("milvus_lite"))

    def start(self, home: Path) -> str:
        self._port = free_port()
        options = ["--host", LOOPBACK, "--port", str(self._port), "--data-dir", str(home / "data")]
        self._process = Process([sys.executable, "-m", "milvus_lite", "server", *options], home)
        self._process.wait_until(lambda: answers(self._port))
        return f"milvus+http://{LOOPBACK}:{self._port}"

    def fill(self) -> str:
        client = self._client()
        client.create_collection(COLLECTION, schema=self._schema(client), index_params=self._index(client))
        rows = [
            {
                "chunk_id": str(one.chunk_id(number)),
                "document_id": str(one.id),
                "content": text,
                "embedding": content.vector(text),
                "metadata": {"subject": one.subject, "part": number},
                "created_at": CREATED_AT + number,
            }
            for one in content.documents()
            for number, text in enumerate(one.chunks)
        ]
        client.insert(COLLECTION, rows)
        client.close()
        return f"{len(rows)} chunks with vectors of {content.DIMENSIONS} dimensions, indexed by HNSW"

    def state(self) -> dict[str, Any]:
        client = self._client()
        try:
            if not client.has_collection(COLLECTION):
                return {}
            client.load_collection(COLLECTION)
            rows = client.query(COLLECTION, filter="created_at >= 0", output_fields=["*"], limit=16_384)
            return {row["chunk_id"]: _plain(row) for row in rows}
        finally:
            client.close()

    def damage(self) -> str:
        client = self._client()
        client.delete(COLLECTION, filter="created_at >= 0 and chunk_id < '8'")
        client.close()
        return "half of the chunks deleted"

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def _client(self) -> Any:
        from pymilvus import MilvusClient

        return MilvusClient(f"http://{LOOPBACK}:{self._port}")

    @staticmethod
    def _schema(client: Any) -> Any:
        from pymilvus import DataType

        schema = client.create_schema(auto_id=False, description="Chunks of documents")
        schema.add_field("chunk_id", DataType.VARCHAR, max_length=64, is_primary=True)
        schema.add_field("document_id", DataType.VARCHAR, max_length=64)
        schema.add_field("content", DataType.VARCHAR, max_length=8192)
        schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=content.DIMENSIONS)
        schema.add_field("metadata", DataType.JSON)
        schema.add_field("created_at", DataType.INT64)
        return schema

    @staticmethod
    def _index(client: Any) -> Any:
        found = client.prepare_index_params()
        parameters = {"M": 16, "efConstruction": 200}
        found.add_index("embedding", index_type="HNSW", metric_type="COSINE", params=parameters)
        return found


def _plain(row: Any) -> dict[str, Any]:
    return {**row, "embedding": [float(number) for number in row["embedding"]]}
