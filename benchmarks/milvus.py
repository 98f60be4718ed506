"""`python -m benchmarks.milvus`: this service beside bare pymilvus, on one milvus-lite over TCP; status 1 if a gate is
missed.

Export against a loop over `query_iterator` with its best batch size; a restore, and a set of pgvector restored into
Milvus, against bare batched inserts. Both sides end with the collection flushed, indexed and loaded; ours has compared
every row by then. Each pair is of one round, ours and theirs in turns, and a gate is about the median of the rounds.
Beside it the most memory that the service has held in each of the three, in a round that isn't timed, since the look
itself takes part of a core.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import requests
from pymilvus import DataType, MilvusClient

from benchmarks import memory, scene, service
from benchmarks.data import DIMENSIONS, Database
from tools.milvus_server import MilvusServer

ROWS = int(os.environ.get("BENCHMARK_ROWS", "20000"))
PAIRS = int(os.environ.get("BENCHMARK_PAIRS", "3"))
BATCHES = (1000, 4000, 16384)
INSERTED = 1000
MOST_RATIO = 1.3
MOST_MEGABYTES = 256
INDEX = {"index_type": "HNSW", "metric_type": "COSINE", "params": {"M": 16, "efConstruction": 64}}
API = "/api/v0/data_pipeline"
ONE_COLLECTION = """
UPDATE langchain_pg_embedding SET collection_id = (SELECT uuid FROM langchain_pg_collection WHERE name = 'ddl')
"""
SAME_INDEX = "CREATE INDEX ON langchain_pg_embedding USING hnsw (embedding vector_cosine_ops)"
EXPORT, RESTORE, MOVE = "export", "restore", "pgvector into Milvus"


@dataclass
class Contest:
    """One figure: seconds of ours and of bare pymilvus, a pair a round, and the most memory of the service."""

    name: str
    pairs: list[tuple[float, float]] = field(default_factory=list)
    peak: int = 0

    @property
    def ratio(self) -> float:
        return statistics.median(ours / bare for ours, bare in self.pairs)

    @property
    def kept(self) -> bool:
        return self.ratio <= MOST_RATIO and self.peak <= MOST_MEGABYTES * 1_000_000

    def __str__(self) -> str:
        ours, bare = (statistics.median(column) for column in zip(*self.pairs, strict=True))
        return (
            f"{self.name}: {ours:.1f} s, bare {bare:.1f} s: {self.ratio:.2f} times, the gate is {MOST_RATIO}; "
            f"{self.peak / 1e6:.0f} MB, the gate is {MOST_MEGABYTES}"
        )


@dataclass(frozen=True)
class Race:
    """A client of pymilvus, and the running service."""

    client: MilvusClient
    running: service.Service
    rows: list[dict[str, Any]]

    def run(self) -> list[Contest]:
        contests = {name: Contest(name) for name in (EXPORT, RESTORE, MOVE)}
        moved = self._post("vector/backup", format="binary", collections=["ddl"])
        for _ in range(PAIRS):
            self._drop()
            inserted = _timed(self._bare_insert)
            ours = min(_timed(self._export) for _ in BATCHES)
            bare = min(_timed(partial(self._bare_export, batch)) for batch in BATCHES)
            contests[EXPORT].pairs.append((ours, bare))
            exported = self._export()
            contests[RESTORE].pairs.append((_timed(partial(self._restore, exported)), inserted))
            contests[MOVE].pairs.append((_timed(partial(self._restore, moved)), inserted))
        with self._watched(contests[MOVE]):
            self._restore(moved)
        with self._watched(contests[EXPORT]):
            exported = self._export()
        with self._watched(contests[RESTORE]):
            self._restore(exported)
        return list(contests.values())

    def _export(self) -> dict[str, Any]:
        return self._post("milvus/backup", target="milvus")

    def _restore(self, made: dict[str, Any]) -> None:
        """Rows of the set of pgvector are as many."""
        self._drop()
        self._post("milvus/restore", target="milvus", set=_named(made))

    def _drop(self) -> None:
        for name in self.client.list_collections():
            self.client.drop_collection(name)

    def _bare_insert(self) -> None:
        """Until everything can be searched."""
        schema = self.client.create_schema(auto_id=False, enable_dynamic_field=True)
        schema.add_field("text", DataType.VARCHAR, max_length=65535)
        schema.add_field("pk", DataType.VARCHAR, max_length=65535, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
        self.client.create_collection("bare", schema=schema)
        for start in range(0, len(self.rows), INSERTED):
            self.client.insert("bare", self.rows[start : start + INSERTED])
        self.client.flush("bare")
        index = self.client.prepare_index_params()
        index.add_index("vector", **INDEX)
        self.client.create_index("bare", index)
        self.client.load_collection("bare")

    def _bare_export(self, batch: int) -> None:
        found, rows = self.client.query_iterator("bare", batch_size=batch, output_fields=["*"]), 0
        while page := found.next():
            rows += sum(1 for row in page if row["vector"])
        found.close()
        if rows != ROWS:
            sys.exit(f"benchmarks: the iterator gave {rows} rows")

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.running.port}{API}/{path}"
        answer = requests.post(url, json=body, timeout=3600).json()
        if not answer["success"]:
            sys.exit(f"benchmarks: {answer}")
        found: dict[str, Any] = answer["data"]
        return found

    @contextmanager
    def _watched(self, contest: Contest) -> Iterator[None]:
        with memory.watched(self.running.pid) as peak:
            yield
        contest.peak = max(contest.peak, peak.bytes)


def main() -> int:
    with scene.directory() as work, scene.embedded_server(work / "server") as server:
        milvus = MilvusServer(work)
        try:
            targets = json.dumps({"milvus": milvus.url})
            with service.running(work / "server", work, targets=targets) as running:
                _fill(Database(server.target))
                contests = Race(milvus.client(), running, _rows()).run()
        finally:
            milvus.kill()
    print(f"{ROWS} rows of {DIMENSIONS} dimensions; HNSW; milvus-lite, as a process of its own; {PAIRS} rounds")
    print(*contests, sep="\n")
    return int(not all(contest.kept for contest in contests))


def _fill(database: Database) -> None:
    """One collection of LangChain's with as many rows and the same index."""
    database.fill(ROWS)
    with database.cursor() as cursor:
        cursor.execute(ONE_COLLECTION)
        cursor.execute(SAME_INDEX)


def _named(made: dict[str, Any]) -> dict[str, str]:
    """A set, as requests name it."""
    return {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _rows() -> list[dict[str, Any]]:
    vectors = np.random.default_rng(1).standard_normal((ROWS, DIMENSIONS), dtype=np.float32)
    return [{"pk": f"k{n:06d}", "text": f"text {n} " * 20, "vector": vectors[n].tolist(), "n": n} for n in range(ROWS)]


if __name__ == "__main__":
    sys.exit(main())
