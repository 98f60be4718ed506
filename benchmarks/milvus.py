"""`python -m benchmarks.milvus`: this service beside bare pymilvus, on one milvus-lite over TCP; status 1 if a gate is
missed.

Export against a loop over `query_iterator` with its best batch size; a restore, and a set of pgvector restored into
Milvus, against bare batched inserts. Both sides end with the collection flushed, indexed and loaded. Beside it the most
memory that the service has held.
"""

import json
import os
import sys
import time
from typing import Any

import numpy as np
import requests
from pymilvus import DataType, MilvusClient

from benchmarks import memory, scene, service
from benchmarks.data import DIMENSIONS, Database
from tools.milvus_server import MilvusServer

ROWS = int(os.environ.get("BENCHMARK_ROWS", "20000"))
BATCHES = (1000, 4000, 16384)
INSERTED = 1000
MOST_RATIO = 1.3
MOST_MEGABYTES = 256
INDEX = {"index_type": "HNSW", "metric_type": "COSINE", "params": {"M": 16, "efConstruction": 64}}
API = "/api/v0/data_pipeline"


def main() -> int:
    with scene.directory() as work, scene.embedded_server(work / "server") as server:
        milvus = MilvusServer(work)
        try:
            targets = json.dumps({"milvus": milvus.url})
            with service.running(work / "server", work, targets=targets) as running:
                Database(server.target).fill(ROWS)
                return _race(milvus.client(), running)
        finally:
            milvus.kill()


def _race(client: Any, running: service.Service) -> int:
    """Each figure, and whether its gate is kept."""
    url = f"http://127.0.0.1:{running.port}{API}"
    rows = _rows()
    bare_insert, insert_alone = _bare_insert(client, rows)
    del rows
    with memory.watched(running.pid) as peak:
        seconds = []
        for _ in BATCHES:
            started = time.monotonic()
            made = _post(url, "milvus/backup", target="milvus", collections=["bare"])
            seconds.append(time.monotonic() - started)
        export = min(seconds)
        bare_export = min(_bare_export(client, batch) for batch in BATCHES)
        chosen = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
        client.drop_collection("bare")
        started = time.monotonic()
        restored = _post(url, "milvus/restore", target="milvus", set=chosen)
        restore = time.monotonic() - started
        client.drop_collection("bare")
        pgvector = _post(url, "vector/backup", format="binary", collections=["ddl"])
        moved = {"backup_path": pgvector["backup_directory"], "timestamp": pgvector["backup_timestamp"]}
        started = time.monotonic()
        into = _post(url, "milvus/restore", target="milvus", set=moved)
        move = time.monotonic() - started
    share = ROWS / max(1, sum(one["rows"] for one in into["restore_results"].values()))
    print(f"{ROWS} rows of {DIMENSIONS} dimensions; HNSW; milvus-lite, as a process of its own")
    print(f"bare insert {bare_insert:.1f} s, of which inserts alone {insert_alone:.1f} s")
    print(f"restore: {json.dumps({name: one['load_seconds'] for name, one in restored['restore_results'].items()})}")
    kept = [
        _gate("export", export, bare_export),
        _gate("restore", restore, bare_insert),
        _gate("pgvector into Milvus", move * share, bare_insert),
    ]
    megabytes = peak.bytes / 1e6
    print(f"memory of the service: {megabytes:.0f} MB at most; the gate is {MOST_MEGABYTES}")
    return int(not all(kept) or megabytes > MOST_MEGABYTES)


def _gate(name: str, ours: float, bare: float) -> bool:
    print(f"{name}: {ours:.1f} s, bare {bare:.1f} s: {ours / bare:.2f} times; the gate is {MOST_RATIO}", flush=True)
    return ours / bare <= MOST_RATIO


def _rows() -> list[dict[str, Any]]:
    vectors = np.random.default_rng(1).standard_normal((ROWS, DIMENSIONS), dtype=np.float32)
    return [{"pk": f"k{n:06d}", "text": f"text {n} " * 20, "vector": vectors[n].tolist(), "n": n} for n in range(ROWS)]


def _bare_insert(client: MilvusClient, rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Seconds until everything can be searched, and of the inserts alone."""
    schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
    schema.add_field("text", DataType.VARCHAR, max_length=65535)
    schema.add_field("pk", DataType.VARCHAR, max_length=65535, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
    started = time.monotonic()
    client.create_collection("bare", schema=schema)
    for start in range(0, len(rows), INSERTED):
        client.insert("bare", rows[start : start + INSERTED])
    alone = time.monotonic() - started
    client.flush("bare")
    index = client.prepare_index_params()
    index.add_index("vector", **INDEX)
    client.create_index("bare", index)
    client.load_collection("bare")
    return time.monotonic() - started, alone


def _bare_export(client: MilvusClient, batch: int) -> float:
    started, rows = time.monotonic(), 0
    found = client.query_iterator("bare", batch_size=batch, output_fields=["*"])
    while page := found.next():
        rows += sum(1 for row in page if row["vector"])
    found.close()
    if rows != ROWS:
        sys.exit(f"benchmarks: the iterator gave {rows} rows")
    return time.monotonic() - started


def _post(url: str, path: str, **body: Any) -> dict[str, Any]:
    answer = requests.post(f"{url}/{path}", json=body, timeout=3600).json()
    if not answer["success"]:
        sys.exit(f"benchmarks: {answer}")
    found: dict[str, Any] = answer["data"]
    return found


if __name__ == "__main__":
    sys.exit(main())
