"""`python -m benchmarks.into_stores`: PGVector's collections as tables of PGVectorStore, by LangChain's own migrator
and by this service; status 1 if the gate is missed.

Each pair starts from the same rows in the same server; ours is the backup and the restore, over HTTP. Afterwards the
tables of both are compared: ids, texts, metadata, and vectors to the bit.
"""

import asyncio
import os
import statistics
import sys
import time
from typing import Any
from urllib.parse import quote

from langchain_core.embeddings import Embeddings
from langchain_postgres import Column, PGEngine, PGVectorStore
from langchain_postgres.utils.pgvector_migrator import amigrate_pgvector_collection

from benchmarks import scene
from benchmarks.data import DIMENSIONS, Database
from benchmarks.service import Service

ROWS = int(os.environ.get("BENCHMARK_ROWS", "20000"))
PAIRS = int(os.environ.get("BENCHMARK_PAIRS", "3"))
LEAST_RATIO = 10.0

COLLECTIONS = ("ddl", "documentation", "sql", "error_sql")
COLUMNS = {"task_id": "text", "n": "integer"}
"""Keys of the metadata that become columns; the others stay json."""

FINGERPRINT = """
SELECT count(*), sum(crc32c(record_send(
         ROW(langchain_id::text, content, embedding, task_id, n, langchain_metadata::jsonb))))
FROM {schema}."{table}"
"""
SCHEMAS = "DROP SCHEMA IF EXISTS ours, theirs CASCADE; CREATE SCHEMA ours; CREATE SCHEMA theirs"


class NotEmbedded(Embeddings):
    """The migrator has the vectors: no text is ever embedded."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError


def main() -> int:
    with scene.usual() as made:
        made.database.fill(ROWS)
        return _race(made.database, made.service)


def _race(database: Database, running: Service) -> int:
    ratios = []
    print(f"{ROWS} rows of {DIMENSIONS} dimensions in {len(COLLECTIONS)} collections")
    for number in range(PAIRS):
        with database.cursor() as cursor:
            cursor.execute(SCHEMAS)
        sides = {"ours": _ours, "theirs": _theirs}
        order = list(sides) if number % 2 == 0 else list(reversed(sides))
        seconds = {}
        for name in order:
            database.checkpoint()
            started = time.monotonic()
            sides[name](database, running)
            seconds[name] = time.monotonic() - started
        _expect_same(database)
        ratios.append(seconds["theirs"] / seconds["ours"])
        theirs, ours = (f"{seconds[name]:.2f} s" for name in ("theirs", "ours"))
        print(f"  LangChain's migrator {theirs}, this service {ours}: {ratios[-1]:.1f} times", flush=True)
    median = statistics.median(ratios)
    print(f"median {median:.1f} times as fast; the gate is {LEAST_RATIO:g}")
    return int(median < LEAST_RATIO)


def _ours(_database: Database, running: Service) -> None:
    timestamp = running.backup("binary")
    tables = {name: f"ours.{name}" for name in COLLECTIONS}
    running.restore(timestamp, into={"layout": "pgvectorstore", "tables": tables, "metadata_columns": COLUMNS})
    running.remove(timestamp)


def _theirs(database: Database, _running: Service) -> None:
    asyncio.run(_migrate(database))


async def _migrate(database: Database) -> None:
    engine = PGEngine.from_connection_string(_url(database))
    for name in COLLECTIONS:
        columns: list[Any] = [Column(column, kind.upper()) for column, kind in COLUMNS.items()]
        await engine.ainit_vectorstore_table(name, DIMENSIONS, schema_name="theirs", metadata_columns=columns)
        store = await PGVectorStore.create(
            engine, NotEmbedded(), name, schema_name="theirs", metadata_columns=list(COLUMNS)
        )
        await amigrate_pgvector_collection(engine, name, store)
    await engine.close()


def _url(database: Database) -> str:
    found = database.target.parameters()
    path = quote("-csearch_path=theirs,public", safe="")  # where the migrator counts what it has written
    where = f"?host={quote(str(found['host']), safe='')}&port={found.get('port', 5432)}&options={path}"
    return f"postgresql+psycopg://{quote(str(found['user']))}@/{quote(str(found['dbname']))}{where}"


def _expect_same(database: Database) -> None:
    for table in COLLECTIONS:
        found = []
        for schema in ("ours", "theirs"):
            with database.cursor() as cursor:
                cursor.execute(FINGERPRINT.format(schema=schema, table=table))
                found += cursor.fetchall()
        if found[0] != found[1]:
            sys.exit(f"benchmarks: {table} isn't the same in both: {found}")


if __name__ == "__main__":
    sys.exit(main())
