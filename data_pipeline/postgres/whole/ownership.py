"""Everything in a database made one role's."""

from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA

OTHERS = """
WITH ours AS (
    SELECT oid FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', %(queue)s)
), of_extensions AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
)
SELECT format('ALTER SCHEMA %%I OWNER TO %%I', n.nspname, %(owner)s::text)
FROM pg_namespace n JOIN ours USING (oid)
WHERE n.nspname <> 'public' AND n.nspowner::regrole::text <> %(owner)s
  AND (('pg_namespace'::regclass, n.oid) NOT IN (SELECT classid, objid FROM of_extensions))
UNION ALL
SELECT format('ALTER %%s %%s OWNER TO %%I',
              CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                             WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.oid::regclass, %(owner)s::text)
FROM pg_class c JOIN ours ON ours.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relowner::regrole::text <> %(owner)s
  AND (('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM of_extensions))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
UNION ALL
SELECT format('ALTER ROUTINE %%s OWNER TO %%I', p.oid::regprocedure, %(owner)s::text)
FROM pg_proc p JOIN ours ON ours.oid = p.pronamespace
WHERE p.proowner::regrole::text <> %(owner)s
  AND (('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM of_extensions))
UNION ALL
SELECT format('ALTER TYPE %%s OWNER TO %%I', t.oid::regtype, %(owner)s::text)
FROM pg_type t JOIN ours ON ours.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c') AND t.typowner::regrole::text <> %(owner)s
  AND (('pg_type'::regclass, t.oid) NOT IN (SELECT classid, objid FROM of_extensions))
"""


def hand_over(session: Session, owner: str) -> None:
    """Give a role all of the database but extensions and the service's own queue. Raises psycopg2.Error."""
    session.cursor.execute(OTHERS, {"owner": owner, "queue": QUEUE_SCHEMA})
    for (statement,) in session.cursor.fetchall():
        session.cursor.in_own_path(statement)
