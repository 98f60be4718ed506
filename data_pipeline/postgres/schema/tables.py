"""All SQL about the two tables: what they are, locks, rows in and out.

Every function takes a psycopg2 cursor inside a transaction and lets the driver's errors pass; the transaction
translates them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from psycopg2.sql import SQL, Composable, Composed, Identifier

from common.errors import DependentRows, SchemaMismatch
from common.messages import say
from data_pipeline.postgres.reading.ctid_ranges import ALL_PAGES, Pages
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import ddl_types
from data_pipeline.storage.naming import COLLECTION, EMBEDDING, TABLES

LockMode = Literal["ACCESS SHARE", "ROW EXCLUSIVE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"]

# A type's plain name is only used where it is PostgreSQL's own or belongs to pgvector, so that a user's type or domain
# called "uuid" or "vector" is not taken for it, wherever it is.
COLUMNS = """
SELECT a.attname, a.atttypmod, a.attnotnull, a.atthasdef OR a.attidentity <> '',
       CASE WHEN n.nspname = 'pg_catalog' OR t.typname = ANY(%(vectors)s) AND e.oid IS NOT NULL THEN t.typname
            ELSE format_type(t.oid, NULL) END
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN (pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid)
  ON e.extname = 'vector' AND e.extnamespace = t.typnamespace
  AND d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum
"""

COLLECTION_FACTS = """
WITH sizes AS (
  SELECT collection_id, {size} AS size, count(*) AS rows, min(ctid) AS sample FROM {embedding} e
  WHERE {embeddings} GROUP BY 1, 2
), counted AS (
  SELECT s.collection_id, sum(s.rows)::bigint AS rows,
         array_agg(DISTINCT {dimensions}) FILTER (WHERE {dimensions} IS NOT NULL) AS dimensions
  FROM sizes s JOIN {embedding} e ON e.ctid = s.sample GROUP BY 1
)
SELECT c.uuid::text, c.name, coalesce(n.rows, 0), coalesce(n.dimensions, ARRAY[]::int[])
FROM {collection} c LEFT JOIN counted n ON n.collection_id = c.uuid WHERE {collections} ORDER BY c.name, c.uuid
"""

VERSIONS = """
SELECT current_setting('server_version'),
       coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'), ''), current_database()::text
"""

RELATION = """
SELECT c.oid, c.relkind = 'p' OR EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""


@dataclass(frozen=True)
class Column:
    """A column that COPY can fill: PostgreSQL's type name, and atttypmod (a vector's dimensions, -1 for any)."""

    name: str
    type: str
    modifier: int
    not_null: bool
    has_default: bool


@dataclass(frozen=True)
class Table:
    """A live table."""

    schema: str
    name: str
    oid: int
    columns: tuple[Column, ...]

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.schema, self.name)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def lock(cursor: Any, schema: str, names: Sequence[str], mode: LockMode, *, wait: bool = True) -> None:
    """Lock tables by name, the embedding table first: whoever inserts embeddings locks it before its collections.

    Without `wait` it fails (55P03) where another lock is in the way or ahead in the queue.
    """
    ordered = sorted(names, key=TABLES.index, reverse=True)
    relations = SQL(", ").join(Identifier(schema, name) for name in ordered)
    statement = SQL("LOCK TABLE {} IN {} MODE{}").format(relations, SQL(mode), SQL("" if wait else " NOWAIT"))
    cursor.execute(statement)


def database(cursor: Any) -> str:
    """The name of the connected database."""
    cursor.execute("SELECT current_database()")
    return str(cursor.fetchone()[0])


def expect_database(cursor: Any, name: str | None) -> None:
    """Raise SchemaMismatch if the connected database has another name; None allows any."""
    found = database(cursor)
    if name not in (None, found):
        raise SchemaMismatch(say("database_not_expected"), can_retry=False, details={"database": found})


def inspect(cursor: Any, schema: str) -> dict[str, Table]:
    """Both live tables by name. Raises SchemaMismatch if one is missing, partitioned or inherited from."""
    return {name: expect_there(cursor, schema, name) for name in TABLES}


def expect_there(cursor: Any, schema: str, name: str) -> Table:
    """A live table. Raises SchemaMismatch as find does, and if there is none."""
    found = find(cursor, schema, name)
    if found is None:
        raise SchemaMismatch(say("table_missing", table=name), can_retry=False, details={"table": name})
    return found


def find(cursor: Any, schema: str, name: str) -> Table | None:
    """A live table, None if it is not there. Raises SchemaMismatch if it is partitioned or inherited from."""
    cursor.execute(RELATION, (schema, name))
    found = cursor.fetchone()
    if found is None:
        return None
    oid, has_children = found
    if has_children:  # TRUNCATE and DELETE would reach rows that COPY does not save, and it saves no partitions at all
        raise SchemaMismatch(say("table_partitioned", table=name), can_retry=False, details={"table": name})
    cursor.execute(COLUMNS, {"table": oid, "vectors": list(ddl_types.VECTOR_TYPES)})
    columns = tuple(
        Column(name, type_name, modifier, not_null, has_default)
        for name, modifier, not_null, has_default, type_name in cursor.fetchall()
    )
    return Table(schema, name, oid, columns)


def count(cursor: Any, table: Table, scope: Scope = EVERYTHING) -> int:
    """Rows as this transaction sees them."""
    condition = scope.condition(table.name, "l")
    cursor.execute(SQL("SELECT count(*) FROM {} l WHERE {}").format(table.identifier, condition))
    return int(cursor.fetchone()[0])


def estimate_rows(cursor: Any, live: dict[str, Table]) -> int:
    """About how many rows tables have, as the last ANALYZE saw them; 0 where there was none."""
    oids = [table.oid for table in live.values()]
    cursor.execute("SELECT sum(greatest(reltuples, 0)) FROM pg_class WHERE oid = ANY(%s::oid[])", (oids,))
    return int(cursor.fetchone()[0])


