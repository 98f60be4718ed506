"""What is in a database already, by the names that an archive's table of contents has for it."""

from data_pipeline.postgres.connection import Session

Named = tuple[str, str, str]
"""Kind, schema and name of an entry."""

OBJECTS = """
WITH ours AS (SELECT oid, nspname::text AS schema FROM pg_namespace
              WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
       WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'i' THEN 'INDEX' WHEN 'I' THEN 'INDEX' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END,
       ours.schema, c.relname::text
FROM pg_class c JOIN ours ON ours.oid = c.relnamespace
UNION ALL
SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, ours.schema, t.typname::text
FROM pg_type t JOIN ours ON ours.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r', 'b')
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END, ours.schema,
       p.proname::text || '(' || array_to_string(
           array(SELECT format_type(a.type, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a(type, place)
                 ORDER BY a.place), ', ') || ')'
FROM pg_proc p JOIN ours ON ours.oid = p.pronamespace
UNION ALL
SELECT CASE c.contype WHEN 'f' THEN 'FK CONSTRAINT' WHEN 'c' THEN 'CHECK CONSTRAINT' ELSE 'CONSTRAINT' END,
       ours.schema, t.relname::text || ' ' || c.conname::text
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN ours ON ours.oid = t.relnamespace
UNION ALL
SELECT 'CONSTRAINT', ours.schema, t.relname::text || ' ' || t.relname::text || '_pkey'
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN ours ON ours.oid = t.relnamespace
WHERE c.contype = 'p'
UNION ALL
SELECT 'TRIGGER', ours.schema, t.relname::text || ' ' || g.tgname::text
FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN ours ON ours.oid = t.relnamespace WHERE NOT g.tgisinternal
UNION ALL
SELECT 'POLICY', ours.schema, t.relname::text || ' ' || p.polname::text
FROM pg_policy p JOIN pg_class t ON t.oid = p.polrelid JOIN ours ON ours.oid = t.relnamespace
UNION ALL
SELECT 'RULE', ours.schema, t.relname::text || ' ' || r.rulename::text
FROM pg_rewrite r JOIN pg_class t ON t.oid = r.ev_class JOIN ours ON ours.oid = t.relnamespace
UNION ALL
SELECT 'TABLE ATTACH', ours.schema, c.relname::text
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN ours ON ours.oid = c.relnamespace WHERE c.relispartition
UNION ALL
SELECT 'INDEX ATTACH', ours.schema, c.relname::text
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN ours ON ours.oid = c.relnamespace WHERE c.relkind = 'i'
"""


def present(session: Session) -> frozenset[Named]:
    """The kinds that a restore meets again and again; of rarer ones none."""
    session.cursor.execute(OBJECTS)
    return frozenset((kind, schema, name) for kind, schema, name in session.cursor.fetchall())
