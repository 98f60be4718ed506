"""Whether digests are worth it: a file's first rows are staged, and looked for in the live table.

Where most of them differ, all of the file would be read twice.
"""

import time
from dataclasses import dataclass

from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.digests import chosen_blocks
from data_pipeline.postgres.writing import staging
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.sets.tables.table_source import Source

LEAST_SAME = 0.5
MOST_BLOCKS = 8
"""Of chosen collections the first blocks may have no row."""

# Row by row, by the live table's key: joined, all live rows could be hashed, on the disk.
SAME = "SELECT count(*) FROM {staged} s WHERE (SELECT NOT {differs} FROM {live} l WHERE {same_key})"


@dataclass(frozen=True)
class Look:
    """The first rows of a file, staged: how many, how long that took, and how many the live table has as they are."""

    staged: Staged
    rows: int
    seconds: float
    same: int

    @property
    def promising(self) -> bool:
        return self.rows > 0 and self.same >= LEAST_SAME * self.rows


def take(session: Session, source: Source, least: int, pool: WorkerPool, *, keep: bool) -> Look:
    """Stage at least so many rows, if the first blocks have them. Raises what chosen_blocks.load raises.

    keep: they are still of use once they have been looked at.
    """
    cursor = session.cursor
    looked = staging.stage(cursor, source, prefix="looked")
    started, rows = time.monotonic(), 0
    for number, block in enumerate(source.blocks(pool.largest_field), start=1):
        rows += chosen_blocks.load(session, looked.source, [(block, None)], pool)
        if rows >= least or number == MOST_BLOCKS:
            break
    seconds = time.monotonic() - started
    cursor.execute(looked.sql(SAME))
    same = int(cursor.value())
    if not keep:  # to drop it would free its disk only at the end of the transaction
        cursor.execute(looked.sql("TRUNCATE {staged}"))
    return Look(looked, rows, seconds, same)
