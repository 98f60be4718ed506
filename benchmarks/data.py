"""The rows: LangChain's tables filled, indexed and drifted by the server itself, from a fixed seed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from data_pipeline.postgres.target import Target

DIMENSIONS = 1024
SEED = 0.42
DRIFT = 0.01
"""Of the rows: as much is deleted, as much added, as much given another embedding."""

# As langchain_postgres declares the column when it is told the embedding's length; an index needs that.
TYPED = f"ALTER TABLE langchain_pg_embedding ALTER embedding TYPE vector({DIMENSIONS})"
NO_ROWS = "DROP INDEX IF EXISTS embedding_hnsw; TRUNCATE langchain_pg_collection, langchain_pg_embedding"
PARALLEL_BUILD = "SET LOCAL min_parallel_table_scan_size = 0"
HNSW = "CREATE INDEX embedding_hnsw ON langchain_pg_embedding USING hnsw (embedding vector_cosine_ops)"

COLLECTIONS = """
INSERT INTO langchain_pg_collection (uuid, name, cmetadata)
SELECT md5(name)::uuid, name, '{"source": "benchmark"}'
FROM unnest(ARRAY['ddl', 'documentation', 'sql', 'error_sql']) name
"""

# Numbers spread as in a unit vector of 1024 dimensions, about 14 characters each in CSV. The condition makes the query
# depend on the row of `n` or `e`, so that every row gets numbers of its own.
VECTOR = f"""
(SELECT array_agg((random_normal() / 32)::float4) FROM generate_series(1, {DIMENSIONS}) WHERE %s IS NOT NULL)::vector
"""
# A row is 13.3 KB of CSV. Most of it is the vector, which is stored out of line: 10,000 rows of the table itself stay
# below the 8 MB at which PostgreSQL by itself builds an index in parallel. With much longer documents they would not.
EMBEDDINGS = f"""
INSERT INTO langchain_pg_embedding (id, collection_id, embedding, document, cmetadata)
SELECT md5(%(label)s || n)::uuid::text,
       md5((ARRAY['ddl', 'documentation', 'sql', 'error_sql'])[1 + n %% 4])::uuid,
       {VECTOR % "n"},
       '问题 ' || n || E': which customers of the "east" region ordered twice?\n'
       || repeat('SELECT c.name, count(*) FROM orders o JOIN customers c USING (customer_id) GROUP BY 1; ', 4),
       jsonb_build_object('task_id', 'task_' || n %% 100, 'n', n, 'tags', jsonb_build_array('训练', n %% 7))
FROM generate_series(1, %(rows)s) n
"""
COPIES = """
INSERT INTO langchain_pg_embedding (id, collection_id, embedding, document, cmetadata)
SELECT md5(id || n)::uuid::text, collection_id, embedding, document, cmetadata
FROM langchain_pg_embedding, generate_series(2, %s) n
"""

LESS = "DELETE FROM langchain_pg_embedding WHERE id IN (SELECT id FROM langchain_pg_embedding ORDER BY id LIMIT %s)"
OTHER = f"""
UPDATE langchain_pg_embedding e SET embedding = {VECTOR % "e.id"}
WHERE id IN (SELECT id FROM langchain_pg_embedding ORDER BY id DESC LIMIT %s)
"""

# Every value of every row, to the bit; adding up is free of order, so rows need no sorting.
FINGERPRINT = "SELECT count(*), sum(crc32c(record_send(e))) FROM langchain_pg_embedding e"


class Database:
    """The database everybody works on."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def fill(self, rows: int, *, hnsw: bool = False) -> None:
        """Hold exactly `rows` embeddings in four collections, with an HNSW index or without a vector index."""
        with self.cursor() as cursor:
            cursor.execute(NO_ROWS)
            cursor.execute(TYPED)
            cursor.execute(COLLECTIONS)
            _add(cursor, "row ", rows)
            if hnsw:
                cursor.execute(PARALLEL_BUILD)
                cursor.execute(HNSW)
        self._vacuum()

    def multiply(self, times: int) -> None:
        """Let every embedding be there `times` times, under other ids."""
        with self.cursor() as cursor:
            cursor.execute(COPIES, (times,))
        self._vacuum()

    def drift(self) -> None:
        """Move the tables away from their backup by DRIFT, three times over."""
        with self.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM langchain_pg_embedding")
            ((count,),) = cursor.fetchall()
            rows = max(1, round(count * DRIFT))
            cursor.execute(LESS, (rows,))
            _add(cursor, "added ", rows)
            cursor.execute(OTHER, (rows,))

    def fingerprint(self) -> tuple[int, ...]:
        """The same for the same rows, whatever their order: to see that a restore brought back what it should."""
        with self.cursor() as cursor:
            cursor.execute(FINGERPRINT)
            (found,) = cursor.fetchall()
            return tuple(map(int, found))

    def checkpoint(self) -> None:
        """Bring to the disk what runs so far left in memory, so that nobody pays for another's rows."""
        with self.cursor() as cursor:
            cursor.execute("CHECKPOINT")

    def versions(self) -> dict[str, str]:
        """The server's and pgvector's."""
        with self.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version'), extversion FROM pg_extension WHERE extname = 'vector'"
            )
            (found,) = cursor.fetchall()
            return dict(zip(("postgresql", "pgvector"), found, strict=True))

    def connect(self) -> Connection:
        """A psycopg2 connection, the caller's to close."""
        connection: Connection = psycopg2.connect(**self.target.parameters())
        return connection

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        """A cursor in a transaction of its own."""
        with closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            yield cursor

    def _vacuum(self) -> None:
        with closing(self.connect()) as connection:
            connection.autocommit = True
            connection.cursor().execute("VACUUM ANALYZE langchain_pg_embedding")


def _add(cursor: Cursor, label: str, rows: int) -> None:
    cursor.execute("SELECT setseed(%s)", (SEED,))
    cursor.execute(EMBEDDINGS, {"label": label, "rows": rows})
