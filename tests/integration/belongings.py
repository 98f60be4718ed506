"""What belongs to tables, by name and in words, so that two states of a database can be compared."""

from typing import Any

from tests.conftest import TestDatabase

QUERIES = {
    "table": """
        SELECT relname, pg_get_userbyid(relowner), relpersistence, relkind, relrowsecurity, relforcerowsecurity,
               relreplident, reltablespace, relam, obj_description(oid, 'pg_class'),
               (SELECT array_agg(o ORDER BY o) FROM unnest(reloptions) o),
               (SELECT array_agg(o ORDER BY o) FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = c.reltoastrelid),
               (SELECT array_agg((x.grantee::regrole, x.grantor::regrole, x.privilege_type, x.is_grantable)::text
                                 ORDER BY x::text) FROM aclexplode(coalesce(relacl, acldefault('r', relowner))) x)
        FROM pg_class c WHERE relname = ANY(%(tables)s) AND relnamespace = 'public'::regnamespace""",
    "column": """
        SELECT attrelid::regclass::text, row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname,
               format_type(atttypid, atttypmod), attnotnull, atthasdef, attidentity, attgenerated, attstorage,
               attcompression, attstattarget, attoptions, attcollation::regcollation,
               pg_get_expr(adbin, adrelid), col_description(attrelid, attnum),
               (SELECT array_agg((x.grantee::regrole, x.grantor::regrole, x.privilege_type, x.is_grantable)::text
                                 ORDER BY x::text) FROM aclexplode(attacl) x)
        FROM pg_attribute a LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = ANY(%(oids)s) AND attnum > 0 AND NOT attisdropped""",
    "constraint": """
        SELECT conrelid::regclass::text, conname, contype, condeferrable, condeferred, convalidated, connoinherit,
               coninhcount, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint')
        FROM pg_constraint WHERE conrelid = ANY(%(oids)s) OR confrelid = ANY(%(oids)s)""",
    "index": """
        SELECT c.relname, pg_get_indexdef(c.oid), i.indisprimary, i.indisclustered, i.indisreplident, i.indisvalid,
               i.indimmediate, c.reltablespace, obj_description(c.oid, 'pg_class'),
               ARRAY(SELECT attstattarget FROM pg_attribute WHERE attrelid = c.oid ORDER BY attnum)
        FROM pg_index i JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = ANY(%(oids)s)""",
    "statistics": """
        SELECT stxname, pg_get_statisticsobjdef(oid), pg_get_userbyid(stxowner), stxstattarget,
               obj_description(oid, 'pg_statistic_ext') FROM pg_statistic_ext WHERE stxrelid = ANY(%(oids)s)""",
    "trigger": """
        SELECT tgname, tgenabled, pg_get_triggerdef(oid), obj_description(oid, 'pg_trigger') FROM pg_trigger
        WHERE tgrelid = ANY(%(oids)s) AND NOT tgisinternal""",
    "policy": """
        SELECT p.*, obj_description(o.oid, 'pg_policy') FROM pg_policies p JOIN pg_policy o ON o.polname = p.policyname
        WHERE tablename = ANY(%(tables)s)""",
    "view": """
        SELECT c.oid, c.relname, c.reloptions, pg_get_userbyid(c.relowner), c.relacl, pg_get_viewdef(c.oid),
               obj_description(c.oid, 'pg_class')
        FROM pg_class c WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace""",
    "sequence": """
        SELECT s.*, c.relowner::regrole, c.relacl, obj_description(c.oid, 'pg_class'), c.relpersistence,
               d.refobjid::regclass::text, d.deptype,
               (SELECT attname FROM pg_attribute WHERE attrelid = d.refobjid AND attnum = d.refobjsubid)
        FROM pg_sequences s JOIN pg_class c ON c.relname = s.sequencename AND c.relkind = 'S'
        LEFT JOIN pg_depend d ON d.objid = c.oid AND d.deptype IN ('a', 'i')""",
    "relation": "SELECT relkind, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    "type": "SELECT typname, typtype FROM pg_type WHERE typnamespace = 'public'::regnamespace",
}


def belongings(database: TestDatabase, *tables: str) -> dict[str, list[str]]:
    """By kind, a line for each object; the order in which they were made makes no difference."""
    oids = [oid for (oid,) in database.fetch("SELECT to_regclass(t)::oid::bigint FROM unnest(%s) t", (list(tables),))]
    given: dict[str, Any] = {"tables": list(tables), "oids": oids}
    return {kind: sorted(str(row) for row in database.fetch(query, given)) for kind, query in QUERIES.items()}
