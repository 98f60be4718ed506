"""What keeps a table's rows from coming back into it: constraints that hold for new rows, and not for these.

A key or a check that was added NOT VALID has never looked at the rows that were there. A key that is NOT ENFORCED
looks at none; whether a row has its owner a restore asks all the same.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg2.sql import SQL, Composable, Identifier

from common.errors import ServiceError
from common.messages import say
from data_pipeline.postgres.connection import Session, savepoint
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


def find(session: Session, live: Live, scope: Scope, *, run_foreign_code: bool) -> list[str]:
    """A sentence for each constraint that rows in scope don't fulfil, or that can't be compared with them.

    run_foreign_code: whether functions of the table's owner may be called, as a restore would call them.
    """
    owner = live.owner.oid if live.layout.ownership else None
    return [text for table in live.values() for text in _of(session, table, owner, scope, run_foreign_code)]


def _of(session: Session, table: Table, owner: int | None, scope: Scope, run_foreign_code: bool) -> Iterator[str]:
    session.cursor.execute(UNVALIDATED, {"table": table.oid, "owner": owner})
    for constraint in [Constraint(*row) for row in session.cursor.fetchall()]:
        try:
            allowed = run_foreign_code or constraint.contype != "c" or not constraint.foreign_code
            count = _count(session, table, scope, constraint.violated()) if allowed else None
        except ServiceError:
            if session.cursor.connection.closed:
                raise
            count = None
        if count is None:
            yield say("backup_constraint_unverified", table=table.name, constraint=constraint.name)
        elif count:
            yield say("backup_constraint_violated", table=table.name, count=count, constraint=constraint.name)


def _count(session: Session, table: Table, scope: Scope, violated: Composable) -> int:
    statement = SQL("SELECT count(*) FROM {} l WHERE {} AND {}")
    with savepoint(session, "obstacle"):
        cursor: Any = session.cursor
        cursor.execute(statement.format(table.identifier, scope.condition(table.layout, "l"), violated))
        return int(cursor.fetchone()[0])
