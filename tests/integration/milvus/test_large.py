"""20,000 rows of 1024 dimensions with HNSW: backed up, damaged, restored; every row is as it was, and searches too."""

from hashlib import blake2b
from typing import Any

import numpy as np
import pytest

from tests.integration.milvus.conftest import Service

ROWS, DIMENSIONS, INSERTED = 20_000, 1024, 1000
LATENT = 16
"""Dimensions that the vectors really have, as those of a model of texts: neighbours are told apart by any HNSW."""

INDEX: dict[str, Any] = {"index_type": "HNSW", "metric_type": "COSINE", "params": {"M": 16, "efConstruction": 128}}


def vectors() -> Any:
    dice = np.random.default_rng(5)
    hidden = dice.standard_normal((ROWS, LATENT), dtype=np.float32)
    return hidden @ dice.standard_normal((LATENT, DIMENSIONS), dtype=np.float32)


def digest(client: Any) -> tuple[int, int]:
    """How many rows there are, and the sum of their hashes: read by pymilvus, to the bit."""
    found, rows, total = client.query_iterator("docs", batch_size=2000, output_fields=["*"]), 0, 0
    while page := found.next():
        for row in page:
            vector = np.asarray(row["v"], np.float32).tobytes()
            whole = f"{row['id']} {row['text']} {row['n']} ".encode() + vector
            total += int.from_bytes(blake2b(whole, digest_size=16).digest(), "big")
            rows += 1
    found.close()
    return rows, total


def neighbours(client: Any, queries: Any) -> list[list[int]]:
    found = client.search("docs", data=queries.tolist(), limit=10, search_params={"params": {"ef": 400}})
    return [[hit["id"] for hit in hits] for hits in found]


@pytest.mark.slow
def test_twenty_thousand_rows_come_back_to_the_bit_and_searches_find_the_same(service: Service, pymilvus: Any) -> None:
    from pymilvus import DataType

    schema = pymilvus.create_schema(auto_id=False, enable_dynamic_field=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
    schema.add_field("text", DataType.VARCHAR, max_length=1000)
    pymilvus.create_collection("docs", schema=schema)
    made = vectors()
    for start in range(0, ROWS, INSERTED):
        numbers = range(start, start + INSERTED)
        pymilvus.insert("docs", [{"id": n, "v": made[n].tolist(), "text": f"文本 {n} " * 20, "n": n} for n in numbers])
    pymilvus.flush("docs")
    index = pymilvus.prepare_index_params()
    index.add_index("v", **INDEX)
    pymilvus.create_index("docs", index)
    pymilvus.load_collection("docs")
    queries = made[:: ROWS // 20]
    before, near = digest(pymilvus), neighbours(pymilvus, queries)
    assert before[0] == ROWS

    saved = service.done("backup", target="milvus")
    chosen = {"backup_path": saved["backup_directory"], "timestamp": saved["backup_timestamp"]}
    pymilvus.delete("docs", filter="id < 5000")
    pymilvus.upsert("docs", [{"id": n, "v": [0.5] * DIMENSIONS, "text": "oops", "n": -1} for n in range(6000, 6500)])
    assert digest(pymilvus) != before

    restored = service.restore(chosen, swap=True, drop_old=True)
    assert restored["restore_results"]["docs"]["rows"] == ROWS
    assert digest(pymilvus) == before
    assert neighbours(pymilvus, queries) == near
    assert service.done("compare", set=chosen, target="milvus")["identical"] is True
    print(f"\nbackup {saved['duration']} s, restore {restored['duration']} s: {restored['restore_results']['docs']}")
