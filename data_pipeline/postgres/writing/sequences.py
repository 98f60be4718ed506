"""Sequences that columns own (serial, identity): set to what follows the largest value, where restored rows have it.

A sequence is never set back, and only forward as far as nextval would come by itself, so what a rollback leaves of it
is a gap. Nothing locks a sequence against nextval but ALTER SEQUENCE, which needs its owner and waits for every
transaction that has drawn a number: it is read and set in one statement instead, only where it is behind.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Identifier, Literal

from common.messages import say
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor

OWNED = """
SELECT a.attname::text, n.nspname::text, c.relname::text, s.seqincrement, s.seqmin, s.seqmax,
       has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT')
         AND has_sequence_privilege(c.oid, 'UPDATE')
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_sequence s ON s.seqrelid = c.oid
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  AND d.refobjid = %s AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
ORDER BY a.attnum, c.relname
"""

# Steps of the sequence's own width keep what several of them share apart. numeric: the sum may be no bigint.
ADVANCE = """
SELECT pg_catalog.setval({name}, (next + steps * {increment} - {increment})::bigint)
FROM (SELECT next, floor((({last})::numeric - next) / {increment}) + 1 AS steps
      FROM (SELECT last_value::numeric + CASE WHEN is_called THEN {increment} ELSE 0 END AS next FROM {sequence}) s) b
WHERE steps > 0 AND next + steps * {increment} - {increment} >= {least}
  AND next + steps * {increment} - {increment} <= {most}
"""


@dataclass(frozen=True)
class Sequence:
    """A sequence and the column of a table that owns it. settable: this role may read and set it."""

    column: str
    schema: str
    name: str
    increment: int
    least: int
    most: int
    settable: bool

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.schema, self.name)


def owned(cursor: Cursor, table: Table) -> list[Sequence]:
    """The sequences of a table's columns."""
    cursor.execute(OWNED, (table.oid,))
    return [Sequence(*facts) for facts in cursor.fetchall()]


def advance(cursor: Cursor, written: Iterable[Table]) -> Iterator[str]:
    """Set the sequences of tables that are behind their values; what was done and couldn't be, for an answer."""
    for table in written:
        for one in owned(cursor, table):
            yield from advance_one(cursor, one, table, table, one)


def advance_one(cursor: Cursor, one: Sequence, table: Table, rows: Table, told: Sequence) -> Iterator[str]:
    """The same of one sequence, by the values that another table has; told as the sequence of a column of `table`."""
    last = _last(cursor, rows, one)
    if last is None:
        return
    sequence = f"{told.schema}.{told.name}"
    if not one.settable:
        yield say("sequence_not_set", sequence=sequence, table=table.name, column=one.column)
    elif _advanced(cursor, one, last):
        yield say("sequence_set", sequence=sequence, table=table.name, column=one.column, value=last)


def _last(cursor: Cursor, table: Table, one: Sequence) -> int | None:
    """The value furthest along the sequence."""
    furthest = SQL("max" if one.increment > 0 else "min")
    cursor.execute(SQL("SELECT {}({}) FROM {}").format(furthest, Identifier(one.column), table.identifier))
    found = cursor.value()
    return None if found is None else int(found)


def _advanced(cursor: Cursor, one: Sequence, last: int) -> bool:
    numbers: dict[str, Composable] = {
        "increment": SQL("({})").format(Literal(one.increment)),
        "last": Literal(last),
        "least": SQL("({})").format(Literal(one.least)),
        "most": Literal(one.most),
    }
    name = SQL("{}::pg_catalog.regclass").format(Literal(one.identifier.as_string(cursor)))
    cursor.execute(SQL(ADVANCE).format(name=name, sequence=one.identifier, **numbers))
    return cursor.fetchone() is not None
