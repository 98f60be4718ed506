"""Foreign keys of other tables that refer to ours: where a row of ours goes, one of theirs would go, change or dangle.

What a key says of ON DELETE and ON UPDATE makes no difference: a row that is referred to stays, with the values that it
is referred to by. The rows about to go are locked first, so that no reference to them can be added unseen: an INSERT
of one takes a KEY SHARE lock on the row.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Composed, Identifier

from common.errors import DependentRows, PermissionDenied
from common.messages import say
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing.staging import Staged, record

# A partition of a table that refers to ours has a key of its own that its parent's rows are counted by already. A key
# that isn't enforced has no triggers. The operator compares our column with theirs, under the collation of ours.
REFERENCES = """
SELECT c.confrelid, n.nspname::text, r.relname::text, r.relkind = 'p',
       has_schema_privilege(n.oid, 'USAGE') AND NOT row_security_active(r.oid)
         AND (SELECT bool_and(has_column_privilege(r.oid, k, 'SELECT')) FROM unnest(c.conkey) k),
       ARRAY(SELECT ARRAY[ours.attname::text, theirs.attname::text, os.nspname::text, o.oprname::text,
                          coalesce(cs.nspname::text, ''), coalesce(co.collname::text, ''), ours.attgenerated::text]
             FROM unnest(c.confkey, c.conkey, c.conpfeqop) WITH ORDINALITY k(ours, theirs, operator, n)
             JOIN pg_attribute ours ON ours.attrelid = c.confrelid AND ours.attnum = k.ours
             JOIN pg_attribute theirs ON theirs.attrelid = c.conrelid AND theirs.attnum = k.theirs
             JOIN pg_operator o ON o.oid = k.operator JOIN pg_namespace os ON os.oid = o.oprnamespace
             LEFT JOIN pg_collation co ON co.oid = ours.attcollation AND ours.attcollation <> theirs.attcollation
             LEFT JOIN pg_namespace cs ON cs.oid = co.collnamespace ORDER BY k.n)
FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE c.contype = 'f' AND c.confrelid = ANY(%(ours)s::oid[]) AND c.conrelid <> ALL(%(set)s::oid[])
  AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = c.conparentid AND p.confrelid = c.confrelid)
  AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = c.oid AND t.tgrelid = c.confrelid)
ORDER BY 2, 3, c.conname
"""
LOCKED = "SELECT count(*) FROM (SELECT FROM {live} l WHERE {going} FOR UPDATE) locked"
THERE = "SELECT count(*) FROM (SELECT FROM {live} l WHERE {going} LIMIT 1) found"
REFERRING = "SELECT count(*) FROM {theirs} r JOIN {live} l ON {referred} WHERE {going}"


@dataclass(frozen=True)
class Column:
    """One of a key's columns, in our table and in theirs, and how the two are compared."""

    ours: str
    theirs: str
    operator: tuple[str, str]
    collation: tuple[str, str]
    generated: bool


