"""How long indexes would take and how much room rows would need, measured on a sample of the staged rows.

Each index is built twice, on 500 and on 2,000 of them, and how the time grew between the two is taken to go on: an HNSW
index over many dimensions grows faster than n log n. Then a hundred more rows are written through all indexes.
It is one core's work, as temporary tables are never built on in parallel. A rough figure: what the server's caches,
maintenance_work_mem and other cores make of it shows only when the index is built.
"""

import math
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg2.sql import SQL, Composed, Identifier

from common.errors import ServiceError
from data_pipeline.postgres.connection import Session, scratch
from data_pipeline.postgres.schema import indexes
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing.staging import Staged, temporary

SMALL, SAMPLE, MORE = 500, 2000, 100
MEASURABLE = 0.02
"""Seconds. Below that the growth between two builds is mostly noise, and n log n is assumed."""

STEEPEST = 1.5
LIMITS = {"statement_timeout": "20s"}

# What precedes, in a definition, the part after the table's name.
INDEXES = """
SELECT c.oid, c.relname, CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END,
       format('CREATE %%sINDEX %%I ON %%I.%%I ',
              CASE WHEN i.indisunique THEN 'UNIQUE ' END, c.relname, n.nspname, t.relname)
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


def growth(session: Session, staged: Staged, rows: int, held: int | None = None) -> Growth:
    """Measure for `rows` staged rows. Never raises what can be expected.

    held: how many of the rows are staged, where these are some of them.
    """
    staged_bytes = _size(session.cursor, staged.table)
    size = staged_bytes if held is None else staged_bytes * rows // max(1, held)
    try:
        with scratch(session, "estimate", LIMITS):
            found = _measure(session.cursor, staged, rows, size)
    except ServiceError:
        return Growth({}, None, size, staged_bytes)
    return replace(found, staged_bytes=staged_bytes)


def free_bytes(cursor: Cursor, local: bool) -> int | None:
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


def _measure(cursor: Cursor, staged: Staged, rows: int, size: int) -> Growth:
    small, _ = _sample(cursor, staged, "small", SMALL)
    sample, taken = _sample(cursor, staged, "large", SAMPLE)
    plain = _size(cursor, sample)
    first, second = _build_all(cursor, staged, small), _build_all(cursor, staged, sample)
    builds = {name: _scaled(first[name], second[name], taken, rows) for name in second}
    indexed = (_size(cursor, sample) - plain) * max(0, rows) // max(1, taken)
    return Growth(builds, _write_more(cursor, staged, sample, taken, second), size + indexed, size)


def _sample(cursor: Cursor, staged: Staged, name: str, rows: int) -> tuple[Table, int]:
    """A table of the first rows by key, and how many there are."""
    table = temporary(staged.live, name)
    statement = SQL("CREATE TEMPORARY TABLE {} AS {} LIMIT {}")
    cursor.execute(statement.format(Identifier(table.relation), _ordered(staged), SQL(str(rows))))
    return table, cursor.rowcount


def _build_all(cursor: Cursor, staged: Staged, table: Table) -> dict[str, float]:
    """Build every index of the live table on another one; seconds by name."""
    found = {}
    cursor.execute(INDEXES, (staged.live.oid,))
    for oid, name, unique, head in cursor.fetchall():
        definition = indexes.definition(cursor, oid).removeprefix(head)
        started = time.monotonic()
        cursor.execute(SQL("CREATE {}INDEX ON {} {}").format(SQL(unique), table.identifier, SQL(definition)))
        found[name] = time.monotonic() - started
    return found


def _write_more(cursor: Cursor, staged: Staged, table: Table, taken: int, builds: dict[str, float]) -> float:
    """Seconds for a row written through the indexes; where no more rows are left, what each had of the building."""
    started = time.monotonic()
    statement = SQL("INSERT INTO {} {} LIMIT {} OFFSET {}")
    cursor.execute(statement.format(table.identifier, _ordered(staged), SQL(str(MORE)), SQL(str(taken))))
    if cursor.rowcount:
        return float((time.monotonic() - started) / cursor.rowcount)
    return sum(builds.values()) / max(1, taken)


def _scaled(first: float, second: float, taken: int, rows: int) -> float:
    """Seconds for all rows, from those for SMALL and for `taken` of them."""
    if rows <= taken:
        return second
    if taken < SAMPLE or first < MEASURABLE:
        return second * rows * math.log(rows) / (max(2, taken) * math.log(max(2, taken)))
    power = math.log(second / first) / math.log(taken / SMALL)
    return float(second * (rows / taken) ** min(max(power, 1.0), STEEPEST))


def _ordered(staged: Staged) -> Composed:
    names = SQL(", ").join(map(Identifier, staged.columns))
    key = SQL(", ").join(map(Identifier, staged.key))
    return SQL("SELECT {} FROM {} ORDER BY {}").format(names, staged.table.identifier, key)


def _size(cursor: Cursor, table: Table) -> int:
    cursor.execute(SIZE, (table.identifier.as_string(cursor),))
    return int(cursor.value())
