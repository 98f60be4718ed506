"""What keeps a table's rows from coming back into it: constraints and indexes that hold for new rows, not for these.

A key or a check that was added NOT VALID has never looked at the rows that were there. A key that is NOT ENFORCED
looks at none; whether a row has its owner a restore asks all the same. An index that CREATE INDEX
CONCURRENTLY left invalid may refuse rows that were there before it; one that isn't even ready takes no row and refuses
none. A unique index that is valid has no duplicates, unless it is damaged, by other rules of the system for sorting,
say: a replace builds it again, and would fail.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from psycopg2.sql import SQL, Composable, Identifier

from common.errors import ServiceError
from common.messages import say
from data_pipeline.postgres.connection import Session, scratch
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema.tables import Live, Table

# `foreign_code`: it calls a function, or an operator, that is neither PostgreSQL's own nor an extension's.
UNVALIDATED = """
SELECT c.conname::text, c.contype::text, pg_get_expr(c.conbin, c.conrelid), n.nspname::text, r.relname::text,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum ORDER BY n),
       ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum ORDER BY n),
       ARRAY(SELECT s.nspname::text FROM unnest(c.conpfeqop) WITH ORDINALITY k(oid, n)
             JOIN pg_operator o ON o.oid = k.oid JOIN pg_namespace s ON s.oid = o.oprnamespace ORDER BY n),
       EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_constraint'::regclass AND d.objid = c.oid
               AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
               AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid
                               AND e.deptype = 'e')) AS foreign_code
FROM pg_constraint c LEFT JOIN pg_class r ON r.oid = c.confrelid LEFT JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE c.conrelid = %(table)s AND c.contype IN ('c', 'f', 'n') AND NOT c.convalidated
  AND (coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true) OR c.confrelid = %(owner)s)