@dataclass(frozen=True)
class Reference:
    """A foreign key of a table that is not part of the set. readable: this role may look at all of its rows."""

    referred: int
    schema: str
    name: str
    partitioned: bool
    readable: bool
    columns: tuple[Column, ...]

    @property
    def table(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Going:
    """Rows l of a live table that won't be there afterwards, or not with the values that a reference is by."""

    table: Table
    rows: Callable[[Reference], Composable]


def emptied(table: Table, scope: Scope) -> Going:
    """Every row in scope is deleted, those that are loaded again included."""
    return Going(table, lambda _: scope.condition(table.layout, "l"))


def equalled(staged: Staged) -> Going:
    """The backup's rows are all that stays in scope."""
    kept = "{in_scope} AND NOT EXISTS (SELECT FROM {staged} s WHERE {same_key} AND {kept})"
    return Going(staged.live, lambda reference: staged.sql(kept, kept=_kept(staged, reference)))


def updated(staged: Staged) -> Going:
    """Rows in scope that the backup has too are given its values."""
    changed = "{in_scope} AND EXISTS (SELECT FROM {staged} s WHERE {same_key} AND NOT {kept})"
    return Going(staged.live, lambda reference: staged.sql(changed, kept=_kept(staged, reference)))


def expect_none_lost(cursor: Cursor, live: Live, going: Iterable[Going], *, lock: bool) -> None:
    """Raise DependentRows, naming tables and how many of their rows refer to rows that are going.

    lock: no transaction may add a reference to them from now on. Raises PermissionDenied for tables that can't be
    looked at.
    """
    by_table = {one.table.oid: one for one in going}
    found, hidden = [], []
    for reference in _find(cursor, live, by_table.values()):
        one = by_table[reference.referred]
        condition, identifier = one.rows(reference), one.table.rows
        cursor.execute(SQL(LOCKED if lock else THERE).format(live=identifier, going=condition))
        if cursor.value() == 0:
            continue
        if not reference.readable:
            hidden.append(reference.table)
        elif rows := _count(cursor, reference, one.table, condition):
            found.append((reference.table, rows))
    if hidden:
        raise PermissionDenied(
            say("tables_hidden", tables=", ".join(hidden)),
            can_retry=False,
            details={"tables": hidden},
        )
    if found:
        raise _dependent(say("references_to_changed_rows"), found)


def expect_truncatable(cursor: Cursor, live: Live, selected: Iterable[Table]) -> None:
    """Raise DependentRows if another table refers to these: TRUNCATE is refused then, whether or not a row does."""
    by_oid = {table.oid: table for table in selected}
    found = []
    for reference in _find(cursor, live, (Going(table, lambda _: SQL("TRUE")) for table in by_oid.values())):
        rows = _count(cursor, reference, by_oid[reference.referred], SQL("TRUE")) if reference.readable else None
        found.append((reference.table, rows))
    if found:
        raise _dependent(say("references_to_emptied_tables"), found)


def _find(cursor: Cursor, live: Live, going: Iterable[Going]) -> list[Reference]:
    ours, set_ = [one.table.oid for one in going], [table.oid for table in live.values()]
    cursor.execute(REFERENCES, {"ours": ours, "set": set_})
    return [
        Reference(oid, schema, name, partitioned, readable, tuple(map(_column, columns)))
        for oid, schema, name, partitioned, readable, columns in cursor.fetchall()
    ]


def _column(facts: list[str]) -> Column:
    ours, theirs, operator_schema, operator, collation_schema, collation, generated = facts
    return Column(ours, theirs, (operator_schema, operator), (collation_schema, collation), bool(generated))


def _kept(staged: Staged, reference: Reference) -> Composable:
    """That the backup's row s leaves a live row l of the same key all that the reference is by.

    A generated column is made from others: any of them may change it.
    """
    names = [column.ours for column in reference.columns]
    generated = any(column.generated for column in reference.columns)
    compared = [name for name in staged.columns if (generated or name in names) and name not in staged.key]
    if not compared:
        return SQL("TRUE")
    return SQL("{} OPERATOR(pg_catalog.*=) {}").format(record("l", compared), record("s", compared))


def _count(cursor: Cursor, reference: Reference, table: Table, going: Composable) -> int:
    """How many of their rows refer to those of ours that are going. A key is unique, so each is counted once."""
    theirs = SQL("{}" if reference.partitioned else "ONLY {}").format(Identifier(reference.schema, reference.name))
    referred = SQL(" AND ").join(map(_matched, reference.columns))
    cursor.execute(
        SQL(REFERRING).format(theirs=theirs, live=table.rows, referred=referred, going=SQL("({})").format(going))
    )
    return int(cursor.value())


def _matched(column: Column) -> Composed:
    schema, name = column.operator
    operator = SQL("OPERATOR({}.{})").format(Identifier(schema), SQL(name))
    collation = SQL("COLLATE {}").format(Identifier(*column.collation)) if column.collation[1] else SQL("")
    return SQL("{} {} {} {}").format(Identifier("l", column.ours), operator, Identifier("r", column.theirs), collation)


def _dependent(text: str, found: Sequence[tuple[str, int | None]]) -> DependentRows:
    each = tuple(table if rows is None else say("rows_of_table", table=table, rows=rows) for table, rows in found)
    details = {"tables": [{"table": table, "rows": rows} for table, rows in found]}
    return DependentRows(say("nothing_changed_because", reason=text, tables=each), can_retry=False, details=details)
