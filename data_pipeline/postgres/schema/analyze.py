"""What the planner knows of a table after a restore, which changed what it knew before."""

from psycopg2.sql import SQL

from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor

# Whether autovacuum will analyze a table once all of its %(rows)s rows are new. The table's own options win.
AUTOVACUUM_FOLLOWS = """
SELECT current_setting('autovacuum')::bool AND current_setting('track_counts')::bool
   AND coalesce(own ->> 'autovacuum_enabled', 'true')::bool
   AND %(rows)s > coalesce(own ->> 'autovacuum_analyze_threshold',
                           current_setting('autovacuum_analyze_threshold'))::float8
                + coalesce(own ->> 'autovacuum_analyze_scale_factor',
                           current_setting('autovacuum_analyze_scale_factor'))::float8 * %(rows)s
FROM (SELECT jsonb_object_agg(option_name, option_value) AS own
      FROM pg_class c, pg_options_to_table(c.reloptions) WHERE c.oid = %(oid)s) AS options
"""

SMALL_TARGET = 10
"""default_statistics_target for a first look, a tenth of what is usual."""

SAMPLED_ROWS = 300 * SMALL_TARGET
"""What ANALYZE looks at then."""

LOWER_TARGET = """
SELECT set_config('default_statistics_target', least(current_setting('default_statistics_target')::int, %s)::text, true)
"""


# PostgreSQL's own rule (autovacuum_analyze_threshold and _scale_factor, as they are unless set).
DUE = "SELECT reltuples < 0 OR %s > 50 + 0.1 * reltuples FROM pg_class WHERE oid = %s"


def refresh(cursor: Cursor, table: Table) -> None:
    """ANALYZE. A role that may not is only warned by the server."""
    cursor.execute(SQL("ANALYZE {}").format(table.identifier))


def refresh_if_due(cursor: Cursor, table: Table, changed: int) -> None:
    """The same where so many rows have changed that the planner would hear of it anyway, or never heard of any."""
    if changed:
        cursor.execute(DUE, (changed, table.oid))
        if cursor.value():
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
    if rows <= SAMPLED_ROWS or not _autovacuum_follows(cursor, options, rows):
        return False
    cursor.execute(LOWER_TARGET, (SMALL_TARGET,))
    refresh(cursor, table)
    cursor.execute("SET LOCAL default_statistics_target TO DEFAULT")
    return True


def _autovacuum_follows(cursor: Cursor, table: Table, rows: int) -> bool:
    cursor.execute(AUTOVACUUM_FOLLOWS, {"rows": rows, "oid": table.oid})
    return bool(cursor.value())
