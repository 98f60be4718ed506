"""What belongs to a live table, or leads to it, and can't be given to a new one: found before anything is made.

A table that takes the place of another is another object. What the server knows by the old one's number goes with it,
unless it is made again. These here are not, and neither is anything of an unknown kind.
"""

from collections.abc import Sequence

from common.errors import DependentRows, PermissionDenied
from common.messages import say
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.swapping.facts import View

# `ours`: the tables, their row types, indexes, keys and own sequences. `known`: their parts, what is made again, and
# the triggers and keys between the tables of the set. What pg_depend doesn't have, or has the other way round, is asked
# for below.
DEPENDENT = """
WITH own (oid) AS (SELECT unnest(%(swapped)s::oid[])),
ours (class, oid) AS (
  SELECT 'pg_class'::regclass::oid, oid FROM own
  UNION SELECT 'pg_type'::regclass, t.oid FROM own JOIN pg_type t ON t.typrelid = own.oid
  UNION SELECT 'pg_type'::regclass, t.typarray FROM own JOIN pg_type t ON t.typrelid = own.oid WHERE t.typarray <> 0
  UNION SELECT 'pg_class'::regclass, i.indexrelid FROM own JOIN pg_index i ON i.indrelid = own.oid
  UNION SELECT 'pg_constraint'::regclass, k.oid FROM own JOIN pg_constraint k ON k.conrelid = own.oid
  UNION SELECT 'pg_class'::regclass, d.objid FROM own JOIN pg_depend d ON d.refobjid = own.oid
        JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
),
found AS (
  SELECT DISTINCT d.classid, d.objid FROM pg_depend d JOIN ours ON ours.class = d.refclassid AND ours.oid = d.refobjid
  WHERE NOT EXISTS (SELECT FROM ours o WHERE o.class = d.classid AND o.oid = d.objid)
),
known (class, oid) AS (
  SELECT 'pg_attrdef'::regclass::oid, x.oid FROM own JOIN pg_attrdef x ON x.adrelid = own.oid
  UNION ALL SELECT 'pg_trigger'::regclass, x.oid FROM pg_trigger x
            WHERE x.tgrelid = ANY(%(swapped)s::oid[])
            OR x.tgisinternal AND (x.tgrelid = ANY(%(set)s::oid[]) OR EXISTS (
                 SELECT FROM pg_constraint k WHERE k.oid = x.tgconstraint AND k.conrelid = ANY(%(set)s::oid[])))
  UNION ALL SELECT 'pg_policy'::regclass, x.oid FROM own JOIN pg_policy x ON x.polrelid = own.oid
  UNION ALL SELECT 'pg_statistic_ext'::regclass, x.oid FROM own JOIN pg_statistic_ext x ON x.stxrelid = own.oid
  UNION ALL SELECT 'pg_constraint'::regclass, x.oid FROM pg_constraint x
            WHERE x.contype = 'f' AND x.conrelid = ANY(%(set)s::oid[])
  UNION ALL SELECT 'pg_rewrite'::regclass, x.oid FROM pg_rewrite x JOIN pg_class v ON v.oid = x.ev_class
            WHERE v.relkind = 'v' AND x.ev_type = '1'
  UNION ALL SELECT 'pg_class'::regclass, x.oid FROM pg_class x JOIN own ON x.oid IN (
              SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
              AND d.refclassid = 'pg_class'::regclass AND d.refobjid = own.oid AND d.deptype = 'a')
            WHERE x.relkind = 'S'
  UNION ALL SELECT 'pg_class'::regclass, x.reltoastrelid FROM own JOIN pg_class x ON x.oid = own.oid
)
SELECT named.type, named.identity FROM (
  SELECT i.type, i.identity FROM found l, pg_identify_object(l.classid, l.objid, 0) i
  WHERE NOT EXISTS (SELECT FROM known k WHERE k.class = l.classid AND k.oid = l.objid)
    AND NOT (l.classid = 'pg_rewrite'::regclass
             AND EXISTS (SELECT FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class
                         WHERE r.oid = l.objid AND v.relkind = 'm'))
    AND NOT (l.classid = 'pg_publication_rel'::regclass)
  UNION
  SELECT 'materialized view', i.identity FROM found l JOIN pg_rewrite r ON r.oid = l.objid
  JOIN pg_class v ON v.oid = r.ev_class, pg_identify_object('pg_class'::regclass, v.oid, 0) i
  WHERE l.classid = 'pg_rewrite'::regclass AND v.relkind = 'm'
  UNION
  SELECT 'publication', quote_ident(p.pubname) FROM pg_publication p
  WHERE p.puballtables
     OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = ANY(%(swapped)s::oid[]))
     {schemas}
  UNION
  SELECT 'subscription', i.identity FROM pg_subscription_rel r,
         pg_identify_object('pg_class'::regclass, r.srrelid, 0) i WHERE r.srrelid = ANY(%(swapped)s::oid[])
  UNION
  SELECT 'parent table', i.identity FROM own JOIN pg_inherits h ON h.inhrelid = own.oid,
         pg_identify_object('pg_class'::regclass, h.inhparent, 0) i
  UNION
  SELECT 'partitioned table', i.identity FROM own JOIN pg_class c ON c.oid = own.oid,
         pg_identify_object('pg_class'::regclass, c.oid, 0) i WHERE c.relkind = 'p'
  UNION
  SELECT 'type', i.identity FROM own JOIN pg_class c ON c.oid = own.oid,
         pg_identify_object('pg_type'::regclass, c.reloftype, 0) i WHERE c.reloftype <> 0
  UNION
  SELECT 'extension', quote_ident(e.extname) FROM ours JOIN pg_depend d ON d.classid = ours.class AND d.objid = ours.oid
  JOIN pg_extension e ON e.oid = d.refobjid
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype IN ('e', 'x')
  UNION
  SELECT 'security label', s.provider FROM own JOIN pg_seclabel s ON s.objoid = own.oid
  WHERE s.classoid = 'pg_class'::regclass
  UNION
  SELECT 'invalid index', i.identity FROM own JOIN pg_index x ON x.indrelid = own.oid AND NOT x.indisvalid,
         pg_identify_object('pg_class'::regclass, x.indexrelid, 0) i
  UNION
  SELECT 'disabled foreign key', i.identity FROM own JOIN pg_trigger x ON x.tgrelid = own.oid,
         pg_identify_object('pg_trigger'::regclass, x.oid, 0) i WHERE x.tgisinternal AND x.tgenabled <> 'O'
) named ORDER BY 1, 2
"""
SCHEMAS = """
     OR EXISTS (SELECT FROM pg_publication_namespace n JOIN pg_class c ON c.relnamespace = n.pnnspid
                WHERE n.pnpubid = p.oid AND c.oid = ANY(%(swapped)s::oid[]))"""
