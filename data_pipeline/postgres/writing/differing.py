"""Live rows that differ from the backup's get its values: by an UPDATE, or, where none can give them, in two steps.

An UPDATE can't set a GENERATED ALWAYS AS IDENTITY column, and a unique index refuses a value that another row has at
that moment, though it will give it up in the same statement. A row that either keeps from its values is deleted and
inserted, with what it has in columns that the backup lacks. Where other tables refer to the table this would take their
rows along: there a row gives up its value first, for one that no row has.
"""

from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Composed, Identifier

from data_pipeline.postgres.schema import unique_keys
from data_pipeline.postgres.schema.unique_keys import UniqueKey
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing.staging import Staged

PARKED = SQL("'parked ' OPERATOR(pg_catalog.||) pg_catalog.gen_random_uuid()::pg_catalog.text")
ROOM = 4 + len("parked ") + 36
"""What a varchar's atttypmod has to be for it."""

REFERRED = "SELECT EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = %s)"

LEAVING = "NOT EXISTS (SELECT FROM {staged} s WHERE {same_key} AND {kept})"
"""Of a row that gives up its values or goes."""
CHANGING = "EXISTS (SELECT FROM {staged} s WHERE {same_key} AND ({kept}) IS NOT TRUE)"
"""Of a row that gives up its values; one that the backup doesn't have stays."""

DIFFERING = (
    "SELECT count(*) FROM {live} l JOIN {staged} s ON {same_key} WHERE {in_scope} AND {differs} AND ({hindered})"
)

# Sorting waits for the last deleted row before the first one is inserted.
REWRITE = """
WITH gone AS (
  DELETE FROM {live} l USING {staged} s WHERE {in_scope} AND {same_key} AND {differs} RETURNING {values}
)
INSERT INTO {into} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM gone ORDER BY {key}
"""


@dataclass(frozen=True)
class Written:
    """Rows that were given the backup's values; rewritten: those of them that were deleted and inserted."""

    updated: int
    rewritten: int


def write(cursor: Cursor, staged: Staged) -> Written:
    """Give live rows in scope the backup's values where they differ."""
    hindered = hindering(staged)
    if hindered is None or is_referred(cursor, staged):
        return Written(_update(cursor, staged, SQL("FALSE")), 0)
    updated = _update(cursor, staged, hindered)
    names = [*staged.columns, *_others(staged)]
    values = [Identifier("s", name) for name in staged.columns] + [Identifier("l", name) for name in _others(staged)]
    cursor.execute(
        staged.sql(
            REWRITE,
            names=SQL(", ").join(map(Identifier, names)),
            values=SQL(", ").join(values),
            key=SQL(", ").join(map(Identifier, staged.key)),
        )
    )
    rewritten = cursor.rowcount
    return Written(updated + rewritten, rewritten)


def park(cursor: Cursor, staged: Staged, column: str, key: UniqueKey | None, leaving: str) -> int:
    """Give the rows that don't keep a key, of which the column is one, a value that no row has; returns how many.

    key: None if no index is over the column alone, but values of it must differ all the same.
    """
    found = key or unique_keys.by_default((column,))
    missing = SQL(" OR ").join(SQL("{} IS NULL").format(Identifier("l", name)) for name in found.columns)
    cursor.execute(
        staged.sql(
            "UPDATE {live} l SET {column} = {value} WHERE {in_scope} AND NOT ({missing}) AND {leaving}",
            column=Identifier(column),
            value=_parked(staged, column) or PARKED,
            missing=missing,
            leaving=staged.sql(leaving, kept=found.same("l", "s")),
        )
    )
    return cursor.rowcount


def park_unique(cursor: Cursor, staged: Staged, leaving: str, without: str | None = None) -> int:
    """The same for every further unique key, but those over the column `without`."""
    parked = 0
    for key in staged.unique:
        column = next((name for name in key.columns if name not in staged.key and _parked(staged, name)), None)
        if column and without not in key.columns:
            parked += park(cursor, staged, column, key, leaving)
    return parked


def is_referred(cursor: Cursor, staged: Staged) -> bool:
    """Whether a foreign key refers to the live table: a row that is deleted could take others along."""
    cursor.execute(REFERRED, (staged.live.oid,))
    return bool(cursor.value())


def identities(staged: Staged) -> list[str]:
    """The columns whose values can be inserted, not updated."""
    always = [column.name for column in staged.live.columns if column.identity == "a"]
    return [name for name in always if name in staged.columns and name not in staged.key]


def hindering(staged: Staged) -> Composable | None:
    """The condition that a live row l can't be updated to the backup's row s; None where each can."""
    same = SQL("l.{0} OPERATOR(pg_catalog.<>) s.{0}")
    conditions = [same.format(Identifier(name)) for name in identities(staged)]
    conditions += [_taken(staged, key) for key in staged.unique]
    return SQL(" OR ").join(conditions) if conditions else None


def differing(cursor: Cursor, staged: Staged, hindered: Composable) -> int:
    """How many live rows in scope differ and can't be updated."""
    cursor.execute(staged.sql(DIFFERING, hindered=hindered))
    return int(cursor.value())


def _taken(staged: Staged, key: UniqueKey) -> Composed:
    """That another live row has what s is to have."""
    other = SQL("EXISTS (SELECT FROM {} o WHERE {} AND NOT ({}))")
    return other.format(staged.live.rows, key.same("o", "s"), staged.identity.same("o", "s"))


def _update(cursor: Cursor, staged: Staged, hindered: Composable) -> int:
    left_out = {*staged.key, *identities(staged)}
    assignments = [SQL("{0} = s.{0}").format(Identifier(name)) for name in staged.columns if name not in left_out]
    if not assignments:
        return 0
    update = (
        "UPDATE {live} l SET {assignments} FROM {staged} s "
        "WHERE {in_scope} AND {same_key} AND {differs} AND NOT ({hindered})"
    )
    cursor.execute(staged.sql(update, assignments=SQL(", ").join(assignments), hindered=hindered))
    return cursor.rowcount


def _others(staged: Staged) -> list[str]:
    """The live table's columns that the backup lacks, without those that the server computes."""
    return [column.name for column in staged.live.columns if column.name not in staged.columns]


def _parked(staged: Staged, column: str) -> Composable | None:
    """A value that no other row has; None if there is none of the column's type."""
    found = staged.live.column(column)
    if found is None:
        return None
    if found.type == "text" or (found.type == "varchar" and not 0 <= found.modifier < ROOM):
        return PARKED
    if not found.not_null:
        return SQL("NULL")
    return SQL("pg_catalog.gen_random_uuid()") if found.type == "uuid" else None
