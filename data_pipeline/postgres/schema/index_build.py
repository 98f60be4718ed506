"""Building one index: in parallel where that pays, with the memory there is, and how far it is."""

from collections.abc import Callable

from common.errors import DatabaseError, StorageFull
from data_pipeline.postgres.connection import Session, make_settings, savepoint
from data_pipeline.postgres.link.line import Asking
from data_pipeline.postgres.schema.tables import Table

# pgvector keeps vectors out of line, so the table looks too small for a parallel build (the default asks for 8 MB).
PARALLEL = {"min_parallel_table_scan_size": "0"}
SERIAL = {"max_parallel_maintenance_workers": "0"}

BUILD_PROGRESS = """
SELECT tuples_done, tuples_total, blocks_done, blocks_total
FROM pg_catalog.pg_stat_progress_create_index WHERE pid OPERATOR(pg_catalog.=) %s
"""
"""Asked over a connection of its own, whose path is the role's."""

PARALLEL_BYTES = {"hnsw": 1 << 20, "ivfflat": 1 << 20}
OTHER_PARALLEL_BYTES = 8 << 20
"""A table smaller than that, vectors included, is indexed sooner than parallel workers have started. PostgreSQL's own
default is 8 MB."""


def build(
    session: Session, table: Table, method: str, create: Callable[[], None], memory: str | None, tablespace: str = ""
) -> bool:
    """Build an index of `table`, in parallel if that pays and the server has the memory for it; says whether it was.

    memory: maintenance_work_mem meanwhile, None for the server's own.
    """
    settings = {"default_tablespace": tablespace}
    if memory:
        settings["maintenance_work_mem"] = memory
    session.cursor.execute("SELECT pg_table_size(%s::oid)", (table.oid,))
    if session.cursor.value() < PARALLEL_BYTES.get(method, OTHER_PARALLEL_BYTES):
        _attempt(session, create, {**settings, **SERIAL})
        return False
    try:
        _attempt(session, create, {**settings, **PARALLEL})
        return True
    except (StorageFull, DatabaseError):
        # A parallel build needs maintenance_work_mem as shared memory. Where that is small (a container has 64 MB)
        # it fails as if the disk were full (53100, 53200); a disk that really is will say so again.
        _attempt(session, create, {**settings, **SERIAL})
        return False


def built(cursor: Asking, pid: int) -> float | None:
    """How much of the index that another backend builds is done, from 0 to 1; None if none is being built."""
    cursor.execute(BUILD_PROGRESS, (pid,))
    row = cursor.fetchone()
    if row is None:
        return None
    tuples_done, tuples_total, blocks_done, blocks_total = row
    parts = ((tuples_done, tuples_total), (blocks_done, blocks_total))
    return min(1.0, max((done / total for done, total in parts if total), default=0.0))


def _attempt(session: Session, create: Callable[[], None], settings: dict[str, str]) -> None:
    with savepoint(session, "build"):
        make_settings(session.cursor, settings)
        create()