def truncate(cursor: Any, live: dict[str, Table], selected: Sequence[str]) -> None:
    """Empty the selected tables. Never cascades.

    PostgreSQL refuses to truncate the collection table alone even when no embedding is left, because of the foreign
    key: an empty embedding table is named beside it. Raises DependentRows if it is not empty.
    """
    names = set(selected)
    if COLLECTION in names and EMBEDDING not in names:
        expect_no_embeddings(cursor, live[EMBEDDING])
        names.add(EMBEDDING)
    relations = SQL(", ").join(live[name].identifier for name in TABLES if name in names)
    cursor.execute(SQL("TRUNCATE {}").format(relations))


def expect_no_embeddings(cursor: Any, embedding: Table) -> None:
    """Raise DependentRows if there are any."""
    cursor.execute(SQL("SELECT EXISTS (SELECT FROM {})").format(embedding.identifier))
    if cursor.fetchone()[0]:
        raise DependentRows(say("embeddings_still_reference_collections"), can_retry=False)


def collection_ids(cursor: Any, collections: Sequence[Table]) -> frozenset[bytes]:
    """The 16 bytes of every uuid in collection tables."""
    each = [SQL("SELECT uuid_send(uuid) FROM {}").format(table.identifier) for table in collections]
    cursor.execute(SQL(" UNION ALL ").join(each))
    return frozenset(bytes(row[0]) for row in cursor.fetchall())


def collection_uuids(cursor: Any, collection: Table) -> dict[str, str | None]:
    """Every collection's uuid and name."""
    cursor.execute(SQL("SELECT uuid::text, name FROM {} ORDER BY uuid").format(collection.identifier))
    return dict(cursor.fetchall())


def copy_in(cursor: Any, table: Table, columns: Sequence[str], file_format: str, stream: Any) -> int:
    """COPY a stream into the table; returns the rows the server wrote.

    file_format: "binary" or "csv" (no header line). The stream's read(size) may give more than was asked for.
    """
    statement = SQL("COPY {} ({}) FROM STDIN WITH (FORMAT {})").format(
        table.identifier, _names(columns), SQL(file_format)
    )
    cursor.copy_expert(statement, stream)
    return int(cursor.rowcount)


def copy_out(cursor: Any, table: Table, scope: Scope, pages: Pages, file_format: str, sink: Any) -> int:
    """COPY the table's rows to a sink, in the table's column order; returns how many the server read.

    The server sends one message a row, and psycopg2 one write a message; in binary a header stands in front of the
    first one, and a trailer comes after the last. CSV comes without its header: csv_header() has it.
    """
    names = _names([column.name for column in table.columns])
    if scope == EVERYTHING and pages == ALL_PAGES:
        rows: Composable = SQL("{} ({})").format(table.identifier, names)
    else:
        conditions = SQL(" AND ").join([scope.condition(table.name, "l"), *pages.conditions("l")])
        rows = SQL("(SELECT {} FROM {} l WHERE {})").format(names, table.identifier, conditions)
    cursor.copy_expert(SQL("COPY {} TO STDOUT WITH (FORMAT {})").format(rows, SQL(file_format)), sink)
    return int(cursor.rowcount)


def csv_header(cursor: Any, table: Table) -> bytes:
    """The line of column names with which the server's CSV begins, quoted as it quotes them."""
    line = BytesIO()
    names = _names([column.name for column in table.columns])
    rows = SQL("(SELECT {} FROM {} WHERE FALSE)").format(names, table.identifier)
    cursor.copy_expert(SQL("COPY {} TO STDOUT WITH (FORMAT csv, HEADER true)").format(rows), line)
    return line.getvalue()


def export_snapshot(cursor: Any) -> str:
    """The transaction's snapshot, for others to see the same rows while it lasts."""
    cursor.execute("SELECT pg_export_snapshot()")
    return str(cursor.fetchone()[0])


def total_size(cursor: Any, table: Table) -> int:
    """Bytes of the table with what is stored out of line, without its indexes."""
    cursor.execute("SELECT pg_table_size(%s::oid)", (table.oid,))
    return int(cursor.fetchone()[0])


def collection_facts(cursor: Any, live: dict[str, Table], scope: Scope) -> list[dict[str, Any]]:
    """Per collection: uuid, name, number of embeddings, and which dimensions occur.

    vector_dims reads a whole vector; the stored size does not. Embeddings of one stored size have one number of
    dimensions (unless somebody switched compression on), so one of each size is asked.
    """
    column = live[EMBEDDING].column("embedding")
    sizes, dimensions = SQL("0"), SQL("NULL::int").format()
    if column and column.type == "vector":
        sizes = SQL("pg_column_size(embedding)")
        dimensions = SQL("{}.vector_dims(e.embedding)").format(Identifier(ddl_types.extension_schema(cursor) or ""))
    cursor.execute(
        SQL(COLLECTION_FACTS).format(
            collection=live[COLLECTION].identifier,
            embedding=live[EMBEDDING].identifier,
            size=sizes,
            dimensions=dimensions,
            embeddings=scope.condition(EMBEDDING, "e"),
            collections=scope.condition(COLLECTION, "c"),
        )
    )
    names = ("uuid", "name", "rows", "dimensions")
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def versions(cursor: Any) -> dict[str, str]:
    """The server's and pgvector's versions, and the database's name."""
    cursor.execute(VERSIONS)
    return dict(zip(("server_version", "pgvector_version", "database"), cursor.fetchone(), strict=True))


def _names(columns: Sequence[str]) -> Composed:
    return SQL(", ").join(Identifier(name) for name in columns)
