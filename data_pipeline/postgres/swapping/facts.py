"""What a live table has beside its rows and columns, read so that a new table can be given the same.

Definitions are printed under the session's own search path, under which they are executed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg2.sql import Identifier

from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.swapping.index_facts import Index, indexes
from data_pipeline.postgres.swapping.printing import printed

TABLE = """
SELECT pg_get_userbyid(c.relowner)::text, c.relpersistence = 'u', a.amname::text, t.spcname::text,
       coalesce(c.reloptions, '{}'), coalesce((SELECT reloptions FROM pg_class WHERE oid = c.reltoastrelid), '{}'),
       c.relrowsecurity, c.relforcerowsecurity, c.relreplident::text, obj_description(c.oid, 'pg_class'),
       c.relacl IS NOT NULL
FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
WHERE c.oid = %s
"""
COLUMNS = """
SELECT attname::text, coalesce(attstattarget, -1), coalesce(attoptions, '{}') FROM pg_attribute
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped
  AND (coalesce(attstattarget, -1) >= 0 OR attoptions IS NOT NULL) ORDER BY attnum
"""
# What a role has that isn't the owner comes after what the owner has granted.
GRANTS = """
WITH given AS (
  SELECT c.relowner AS owner, x.*, NULL::text AS named FROM pg_class c, aclexplode(c.relacl) x WHERE c.oid = %(oid)s
  UNION ALL
  SELECT c.relowner, x.*, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid,
         aclexplode(a.attacl) x WHERE c.oid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
)
SELECT CASE WHEN grantee = 0 THEN NULL ELSE pg_get_userbyid(grantee)::text END, pg_get_userbyid(grantor)::text,
       privilege_type, is_grantable, named
FROM given ORDER BY grantor <> owner, named NULLS FIRST
"""
FOREIGN_KEYS = """
SELECT oid, conname::text, conrelid::bigint, confrelid::bigint, obj_description(oid, 'pg_constraint') FROM pg_constraint
WHERE contype = 'f' AND conrelid = ANY(%(tables)s::oid[])
  AND (%(referenced)s::oid[] IS NULL OR confrelid = ANY(%(referenced)s::oid[])) ORDER BY conname
"""
STATISTICS = """
SELECT s.oid, n.nspname::text, s.stxname::text, pg_get_userbyid(s.stxowner)::text,
       coalesce((to_jsonb(s) ->> 'stxstattarget')::int, -1), obj_description(s.oid, 'pg_statistic_ext'),
       format('CREATE STATISTICS %%I.%%I', n.nspname, s.stxname)
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE s.stxrelid = %s ORDER BY s.oid
"""
SEQUENCES = """
SELECT a.attname::text, n.nspname::text, c.relname::text, c.oid::bigint, d.deptype = 'i', s.seqincrement > 0,
       obj_description(c.oid, 'pg_class')
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_sequence s ON s.seqrelid = c.oid
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  AND d.refobjid = %s ORDER BY a.attnum, c.relname
"""
TRIGGERS = """
SELECT oid, tgname::text, tgenabled::text, obj_description(oid, 'pg_trigger') FROM pg_trigger
WHERE tgrelid = %s AND NOT tgisinternal ORDER BY tgname
"""
POLICIES = """
SELECT oid, polname::text, polcmd::text, polpermissive,
       ARRAY(SELECT CASE WHEN r = 0 THEN '' ELSE pg_get_userbyid(r)::text END FROM unnest(polroles) r),
       obj_description(oid, 'pg_policy')
FROM pg_policy WHERE polrelid = %s ORDER BY polname
"""
POLICY_TEXTS = """
SELECT pg_catalog.pg_get_expr(polqual, polrelid), pg_catalog.pg_get_expr(polwithcheck, polrelid)
FROM pg_catalog.pg_policy WHERE oid OPERATOR(pg_catalog.=) %s
"""
VIEWS = """
SELECT DISTINCT v.oid::bigint, n.nspname::text, v.relname::text, coalesce(v.reloptions, '{}'),
       pg_has_role(v.relowner, 'USAGE')
FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class
JOIN pg_namespace n ON n.oid = v.relnamespace
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY(%s::oid[])
  AND v.relkind = 'v' AND r.ev_type = '1' ORDER BY 1
"""


class Grant(NamedTuple):
    """A privilege of a role, None for PUBLIC, on a relation or one column of it."""

    grantee: str | None
    grantor: str
    privilege: str
    grantable: bool
    column: str | None


class ColumnSettings(NamedTuple):
    """What CREATE TABLE … LIKE leaves out of a column: its statistics target, -1 for none of its own, and options."""

    name: str
    target: int
    options: list[str]


@dataclass(frozen=True)
class ForeignKey:
    """A key of a table to another one. shown: the other table as the definition names it."""

    definition: str
    shown: str
    name: str
    table: int
    referenced: int
    comment: str | None


@dataclass(frozen=True)
class Statistics:
    """An extended statistics object: what precedes and follows its table in `columns`."""

    columns: str
    schema: str
    name: str
    owner: str
    target: int
    comment: str | None


@dataclass(frozen=True)
class Sequence:
    """A sequence that a column owns. identity: it is the column's own, and goes with its table."""

    grants: list[Grant]
    column: str
    schema: str
    name: str
    oid: int
    identity: bool
    ascending: bool
    comment: str | None

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.schema, self.name)


