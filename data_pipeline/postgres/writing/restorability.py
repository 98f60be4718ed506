"""Can a set come back into the very tables it was taken from: known before a row of them goes."""

from collections import deque

from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.progress import Uncounted
from data_pipeline.postgres.reading import owners
from data_pipeline.postgres.schema import indexes
from data_pipeline.postgres.schema.tables import Live
from data_pipeline.postgres.writing.copy_in import Reading
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables import table_source
from data_pipeline.sets.tables.dialect import SetDialect


def expect_restorable(session: Session, backup_set: BackupSet, live: Live, pool: WorkerPool) -> None:
    """Read a set back as a restore into its own tables would, to its last row; nothing is written.

    The session's locks keep the tables as they were saved. Raises InvalidBackup, OrphanRows or SchemaMismatch at the
    first that a restore would refuse; Cancelled.
    """
    session.enter("check")
    ownership, known = live.layout.ownership, None
    if ownership and indexes.refuses_orphans(session.cursor, live):
        known = owners.keys(session.cursor, [live.owner], ownership)
    for name, table in live.items():
        matched = table_source.match(backup_set, table, indexes.dimensions(session.cursor, table), SetDialect())
        allowed = known if name == live.layout.member else None
        deque(Reading(matched, allowed, pool, Uncounted(session.progress)), maxlen=0)
