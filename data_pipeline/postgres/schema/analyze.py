"""What the planner knows of a table after a restore, which changed what it knew before."""

from psycopg2.sql import SQL

from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor

# Whether autovacuum looks after a table; whether so many changed rows make it analyze one of so many, which ANALYZE has
# seen unless told; whether ANALYZE ever saw it. The table's own options win.
AUTOVACUUM = """
SELECT current_setting('autovacuum')::bool AND current_setting('track_counts')::bool
         AND coalesce(own ->> 'autovacuum_enabled', 'true')::bool,
       %(changed)s > coalesce(own ->> 'autovacuum_analyze_threshold',
                              current_setting('autovacuum_analyze_threshold'))::float8
                   + coalesce(own ->> 'autovacuum_analyze_scale_factor',
                              current_setting('autovacuum_analyze_scale_factor'))::float8
                   * coalesce(%(rows)s::float8, reltuples),
       reltuples >= 0
FROM pg_class,
     LATERAL (SELECT jsonb_object_agg(option_name, option_value) AS own FROM pg_options_to_table(reloptions)) AS options
WHERE oid = %(oid)s
"""

SMALL_TARGET = 10
"""default_statistics_target for a first look, a tenth of what is usual."""

SAMPLED_ROWS = 300 * SMALL_TARGET
"""What ANALYZE looks at then."""

LOWER_TARGET = """
SELECT set_config('default_statistics_target', least(current_setting('default_statistics_target')::int, %s)::text, true)
"""


def refresh(cursor: Cursor, table: Table) -> None:
    """ANALYZE. A role that may not is only warned by the server."""
    cursor.execute(SQL("ANALYZE {}").format(table.identifier))


def refresh_if_due(cursor: Cursor, table: Table, changed: int) -> None:
    """The same where so many rows have changed that autovacuum would do it. Fewer are left to it: it counts them."""
    if changed:
        follows, due, seen = _autovacuum(cursor, table, changed)
        if due or not (follows and seen):
            refresh(cursor, table)


def everything(cursor: Cursor) -> None:
    """The same of each table of the database that the role may."""
    cursor.execute("ANALYZE")


def describe_new(cursor: Cursor, table: Table, rows: int) -> None:
    """The same for a table all of whose `rows` rows are new."""
    if not first_look(cursor, table, rows, table):
        refresh(cursor, table)


def first_look(cursor: Cursor, table: Table, rows: int, options: Table) -> bool:
    """A small sample of a table whose rows are new, this transaction's among them; whether that will do.

    These count as changed when the transaction commits, so that autovacuum soon analyzes the table again, and whole.
    Where it won't, or there are not many rows, the full sample has to be taken. options: the table whose options it
    will have by then.
    """
    if rows <= SAMPLED_ROWS:
        return False
    follows, due, _ = _autovacuum(cursor, options, rows, rows)
    if not (follows and due):
        return False
    cursor.execute(LOWER_TARGET, (SMALL_TARGET,))
    refresh(cursor, table)
    cursor.execute("SET LOCAL default_statistics_target TO DEFAULT")
    return True


def _autovacuum(cursor: Cursor, table: Table, changed: int, rows: int | None = None) -> tuple[bool, bool, bool]:
    cursor.execute(AUTOVACUUM, {"changed": changed, "rows": rows, "oid": table.oid})
    follows, due, seen = cursor.one()
    return follows, due, seen
