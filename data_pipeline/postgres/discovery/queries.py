"""The catalog's queries: each answers for all relations at a time, in rows that name their relation by `oid`.

What prints an expression or an index (pg_get_indexdef, pg_get_expr) opens the table and waits for its lock: nothing
here calls it.
"""

import json
from typing import Any

from data_pipeline.postgres.schema import ddl_types
from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA
from data_pipeline.postgres.schema.vector_tables import OF_APPLICATIONS, OF_PGVECTOR
from data_pipeline.postgres.search_path import Cursor

# A name that is no text of the database's encoding (SQL_ASCII) must not fail a query, so the answer comes as bytes.
AS_BYTES = """
SELECT convert_to(coalesce(json_agg(found)::text, '[]'),
                  CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)
FROM
"""

# A domain over a type of pgvector's, or over another such domain, is a vector too. A domain's size is the outermost.
VECTORS = f"""
vectors (oid, type, modifier) AS (
  SELECT t.oid, t.typname, -1 FROM pg_type t WHERE t.oid IN ({OF_PGVECTOR}) AND t.typcategory <> 'A'
  UNION ALL
  SELECT d.oid, v.type, CASE WHEN d.typtypmod <> -1 THEN d.typtypmod ELSE v.modifier END
  FROM vectors v JOIN pg_type d ON d.typbasetype = v.oid AND d.typtype = 'd'
)
"""  # noqa: S608 - constants only

# Views and the like are only named for their vectors. Of a partitioned table the rows are in its leaves, and a table
# that others inherit from has some of its own. Before PostgreSQL 14 a table that was never analyzed has 0 tuples; then,
# and later, the statistics of what was written since the server has counted are the next best.
RELATIONS = f"""
WITH RECURSIVE {VECTORS}
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
       has_schema_privilege(n.oid, 'USAGE') AS usable, has_table_privilege(c.oid, 'SELECT') AS readable,
       row_security_active(c.oid) AS hides_rows, leaves.rows, leaves.oids AS leaves,
       ARRAY(SELECT pn.nspname || '.' || p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
             JOIN pg_namespace pn ON pn.oid = p.relnamespace
             WHERE i.inhparent = c.oid AND p.relispartition ORDER BY pn.nspname, p.relname) AS partitions,
       ARRAY(SELECT pn.nspname || '.' || p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
             JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid ORDER BY i.inhseqno) AS parents,
       c.relkind = 'p' OR EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid) AS divided
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  WITH RECURSIVE below (oid) AS (
    SELECT c.oid
    UNION ALL
    SELECT i.inhrelid FROM below JOIN pg_inherits i ON i.inhparent = below.oid WHERE c.relkind = 'p'
  )
  SELECT CASE WHEN count(counted.rows) = count(*) THEN sum(counted.rows)::bigint END, array_agg(l.oid::bigint)
  FROM below JOIN pg_class l ON l.oid = below.oid AND l.relkind <> 'p'
  CROSS JOIN LATERAL (
    SELECT CASE WHEN l.reltuples >= 0 AND (l.relpages > 0 OR l.reltuples > 0 OR %(tells_empty)s) THEN l.reltuples
                WHEN l.relkind IN ('r', 'm') THEN nullif(pg_stat_get_live_tuples(l.oid), 0) END
  ) counted (rows)
) leaves (rows, oids)
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '{QUEUE_SCHEMA}')
  AND NOT c.relispartition AND {OF_APPLICATIONS}
  AND (c.relkind IN ('r', 'p') OR c.relkind IN ('v', 'm', 'f') AND EXISTS (
    SELECT FROM pg_attribute a JOIN vectors v ON v.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
ORDER BY n.nspname, c.relname
"""  # noqa: S608 - constants only

COLUMNS = f"""
WITH RECURSIVE {VECTORS}
SELECT a.attrelid::bigint AS oid, a.attname AS name, {ddl_types.NAME} AS type,
       format_type(a.atttypid, a.atttypmod) AS shown, a.attnotnull AS not_null, v.type AS vector,
       nullif(CASE WHEN a.atttypmod <> -1 THEN a.atttypmod ELSE v.modifier END, -1) AS dimensions,
       CASE WHEN a.attgenerated <> '' THEN 'generated' WHEN a.attidentity <> '' THEN 'identity'
            WHEN a.atthasdef THEN 'default' END AS by_itself
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN vectors v ON v.oid = a.atttypid
WHERE a.attrelid = ANY(%(oids)s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""  # noqa: S608 - constants only

INDEXES = """
SELECT i.indrelid::bigint AS oid, c.relname AS name, m.amname AS method, i.indisunique AS "unique",
       i.indisprimary AS "primary", i.indisvalid AS valid, i.indpred IS NOT NULL AS partial,
       ARRAY(SELECT coalesce(a.attname::text, 'expression') FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
             WHERE k.n <= i.indnkeyatts ORDER BY k.n) AS columns,
       ARRAY(SELECT o.opcname FROM unnest(i.indclass) WITH ORDINALITY k(oid, n) JOIN pg_opclass o ON o.oid = k.oid
             ORDER BY k.n) AS operator_classes,
       coalesce(c.reloptions, '{}') AS options
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
WHERE i.indrelid = ANY(%(oids)s::oid[]) ORDER BY i.indrelid, NOT i.indisprimary, c.relname
"""

REFERENCES = """
SELECT k.conrelid::bigint AS oid, k.conname AS name, n.nspname || '.' || r.relname AS "table",
       ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY u(attnum, n)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.n) AS columns,
       ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY u(attnum, n)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum ORDER BY u.n) AS referenced
FROM pg_constraint k JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY(%(oids)s::oid[]) ORDER BY k.conrelid, k.conname
"""

TRIGGERS = """
SELECT tgrelid::bigint AS oid, tgname AS name, tgenabled <> 'D' AS enabled FROM pg_trigger
WHERE NOT tgisinternal AND tgrelid = ANY(%(oids)s::oid[]) ORDER BY tgrelid, tgname
"""

SEQUENCES = """
SELECT d.refobjid::bigint AS oid, n.nspname || '.' || c.relname AS name, a.attname AS column
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  AND d.refobjid = ANY(%(oids)s::oid[]) ORDER BY d.refobjid, a.attnum, c.relname
"""

# pg_table_size opens the table: one that another session has to itself is left out. It takes several of them one by
# one, so what is locked in between is up to the settings of the caller.
SIZES = """
WITH locked (oid) AS (
  SELECT l.relation FROM pg_locks l JOIN pg_database d ON d.oid = l.database
  WHERE d.datname = current_database() AND l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL
)
SELECT u.oid::bigint AS oid,
       sum(CASE WHEN u.leaf IN (TABLE locked) THEN NULL ELSE pg_table_size(u.leaf) END)::bigint AS bytes,
       bool_or(u.leaf IN (TABLE locked)) AS locked
FROM unnest(%(oids)s::oid[], %(leaves)s::oid[]) u (oid, leaf) GROUP BY u.oid
"""

Row = dict[str, Any]


def ask(cursor: Cursor, query: str, **given: Any) -> list[Row]:
    """The rows of a query, by the names of its columns."""
    cursor.execute(f"{AS_BYTES}({query}) found", {"extensions": sorted(ddl_types.EXTENSION_TYPES), **given})
    rows: list[Row] = json.loads(bytes(cursor.value()).decode(errors="replace"))
    return rows
