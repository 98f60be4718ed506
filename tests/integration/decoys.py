"""A schema of decoys: an object of the same name for all that PostgreSQL and pgvector have, and each of them fails.

In a search path that begins with it, a name that should have been written with its schema is found there.
"""

SCHEMA = "evil"

# Of pseudo-types only some can be a parameter of a function in PL/pgSQL; what can't be made is left out.
DECOYS = r"""
CREATE SCHEMA evil;
CREATE TEMPORARY TABLE made (kind text);

DO $make$
DECLARE one record;
BEGIN
  FOR one IN SELECT p.proname, oidvectortypes(p.proargtypes) AS types, format_type(p.prorettype, NULL) AS result
             FROM pg_proc p WHERE p.pronamespace IN ('pg_catalog'::regnamespace, 'extensions'::regnamespace)
             AND p.prorettype NOT IN ('internal'::regtype, 'cstring'::regtype) AND p.proretset = false
  LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', one.proname, one.types,
                     one.result, format('BEGIN RAISE EXCEPTION %L; END', 'the decoy of ' || one.proname));
      INSERT INTO made VALUES ('function');
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;

  FOR one IN SELECT o.oid, o.oprname, o.oprleft, o.oprright, format_type(o.oprresult, NULL) AS result FROM pg_operator o
             WHERE o.oprnamespace IN ('pg_catalog'::regnamespace, 'extensions'::regnamespace) AND o.oprleft <> 0
  LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION evil.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', one.oid,
                     one.oprleft::regtype, one.oprright::regtype, one.result,
                     format('BEGIN RAISE EXCEPTION %L; END', 'the decoy of ' || one.oprname));
      EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.operator_%s)', one.oprname,
                     one.oprleft::regtype, one.oprright::regtype, one.oid);
      INSERT INTO made VALUES ('operator');
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;

  FOR one IN SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
             UNION SELECT relname FROM pg_class WHERE relname LIKE 'langchain%' AND relkind = 'r'
  LOOP
    EXECUTE format('CREATE TABLE evil.%I (decoy integer)', one.relname);
    INSERT INTO made VALUES ('table');
  END LOOP;

  FOR one IN SELECT t.typname FROM pg_type t WHERE t.typnamespace IN ('pg_catalog'::regnamespace,
             'extensions'::regnamespace) AND t.typtype = 'b' AND t.typelem = 0
  LOOP
    EXECUTE format('CREATE TYPE evil.%I AS (decoy integer)', one.typname);
    INSERT INTO made VALUES ('type');
  END LOOP;
END
$make$;

CREATE COLLATION evil."C" FROM pg_catalog."POSIX";
CREATE OPERATOR CLASS evil.vector_cosine_ops FOR TYPE extensions.vector USING hnsw AS
  OPERATOR 1 extensions.<-> (extensions.vector, extensions.vector) FOR ORDER BY pg_catalog.float_ops,
  FUNCTION 1 extensions.vector_l2_squared_distance(extensions.vector, extensions.vector);
GRANT USAGE ON SCHEMA evil TO PUBLIC;

DO $check$
BEGIN
  ASSERT (SELECT count(*) FROM made WHERE kind = 'function') > 2000, 'functions';
  ASSERT (SELECT count(*) FROM made WHERE kind = 'operator') > 700, 'operators';
  ASSERT (SELECT count(*) FROM made WHERE kind = 'table') > 130, 'tables';
  ASSERT (SELECT count(*) FROM made WHERE kind = 'type') > 60, 'types';
END
$check$;
"""
