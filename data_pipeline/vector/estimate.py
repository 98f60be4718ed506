"""How long indexes would take and how much room rows would need, measured on a sample of the staged rows.

Each index is built on up to a thousand of them, then a hundred more are written through all. Building is taken to grow
as n log n, and measured on one core, as temporary tables are never built on in parallel: with more, it is faster.
"""

import math
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2.sql import SQL, Identifier

from common.errors import ServiceError
from data_pipeline.vector.connection import Session, scratch
from data_pipeline.vector.staging import TEMPORARY, Staged
from data_pipeline.vector.tables import Table

SAMPLE, MORE = 1000, 100
LIMITS = {"statement_timeout": "20s"}

# Of a definition the part after the table's name, which is the live database's own text.
DEFINITIONS = """
SELECT c.relname, CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END,
       substr(pg_get_indexdef(c.oid), 1 + length(format('CREATE %%sINDEX %%I ON %%I.%%I ',
         CASE WHEN i.indisunique THEN 'UNIQUE ' END, c.relname, n.nspname, t.relname)))
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE i.indrelid = %s AND i.indisvalid AND c.relkind = 'i' ORDER BY c.relname
"""
SIZE = "SELECT pg_total_relation_size(%s::regclass)"


@dataclass(frozen=True)
class Growth:
    """What one table's indexes cost: seconds to build each for all rows, seconds for a row written through all of them
    (None if it could not be measured), bytes of rows and indexes, and of the rows that are staged.
    """

    builds: dict[str, float]
    per_row: float | None
    bytes: int
    staged_bytes: int


def growth(session: Session, staged: Staged, rows: int) -> Growth:
    """Measure for `rows` staged rows. Never raises what can be expected."""
    size = _size(session.cursor, staged.table)
    try:
        with scratch(session, "estimate", LIMITS):
            found = _measure(session.cursor, staged, rows, size)
    except ServiceError:
        return Growth({}, None, size, size)
    return found


def free_bytes(cursor: Any, local: bool) -> int | None:
    """Room on the server's disk, if the server is on this machine and the role may ask where its files are."""
    cursor.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
    found = cursor.fetchone()
    directory = Path(found[0]) if local and found and found[0] else None
    if directory is None:
        return None
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None


def _measure(cursor: Any, staged: Staged, rows: int, size: int) -> Growth:
    sample = Table(TEMPORARY, f"sampled_{staged.live.name}", 0, ())
    names = SQL(", ").join(map(Identifier, staged.columns))
    chosen = SQL("SELECT {} FROM {} ORDER BY {}").format(names, staged.table.identifier, _key(staged))
    cursor.execute(
        SQL("CREATE TEMPORARY TABLE {} AS {} LIMIT {}").format(Identifier(sample.name), chosen, SQL(str(SAMPLE)))
    )
    taken = max(1, cursor.rowcount)
    plain = _size(cursor, sample)
    builds = {}
    cursor.execute(DEFINITIONS, (staged.live.oid,))
    for name, unique, definition in cursor.fetchall():
        started = time.monotonic()
        cursor.execute(SQL("CREATE {}INDEX ON {} {}").format(SQL(unique), sample.identifier, SQL(definition)))
        builds[name] = _scaled(time.monotonic() - started, taken, rows)
    indexed = (_size(cursor, sample) - plain) * max(0, rows) // taken
    started = time.monotonic()
    cursor.execute(
        SQL("INSERT INTO {} {} LIMIT {} OFFSET {}").format(sample.identifier, chosen, SQL(str(MORE)), SQL(str(SAMPLE)))
    )
    per_row = (time.monotonic() - started) / cursor.rowcount if cursor.rowcount else sum(builds.values()) / taken
    return Growth(builds, per_row, size + indexed, size)


def _scaled(seconds: float, taken: int, rows: int) -> float:
    if rows <= taken or taken < 2:
        return seconds
    return seconds * rows * math.log(rows) / (taken * math.log(taken))


def _size(cursor: Any, table: Table) -> int:
    cursor.execute(SIZE, (table.identifier.as_string(cursor),))
    return int(cursor.fetchone()[0])


def _key(staged: Staged) -> Any:
    return SQL(", ").join(map(Identifier, staged.key))