@dataclass(frozen=True)
class Trigger:
    """A trigger. state: pg_trigger's tgenabled."""

    definition: str
    name: str
    state: str
    comment: str | None


@dataclass(frozen=True)
class Policy:
    """A row security policy. roles: "" for PUBLIC. command: as pg_policy's polcmd."""

    using: str | None
    check: str | None
    name: str
    command: str
    permissive: bool
    roles: list[str]
    comment: str | None


@dataclass(frozen=True)
class View:
    """A plain view that reads one of the tables. replaceable: this role may replace it."""

    definition: str
    oid: int
    schema: str
    name: str
    options: list[str]
    replaceable: bool

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.schema, self.name)


@dataclass(frozen=True)
class TableFacts:
    """One table: what is given to the new one when it is made, once it is filled, and when it takes its place."""

    columns: list[ColumnSettings]
    grants: list[Grant]
    indexes: list[Index]
    foreign_keys: list[ForeignKey]
    statistics: list[Statistics]
    sequences: list[Sequence]
    triggers: list[Trigger]
    policies: list[Policy]
    owner: str
    unlogged: bool
    method: str | None
    tablespace: str | None
    options: list[str]
    toast_options: list[str]
    row_security: bool
    forced: bool
    replica_identity: str
    comment: str | None
    granted: bool
    """Privileges were granted or revoked at some time; else they are the default ones."""


def read(cursor: Cursor, table: Table) -> TableFacts:
    """Everything of one live table."""
    cursor.execute(TABLE, (table.oid,))
    own = cursor.one()
    cursor.execute(COLUMNS, (table.oid,))
    columns = [ColumnSettings(*row) for row in cursor.fetchall()]
    return TableFacts(
        columns,
        _grants(cursor, table.oid),
        indexes(cursor, table),
        foreign_keys(cursor, [table.oid]),
        _statistics(cursor, table),
        sequences(cursor, table.oid),
        _triggers(cursor, table),
        _policies(cursor, table),
        *own,
    )


def views(cursor: Cursor, oids: Collection[int]) -> list[View]:
    """The plain views that read these tables; one that reads only views of them stays as it is."""
    cursor.execute(VIEWS, (list(oids),))
    return [View(printed(cursor, "pg_get_viewdef", row[0]), *row) for row in cursor.fetchall()]


def foreign_keys(cursor: Cursor, oids: Collection[int], referenced: Collection[int] | None = None) -> list[ForeignKey]:
    """The keys of these tables, or those of them that lead to the referenced ones."""
    given = None if referenced is None else list(referenced)
    cursor.execute(FOREIGN_KEYS, {"tables": list(oids), "referenced": given})
    return [
        ForeignKey(
            printed(cursor, "pg_get_constraintdef", oid),
            printed(cursor, "regclass", to),
            name,
            table,
            to,
            comment,
        )
        for oid, name, table, to, comment in cursor.fetchall()
    ]


def sequences(cursor: Cursor, oid: int) -> list[Sequence]:
    """The sequences that the columns of a table own."""
    cursor.execute(SEQUENCES, (oid,))
    return [Sequence(_grants(cursor, row[3]), *row) for row in cursor.fetchall()]


def _grants(cursor: Cursor, oid: int) -> list[Grant]:
    cursor.execute(GRANTS, {"oid": oid})
    return [Grant(*row) for row in cursor.fetchall()]


def _statistics(cursor: Cursor, table: Table) -> list[Statistics]:
    cursor.execute(STATISTICS, (table.oid,))
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    place = f" FROM {printed(cursor, 'regclass', table.oid)}"
    return [
        Statistics(printed(cursor, "pg_get_statisticsobjdef", oid).removeprefix(head).removesuffix(place), *row)
        for oid, *row, head in rows
    ]


def _triggers(cursor: Cursor, table: Table) -> list[Trigger]:
    cursor.execute(TRIGGERS, (table.oid,))
    return [Trigger(printed(cursor, "pg_get_triggerdef", oid), *row) for oid, *row in cursor.fetchall()]


def _policies(cursor: Cursor, table: Table) -> list[Policy]:
    cursor.execute(POLICIES, (table.oid,))
    found = []
    for oid, *row in cursor.fetchall():
        cursor.in_own_path(POLICY_TEXTS, (oid,))
        using, check = cursor.one()
        found.append(Policy(using, check, *row))
    return found