ORDER BY c.conname
"""


# `usual`: each key is told apart by the operator that GROUP BY uses for its type. `foreign_code`: as above.
INDEXES = """
SELECT c.relname::text, i.indisunique, i.indisvalid,
       ARRAY(SELECT pg_get_indexdef(c.oid, n, false)
                    || coalesce(' COLLATE ' || quote_ident(s.nspname) || '.' || quote_ident(o.collname), '')
             FROM generate_series(1, i.indnkeyatts::int) n LEFT JOIN pg_collation o ON o.oid = i.indcollation[n - 1]
             LEFT JOIN pg_namespace s ON s.oid = o.collnamespace ORDER BY n),
       pg_get_expr(i.indpred, i.indrelid), coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
       NOT EXISTS (
         SELECT FROM unnest(i.indclass) k JOIN pg_opclass p ON p.oid = k WHERE NOT EXISTS (
           SELECT FROM pg_opclass d JOIN pg_amop own ON own.amopfamily = p.opcfamily
           JOIN pg_amop usual ON usual.amopfamily = d.opcfamily AND usual.amopopr = own.amopopr
           WHERE d.opcmethod = p.opcmethod AND d.opcdefault AND d.opcintype = p.opcintype
             AND own.amopstrategy = 3 AND own.amoplefttype = p.opcintype AND own.amoprighttype = p.opcintype
             AND usual.amopstrategy = 3 AND usual.amoplefttype = d.opcintype AND usual.amoprighttype = d.opcintype)),
       EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
               AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass)
               AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid
                               AND e.deptype = 'e')) AS foreign_code
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %(table)s AND i.indisready AND (i.indisunique AND %(valid_too)s OR NOT i.indisvalid)
  AND (i.indisunique OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
ORDER BY c.relname
"""

WHOLE_TABLE = {"enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off"}
"""What an index has is what is in question."""


class Constraint(NamedTuple):
    """One that was never compared with all rows; contype as pg_constraint has it."""

    name: str
    contype: str
    expression: str | None
    referenced_schema: str | None
    referenced_table: str | None
    columns: list[str]
    referenced_columns: list[str]
    operator_schemas: list[str]
    foreign_code: bool

    def violated(self) -> Composable:
        """What is true of a row, under the alias l, that the constraint would refuse."""
        if self.contype == "c":
            return SQL("NOT ({})").format(SQL(self.expression or ""))
        if self.contype == "n":
            return SQL("{} IS NULL").format(Identifier("l", self.columns[0]))
        given = [SQL("{} IS NOT NULL").format(Identifier("l", name)) for name in self.columns]
        same = [
            SQL("{} OPERATOR({}.=) {}").format(Identifier("r", there), Identifier(schema), Identifier("l", here))
            for here, there, schema in zip(self.columns, self.referenced_columns, self.operator_schemas, strict=True)
        ]
        referenced = Identifier(self.referenced_schema or "", self.referenced_table or "")
        return SQL("{} AND NOT EXISTS (SELECT FROM {} r WHERE {})").format(
            SQL(" AND ").join(given), referenced, SQL(" AND ").join(same)
        )


class Index(NamedTuple):
    """One that takes new rows. keys: expressions as the server prints them, with their collations."""

    name: str
    unique: bool
    valid: bool
    keys: list[str]
    predicate: str | None
    nulls_are_alike: bool
    usual: bool
    foreign_code: bool

    @property
    def comparable(self) -> bool:
        """Whether GROUP BY finds what this index would refuse."""
        return self.usual or not self.unique

    def refused(self, rows: Composable) -> Composable:
        """A query for how many rows it would refuse; it fails where an expression does. rows: `table l WHERE …`."""
        named = [Identifier(f"key{number}") for number in range(len(self.keys))]
        keys = SQL(", ").join(
            SQL("{} AS {}").format(SQL(key), name) for key, name in zip(self.keys, named, strict=True)
        )
        entries = SQL("SELECT {} FROM {} AND ({})").format(keys, rows, SQL(self.predicate or "true"))
        names = SQL(", ").join(named)
        if not self.unique:
            return SQL("SELECT 0 * count(ROW({})) FROM ({}) entry").format(names, entries)
        present = [SQL("true") if self.nulls_are_alike else SQL("{} IS NOT NULL").format(name) for name in named]
        twice = SQL("SELECT count(*) AS n FROM ({}) entry WHERE {} GROUP BY {} HAVING count(*) > 1").format(
            entries, SQL(" AND ").join(present), names
        )
        return SQL("SELECT coalesce(sum(n), 0)::bigint FROM ({}) twice").format(twice)


def find(session: Session, live: Live, scope: Scope, *, rows_go: bool) -> list[str]:
    """A sentence for each constraint or index that would refuse rows in scope, or that can't be compared with them.

    rows_go: the rows will be gone, and come back by a restore alone. Then unique indexes that are valid are compared
    too, and functions of the table's owner are called, as a restore would call them.
    """
    owner = live.owner.oid if live.layout.ownership else None
    return [
        text
        for table in live.values()
        for text in (
            *_constraints(session, table, owner, scope, rows_go),
            *_indexes(session, table, scope, rows_go),
        )
    ]


def _constraints(session: Session, table: Table, owner: int | None, scope: Scope, rows_go: bool) -> Iterator[str]:
    session.cursor.execute(UNVALIDATED, {"table": table.oid, "owner": owner})
    for one in [Constraint(*row) for row in session.cursor.fetchall()]:
        statement = SQL("SELECT count(*) FROM {} AND {}").format(_rows(table, scope), one.violated())
        allowed = rows_go or one.contype != "c" or not one.foreign_code
        count = _count(session, statement, {}) if allowed else None
        if count is None:
            yield say("backup_constraint_unverified", table=table.name, constraint=one.name)
        elif count:
            yield say("backup_constraint_violated", table=table.name, count=count, constraint=one.name)


def _indexes(session: Session, table: Table, scope: Scope, rows_go: bool) -> Iterator[str]:
    session.cursor.execute(INDEXES, {"table": table.oid, "valid_too": rows_go})
    for one in [Index(*row) for row in session.cursor.fetchall()]:
        if one.valid and not one.comparable:
            continue
        allowed = one.comparable and (rows_go or not one.foreign_code)
        count = _count(session, one.refused(_rows(table, scope)), WHOLE_TABLE) if allowed else None
        if count is None:
            yield say("backup_index_unverified", table=table.name, index=one.name)
        elif count:
            yield say("backup_index_violated", table=table.name, count=count, index=one.name)


def _rows(table: Table, scope: Scope) -> Composable:
    return SQL("{} l WHERE {}").format(table.rows, scope.condition(table.layout, "l"))


def _count(session: Session, statement: Composable, settings: Mapping[str, str]) -> int | None:
    """What a query counts; None where it fails."""
    cursor = session.cursor
    try:
        with scratch(session, "obstacle", settings):
            cursor.execute(statement)
            return int(cursor.value())
    except ServiceError:
        if cursor.connection.closed:
            raise
        return None