"""Since PostgreSQL 15 a publication can have all tables of a schema."""

MAY_SWAP = """
SELECT pg_has_role(c.relowner, 'USAGE'), has_schema_privilege(n.oid, 'CREATE'), n.nspname::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s
"""


def expect_may(cursor: Cursor, table: Table) -> None:
    """Raise PermissionDenied unless this role can make another table of the same owner in its place."""
    cursor.execute(MAY_SWAP, (table.oid,))
    owns, creates, schema = cursor.one()
    if not owns:
        text = say("swap_needs_owner", table=table.name)
        raise PermissionDenied(text, can_retry=False, details={"table": table.name})
    if not creates:
        text = say("schema_privilege_lacking", schema=schema, privilege="CREATE")
        raise PermissionDenied(text, can_retry=False, details={"schema": schema, "privileges": ["CREATE"]})


def expect_none(cursor: Cursor, live: Live, swapped: Sequence[Table], views: Sequence[View]) -> None:
    """Raise DependentRows, naming what couldn't be carried over; PermissionDenied for a view of another role."""
    names = {"swapped": [table.oid for table in swapped], "set": [table.oid for table in live.values()]}
    schemas = SCHEMAS if cursor.connection.server_version >= 150000 else ""
    cursor.execute(DEPENDENT.replace("{schemas}", schemas), names)
    if found := cursor.fetchall():
        objects = [{"kind": kind, "name": name} for kind, name in found]
        text = say("swap_cannot_carry", objects=", ".join(f"{kind} {name}" for kind, name in found))
        raise DependentRows(text, can_retry=False, details={"objects": objects})
    for view in views:
        if not view.replaceable:
            name = f"{view.schema}.{view.name}"
            raise PermissionDenied(say("swap_needs_owner", table=name), can_retry=False, details={"table": name})
