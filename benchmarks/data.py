"""The rows: LangChain's tables filled, indexed and drifted by the server itself, from a fixed seed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from benchmarks.shapes import LONG_VECTORS, Shape
from data_pipeline.postgres.target import Target

DIMENSIONS = LONG_VECTORS.dimensions
SEED = 0.42
DRIFT = 0.01
"""Of the rows: as much is deleted, as much added, as much given another embedding."""

# As langchain_postgres declares the column when it is told the embedding's length; an index needs that.
TYPED = "ALTER TABLE langchain_pg_embedding ALTER embedding TYPE {type}({dimensions})"
NO_ROWS = """
DROP INDEX IF EXISTS embedding_hnsw, ix_cmetadata_gin; TRUNCATE langchain_pg_collection, langchain_pg_embedding
"""
GIN = "CREATE INDEX ix_cmetadata_gin ON langchain_pg_embedding USING gin (cmetadata jsonb_path_ops)"
PARALLEL_BUILD = "SET LOCAL min_parallel_table_scan_size = 0"
HNSW = "CREATE INDEX embedding_hnsw ON langchain_pg_embedding USING hnsw (embedding {type}_cosine_ops)"

COLLECTIONS = """
INSERT INTO langchain_pg_collection (uuid, name, cmetadata)
SELECT md5(name)::uuid, name, '{"source": "benchmark"}'
FROM unnest(ARRAY['ddl', 'documentation', 'sql', 'error_sql']) name
"""

# Numbers spread as in a unit vector of 1024 dimensions, about 14 characters each in CSV. The condition makes the query
# depend on the row of `n` or `e`, so that every row gets numbers of its own.
VECTOR = """
(SELECT array_agg((random_normal() / 32)::float4) FROM generate_series(1, {dimensions}) WHERE {row} IS NOT NULL)::{type}
"""
SYLLABLES = (
    "an be cus da er fi gra ho in jo ka lin mo ne or pa qui re sta ti um ver wi ex yo zen cou tion ment ly"
    " ford tran slo pre dict 数 据 库 表 客 订 单"
)
# Words of two syllables in a random order, some more often, are compressed about as texts of people are.
DOCUMENT = """
'问题 ' || n || ': ' || (
  SELECT string_agg(word, ' ')
  FROM (SELECT s[1 + floor(random() ^ 2 * cardinality(s))::int] || s[1 + floor(random() * cardinality(s))::int] AS word
        FROM generate_series(1, {words}) WHERE n IS NOT NULL) chosen)
"""
BYTES_OF_A_WORD = 6
EMBEDDINGS = """
INSERT INTO langchain_pg_embedding (id, collection_id, embedding, document, cmetadata)
SELECT md5(%(label)s || n)::uuid::text,
       md5((ARRAY['ddl', 'documentation', 'sql', 'error_sql'])[1 + n %% 4])::uuid,
       {vector}, {document},
       jsonb_build_object('task_id', 'task_' || n %% 100, 'n', n, 'tags', jsonb_build_array('训练', n %% 7))
FROM generate_series(1, %(rows)s) n, string_to_array(%(syllables)s, ' ') s
"""
COPIES = """
INSERT INTO langchain_pg_embedding (id, collection_id, embedding, document, cmetadata)
SELECT md5(id || n)::uuid::text, collection_id, embedding, document, cmetadata
FROM langchain_pg_embedding, generate_series(2, %s) n
"""

LESS = "DELETE FROM langchain_pg_embedding WHERE id IN (SELECT id FROM langchain_pg_embedding ORDER BY id LIMIT %s)"
OTHER = """
UPDATE langchain_pg_embedding e SET embedding = {vector}
WHERE id IN (SELECT id FROM langchain_pg_embedding ORDER BY id DESC LIMIT %s)
"""

CHANGE = """
UPDATE langchain_pg_embedding SET document = document || '.'
WHERE id IN (SELECT id FROM langchain_pg_embedding ORDER BY id LIMIT %s)
"""

# Every value of every row, to the bit; adding up is free of order, so rows need no sorting.
FINGERPRINT = "SELECT count(*), sum(crc32c(record_send(e))) FROM langchain_pg_embedding e"


class Database:
    """The database of all contenders."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._shape = LONG_VECTORS

    def fill(self, rows: int, shape: Shape = LONG_VECTORS) -> None:
        """Hold exactly `rows` embeddings of a shape, in four collections, with its indexes."""
        self._shape = shape
        with self.cursor() as cursor:
            cursor.execute(NO_ROWS)
            cursor.execute(TYPED.format(type=shape.type, dimensions=shape.dimensions))
            cursor.execute(COLLECTIONS)
            self._add(cursor, "row ", rows)
            cursor.execute(PARALLEL_BUILD)
            if shape.gin:
                cursor.execute(GIN)
            if shape.hnsw:
                cursor.execute(HNSW.format(type=shape.type))
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
            self._add(cursor, "added ", rows)
            cursor.execute(OTHER.format(vector=self._vector("e.id")), (rows,))

    def change(self, rows: int) -> None:
        """Give so many embeddings another document."""
        with self.cursor() as cursor:
            cursor.execute(CHANGE, (rows,))

    def size(self) -> int:
        """Bytes of all embeddings, what is stored out of line included."""
        with self.cursor() as cursor:
            cursor.execute("SELECT pg_table_size('langchain_pg_embedding')")
            ((found,),) = cursor.fetchall()
            return int(found)

    def fingerprint(self) -> tuple[int, ...]:
        """The same for the same rows, in any order: to see that a restore brought back what it should."""
        with self.cursor() as cursor:
            cursor.execute(FINGERPRINT)
            (found,) = cursor.fetchall()
            return tuple(map(int, found))

    def checkpoint(self) -> None:
        """Bring to the disk what runs so far left in memory, so that no contender pays for another's rows."""
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

    def _add(self, cursor: Cursor, label: str, rows: int) -> None:
        document = DOCUMENT.format(words=max(1, self._shape.document // BYTES_OF_A_WORD))
        cursor.execute("SELECT setseed(%s)", (SEED,))
        statement = EMBEDDINGS.format(vector=self._vector("n"), document=document)
        cursor.execute(statement, {"label": label, "rows": rows, "syllables": SYLLABLES})

    def _vector(self, row: str) -> str:
        return VECTOR.format(dimensions=self._shape.dimensions, row=row, type=self._shape.type)
